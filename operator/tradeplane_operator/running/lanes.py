"""In which order keys are worked on: what was just asked for before what only has to be looked at again.

Whoever asks for a run waits for its Job; that a run which ended is recorded a moment later is noticed by nobody. So
keys of objects whose spec is not answered yet go first. Lest the others wait for ever where more is asked for than can
be done, one of them goes after every few. Within a lane, who came first goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")
IN_A_ROW = 4
"""Urgent keys taken one after the other while others wait."""


@dataclass(slots=True)
class Lanes(Generic[K]):
    """Keys that wait, each once, with the time since when."""

    _urgent: OrderedDict[K, float] = field(default_factory=OrderedDict)
    _others: OrderedDict[K, float] = field(default_factory=OrderedDict)
    _row: int = 0

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others)

    def put(self, key: K, now: float, *, urgent: bool) -> bool:
        """Have a key wait; return whether it did not yet.

        One that waits already keeps its place, unless it has become urgent: then it joins the urgent ones.
        """
        if key in self._urgent:
            return False
        since = self._others.get(key)
        if urgent:
            self._others.pop(key, None)
            self._urgent[key] = now if since is None else since
        elif since is None:
            self._others[key] = now
        return since is None

    def take(self) -> tuple[K, float]:
        """Take the key whose turn it is, and since when it has waited. Raises KeyError where none waits."""
        if self._urgent and (self._row < IN_A_ROW or not self._others):
            self._row += 1
            return self._urgent.popitem(last=False)
        self._row = 0
        return self._others.popitem(last=False)
