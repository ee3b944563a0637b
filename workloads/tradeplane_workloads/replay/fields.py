"""Which fields of two documents differ, named as a person who wrote them would name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_api.base import Document


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that differs: its path, and what it is on either side; None where there is no such field."""

    field: str
    expected: str | None
    got: str | None


def differing_fields(expected: Document, got: Document, *, leave_out: frozenset[str]) -> tuple[FieldDifference, ...]:
    """Return the fields in which two documents differ, in the order of the first, then those of the second alone.

    Paths are those of the JSON form, such as ``simulation.algorithm.parameters.fast``. ``leave_out``: paths that are
    not compared, with all that is below them.
    """
    ours = dict(_leaves(expected.model_dump(mode="json", by_alias=True), "", leave_out))
    theirs = dict(_leaves(got.model_dump(mode="json", by_alias=True), "", leave_out))
    paths = [*ours, *(path for path in theirs if path not in ours)]
    differences = (FieldDifference(path, ours.get(path), theirs.get(path)) for path in paths)
    return tuple(one for one in differences if one.expected != one.got)


def _leaves(value: Any, path: str, leave_out: frozenset[str]) -> Iterator[tuple[str, str]]:
    if path in leave_out or value is None:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name, leave_out)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]", leave_out)
    else:
        yield path, str(value)
