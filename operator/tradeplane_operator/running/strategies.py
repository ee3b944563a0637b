"""One pass over one Strategy: observe, plan, find out what the plan still needs, act.

Order matters: the status first, at the version observed; what it records may then be done. A pass that is cut short
anywhere leaves a state from which the next one goes on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tradeplane_operator.metrics import RUNS_FINISHED, RUNS_STARTED
from tradeplane_operator.observing.index import approved
from tradeplane_operator.observing.keys import Key, Kind, parse_key
from tradeplane_operator.planning.admission import Candidate
from tradeplane_operator.planning.attestation_guard import is_guarded
from tradeplane_operator.planning.bundles import known_snapshot
from tradeplane_operator.planning.connecting import connection_view
from tradeplane_operator.planning.observed import Observed, Refusal, SnapshotView
from tradeplane_operator.planning.sealing_terms import SealingTerms
from tradeplane_operator.planning.session_capture import sealing_terms
from tradeplane_operator.planning.session_snapshots import due_name
from tradeplane_operator.planning.snapshot_view import view_of
from tradeplane_operator.planning.strategy import plan
from tradeplane_operator.planning.wanted import Fact, Need, Plan
from tradeplane_operator.running.applying import apply_child
from tradeplane_operator.running.jobs import ask_for_job
from tradeplane_operator.running.leadership import boot_clock
from tradeplane_operator.running.reading import read_again, resources_of
from tradeplane_operator.running.remembered import RememberedOf
from tradeplane_operator.running.settling import await_confirmation, settle
from tradeplane_operator.running.snapshot_making import make_snapshot
from tradeplane_operator.running.status import write_finalizers, write_status
from tradeplane_operator.running.traders import look_at_trader, remove_claim

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.acting.events import EventWriter
    from tradeplane_operator.acting.reaper import Reaper
    from tradeplane_operator.observing.index import Index, Record
    from tradeplane_operator.observing.pods import PodLookup
    from tradeplane_operator.observing.stores import Stores
    from tradeplane_operator.planning.admission import Admission
    from tradeplane_operator.planning.bundles import KnownSnapshot
    from tradeplane_operator.planning.connecting import ConnectionView
    from tradeplane_operator.running.approval_checks import ApprovalChecks
    from tradeplane_operator.running.attestations import Attestations
    from tradeplane_operator.running.image_checks import ImageChecks
    from tradeplane_operator.running.queue import WorkQueue
    from tradeplane_operator.settings import Settings

log = logging.getLogger(__name__)
_ROUNDS = 8
"""Facts are found out at most so often in one pass: resource, results, pods, approvals, image, admission, and two that
follow."""
_UNFINISHED = ("Pending", "Running")


@dataclass(slots=True)
class Strategies:
    """Reconciles Strategies."""

    settings: Settings
    clock: Callable[[], datetime]
    index: Index
    queue: WorkQueue[Key]
    admission: Admission
    client: ApiClient
    stores: Stores
    pods: PodLookup
    reaper: Reaper
    events: EventWriter
    attestations: Attestations | None = None
    """Absent where the settings say nothing of evidence."""
    images: ImageChecks | None = None
    """Absent where images need no attestation."""
    approvals: ApprovalChecks | None = None
    """Absent where nothing needs approval."""
    steady: Callable[[], float] = boot_clock
    """By which it is measured how long a refusal stands."""
    _refusals: RememberedOf[Key, Refusal] = field(init=False)
    _views: dict[Key, tuple[int, SnapshotView]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._refusals = RememberedOf(self.clock, self.steady)

    async def reconcile(self, key: Key, *, fresh: bool = False) -> datetime | None:
        """Make one pass; return when to look again. Raises ApiError, NotLeading and PlanUnsettled."""
        record = self.index.strategies.get(key)
        if record is None:
            self._forget(key)
            return None
        observed = self._observe(key, record)
        if fresh:
            observed = await self._read_again(key, observed)
        observed, wanted = await settle(key, observed, self._plan, self._find_out, _ROUNDS)
        return await self._act(key, observed, wanted)

    def seed(self) -> None:
        """Learn from the statuses which runs hold slots, before anything is started."""
        for key in self.index.strategies:
            record = self.index.strategies.get(key)
            if record is not None and b'"Running"' in record.body:
                status = record.resource().get("status") or {}
                running = [run["name"] for run in _runs(status) if run.get("outcome") == "Running"]
                self.admission.hold(str(key), key.namespace, running)

    def _forget(self, key: Key) -> None:
        self._refusals.keep(key)
        if self.attestations is not None:
            self.attestations.keep(key, ())
        self._wake(self.admission.forget(str(key)))

    def _wake(self, owners: tuple[str, ...]) -> None:
        for owner in owners:
            self.queue.add(parse_key(owner))

    def _observe(self, key: Key, record: Record) -> Observed:
        resource = record.resource()
        return Observed(
            resource=resource,
            jobs=self.index.jobs.of(record.uid),
            snapshot=self._snapshot(key, resource),
            confirmed=record.confirmed,
            sets=self.index.sets.of(record.uid),
            connection=self._connection(key, resource),
            sealed=self._sealed(key, resource),
            sealing_terms=self._sealing_terms(key, resource),
            refusals=self._refusals.of(key),
            attestations={} if self.attestations is None else self.attestations.facts(key),
        )

    def _connection(self, key: Key, resource: Mapping[str, Any]) -> ConnectionView | None:
        name = _referred_to(resource, "connectionRef")
        if not name:
            return None
        found_at = Key(Kind.BROKER_CONNECTION, key.namespace, name)
        record = self.index.connections.get(found_at)
        view = None if record is None else connection_view(record.resource())
        if view is None or not view.ready:
            self.index.reads(key, found_at)
        return view

    def _sealed(self, key: Key, resource: Mapping[str, Any]) -> KnownSnapshot | None:
        """Return the Snapshot there is of the name of a closed session's that is due; its changes wake the Strategy."""
        name = due_name(resource)
        if not name:
            return None
        found_at = Key(Kind.SNAPSHOT, key.namespace, name)
        record = self.index.snapshots.get(found_at)
        if record is None:
            return None
        self.index.reads(key, found_at)
        return known_snapshot(record.resource())

    def _sealing_terms(self, key: Key, resource: Mapping[str, Any]) -> SealingTerms:
        """Return what captures of a Strategy's sessions ask for; whoever has no session has no use for it."""
        if not (resource.get("status") or {}).get("session"):
            return SealingTerms()
        return sealing_terms(resources_of(self.index.captures, key.namespace), key.name)

    def _snapshot(self, key: Key, resource: Mapping[str, Any]) -> SnapshotView | None:
        name = _referred_to(resource, "snapshotRef")
        if not name:
            return None
        found_at = Key(Kind.SNAPSHOT, key.namespace, name)
        record = self.index.snapshots.get(found_at)
        view = None if record is None else self._view(found_at, record)
        if view is None or not view.ready:
            self.index.reads(key, found_at)
        return view

    def _view(self, key: Key, record: Record) -> SnapshotView:
        """Return the view of a Snapshot; kept until it changes, because many Strategies read one."""
        version, view = self._views.get(key, (0, None))
        if view is None or version != record.version:
            view = view_of(record.resource())
            self._views[key] = (record.version, view)
        return view

    def _plan(self, observed: Observed) -> Plan:
        return plan(observed, self.settings, self.clock())

    async def _find_out(self, key: Key, observed: Observed, need: Need) -> Observed:
        if need.fact is Fact.FRESH_RESOURCE:
            return await self._read_again(key, observed)
        if need.fact is Fact.RESULTS:
            store = observed.resource["spec"].get("store", "default")
            found = await self.stores.results(store, key.namespace, need.run)
            return replace(observed, results={**observed.results, need.run: found})
        if need.fact is Fact.IMAGE:
            return self._look_at_image(key, observed, need.run)
        if need.fact is Fact.APPROVALS:
            return await self._look_at_approvals(key, observed)
        if need.fact is Fact.TRADER:
            return await self._look_at_trader(key, observed, need.run)
        if need.fact is Fact.PODS and need.run in observed.sets:
            found_pods = await self.pods.of_set(observed.sets[need.run])
            return replace(observed, pods={**observed.pods, need.run: found_pods})
        if need.fact is Fact.PODS:
            job = observed.jobs[need.run]
            self.index.jobs.looked_at(job)
            pods = await self.pods.of(job)
            return replace(observed, pods={**observed.pods, need.run: pods})
        created = observed.resource["metadata"]["creationTimestamp"]
        answer = self.admission.ask(Candidate(created, key.namespace, need.run, str(key)))
        return replace(observed, admitted={**observed.admitted, need.run: answer})

    def _look_at_image(self, key: Key, observed: Observed, image: str) -> Observed:
        assert self.images is not None  # noqa: S101 - a plan asks where the settings have a policy of images
        return replace(observed, images={**observed.images, image: self.images.look(image, key)})

    async def _look_at_approvals(self, key: Key, observed: Observed) -> Observed:
        assert self.approvals is not None  # noqa: S101 - a plan asks where the settings have approvals
        records = self.index.approvals.made_by(approved(key.namespace, key.name))
        return replace(observed, approvals=await self.approvals.look([one.resource() for one in records]))

    async def _look_at_trader(self, key: Key, observed: Observed, name: str) -> Observed:
        uid = observed.resource["metadata"]["uid"]
        trader = await look_at_trader(self.client, self.index, key, uid, name)
        return replace(observed, trader=trader, sets=self.index.sets.of(uid))

    async def _read_again(self, key: Key, observed: Observed) -> Observed:
        resource, there = await read_again(self.client, self.index.strategies, key, observed.resource)
        return replace(
            observed,
            resource=resource,
            confirmed=observed.confirmed or there,
            sealed=self._sealed(key, resource),
            sealing_terms=self._sealing_terms(key, resource),
            fresh=True,
        )

    async def _act(self, key: Key, observed: Observed, wanted: Plan) -> datetime | None:
        written = await write_status(self.client, key, observed.resource, wanted.status)
        if written is not None:
            self.index.strategies.put(written, confirmed=False)
            # The watch will bring back what was just put, which is no news then: who waits for a run is woken here.
            for reader in self.index.take_readers(key):
                self.queue.add(reader)
            self._count(observed.resource.get("status") or {}, wanted.status or {}, key)
        await_confirmation(self.index.strategies, key, wanted, self.queue.add)
        self._wake(self.admission.hold(str(key), key.namespace, wanted.holds))
        self.admission.withdraw(str(key), _pending(wanted.status))
        for manifest in wanted.apply:
            await self._apply(key, manifest)
        for manifest in wanted.snapshots:
            await self._make_snapshot(key, manifest)
        for manifest in wanted.create:
            await self._create(key, manifest)
        for name in wanted.delete:
            self.reaper.want(key.namespace, name, observed.resource["metadata"]["uid"])
        if wanted.notices and (written is not None or wanted.finalizers is not None):
            await self.events.tell(key, observed.resource["metadata"]["uid"], wanted.notices)
        self._attest(key, observed.resource, wanted)
        await self._guard(key, observed.resource if written is None else written, wanted)
        return wanted.look_again_at

    def _attest(self, key: Key, resource: Mapping[str, Any], wanted: Plan) -> None:
        """Have runs attested that the status, written by now, records as succeeded."""
        if self.attestations is None:
            return
        held = is_guarded(resource["metadata"])
        self.attestations.keep(key, wanted.owed, held=held)
        for run in wanted.attest:
            store, uid = resource["spec"].get("store", "default"), resource["metadata"]["uid"]
            self.attestations.ask(key, store, run, uid, held=held)

    async def _guard(self, key: Key, resource: Mapping[str, Any], wanted: Plan) -> None:
        """Remove what goes with an object, then have its finalizers be those wanted; a pass follows that sees them."""
        for name in wanted.claims:
            await remove_claim(self.client, key, resource["metadata"]["uid"], name)
        if wanted.finalizers is None:
            return
        written = await write_finalizers(self.client, key, resource, wanted.finalizers)
        self.index.strategies.put(written, confirmed=False)
        self.queue.add(key)

    async def _apply(self, key: Key, manifest: Mapping[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        self._refusals.forget(key, name)
        refusal = await apply_child(self.client, self.index, key, manifest, self.clock())
        if refusal is not None:
            self._refuse(key, name, refusal)

    async def _make_snapshot(self, key: Key, manifest: Mapping[str, Any]) -> None:
        """Make the Snapshot of a session that was closed; another pass records what was seen."""
        name = manifest["metadata"]["name"]
        self._refusals.forget(key, name)
        refusal = await make_snapshot(self.client, self.index, key, manifest, self.clock(), self.queue.add)
        if refusal is not None:
            self._refuse(key, name, refusal)

    async def _create(self, key: Key, manifest: Mapping[str, Any]) -> None:
        run = manifest["metadata"]["name"]
        self._refusals.forget(key, run)
        asked = await ask_for_job(self.client, self.index.jobs, key, manifest, self.clock())
        if asked.refusal is not None:
            self._refuse(key, run, asked.refusal)
        elif asked.ended:
            self.queue.add(key)

    def _refuse(self, key: Key, run: str, refusal: Refusal) -> None:
        """Remember why a Job could not be made, and have it said."""
        self._refusals.put(key, run, refusal)
        self.queue.add(key)

    def _count(self, before: Mapping[str, Any], after: Mapping[str, Any], key: Key) -> None:
        """Count and log runs that started and ended with a status just written."""
        known = {run["name"]: run.get("outcome") for run in _runs(before)}
        for run in _runs(after):
            was, is_now = known.get(run["name"]), run["outcome"]
            if was == is_now:
                continue
            told = {"key": str(key), "run": run["name"]}
            if is_now == "Running":
                RUNS_STARTED.labels(run["trigger"]).inc()
                log.debug("run started", extra=told)
            elif is_now not in _UNFINISHED:
                RUNS_FINISHED.labels(is_now).inc()
                log.info("run ended: %s", is_now, extra=told | {"reason": run.get("message")})


def _referred_to(resource: Mapping[str, Any], reference: str) -> str:
    """Return the name in a reference of a spec, which may be one that cannot be read."""
    found = (resource.get("spec") or {}).get(reference)
    name = found.get("name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""


def _runs(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    latest = status.get("latest")
    return ([latest] if latest else []) + list(status.get("history") or ())


def _pending(status: Mapping[str, Any] | None) -> frozenset[str]:
    return frozenset(run["name"] for run in _runs(status or {}) if run["outcome"] == "Pending")
