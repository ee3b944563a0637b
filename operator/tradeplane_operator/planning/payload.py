"""What becomes of what a Snapshot names in the store (its payload) when the Snapshot is deleted.

A finalizer holds one whose policy is Delete until the payload is gone, or until it is sure that it stays: another
Snapshot names it too, or the store does not let it go. Whatever stays is said, because the object that would have said
it is gone then. While something reads the payload it is waited for, as a volume is that a pod has mounted.

First it is said that the payload goes, and what is about to begin is given the time of a request: whoever had the
Snapshot for ready when it was deleted has recorded by then that he reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tradeplane_api.conditions import ConditionType
from tradeplane_api.snapshot import DeletionPolicy, SnapshotSpec

from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.documents import UnreadableSpec, read_spec, to_wire
from tradeplane_operator.planning.names import PAYLOAD_FINALIZER
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.wanted import EventType, Fact, Need, Notice, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.snapshot import SnapshotStatus

    from tradeplane_operator.settings import Settings

GOES, IN_USE, KEPT, SHARED = "PayloadGoes", "PayloadInUse", "PayloadKept", "PayloadShared"
_GOING = frozenset({GOES, IN_USE, "PayloadUnavailable"})
_EVENT_MESSAGE = 1_024
_NAMED = 4


@dataclass(frozen=True, slots=True)
class PayloadUse:
    """Who else has to do with a payload.

    ``others``: names of Snapshots of the same digest and store that are not being deleted. ``read``: something reads it
    now. ``known``: everything there is has been seen, so that nothing may be missing here.
    """

    others: tuple[str, ...] = ()
    read: bool = False
    known: bool = True


class RemovalEnd(StrEnum):
    """How it went to remove a payload."""

    GONE = "Gone"
    REFUSED = "Refused"
    UNAVAILABLE = "Unavailable"


@dataclass(frozen=True, slots=True)
class PayloadRemoval:
    """What came of removing a payload."""

    end: RemovalEnd
    message: str = ""


@dataclass(frozen=True, slots=True)
class Payload:
    """What is known of the payload of a Snapshot that is being deleted; None where nobody has looked, or tried."""

    use: PayloadUse | None = None
    removal: PayloadRemoval | None = None


def without_ours(finalizers: tuple[str, ...]) -> tuple[str, ...]:
    """Return finalizers without ours."""
    return tuple(each for each in finalizers if each != PAYLOAD_FINALIZER)


def plan_deletion(
    resource: Mapping[str, Any], status: SnapshotStatus, payload: Payload, settings: Settings, now: datetime
) -> Plan:
    """Return what is wanted for a Snapshot that is being deleted, or what must be known first. Pure."""
    going = _Going(resource, status, settings, now)
    if PAYLOAD_FINALIZER not in (resource["metadata"].get("finalizers") or ()):
        return Plan()
    try:
        spec = read_spec(SnapshotSpec, resource)
    except UnreadableSpec as error:
        return going.kept(f"{error}; this operator cannot read what is to be removed")
    if spec.deletion_policy is not DeletionPolicy.DELETE:
        return going.go()
    if spec.store not in settings.stores:
        return going.kept(f"store {spec.store!r} is not one of this cluster any more")
    if payload.use is None:
        return Plan(needs=(Need(Fact.READERS),))
    return going.follow(spec, payload.use, payload.removal)


@dataclass(frozen=True, slots=True)
class _Going:
    """A Snapshot that is being deleted, and that our finalizer holds."""

    resource: Mapping[str, Any]
    status: SnapshotStatus
    settings: Settings
    now: datetime

    def follow(self, spec: SnapshotSpec, use: PayloadUse, removal: PayloadRemoval | None) -> Plan:
        """Take the payload one step on its way."""
        if use.others:
            named = ", ".join(use.others[:_NAMED])
            message = f"{spec.digest} stays in store {spec.store!r}: Snapshot {named} names it too"
            return self.go((Notice(EventType.NORMAL, SHARED, message[:_EVENT_MESSAGE]),))
        if not use.known:
            message = "this is being deleted; what there is has not all been seen yet, and may read it"
            return self._wait(IN_USE, message)
        if use.read:
            message = "this is being deleted; what it names in the store goes once no run, replay or exchange reads it"
            return self._wait(IN_USE, message)
        free = self._free_from()
        if free is None or self.now < free:
            message = f"this is being deleted, and {spec.digest} in store {spec.store!r} with it"
            return self._wait(GOES, message, free or self.now + self._pause)
        if removal is None:
            return Plan(remove_payload=True)
        return self._removed(spec, removal)

    def _removed(self, spec: SnapshotSpec, removal: PayloadRemoval) -> Plan:
        if removal.end is RemovalEnd.GONE:
            return self.go()
        if removal.end is RemovalEnd.REFUSED:
            return self.kept(f"{spec.digest} stays in store {spec.store!r}: {removal.message}")
        patience = timedelta(seconds=self.settings.pace.store_patience_seconds)
        if self.now >= parse_rfc3339(self.resource["metadata"]["deletionTimestamp"]) + patience:
            return self.kept(f"{spec.digest} may be left in store {spec.store!r}, in part: {removal.message}")
        seconds = self.settings.pace.snapshot_again_seconds
        message = f"store {spec.store!r} cannot be used: {removal.message}; tried every {seconds} s"
        return self._wait("PayloadUnavailable", message)

    @property
    def _pause(self) -> timedelta:
        """How long a write of ours may be under way."""
        return timedelta(seconds=self.settings.client.request_seconds)

    def _free_from(self) -> datetime | None:
        """Return from when whoever reads the payload has surely said so; None where it is not said yet that it goes."""
        ready = next((one for one in self.status.conditions if one.type == ConditionType.READY), None)
        if ready is None or ready.reason not in _GOING:
            return None
        return parse_rfc3339(ready.last_transition_time) + self._pause

    def go(self, told: tuple[Notice, ...] = ()) -> Plan:
        """Return the plan by which it goes."""
        finalizers = tuple(self.resource["metadata"].get("finalizers") or ())
        return Plan(finalizers=without_ours(finalizers), notices=told)

    def kept(self, message: str) -> Plan:
        """Return the plan by which it goes and says that its payload stays."""
        finalizers = tuple(self.resource["metadata"].get("finalizers") or ())
        return Plan(
            status=self._said(Verdict(Standing.STALLED, KEPT, message)),
            finalizers=without_ours(finalizers),
            notices=(Notice(EventType.WARNING, KEPT, message[:_EVENT_MESSAGE]),),
        )

    def _wait(self, reason: str, message: str, look_again_at: datetime | None = None) -> Plan:
        again = self.now + timedelta(seconds=self.settings.pace.snapshot_again_seconds)
        wanted = self._said(Verdict(Standing.WORKING, reason, message))
        return Plan(status=wanted, look_again_at=look_again_at or again)

    def _said(self, verdict: Verdict) -> dict[str, Any]:
        generation = self.resource["metadata"]["generation"]
        conditions = spell(verdict, generation, rfc3339(self.now), self.status.conditions)
        return to_wire(self.status.model_copy(update={"observed_generation": generation, "conditions": conditions}))
