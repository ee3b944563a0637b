"""plan() of the kind Snapshot: what was found in the store, said as conditions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tradeplane_api.conditions import ConditionType
from tradeplane_api.snapshot import DeletionPolicy, SnapshotSpec, SnapshotStatus

from tradeplane_operator.planning.attestation_guard import (
    Leaving,
    changed,
    guarded,
    is_delayed,
    is_guarded,
    last_moment,
)
from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.documents import (
    UnreadableSpec,
    UnreadableStatus,
    read_spec,
    read_status,
    to_wire,
)
from tradeplane_operator.planning.names import PAYLOAD_FINALIZER
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.payload import Payload, plan_deletion, without_ours
from tradeplane_operator.planning.snapshot_attesting import attest
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Need, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.conditions import ConditionStatus
    from tradeplane_api.snapshot_manifest import SnapshotManifest

    from tradeplane_operator.planning.attesting import AttestationFacts
    from tradeplane_operator.planning.payload import PayloadRemoval, PayloadUse
    from tradeplane_operator.settings import Settings

_SYMBOLS_SHOWN = 16


class SnapshotState(StrEnum):
    """What was found where a snapshot should lie."""

    FOUND = "Found"
    MISSING = "Missing"
    REFUSED = "Refused"
    UNAVAILABLE = "Unavailable"


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """A snapshot as found in the store; its manifest is checked against the digest where FOUND."""

    state: SnapshotState
    message: str = ""
    manifest: SnapshotManifest | None = None


@dataclass(frozen=True, slots=True)
class ObservedSnapshot:
    """Everything plan() may look at for one Snapshot.

    ``use`` and ``removal``: of one that is being deleted, where somebody looked, and tried. ``attestations``: how the
    newest attempt at its attestation ended.
    """

    resource: Mapping[str, Any]
    facts: SnapshotFacts | None = None
    use: PayloadUse | None = None
    removal: PayloadRemoval | None = None
    attestations: Mapping[str, AttestationFacts] = field(default_factory=dict)


def plan(observed: ObservedSnapshot, settings: Settings, now: datetime) -> Plan:
    """Return what is to be said of one Snapshot, or that the store must be read first. Pure.

    One that was verified at its generation stays so: its content is named by its digest, and each run checks it again.
    """
    metadata = observed.resource["metadata"]
    status = _status(observed)
    if metadata.get("deletionTimestamp") and is_guarded(metadata):
        return _plan_unattested(observed, status, settings, now)
    if metadata.get("deletionTimestamp"):
        return plan_deletion(observed.resource, status, Payload(observed.use, observed.removal), settings, now)
    found = _plan_found(observed, status, settings, now)
    return found if found.needs else replace(found, finalizers=_finalizers(observed, found))


def _finalizers(observed: ObservedSnapshot, found: Plan) -> tuple[str, ...] | None:
    """Return the finalizers wanted of a Snapshot; None where they are as they should be.

    A spec that cannot be read changes nothing.
    """
    there = tuple(observed.resource["metadata"].get("finalizers") or ())
    removes = _removes_payload(observed.resource)
    if removes is None:
        return None
    wanted = there
    if removes != (PAYLOAD_FINALIZER in there):
        wanted = (*there, PAYLOAD_FINALIZER) if removes else without_ours(there)
    delayed = is_delayed(found.owed, observed.attestations)
    wanted = guarded(wanted, owed=bool(found.owed) and not removes, delayed=delayed)
    return None if wanted == there else wanted


def _removes_payload(resource: Mapping[str, Any]) -> bool | None:
    """Return whether what a Snapshot names goes with it; None where its spec cannot be read."""
    try:
        return read_spec(SnapshotSpec, resource).deletion_policy is DeletionPolicy.DELETE
    except UnreadableSpec:
        return None


def _plan_unattested(observed: ObservedSnapshot, status: SnapshotStatus, settings: Settings, now: datetime) -> Plan:
    """Return what is wanted for a Snapshot that is deleted while it is owed an attestation.

    What goes from the store with it is not waited for: there is nothing left then that could be vouched for.
    """
    metadata, evidence = observed.resource["metadata"], settings.evidence
    attesting = None if evidence is None else attest(observed.resource, status, observed.attestations, evidence, now)
    if evidence is None or attesting is None or status.attestation is not None or _removes_payload(observed.resource):
        return Plan(finalizers=changed(metadata, owed=False))
    leaving = Leaving(f"snapshot {metadata['name']}", attesting.told.message, last_moment(metadata, evidence))
    look = leaving.until if attesting.look is None else min(leaving.until, attesting.look)
    verdict = leaving.waits() if attesting.owed else attesting.told
    also = {ConditionType.ATTESTED: (attesting.status, attesting.told)}
    said = _say(observed, status.model_copy(update={"attestation": attesting.attestation}), verdict, now, look, also)
    owed = frozenset({observed.resource["spec"]["digest"]} if attesting.owed else ())
    wanted = replace(said, attest_snapshot=attesting.ask, owed=owed)
    return leaving.decided(wanted, metadata, now, goes=not attesting.owed)


def _plan_found(observed: ObservedSnapshot, status: SnapshotStatus, settings: Settings, now: datetime) -> Plan:
    metadata = observed.resource["metadata"]
    try:
        spec = read_spec(SnapshotSpec, observed.resource)
    except UnreadableSpec as error:
        return _say(observed, status, Verdict(Standing.STALLED, "InvalidSpec", str(error)), now)
    if spec.store not in settings.stores:
        known = ", ".join(sorted(settings.stores))
        message = f"spec.store {spec.store!r} is not a store of this cluster; the administrator offers: {known}"
        return _say(observed, status, Verdict(Standing.STALLED, "StoreUnknown", message), now)
    verified = _verified(status, metadata["generation"])
    if verified and status.holds is not None:
        return _go_on(observed, status, settings, now)
    if observed.facts is None:
        return Plan(needs=(Need(Fact.RESULTS),))
    if verified and observed.facts.manifest is None:
        return Plan()  # an older operator verified it; what it holds is said when the store can be read
    return _found(observed, status, spec, observed.facts, settings, now)


def _go_on(observed: ObservedSnapshot, status: SnapshotStatus, settings: Settings, now: datetime) -> Plan:
    """Return what is still to be done of one that was verified: its attestation, where that is owed."""
    if settings.evidence is None or status.attestation is not None or status.origin is None:
        return Plan()
    ready = next(one for one in status.conditions if one.type == ConditionType.READY)
    return _say_ready(observed, status, Verdict(Standing.READY, ready.reason, ready.message), settings, now)


def _say_ready(
    observed: ObservedSnapshot, status: SnapshotStatus, verdict: Verdict, settings: Settings, now: datetime
) -> Plan:
    """Say that it is verified, and where its attestation stands; ask for that, where it is owed."""
    evidence = settings.evidence
    attesting = None if evidence is None else attest(observed.resource, status, observed.attestations, evidence, now)
    if attesting is None:
        return _say(observed, status, verdict, now)
    status = status.model_copy(update={"attestation": attesting.attestation})
    also = {ConditionType.ATTESTED: (attesting.status, attesting.told)}
    said = _say(observed, status, verdict, now, attesting.look, also)
    owed = frozenset({observed.resource["spec"]["digest"]} if attesting.attestation is None else ())
    return replace(said, attest_snapshot=attesting.ask, owed=owed)


def _status(observed: ObservedSnapshot) -> SnapshotStatus:
    """Return the status; one that cannot be read counts as none, since all it says is found again in the store."""
    try:
        return read_status(SnapshotStatus, observed.resource)
    except UnreadableStatus:
        return SnapshotStatus()


def _verified(status: SnapshotStatus, generation: int) -> bool:
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in status.conditions)
    return ready and status.observed_generation == generation


def _found(
    observed: ObservedSnapshot,
    status: SnapshotStatus,
    spec: SnapshotSpec,
    facts: SnapshotFacts,
    settings: Settings,
    now: datetime,
) -> Plan:
    pace = settings.pace
    again = now + timedelta(seconds=pace.snapshot_again_seconds)
    if facts.manifest is not None:
        manifest = facts.manifest
        status = status.model_copy(
            update={
                "holds": manifest.holds,
                "instruments": tuple(instrument.symbol for instrument in manifest.instruments[:_SYMBOLS_SHOWN]),
                "records": manifest.records,
                "start": manifest.start,
                "end": manifest.end,
            }
        )
        message = f"{_contents(manifest)} from {manifest.start} to {manifest.end}, manifest verified"
        return _say_ready(observed, status, Verdict(Standing.READY, "Verified", message), settings, now)
    if facts.state is SnapshotState.MISSING:
        message = (
            f"there is no snapshot {spec.digest} in store {spec.store!r} of this namespace ({facts.message}); "
            f"write it with `tradeplane snapshot import`; it is sought again every {pace.snapshot_again_seconds} s"
        )
        return _say(observed, status, Verdict(Standing.WORKING, "SnapshotMissing", message), now, again)
    if facts.state is SnapshotState.UNAVAILABLE:
        message = f"store {spec.store!r} cannot be read: {facts.message}; tried every {pace.snapshot_again_seconds} s"
        return _say(observed, status, Verdict(Standing.WORKING, "StoreUnavailable", message), now, again)
    seconds = settings.client.relist_seconds
    message = f"snapshot {spec.digest} is refused: {facts.message}; import it again, which is seen within {seconds:g} s"
    refused = Verdict(Standing.STALLED, "SnapshotRefused", message)
    return _say(observed, status, refused, now, now + timedelta(seconds=seconds))


def _contents(manifest: SnapshotManifest) -> str:
    session = manifest.session
    if session is None:
        return f"{manifest.records} records"
    return f"a session of {session.inputs} inputs, {session.orders} orders and {session.fills} fills"


def _say(
    observed: ObservedSnapshot,
    status: SnapshotStatus,
    verdict: Verdict,
    now: datetime,
    look_again_at: datetime | None = None,
    also: Mapping[ConditionType, tuple[ConditionStatus, Verdict]] | None = None,
) -> Plan:
    generation = observed.resource["metadata"]["generation"]
    conditions = spell(verdict, generation, rfc3339(now), status.conditions, also)
    wanted = status.model_copy(update={"observed_generation": generation, "conditions": conditions})
    return Plan(status=to_wire(wanted), notices=notices(status.conditions, conditions), look_again_at=look_again_at)
