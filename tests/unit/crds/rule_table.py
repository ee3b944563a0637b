"""Every rule of every kind, with a document that breaks it where it stands: for tests of the models and of the server.

The documents are derived: an accepted one of ``cases`` with one value replaced, by a text that the model refuses in the
rule's words, or by what a refused case has where the same rule stands elsewhere. So a rule that is written for one
field is tried in each place that the generated schema has it.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from tradeplane_api.forms import VALIDATIONS
from tradeplane_api.generation.definitions import resource_schema
from tradeplane_api.kinds import KINDS

from tests.unit.crds.case_table import Case, cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_api.kinds import Kind

Json = dict[str, Any]
TEXTS = ("!", "0", "-1", "1", "11", "101", "1001", "10000", "2Gi", "1001m")
"""Tried where a rule is about a text or two of them; the first that is refused in its words is taken."""


@dataclass(frozen=True)
class Placed:
    """A rule, and where it stands: ``spec.costs.commission.tiers[0].basisPoints``.

    ``named``: the field that the API server names, which may be one within.
    """

    kind: Kind
    field: str
    message: str
    named: str

    def __str__(self) -> str:
        return f"{self.kind.name}: {self.field}: {self.message[:40]}"


def placed_rules() -> Iterator[Placed]:
    """Give every rule of a spec but those on a change, which are asked of objects that are there."""
    for kind in KINDS:
        for field, node in _nodes("spec", resource_schema(kind)["properties"]["spec"]):
            for rule in node.get(VALIDATIONS, ()):
                if "oldSelf" not in rule["rule"]:
                    yield Placed(kind, field, rule["message"], field + rule.get("fieldPath", ""))


def _nodes(field: str, schema: Json) -> Iterator[tuple[str, Json]]:
    yield field, schema
    for name, child in schema.get("properties", {}).items():
        yield from _nodes(f"{field}.{name}", child)
    if "items" in schema:
        yield from _nodes(f"{field}[0]", schema["items"])


def broken(rule: Placed) -> Json | None:
    """Return a document that breaks a rule in its place; None where none is found."""
    for case in _of("accepted"):
        if case.kind is not rule.kind:
            continue
        for value in _values(rule):
            document = _replaced(case.document, rule.field, value)
            if document is not None and _refuses(rule, document):
                return document
    for case in _of("refused"):
        if case.kind is rule.kind and _refuses(rule, case.document):
            return case.document
    return None


@cache
def _of(verdict: str) -> tuple[Case, ...]:
    return tuple(parameter.values[0] for parameter in cases(verdict))


def _values(rule: Placed) -> Iterator[object]:
    """Give what may break a rule: texts, and what breaks the same rule in another place."""
    yield from TEXTS
    for case in _of("refused"):
        if case.message and case.message in rule.message:
            found = _found(case.document, case.field)
            if isinstance(found, dict):
                yield found


def _steps(field: str) -> list[str | int]:
    return [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", field)]


def _found(document: Json, field: str) -> object:
    place: Any = document
    for step in _steps(field):
        try:
            place = place[step]
        except (KeyError, IndexError, TypeError):
            return None
    return place


def _replaced(document: Json, field: str, value: object) -> Json | None:
    """Return a document with another value in a place; None where it has no such place."""
    *way, last = _steps(field)
    changed = copy.deepcopy(document)
    place: Any = changed
    for step in way:
        try:
            place = place[step]
        except (KeyError, IndexError, TypeError):
            return None
    if isinstance(last, int) and (not isinstance(place, list) or len(place) <= last):
        return None
    place[last] = copy.deepcopy(value)
    return changed


def _refuses(rule: Placed, document: Json) -> bool:
    """Return whether the model refuses a document in a rule's words, in its place."""
    try:
        rule.kind.model.model_validate(document)
    except ValidationError as refusal:
        return any(rule.message in error["msg"] and _path(error["loc"]) == rule.field for error in refusal.errors())
    return False


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


every_rule = pytest.mark.parametrize("rule", list(placed_rules()), ids=str)
