"""What a model refuses, said with file, line, field and remedy.

pydantic knows the path of a field and what it wanted; the YAML reader knows the line of each path. Here they meet, in
words for someone who has the file open and not the model.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from tradeplane_cli.failures import CommandFailure, Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from tradeplane_cli.documents.yaml_text import Path, Source

REFUSED = "refused"
"""Type of the errors whose words the models of the API choose themselves (tradeplane_api.forms.refuse)."""

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], source: Source) -> Model:
    """Return the document as a model.

    Raises CommandFailure with one problem for each field refused, in the order of the file.
    """
    try:
        return model.model_validate(source.value)
    except ValidationError as error:
        problems = sorted(
            (_problem(model, source, details) for details in error.errors(include_url=False)),
            key=lambda problem: problem.line or 0,
        )
        raise CommandFailure(f"{source.file} is not valid", problems=tuple(problems)) from error


def problem_at(source: Source, path: Path, message: str, remedy: str | None = None) -> Problem:
    """Return a problem of the field at ``path``."""
    return Problem(message, remedy, file=source.file, line=source.line(path), field=dotted(path))


def dotted(path: Path) -> str:
    """Return a path as people write it: ``spec.costs.tiers[0].basisPoints``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _problem(model: type[BaseModel], source: Source, details: ErrorDetails) -> Problem:
    path: Path = tuple(details["loc"])
    message, remedy = _words(model, path, details)
    return problem_at(source, path, message, remedy)


def _words(model: type[BaseModel], path: Path, details: ErrorDetails) -> tuple[str, str | None]:
    kind = details["type"]
    given = details.get("input")
    context: dict[str, Any] = details.get("ctx", {})
    if kind == "missing":
        return "the field is required", "add it"
    if kind == "extra_forbidden":
        return "there is no such field", _nearest_field(model, path)
    if kind == REFUSED:
        return (f"{_quoted(given)} {details['msg']}" if _scalar(given) else details["msg"]), None
    if kind in ("literal_error", "enum"):
        return f"{_quoted(given)} is not one of the values there are", f"write {context.get('expected')}"
    message = details["msg"][0].lower() + details["msg"][1:]
    return (f"{message}, not {_quoted(given)}" if _scalar(given) else message), None


def _scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _quoted(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _nearest_field(model: type[BaseModel], path: Path) -> str | None:
    """Return the field of the same model whose name is nearest to the one given, if any is near."""
    owner = _owner(model, path[:-1])
    if owner is None:
        return None
    names = [field.alias or name for name, field in owner.model_fields.items()]
    near = get_close_matches(str(path[-1]), names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"remove it; the fields here are {', '.join(names)}"


def _owner(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """Return the model that the value at ``path`` is validated by, None where it is no model."""
    for step in path:
        if isinstance(step, int):
            continue
        field = next((f for name, f in model.model_fields.items() if step in (name, f.alias)), None)
        found = _model_in(field.annotation) if field else None
        if found is None:
            return None
        model = found
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found), None)
