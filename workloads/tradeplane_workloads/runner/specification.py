"""A specification as a pod gets it: JSON in an environment variable, from outside, so bounded and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from tradeplane_api.base import Document
from tradeplane_api.run import (
    MAX_SPECIFICATION_BYTES,
    RUN_FORMAT_VERSION,
    SPECIFICATION_VARIABLE,
    RunSpecification,
)

from tradeplane_workloads.errors import InvalidSpecification

if TYPE_CHECKING:
    from collections.abc import Mapping

_Specification = TypeVar("_Specification", bound=Document)


def specification_from(environ: Mapping[str, str]) -> RunSpecification:
    """Return the specification in ``TRADEPLANE_RUN``. Raises InvalidSpecification naming the field and the remedy."""
    return read_specification(RunSpecification, SPECIFICATION_VARIABLE, environ)


def read_specification(
    model: type[_Specification],
    variable: str,
    environ: Mapping[str, str],
    shorten: str = "shorten the algorithm's parameters",
) -> _Specification:
    """Return the specification in a variable. Raises InvalidSpecification naming the field and the remedy.

    ``shorten``: what to do about one that is too large.
    """
    text = environ.get(variable, "")
    if not text:
        raise InvalidSpecification(
            f"the environment variable {variable} is empty or not set; set it to the JSON of a specification"
        )
    size = len(text.encode("utf-8", "surrogateescape"))
    if size > MAX_SPECIFICATION_BYTES:
        raise InvalidSpecification(f"{variable} has {size} bytes, more than {MAX_SPECIFICATION_BYTES}; {shorten}")
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise InvalidSpecification(describe(error, f"the specification in {variable}")) from error


def describe(error: ValidationError, whole: str = "the specification") -> str:
    """Return a validation error in one line: the field as it is spelled in YAML, what is wrong, what to do.

    ``whole``: what is named where the error is of no field.
    """
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    field = ".".join(str(step) for step in first["loc"]) or whole
    if field == "formatVersion":
        return (
            f"formatVersion: this runner reads version {RUN_FORMAT_VERSION}, not {_shown(first['input'])}; use a "
            "runner image of the operator's version"
        )
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{field}: {first['msg']}, got {_shown(first['input'])}; correct this field{more}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
