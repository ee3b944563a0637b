"""The fields of a model as values of a chart: where each stands, and in which ways the fields may be set.

Pure, and by the model alone: a field that is added to it is here at once. Helm fills in the defaults of a chart only
where what holds them is there, so that those of sections and of items of lists stand in the expressions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from tradeplane_stacks.chart.errors import ChartError
from tradeplane_stacks.components.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo

Key = str | int
Model = type[Configuration]
ABSENT = object()
"""What stands where there is nothing."""
ITEM = "$one"
"""The item of a list of sections, in a template that is repeated for each."""


@dataclass(frozen=True)
class Source:
    """What a place of an object can be taken from: the text of a template, and what it comes to for a configuration."""

    field: str
    text: str
    """What stands between the braces; it gives JSON."""
    value: Callable[[Mapping[str, Any]], Any]
    """Of the whole configuration as JSON has it; ``ABSENT`` where there is none."""


@dataclass(frozen=True)
class Option:
    """One way to set a field that is another than the least: a section that is given, a flag, one of several kinds."""

    choice: str
    """The field, as ``evidence`` or ``namespaces.tenant``; of its options one holds at a time."""
    option: str
    condition: str
    """What a template asks."""
    within: Mapping[str, str]
    """Options of the sections it is in, without which there is no such field."""
    keys: tuple[Key, ...]
    values: tuple[Any, Any]
    """What is set: two of the kind, so that what is taken from it is told from what stands there anyway."""


@dataclass(frozen=True)
class Fields:
    """All fields of a model."""

    least: tuple[dict[str, Any], dict[str, Any]]
    """Two configurations in which nothing is set that need not be; they differ in every value."""
    sources: Sequence[Source]
    options: Sequence[Option]


@dataclass(frozen=True)
class _Section:
    """A model within the model: its keys, the expression that gives it, and what was chosen for it to be there."""

    keys: tuple[Key, ...]
    expression: str
    within: Mapping[str, str]
    filled: bool
    """Whether the chart's own values hold its defaults."""

    @property
    def path(self) -> str:
        return ".".join(key for key in self.keys if isinstance(key, str))

    def name_of(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def expression_of(self, key: str, field: FieldInfo) -> str:
        """Return the Go expression of a field's value."""
        default = field.get_default(call_default_factory=True)
        if self.filled or default is PydanticUndefined or default is None:
            return f"{self.expression}.{key}"
        return f"(dig {json.dumps(key)} {_go(default)} {self.expression})"


def fields_of(model: Model, probes: Mapping[str, Sequence[Any]], left_out: Mapping[str, str]) -> Fields:
    """Return the fields of a model.

    Args:
        model: whose fields are wanted.
        probes: of each field that is a text, a number or a list of these: two values that nothing else has.
        left_out: fields that no template is made of, with why.

    Raises:
        ChartError: a field has no probes, or is of a form that nobody thought of.

    """
    root = _Section((), "$.Values", {}, filled=True)
    walk = _Walk(probes, left_out)
    found = list(walk.within(model, root))
    return Fields(
        (walk.least(model, root, 0), walk.least(model, root, 1)),
        [one for one in found if isinstance(one, Source)],
        [one for one in found if isinstance(one, Option)],
    )


@dataclass(frozen=True)
class _Walk:
    probes: Mapping[str, Sequence[Any]]
    left_out: Mapping[str, str]

    def least(self, model: Model, section: _Section, which: int) -> dict[str, Any]:
        """Return the values of a section in which nothing is set that need not be."""
        found = {}
        for key, field in model.model_fields.items():
            form = self._form(section, key, field)
            if form.name not in self.left_out and not form.optional:
                found[key] = self._value(form, self._below(section, key, field), which)
        return found

    def within(self, model: Model, section: _Section) -> Iterator[Source | Option]:
        """Give all that can be taken from a section, and chosen in it."""
        for key, field in model.model_fields.items():
            if section.name_of(key) not in self.left_out:
                yield from self._field(section, key, field)

    def _field(self, section: _Section, key: str, field: FieldInfo) -> Iterator[Source | Option]:
        form = self._form(section, key, field)
        below = self._below(section, key, field)
        expression = section.expression_of(key, field)
        if form.optional:
            given = (self._value(form, below, 0), self._value(form, below, 1))
            condition = f'not (kindIs "invalid" {expression})'  # an empty section is given, too
            yield Option(form.name, "given", condition, section.within, below.keys, given)
            below = _Section(below.keys, below.expression, {**section.within, form.name: "given"}, filled=False)
        if not form.models:
            yield Source(form.name, f"toJson {expression}", _taken(below.keys))
            yield from _options(form, expression, below)
        elif form.repeated:
            yield from self.within(form.models[0], _Section((*below.keys, 0), ITEM, below.within, filled=False))
        elif form.discriminator is None:
            yield from self.within(form.models[0], below)
        else:
            yield from self._kinds(form, form.discriminator, below)

    def _kinds(self, form: _Form, discriminator: str, section: _Section) -> Iterator[Source | Option]:
        """Give what can be chosen where there are several kinds of a section, and within each."""
        choice = f"{form.name}.{discriminator}"
        for position, model in enumerate(form.models):
            (kind,) = get_args(model.model_fields[discriminator].annotation)
            within = section.within
            if position:
                values = (self.least(model, section, 0), self.least(model, section, 1))
                condition = f"eq {section.expression}.{discriminator} {json.dumps(kind)}"
                yield Option(choice, kind, condition, section.within, section.keys, values)
                within = {**section.within, choice: kind}
            yield from self.within(model, _Section(section.keys, section.expression, within, filled=False))

    def _form(self, section: _Section, key: str, field: FieldInfo) -> _Form:
        """Return what a field takes; one that has values of its own is taken as a whole."""
        form = _Form.of(section.name_of(key), field)
        return replace(form, models=(), repeated=False) if form.name in self.probes else form

    def _value(self, form: _Form, section: _Section, which: int) -> Any:
        if form.models:
            if form.repeated:
                return [self.least(form.models[0], _Section((*section.keys, 0), ITEM, {}, filled=False), which)]
            return self.least(form.models[0], section, which)
        if form.literals and not form.repeated:
            return form.default if form.default in form.literals else form.literals[0]
        if form.name not in self.probes and not form.optional and form.default is not PydanticUndefined:
            return form.default
        if form.name not in self.probes:
            raise ChartError(
                f"{form.name}: the chart does not know it yet: add two values of it to PROBES, of chart/platform.py"
            )
        return self.probes[form.name][which]

    def _below(self, section: _Section, key: str, field: FieldInfo) -> _Section:
        given = not field.is_required() and field.default is not None
        expression = f"{section.expression}.{key}"
        if given and not section.filled:
            expression = f"(dig {json.dumps(key)} dict {section.expression})"
        return _Section((*section.keys, key), expression, section.within, section.filled and given)


def _taken(keys: Sequence[Key]) -> Callable[[Mapping[str, Any]], Any]:
    """Return what gives the value at these keys of a configuration."""

    def value(config: Mapping[str, Any]) -> Any:
        found: Any = config
        for key in keys:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return ABSENT
        return ABSENT if found is None else found

    return value


def _options(form: _Form, expression: str, section: _Section) -> Iterator[Option]:
    """Give the options of a flag, or of a field of a few words, but for the one that is there anyway."""
    if form.repeated:
        for literal in form.literals:
            without = [one for one in form.literals if one != literal]
            condition = f"not (has {json.dumps(literal)} {expression})"
            yield Option(
                f"{form.name} without {literal}", "so", condition, section.within, section.keys, (without, without)
            )
        return
    least = form.default if form.default in form.literals else next(iter(form.literals), None)
    for literal in form.literals:
        if literal != least:
            condition = expression if literal is True else f"eq {expression} {json.dumps(literal)}"
            condition = f"not {expression}" if literal is False else condition
            name = json.dumps(literal) if isinstance(literal, bool) else literal
            choice = f"{form.name} (which)" if form.optional else form.name
            yield Option(choice, name, condition, section.within, section.keys, (literal, literal))


@dataclass(frozen=True)
class _Form:
    """What a field takes."""

    name: str
    optional: bool
    default: Any
    models: tuple[Model, ...] = ()
    repeated: bool = False
    discriminator: str | None = None
    literals: tuple[Any, ...] = ()

    @classmethod
    def of(cls, name: str, field: FieldInfo) -> _Form:
        """Return it; a field that takes nothing at all is optional."""
        found, optional, tells_apart = _without_none(field.annotation)
        default = field.get_default(call_default_factory=True)
        if get_origin(found) is Literal:
            return cls(name, optional, default, literals=get_args(found))
        if found is bool:
            return cls(name, optional, default, literals=(False, True))
        item = _bare(get_args(found)[0]) if get_origin(found) is tuple else None
        if get_origin(item) is Literal and default == get_args(item):
            return cls(name, optional, default, repeated=True, literals=get_args(item))
        models = tuple(map(_bare, get_args(found))) if _is_union(found) else (item or found,)
        if not all(isinstance(one, type) and issubclass(one, Configuration) for one in models):
            return cls(name, optional, default)
        discriminator = field.discriminator if isinstance(field.discriminator, str) else tells_apart
        if len(models) > 1 and discriminator is None:
            raise ChartError(f"{name}: of several kinds that no field tells apart: give it a discriminator")
        return cls(name, optional, default, models, item is not None, discriminator)


def _go(value: Any) -> str:
    """Return a default as an expression of Go's."""
    if isinstance(value, list | tuple):
        return " ".join(["(list", *map(_go, value)]) + ")"
    return json.dumps(value)


def _bare(annotation: Any) -> Any:
    return _bare(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) is Union or type(annotation).__name__ == "UnionType"


def _without_none(annotation: Any) -> tuple[Any, bool, str | None]:
    """Return what a field takes but for nothing at all, whether it takes that too, and what tells its kinds apart."""
    found = _bare(annotation)
    if not _is_union(found):
        return found, False, None
    others = [one for one in get_args(found) if one is not type(None)]
    optional = len(others) < len(get_args(found))
    if len(others) > 1:
        return found, optional, None
    said = [getattr(one, "discriminator", None) for one in getattr(others[0], "__metadata__", ())]
    return _bare(others[0]), optional, next((one for one in said if isinstance(one, str)), None)
