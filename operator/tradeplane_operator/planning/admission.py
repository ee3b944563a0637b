"""Caps on runs at once, in each namespace and in all; who is beyond them waits, oldest first.

Kept by run name in the memory of the leader and rebuilt from statuses when it starts: a run recorded as running holds a
slot until its end is recorded.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_operator.planning.observed import Admitted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_operator.settings import Limits


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A run that wants a slot. Order: when its Strategy was created, then names, so that it is total."""

    created: str
    namespace: str
    run: str
    owner: str


@dataclass(slots=True)
class Admission:
    """Who holds a slot and who waits for one."""

    limits: Limits
    _held: dict[str, dict[str, str]] = field(default_factory=dict)
    _per_namespace: dict[str, int] = field(default_factory=dict)
    _waiting: list[Candidate] = field(default_factory=list)
    _total: int = 0

    @property
    def running(self) -> int:
        """Runs that hold a slot."""
        return self._total

    @property
    def waiting(self) -> int:
        """Runs that wait for one."""
        return len(self._waiting)

    def hold(self, owner: str, namespace: str, runs: Iterable[str]) -> tuple[str, ...]:
        """Record which runs of an owner hold slots, as its status says; return owners that may start now."""
        before = self._held.pop(owner, {})
        for held_in in before.values():
            self._count(held_in, -1)
        after = dict.fromkeys(runs, namespace)
        if after:
            self._held[owner] = after
        for held_in in after.values():
            self._count(held_in, +1)
        if self._waiting:
            self._waiting = [candidate for candidate in self._waiting if candidate.run not in after]
        return self._may_start() if len(after) < len(before) else ()

    def forget(self, owner: str) -> tuple[str, ...]:
        """Forget an owner that is gone; return owners that may start now."""
        self._waiting = [candidate for candidate in self._waiting if candidate.owner != owner]
        return self.hold(owner, "", ())

    def withdraw(self, owner: str, keep: frozenset[str]) -> None:
        """Forget runs of an owner that no longer wait."""
        if self._waiting:
            self._waiting = [
                candidate for candidate in self._waiting if candidate.owner != owner or candidate.run in keep
            ]

    def ask(self, candidate: Candidate) -> Admitted:
        """Grant a slot, or say what the run waits for. A granted slot is held from now on."""
        held = self._held.get(candidate.owner, {})
        if candidate.run in held:
            return Admitted(granted=True)
        if candidate not in self._waiting:
            insort(self._waiting, candidate)
        if candidate not in self._startable():
            return Admitted(granted=False, message=self._why(candidate))
        self._waiting.remove(candidate)
        self._held.setdefault(candidate.owner, {})[candidate.run] = candidate.namespace
        self._count(candidate.namespace, +1)
        return Admitted(granted=True)

    def _count(self, namespace: str, by: int) -> None:
        self._total += by
        count = self._per_namespace.get(namespace, 0) + by
        if count:
            self._per_namespace[namespace] = count
        else:
            self._per_namespace.pop(namespace, None)

    def _may_start(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(candidate.owner for candidate in self._startable()))

    def _startable(self) -> list[Candidate]:
        """Return who may start now: in order, skipping namespaces that are full so that they block no other."""
        free = self.limits.runs - self._total
        taken = dict[str, int]()
        startable: list[Candidate] = []
        for candidate in self._waiting:
            if len(startable) >= free:
                break
            here = self._per_namespace.get(candidate.namespace, 0) + taken.get(candidate.namespace, 0)
            if here < self.limits.runs_per_namespace:
                taken[candidate.namespace] = taken.get(candidate.namespace, 0) + 1
                startable.append(candidate)
        return startable

    def _why(self, candidate: Candidate) -> str:
        """Return what a run waits for, in words that do not change while it waits."""
        if self._per_namespace.get(candidate.namespace, 0) >= self.limits.runs_per_namespace:
            return (
                f"{self.limits.runs_per_namespace} runs go on in this namespace, which is the administrator's cap; "
                "the oldest waiting starts first"
            )
        return f"{self.limits.runs} runs go on in the cluster, which is the administrator's cap; oldest first"
