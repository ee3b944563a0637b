"""What is known of children: objects the operator made for an object of ours, by that object's UID, then by name.

The newest of a watched copy and of an answer to our own write is kept; resource versions are compared as integers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from sys import intern
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tradeplane_operator.observing.compact import compact_child, compact_job, compact_set, owner_label
from tradeplane_operator.planning.observed import ObservedChild, ObservedJob, ObservedSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

O = TypeVar("O", ObservedJob, ObservedChild, ObservedSet)  # noqa: E741 - an owned object


_NO_NEWS: dict[str, Any] = {"resource_version": 0, "start_time": None, "has_pod": False}
"""Fields of a Job whose change alone is no news."""


@dataclass(slots=True)
class OwnedIndex(Generic[O]):
    """Children of one kind. ``compact`` gives the few fields of one that matter."""

    compact: Callable[[Mapping[str, Any]], O]
    _owned: dict[str, dict[str, O]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(owned) for owned in self._owned.values())

    def of(self, owner_uid: str) -> Mapping[str, O]:
        """Return a copy of what is known of an object's children."""
        return dict(self._owned.get(owner_uid, {}))

    def put(self, body: Mapping[str, Any]) -> O | None:
        """Keep a child, unless a newer one is known; return it if anything is new that a plan would act on."""
        if owner_label(body["metadata"]) is None:
            return None
        child = self.compact(body)
        owned = self._owned.setdefault(intern(child.owner_uid), {})
        known = owned.get(child.name)
        if known is not None and known.uid == child.uid and known.resource_version >= child.resource_version:
            return None
        owned[child.name] = child
        return child if known is None or self._differs(known, child) else None

    def _differs(self, known: O, child: O) -> bool:
        return replace(known, resource_version=0) != replace(child, resource_version=0)

    def remove(self, owner_uid: str, name: str, uid: str) -> bool:
        """Forget a deleted child, unless another one of its name has come since; return whether it was known."""
        known = self._owned.get(owner_uid, {}).get(name)
        if known is None or known.uid != uid:
            return False
        self.forget(owner_uid, name)
        return True

    def forget(self, owner_uid: str, name: str) -> None:
        """Forget a child that this operator removed, ahead of the watch."""
        owned = self._owned.get(owner_uid, {})
        owned.pop(name, None)
        if not owned:
            self._owned.pop(owner_uid, None)

    def identities(self) -> dict[str, O]:
        """Return every child by UID."""
        return {child.uid: child for owned in self._owned.values() for child in owned.values()}


@dataclass(slots=True)
class JobIndex(OwnedIndex[ObservedJob]):
    """Jobs.

    When one was started, and that it has a pod, is no news: a plan has set its timer when it asked for the Job. Nor is
    that its pod runs, unless somebody has looked why it did not.
    """

    compact: Callable[[Mapping[str, Any]], ObservedJob] = compact_job
    _looked_at: set[str] = field(default_factory=set)

    def _differs(self, known: ObservedJob, child: ObservedJob) -> bool:
        awaited = child.uid in self._looked_at
        if child.ready:
            self._looked_at.discard(child.uid)
        runs_as_expected = child.ready and not known.ready and not awaited
        before = replace(known, **_NO_NEWS, ready=known.ready or runs_as_expected)
        return before != replace(child, **_NO_NEWS)

    def looked_at(self, job: ObservedJob) -> None:
        """Remember that somebody looked why a Job's pod does not run, and wants to know when it does."""
        self._looked_at.add(job.uid)

    def forget(self, owner_uid: str, name: str) -> None:
        """Forget a Job that this operator removed, ahead of the watch."""
        job = self._owned.get(owner_uid, {}).get(name)
        if job is not None:
            self._looked_at.discard(job.uid)
        OwnedIndex.forget(self, owner_uid, name)  # a class with slots is made anew, and super() knows the old one


def stateful_sets() -> OwnedIndex[ObservedSet]:
    """Return an index of StatefulSets."""
    return OwnedIndex(compact_set)


def services() -> OwnedIndex[ObservedChild]:
    """Return an index of Services."""
    return OwnedIndex(compact_child)
