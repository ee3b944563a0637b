"""plan() of a connection's exchange: which Service and StatefulSet are wanted, and what keeps it from running.

What it runs is resolved when a spec.simulated is first seen and stands in the status from then on: neither an upgrade
of the operator nor a Snapshot that goes touches an exchange that runs. Its record is named by the digest of market and
terms: a change of anything else goes on from the same record, and another market begins another one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.broker_connection import ExchangeStatus
from tradeplane_api.simulated import exchange_name
from tradeplane_store.canonical import document_digest, market_bytes, sha256_digest

from tradeplane_operator.planning.applied import is_as_wanted
from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.exchange_pods import build_exchange, specification_of
from tradeplane_operator.planning.exchange_state import snapshot_unusable, why_down
from tradeplane_operator.planning.times import parse_rfc3339
from tradeplane_operator.planning.wanted import Fact, Need, Removal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.broker_connection import BrokerConnectionSpec
    from tradeplane_api.simulated import SimulatedExchange

    from tradeplane_operator.planning.observed import JobPods, ObservedChild, ObservedSet, Refusal, SnapshotView
    from tradeplane_operator.settings import Settings

_RECORD_HEX = 16


@dataclass(frozen=True, slots=True)
class ObservedExchange:
    """What is known of the children of a connection, and of the Snapshot its exchange is to play.

    ``pods``: of its StatefulSet, where somebody looked. ``refusal``: the API server refused the last child.
    """

    sets: Mapping[str, ObservedSet] = field(default_factory=dict)
    services: Mapping[str, ObservedChild] = field(default_factory=dict)
    snapshot: SnapshotView | None = None
    pods: JobPods | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class WantedExchange:
    """What is wanted for an exchange. ``verdict``: why it does not run; None where it does, or none is asked for."""

    status: ExchangeStatus | None = None
    verdict: Verdict | None = None
    apply: tuple[Mapping[str, Any], ...] = ()
    remove: tuple[Removal, ...] = ()
    needs: tuple[Need, ...] = ()
    look: datetime | None = None


def plan_exchange(
    metadata: Mapping[str, Any],
    spec: BrokerConnectionSpec,
    pinned: ExchangeStatus | None,
    observed: ObservedExchange,
    settings: Settings,
    now: datetime,
) -> WantedExchange:
    """Return what is wanted for the exchange of a connection. Pure."""
    if spec.simulated is None:
        return WantedExchange(remove=_all(observed))
    pinned, unusable = _resolved(spec.simulated, pinned, observed.snapshot, settings)
    if pinned is None or (unusable is not None and not spec.suspend):
        return WantedExchange(pinned, None if spec.suspend else unusable)
    name = exchange_name(metadata["name"])
    if spec.suspend and name not in observed.sets:
        return WantedExchange(pinned)
    apply = _to_apply(build_exchange(metadata, spec, pinned, settings), observed)
    known = observed.sets.get(name)
    if spec.suspend:
        standing = WantedExchange(verdict=_SUSPENDING if apply or (known is not None and not known.empty) else None)
    else:
        standing = _standing(pinned, None if apply else known, observed.pods, settings, now)
    if apply and observed.refusal is not None:
        return _refused(pinned, apply, observed.refusal, settings, now)
    return replace(standing, status=pinned, apply=apply)


def _resolved(
    simulated: SimulatedExchange, pinned: ExchangeStatus | None, view: SnapshotView | None, settings: Settings
) -> tuple[ExchangeStatus | None, Verdict | None]:
    """Return what an exchange runs, and why that is not, or no longer, what is asked for."""
    asked = document_digest(simulated.model_dump(mode="json", by_alias=True))
    if pinned is None or pinned.asked != asked:
        unusable = _unusable(simulated, view)
        if unusable is not None:
            return pinned, unusable
        pinned = _pin(simulated, asked, view, settings)
    if pinned.store is not None and pinned.store not in settings.stores:
        return pinned, _unknown_store(pinned.store, settings)
    return pinned, None


def _to_apply(
    wanted: tuple[Mapping[str, Any], Mapping[str, Any]], observed: ObservedExchange
) -> tuple[Mapping[str, Any], ...]:
    """Return those of Service and StatefulSet that are not as wanted; what is being deleted is made again once gone."""
    found = []
    for manifest, known in zip(wanted, (observed.services, observed.sets), strict=True):
        child = known.get(manifest["metadata"]["name"])
        if not is_as_wanted(manifest, child) and (child is None or not child.deleting):
            found.append(manifest)
    return tuple(found)


def _all(observed: ObservedExchange) -> tuple[Removal, ...]:
    """Return the removal of every child there is; the volume goes with the StatefulSet."""
    children = [("StatefulSet", child) for child in observed.sets.values()]
    services = [("Service", child) for child in observed.services.values()]
    return tuple(Removal(kind, child.name, child.uid) for kind, child in (*children, *services) if not child.deleting)


def _unusable(simulated: SimulatedExchange, view: SnapshotView | None) -> Verdict | None:
    return None if simulated.snapshot_ref is None else snapshot_unusable(simulated.snapshot_ref.name, view)


def _unknown_store(store: str, settings: Settings) -> Verdict:
    message = (
        f"the Snapshot of spec.simulated is in store {store!r}, which the administrator has not configured; "
        f"there are: {', '.join(sorted(settings.stores))}"
    )
    return Verdict(Standing.STALLED, "UnknownStore", message)


def _pin(simulated: SimulatedExchange, asked: str, view: SnapshotView | None, settings: Settings) -> ExchangeStatus:
    plays = None if simulated.snapshot_ref is None else view
    told = specification_of(simulated, None if plays is None else plays.digest)
    market = sha256_digest(market_bytes(told)).partition(":")[2]
    return ExchangeStatus(
        asked=asked,
        image=settings.images.default,
        specification=told.model_dump_json(exclude_none=True),
        snapshot=told.snapshot,
        store=None if plays is None else plays.store,
        record=f"{market[:_RECORD_HEX]}.record",
    )


def _refused(
    pinned: ExchangeStatus, apply: tuple[Mapping[str, Any], ...], refusal: Refusal, settings: Settings, now: datetime
) -> WantedExchange:
    """Say why the API server took no child, and ask it again after a pause."""
    verdict = Verdict(Standing.WORKING, "ExchangeRefused", f"the API server refused the exchange: {refusal.message}")
    again = refusal.at + timedelta(seconds=settings.pace.pod_again_seconds)
    if now < again:
        return WantedExchange(pinned, verdict, look=again)
    return WantedExchange(pinned, verdict, apply)


def _standing(
    pinned: ExchangeStatus, known: ObservedSet | None, pods: JobPods | None, settings: Settings, now: datetime
) -> WantedExchange:
    """Return why an exchange does not run, the facts that are needed to say so, and when to look again.

    ``known`` is None where its StatefulSet is not there, or not as wanted yet.
    """
    if known is None or known.deleting:
        return WantedExchange(verdict=why_down(pinned.image, None))
    if known.running:
        return WantedExchange()
    grace_ends = parse_rfc3339(known.created) + timedelta(seconds=settings.pace.pod_grace_seconds)
    if now < grace_ends:
        return WantedExchange(verdict=why_down(pinned.image, None), look=grace_ends)
    if pods is None:
        return WantedExchange(needs=(Need(Fact.PODS, known.name),))
    again = now + timedelta(seconds=settings.pace.pod_again_seconds)
    return WantedExchange(verdict=why_down(pinned.image, pods), look=again)


_SUSPENDING = Verdict(
    Standing.WORKING, "Suspending", "spec.suspend is true: the exchange is being stopped; its record is kept"
)
