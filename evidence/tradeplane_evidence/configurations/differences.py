"""What differs between two documents, field by field. Pure.

Lists are compared place by place: an element that was put in at the front shows as a change of each place, which is
what it is to who reads the list by its places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
Step = str | int


class Kind(StrEnum):
    """How a field differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs; ``before`` is None where it was added, ``after`` where it was removed."""

    steps: tuple[Step, ...]
    kind: Kind
    before: Any
    after: Any

    @property
    def path(self) -> str:
        """The field as kubectl's JSONPath names it: ``spec.legs[0]``, and ``spec["a.b"]`` where a name is no word."""
        text = ""
        for step in self.steps:
            if isinstance(step, int):
                text += f"[{step}]"
            elif _PLAIN.fullmatch(step):
                text += f".{step}" if text else step
            else:
                text += f"[{canonical_json(step).decode()}]"
        return text


def differences(before: Any, after: Any) -> list[Difference]:
    """Return the fields that differ between two plain JSON values, by name and place; none where they are the same."""
    return list(_between((), before, after))


def _between(steps: tuple[Step, ...], before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _of((*steps, name), before, after, name in before, name in after)
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            yield from _of((*steps, place), before, after, place < len(before), place < len(after))
    elif canonical_json(before) != canonical_json(after):  # 1 and true are equal to Python
        yield Difference(steps, Kind.CHANGED, before, after)


def _of(steps: tuple[Step, ...], before: Any, after: Any, was: bool, is_now: bool) -> Iterator[Difference]:
    step = steps[-1]
    if was and is_now:
        yield from _between(steps, before[step], after[step])
    elif was:
        yield Difference(steps, Kind.REMOVED, before[step], None)
    else:
        yield Difference(steps, Kind.ADDED, None, after[step])
