"""A capture of a Strategy's sessions: what its closings sealed is counted, and the oldest of it goes.

No agent runs. Each closing of a session seals what it recorded, and the Strategy makes a Snapshot of that
(``planning.session_snapshots``); here each is recorded once it has been verified, in the order of the closings, so that
one which somebody deletes is counted once and never waited for. There is nothing to finish when such a capture is
deleted, and it has no finalizer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.snapshot import DeletionPolicy
from tradeplane_api.snapshot_capture import CapturedBundles
from tradeplane_api.strategy import Mode

from tradeplane_operator.planning.bundles import KnownSnapshot, known_snapshot, outdated, removals
from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.documents import to_wire
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.observed_capture import SealedSession, SessionsView
from tradeplane_operator.planning.sealing_terms import Cadence, SealingTerms
from tradeplane_operator.planning.session_snapshots import session_prefix
from tradeplane_operator.planning.snapshot_view import view_of
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Need, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tradeplane_api.snapshot_capture import SnapshotCaptureSpec, SnapshotCaptureStatus

    from tradeplane_operator.planning.observed_capture import ObservedCapture
    from tradeplane_operator.settings import Settings


def sessions_view(strategy: Mapping[str, Any], snapshots: Iterable[Mapping[str, Any]]) -> SessionsView:
    """Return what a capture needs to know of a Strategy and of the Snapshots that it made."""
    metadata = strategy["metadata"]
    sealed = sorted(map(_sealed, snapshots), key=lambda one: one.snapshot.number)
    mode = (strategy.get("spec") or {}).get("mode", Mode.BACKTEST.value)
    return SessionsView(session_prefix(metadata["name"], metadata["uid"]), mode, tuple(sealed))


def _sealed(resource: Mapping[str, Any]) -> SealedSession:
    records = (resource.get("status") or {}).get("records") or 0
    return SealedSession(known_snapshot(resource), view_of(resource).ready, records)


def sealing_terms(captures: Iterable[Mapping[str, Any]], strategy: str) -> SealingTerms:
    """Return how the captures which name a Strategy have its sessions sealed.

    Where they disagree what lies in a store is not deleted, and a session is sealed as often as any of them asks. One
    that is suspended asks for no cadence.
    """
    named = [one for one in captures if "deletionTimestamp" not in one["metadata"] and _names(one, strategy)]
    said = {one["spec"].get("deletionPolicy") for one in named}
    policy = None
    if said == {DeletionPolicy.DELETE.value}:
        policy = DeletionPolicy.DELETE
    elif DeletionPolicy.RETAIN.value in said:
        policy = DeletionPolicy.RETAIN
    cadences = [
        Cadence(timedelta(seconds=one["spec"]["cadenceSeconds"]), one["metadata"]["name"])
        for one in named
        if one["spec"].get("cadenceSeconds") and not one["spec"].get("suspend")
    ]
    return SealingTerms(policy, min(cadences, default=None))


def _names(capture: Mapping[str, Any], strategy: str) -> bool:
    source = (capture.get("spec") or {}).get("source") or {}
    return bool((source.get("strategyRef") or {}).get("name") == strategy)


def plan_sessions(
    observed: ObservedCapture,
    spec: SnapshotCaptureSpec,
    status: SnapshotCaptureStatus,
    settings: Settings,
    now: datetime,
) -> Plan:
    """Return what is wanted for a capture of sessions, or what must be known first. Pure."""
    view = observed.sessions
    assert spec.source.strategy_ref is not None  # noqa: S101 - it is a capture of sessions
    verdict = _stands(spec.source.strategy_ref.name, suspend=spec.suspend, view=view)
    bundles: CapturedBundles | None = status.bundles
    old: tuple[KnownSnapshot, ...] = ()
    if verdict.standing is Standing.READY and view is not None:
        old = _outdated(spec, status.bundles, view, now)
        bundles = _recorded(status.bundles, view)
        verdict = _captures(spec.source.strategy_ref.name, bundles)
    if old and observed.read is None:
        return Plan(needs=(Need(Fact.READERS),))
    removed = removals(old, observed.read or frozenset())
    if removed and not observed.fresh:
        return Plan(needs=(Need(Fact.FRESH_RESOURCE),))
    generation = observed.resource["metadata"]["generation"]
    conditions = spell(verdict, generation, rfc3339(now), status.conditions)
    wanted = status.model_copy(update={"observed_generation": generation, "conditions": conditions, "bundles": bundles})
    again = None if spec.suspend else now + timedelta(seconds=settings.pace.bundle_again_seconds)
    told = notices(status.conditions, conditions)
    return Plan(status=to_wire(wanted), outdated=removed, notices=told, look_again_at=again)


def _outdated(
    spec: SnapshotCaptureSpec, bundles: CapturedBundles | None, view: SessionsView, now: datetime
) -> tuple[KnownSnapshot, ...]:
    """Return the Snapshots beyond the retention, of those that the status says are recorded."""
    if spec.retention is None or bundles is None or bundles.prefix != view.prefix:
        return ()
    return outdated(spec.retention, [one.snapshot for one in view.sealed], bundles.last_number, now)


def _stands(name: str, *, suspend: bool, view: SessionsView | None) -> Verdict:
    """Return whether sessions can be recorded, and what is waited for where not."""
    field = f"spec.source.strategyRef: Strategy {name!r}"
    if suspend:
        return Verdict(Standing.IDLE, "Suspended", "spec.suspend is true: no session is recorded, and none deleted")
    if view is None:
        message = f"{field} is not in this namespace; its sessions are recorded once it is"
        return Verdict(Standing.WORKING, "WaitingForStrategy", message)
    if view.mode != Mode.PAPER and not view.sealed:
        message = f"{field} is of mode {view.mode}, which has no sessions; set its spec.mode to Paper"
        return Verdict(Standing.WORKING, "WaitingForStrategy", message)
    return Verdict(Standing.READY, "Capturing", "")


def _captures(name: str, bundles: CapturedBundles) -> Verdict:
    so_far = f"{bundles.count} so far" if bundles.count else "none so far"
    message = f"records the sessions of Strategy {name!r}, each once its closing is a verified Snapshot: {so_far}"
    return Verdict(Standing.READY, "Capturing", message)


def _recorded(bundles: CapturedBundles | None, view: SessionsView) -> CapturedBundles:
    """Record the Snapshots that have been verified, up to the first that has not; another Strategy begins anew."""
    if bundles is None:
        bundles = CapturedBundles(prefix=view.prefix)
    elif bundles.prefix != view.prefix:
        bundles = bundles.model_copy(update={"prefix": view.prefix, "last_number": 0})
    for one in view.sealed:
        if one.snapshot.number <= bundles.last_number or one.snapshot.deleting:
            continue
        if not one.verified:
            break
        changes = {"count": bundles.count + 1, "last_number": one.snapshot.number, "last_time": one.snapshot.ended}
        bundles = bundles.model_copy(update=changes | {"records": bundles.records + one.records})
    return bundles
