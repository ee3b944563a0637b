"""plan() of the kind SnapshotCapture: one agent, the Snapshots of its bundles, and those that are old enough to go.

What an agent is told is resolved when a spec is first seen, once the connection it names is ready, and stands in the
status from then on: neither an upgrade of the operator nor a connection that changes touches one that captures. Its
bundles are looked for at an interval, by the number after the last one recorded (``planning.bundles``).

A capture that is deleted is kept until its agent has sealed what is there and the last bundle is a Snapshot, or until
that has taken as long as it may.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.capture import CaptureFeed, CaptureSpecification
from tradeplane_api.snapshot_capture import (
    CaptureAgent,
    CapturedBundles,
    SnapshotCaptureSpec,
    SnapshotCaptureStatus,
)
from tradeplane_store.canonical import document_digest

from tradeplane_operator.planning.applied import is_as_wanted
from tradeplane_operator.planning.bundles import (
    BundleFacts,
    Recorded,
    build_snapshot,
    outdated,
    record,
    removals,
)
from tradeplane_operator.planning.capture_names import SEALING_FINALIZER, agent_name, claim_of, snapshot_prefix
from tradeplane_operator.planning.capture_pods import STOP_SECONDS, build_agent
from tradeplane_operator.planning.capture_state import (
    STARTING,
    connection_changed,
    connection_not_ready,
    why_not_capturing,
)
from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.documents import (
    UnreadableSpec,
    UnreadableStatus,
    read_spec,
    read_status,
    to_wire,
)
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.observed import ResultState
from tradeplane_operator.planning.session_capture import plan_sessions
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.unreadable import keep_record
from tradeplane_operator.planning.wanted import EventType, Fact, Need, Notice, Plan, Removal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.conditions import Condition

    from tradeplane_operator.planning.observed import ObservedSet
    from tradeplane_operator.planning.observed_capture import ObservedCapture
    from tradeplane_operator.settings import Settings

_EVENT_MESSAGE = 1_024
_TOLD: Any = {"source": {"connection_ref", "instruments", "channels"}, "rotation": True}
"""What of a spec an agent is told; its digest is in the status of captures that run."""
_LAST_BUNDLES = Verdict(Standing.WORKING, "Sealing", "the agent has ended, and the last bundles become Snapshots")


def plan(observed: ObservedCapture, settings: Settings, now: datetime) -> Plan:
    """Return what is wanted for one SnapshotCapture, or what must be known first. Pure."""
    metadata = observed.resource["metadata"]
    deleted = bool(metadata.get("deletionTimestamp"))
    if deleted and SEALING_FINALIZER not in (metadata.get("finalizers") or ()):
        return Plan()
    try:
        status = read_status(SnapshotCaptureStatus, observed.resource)
    except UnreadableStatus as error:
        return _unreadable(observed, str(error), now, settings)
    try:
        spec = read_spec(SnapshotCaptureSpec, observed.resource)
    except UnreadableSpec as error:
        return _blocked(observed, status, Verdict(Standing.STALLED, "InvalidSpec", str(error)), now, settings)
    if spec.source.strategy_ref is not None:
        return plan_sessions(observed, spec, status, settings, now)
    if spec.store not in settings.stores:
        known = ", ".join(sorted(settings.stores))
        message = f"spec.store {spec.store!r} is not a store of this cluster; the administrator offers: {known}"
        return _blocked(observed, status, Verdict(Standing.STALLED, "StoreUnknown", message), now, settings)
    draft = _Draft(observed, settings, now, spec, status)
    draft.resolve()
    draft.run_agent()
    draft.take_bundles()
    draft.retain()
    return draft.finish()


def _unreadable(observed: ObservedCapture, message: str, now: datetime, settings: Settings) -> Plan:
    metadata = observed.resource["metadata"]
    if metadata.get("deletionTimestamp"):
        return _give_up(metadata, now, settings) or Plan(look_again_at=_limit(metadata, settings))
    return keep_record(observed.resource, message, now)


def _blocked(
    observed: ObservedCapture, status: SnapshotCaptureStatus, verdict: Verdict, now: datetime, settings: Settings
) -> Plan:
    """Return a plan that says what is wrong with the spec and touches nothing."""
    metadata = observed.resource["metadata"]
    limit = _limit(metadata, settings) if metadata.get("deletionTimestamp") else None
    if limit is not None and now >= limit:
        return _give_up(metadata, now, settings) or Plan()
    conditions = spell(verdict, metadata["generation"], rfc3339(now), status.conditions)
    wanted = status.model_copy(update={"observed_generation": metadata["generation"], "conditions": conditions})
    told = notices(status.conditions, conditions)
    return Plan(status=to_wire(wanted), notices=told, look_again_at=limit)


def _limit(metadata: Mapping[str, Any], settings: Settings) -> datetime:
    """Return until when a capture that is deleted is kept."""
    seconds = STOP_SECONDS + settings.pace.closing_grace_seconds
    return parse_rfc3339(metadata["deletionTimestamp"]) + timedelta(seconds=seconds)


def _give_up(metadata: Mapping[str, Any], now: datetime, settings: Settings) -> Plan | None:
    """Return a plan that lets a capture go though its last bundle may be no Snapshot, once that has taken too long."""
    if now < _limit(metadata, settings):
        return None
    words = (
        "what was captured last could not be sealed, or its Snapshot not be made, in time; PersistentVolumeClaim "
        f"{claim_of(metadata['name'], metadata['uid'])} has what is not sealed and is kept: delete it when it is no "
        "longer needed"
    )
    return _let_go(metadata, told=(Notice(EventType.WARNING, "VolumeKept", words[:_EVENT_MESSAGE]),))


def _let_go(metadata: Mapping[str, Any], *, claims: tuple[str, ...] = (), told: tuple[Notice, ...] = ()) -> Plan:
    others = tuple(each for each in metadata.get("finalizers") or () if each != SEALING_FINALIZER)
    return Plan(finalizers=others, claims=claims, notices=told)


@dataclass(slots=True)
class _Draft:
    """A plan being made; each method is one step, in the order plan() calls them."""

    observed: ObservedCapture
    settings: Settings
    now: datetime
    spec: SnapshotCaptureSpec
    status: SnapshotCaptureStatus
    verdict: Verdict | None = None
    needs: list[Need] = field(default_factory=list)
    apply: list[Mapping[str, Any]] = field(default_factory=list)
    look: list[datetime] = field(default_factory=list)
    recorded: Recorded | None = None
    outdated: tuple[Removal, ...] = ()
    held_back: bool = False
    """Whether Snapshots are wanted and not asked for yet, because the API server refused one just now."""
    before: tuple[Condition, ...] = field(init=False)
    written: int = field(init=False)
    """Number of the last bundle recorded, as the status has it and not as this plan leaves it."""

    def __post_init__(self) -> None:
        self.before = self.status.conditions
        self.written = 0 if self.status.bundles is None else self.status.bundles.last_number

    @property
    def metadata(self) -> Mapping[str, Any]:
        metadata: Mapping[str, Any] = self.observed.resource["metadata"]
        return metadata

    @property
    def connection(self) -> str:
        """Name of the BrokerConnection whose market it is."""
        assert self.spec.source.connection_ref is not None  # noqa: S101 - it is a capture of a market
        return self.spec.source.connection_ref.name

    @property
    def deleted(self) -> bool:
        return bool(self.metadata.get("deletionTimestamp"))

    @property
    def stopping(self) -> bool:
        return self.spec.suspend or self.deleted

    @property
    def known(self) -> ObservedSet | None:
        return self.observed.sets.get(agent_name(self.metadata["name"], self.metadata["uid"]))

    @property
    def stopped(self) -> bool:
        return self.known is None or self.known.empty

    def resolve(self) -> None:
        """Find out what the agent is told; what is captured never changes once that is resolved."""
        asked = document_digest(self.spec.model_dump(mode="json", include=_TOLD))
        agent = self.status.agent
        if (agent is not None and agent.asked == asked) or self.deleted:
            return
        feed = self._feed() if agent is None else CaptureSpecification.model_validate_json(agent.specification).feed
        if feed is None:
            return
        metadata = self.metadata
        told = CaptureSpecification(
            capture=metadata["name"], feed=feed, rotation=self.spec.rotation, pointers=metadata["uid"]
        )
        image, text = self.settings.images.default, told.model_dump_json(exclude_none=True)
        prefix = snapshot_prefix(metadata["name"], metadata["uid"], taken=self.observed.taken)
        self.status = self.status.model_copy(
            update={
                "agent": CaptureAgent(asked=asked, image=image, specification=text),
                "bundles": self.status.bundles or CapturedBundles(prefix=prefix, gaps=0),
            }
        )
        self._need_fresh()

    def _feed(self) -> CaptureFeed | None:
        """Return what of the connection is captured; None, and why, while it is not ready."""
        source, view = self.spec.source, self.observed.connection
        if self.spec.suspend:
            return None
        self.verdict = connection_not_ready(self.connection, view)
        if self.verdict is not None or view is None or view.spec is None or view.endpoint is None:
            return None
        return CaptureFeed(
            market=view.spec.market,
            stream=view.endpoint.stream,
            rest=view.endpoint.rest,
            symbols=source.instruments,
            channels=source.channels,
            weight_per_minute=view.spec.rate_limits.weight_per_minute,
        )

    def run_agent(self) -> None:
        """Want one agent, or none; say what keeps it from running."""
        agent = self.status.agent
        if agent is not None and not (self.stopping and self.known is None):
            replicas = 0 if self.stopping else 1
            manifest = build_agent(self.metadata, self.spec, agent, self.settings, replicas=replicas)
            if not is_as_wanted(manifest, self.known) and (self.known is None or not self.known.deleting):
                self.apply.append(manifest)
                self._need_fresh()
        if self.stopping:
            self.verdict = self._stopping()
        elif agent is not None:
            self.verdict = self._standing(agent)
        self._heed_refusal()

    def _need_fresh(self) -> None:
        if not self.observed.fresh:
            self.needs.append(Need(Fact.FRESH_RESOURCE))

    def _stopping(self) -> Verdict:
        why = "this is being deleted" if self.deleted else "spec.suspend is true"
        if self.apply or not self.stopped:
            message = f"{why}: the agent is being stopped, and seals what is there"
            return Verdict(Standing.WORKING, "Sealing", message)
        if self.deleted:
            return _LAST_BUNDLES
        return Verdict(Standing.IDLE, "Suspended", f"{why}: nothing is captured until it is false")

    def _standing(self, agent: CaptureAgent) -> Verdict:
        """Return whether the agent runs, and why not."""
        known = None if self.apply else self.known
        if known is None or known.deleting:
            return STARTING
        if known.running:
            feed = CaptureSpecification.model_validate_json(agent.specification).feed
            changed = connection_changed(self.connection, self.observed.connection, feed)
            return changed or self._capturing(feed)
        grace_ends = parse_rfc3339(known.created) + timedelta(seconds=self.settings.pace.pod_grace_seconds)
        if self.now < grace_ends:
            self.look.append(grace_ends)
            return STARTING
        if self.observed.pods is None:
            self.needs.append(Need(Fact.PODS, known.name))
            return STARTING
        self.look.append(self.now + timedelta(seconds=self.settings.pace.pod_again_seconds))
        return why_not_capturing(agent.image, self.observed.pods)

    def _capturing(self, feed: CaptureFeed) -> Verdict:
        what = ", ".join(feed.symbols[:4]) + (f" and {len(feed.symbols) - 4} others" if len(feed.symbols) > 4 else "")
        message = f"captures {', '.join(feed.channels)} of {what} at {feed.stream}"
        return Verdict(Standing.READY, "Capturing", message)

    def _heed_refusal(self) -> None:
        """Say what the API server refused while it is still wanted, and ask it again after a pause."""
        refusal = self.observed.refusal
        if refusal is None or not self.apply:
            return
        message = f"the API server refused the agent's StatefulSet: {refusal.message}; it is asked again"
        self.verdict = Verdict(Standing.WORKING, "AgentRefused", message)
        again = refusal.at + timedelta(seconds=self.settings.pace.pod_again_seconds)
        if self.now < again:
            self.apply.clear()
            self.look.append(again)

    def take_bundles(self) -> None:
        """Record the bundles that are Snapshots by now, and want the others made."""
        bundles, facts = self.status.bundles, self.observed.bundles
        if bundles is None:
            return
        if facts is None:
            self.needs.append(Need(Fact.BUNDLES))
            return
        attributed = self.settings.evidence is not None
        self.recorded = record(bundles, facts.found, self.observed.named, self.spec.store, attributed=attributed)
        self.status = self.status.model_copy(update={"bundles": self.recorded.bundles})
        if self.recorded.wanted:
            self._need_fresh()
        trouble = self.recorded.verdict or self._refused() or self._trouble(facts)
        if trouble is None and self.stopping and self.stopped and (self.recorded.wanted or facts.more):
            trouble = _LAST_BUNDLES
        if trouble is not None and (self.verdict is None or self.verdict.standing is not Standing.STALLED):
            self.verdict = trouble
        if facts.more and self.recorded.verdict is None:
            self.look.append(self.now)
        elif trouble is not None or not (self.spec.suspend and self.stopped):
            self.look.append(self.now + timedelta(seconds=self.settings.pace.bundle_again_seconds))

    def _refused(self) -> Verdict | None:
        """Say what the API server refused of the Snapshots wanted, and ask it again after a pause."""
        refusal, recorded = self.observed.snapshot_refusal, self.recorded
        if refusal is None or recorded is None or not recorded.wanted:
            return None
        if self.now < refusal.at + timedelta(seconds=self.settings.pace.bundle_again_seconds):
            self.held_back = True
        message = f"the API server refused a Snapshot: {refusal.message}; it is asked again, and no bundle is left out"
        return Verdict(Standing.WORKING, "SnapshotRefused", message)

    def _trouble(self, facts: BundleFacts) -> Verdict | None:
        seconds = self.settings.pace.bundle_again_seconds
        if facts.state is ResultState.UNAVAILABLE:
            message = (
                f"store {self.spec.store!r} cannot be read: {facts.message}; it is tried every {seconds} s. "
                "What is captured waits in the volume"
            )
            return Verdict(Standing.WORKING, "StoreUnavailable", message)
        if facts.state is ResultState.REFUSED:
            message = f"a pointer to a bundle is refused: {facts.message}; put it right, bundles wait behind it"
            return Verdict(Standing.STALLED, "BundleRefused", message)
        return None

    def retain(self) -> None:
        """Want the Snapshots deleted that are beyond the retention, and that nothing reads."""
        retention, bundles = self.spec.retention, self.status.bundles
        if retention is None or bundles is None or self.deleted or self.needs:
            return
        old = outdated(retention, self.observed.kept, self.written, self.now)
        if not old:
            return
        if self.observed.read is None:
            self.needs.append(Need(Fact.READERS))
            return
        self.outdated = removals(old, self.observed.read)
        if self.outdated:
            self._need_fresh()

    def finish(self) -> Plan:
        """Return the plan, or only what is needed to make it."""
        if self.needs:
            return Plan(needs=tuple(dict.fromkeys(self.needs)))
        if self.deleted:
            plan = self._going()
            if plan is not None:
                return plan
        generation, said = self.metadata["generation"], self.before
        verdict = self.verdict or STARTING
        conditions = spell(verdict, generation, rfc3339(self.now), said)
        wanted = self.status.model_copy(update={"observed_generation": generation, "conditions": conditions})
        return Plan(
            status=to_wire(wanted),
            apply=tuple(self.apply),
            snapshots=self._snapshots(),
            outdated=self.outdated,
            finalizers=self._finalizers(),
            notices=notices(said, conditions),
            look_again_at=min(self.look, default=None),
        )

    def _snapshots(self) -> tuple[Mapping[str, Any], ...]:
        recorded = self.recorded
        if recorded is None or self.held_back:
            return ()
        prefix, attributed = recorded.bundles.prefix, self.settings.evidence is not None
        return tuple(
            build_snapshot(self.metadata, prefix, self.spec, bundle, attributed=attributed)
            for bundle in recorded.wanted
        )

    def _finalizers(self) -> tuple[str, ...] | None:
        """Return the finalizers wanted where ours is missing from a capture that has an agent."""
        there = tuple(self.metadata.get("finalizers") or ())
        return None if self.status.agent is None or SEALING_FINALIZER in there else (*there, SEALING_FINALIZER)

    def _going(self) -> Plan | None:
        """Return the plan by which a deleted capture goes; None while something is to be sealed or made."""
        facts, recorded = self.observed.bundles, self.recorded
        over = self.stopped and not self.apply
        all_found = facts is None or (facts.state is ResultState.FOUND and not facts.more)
        if over and all_found and (recorded is None or not (recorded.wanted or recorded.verdict)):
            return _let_go(self.metadata, claims=(claim_of(self.metadata["name"], self.metadata["uid"]),))
        self.look.append(_limit(self.metadata, self.settings))
        return _give_up(self.metadata, self.now, self.settings)
