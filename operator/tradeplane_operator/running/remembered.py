"""What a process remembers of when things were, for waits that no clock that is set puts off or ends.

What is planned is told one time, that of day, for it goes into the status. How long ago something was that only this
process knows (a refusal, an attempt) is measured by a clock that nobody sets, and it is told as so long before the time
of day as that is now.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from tradeplane_operator.running.leadership import boot_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime


class Dated(Protocol):
    """A dataclass that says when it was; ``at`` is replaced."""

    @property
    def at(self) -> datetime:
        """When it was."""


K = TypeVar("K")
F = TypeVar("F", bound=Dated)


@dataclass(slots=True)
class Remembered(Generic[K, F]):
    """Things that were at some time, by what they are of, the newest of each; in the order in which they were put.

    ``clock`` is the time of day, ``steady`` seconds that pass whatever is done to it.
    """

    clock: Callable[[], datetime]
    steady: Callable[[], float] = boot_clock
    _put_at: dict[K, tuple[float, F]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._put_at)

    def put(self, key: K, found: F) -> None:
        """Remember something that is so now."""
        self._put_at.pop(key, None)
        self._put_at[key] = self.steady(), found

    def get(self, key: K) -> F | None:
        """Return something as long before the time of day as it was put; None where it is not known."""
        there = self._put_at.get(key)
        return None if there is None else self._told(*there)

    def all(self) -> dict[K, F]:
        """Return everything, as ``get`` does."""
        return {key: self._told(*there) for key, there in self._put_at.items()}

    def forget(self, key: K) -> None:
        """Forget something, known or not."""
        self._put_at.pop(key, None)

    def keep(self, keys: Iterable[K]) -> None:
        """Forget everything else."""
        kept = set(keys)
        self._put_at = {key: there for key, there in self._put_at.items() if key in kept}

    def keep_newest(self, most: int) -> None:
        """Forget those that were put first, until there are no more than so many."""
        while len(self._put_at) > most:
            del self._put_at[next(iter(self._put_at))]

    def _told(self, put_at: float, found: F) -> F:
        ago = timedelta(seconds=max(self.steady() - put_at, 0.0))
        told: F = replace(cast("Any", found), at=self.clock() - ago)
        return told


@dataclass(slots=True)
class RememberedOf(Generic[K, F]):
    """The same of what things consist of: by the thing, and by the name of what is of it."""

    clock: Callable[[], datetime]
    steady: Callable[[], float] = boot_clock
    _of: dict[K, Remembered[str, F]] = field(default_factory=dict)

    def of(self, whole: K) -> dict[str, F]:
        """Return all that is remembered of a thing, by name."""
        found = self._of.get(whole)
        return {} if found is None else found.all()

    def put(self, whole: K, name: str, found: F) -> None:
        """Remember something that is so now."""
        if whole not in self._of:
            self._of[whole] = Remembered(self.clock, self.steady)
        self._of[whole].put(name, found)

    def forget(self, whole: K, name: str) -> None:
        """Forget something of a thing, known or not."""
        if whole in self._of:
            self._of[whole].forget(name)

    def keep(self, whole: K, names: Iterable[str] = ()) -> None:
        """Forget everything else of a thing."""
        found = self._of.get(whole)
        if found is None:
            return
        found.keep(names)
        if not len(found):
            del self._of[whole]
