"""One pass over one Replay: observe, plan, find out what the plan still needs, act.

As for a Strategy, the status goes first, at the version observed; what it records may then be done.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tradeplane_api.parity import Parity
from tradeplane_api.strategy import Mode, StrategySpec

from tradeplane_operator.metrics import REPLAYS_JUDGED
from tradeplane_operator.observing.keys import Key, Kind, parse_key
from tradeplane_operator.planning.admission import Candidate
from tradeplane_operator.planning.attestation_guard import is_guarded
from tradeplane_operator.planning.documents import UnreadableSpec, read_spec
from tradeplane_operator.planning.observed import Observed, Refusal
from tradeplane_operator.planning.parity import COMPARED, worst
from tradeplane_operator.planning.replay import ObservedReplay, plan
from tradeplane_operator.planning.replay_pins import FinishedRun, StrategyView, simulation_of
from tradeplane_operator.planning.snapshot_view import view_of
from tradeplane_operator.planning.wanted import Fact, Need, Plan
from tradeplane_operator.running.jobs import ask_for_job
from tradeplane_operator.running.leadership import boot_clock
from tradeplane_operator.running.reading import read_again
from tradeplane_operator.running.remembered import RememberedOf
from tradeplane_operator.running.settling import await_confirmation, settle
from tradeplane_operator.running.status import write_finalizers, write_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.acting.events import EventWriter
    from tradeplane_operator.acting.reaper import Reaper
    from tradeplane_operator.observing.index import Index, Record, ResourceIndex
    from tradeplane_operator.observing.pods import PodLookup
    from tradeplane_operator.observing.stores import Stores
    from tradeplane_operator.planning.admission import Admission
    from tradeplane_operator.planning.observed import SnapshotView
    from tradeplane_operator.running.attestations import Attestations
    from tradeplane_operator.running.image_checks import ImageChecks
    from tradeplane_operator.settings import Settings

log = logging.getLogger(__name__)
_ROUNDS = 7
"""Facts are found out at most so often in one pass: resource, records, pods, manifest, image, admission, one more."""


@dataclass(slots=True)
class Replays:
    """Reconciles Replays. ``wake`` queues one that has to be looked at again at once."""

    settings: Settings
    clock: Callable[[], datetime]
    index: Index
    admission: Admission
    client: ApiClient
    stores: Stores
    pods: PodLookup
    reaper: Reaper
    events: EventWriter
    wake: Callable[[Key], None]
    attestations: Attestations | None = None
    """Absent where the settings say nothing of evidence."""
    images: ImageChecks | None = None
    """Absent where images need no attestation."""
    steady: Callable[[], float] = boot_clock
    """By which it is measured how long a refusal stands."""
    _refusals: RememberedOf[Key, Refusal] = field(init=False)

    def __post_init__(self) -> None:
        self._refusals = RememberedOf(self.clock, self.steady)

    async def reconcile(self, key: Key, *, fresh: bool = False) -> datetime | None:
        """Make one pass; return when to look again. Raises ApiError, NotLeading and PlanUnsettled."""
        record = self.index.replays.get(key)
        if record is None:
            self._refusals.keep(key)
            if self.attestations is not None:
                self.attestations.keep(key, ())
            self._wake(self.admission.forget(str(key)))
            return None
        observed = self._observe(key, record)
        if fresh:
            observed = await self._read_again(key, observed)
        observed, wanted = await settle(key, observed, self._plan, self._find_out, _ROUNDS)
        return await self._act(key, observed, wanted)

    def seed(self) -> None:
        """Learn from the statuses which replays hold slots, before anything is started."""
        for key in self.index.replays:
            record = self.index.replays.get(key)
            if record is not None and b'"Running"' in record.body:
                status = record.resource().get("status") or {}
                self.admission.hold(str(key), key.namespace, _named(status, "Running"))

    def _wake(self, owners: tuple[str, ...]) -> None:
        for owner in owners:
            self.wake(parse_key(owner))

    def _observe(self, key: Key, record: Record) -> ObservedReplay:
        resource = record.resource()
        strategy = self._strategy(key, resource)
        cluster = Observed(
            resource=resource,
            jobs=self.index.jobs.of(record.uid),
            snapshot=self._snapshot(key, resource, strategy),
            confirmed=record.confirmed,
            refusals=self._refusals.of(key),
            attestations={} if self.attestations is None else self.attestations.facts(key),
        )
        return ObservedReplay(cluster, strategy)

    def _strategy(self, key: Key, resource: Mapping[str, Any]) -> StrategyView | None:
        name = _referred_to(resource, "strategyRef")
        record = self._referred(key, resource, name, Kind.STRATEGY, self.index.strategies)
        decides = bool(_referred_to(resource, "snapshotRef"))
        return None if record is None else view(record.resource(), decides=decides)

    def _snapshot(self, key: Key, resource: Mapping[str, Any], strategy: StrategyView | None) -> SnapshotView | None:
        """Return the Snapshot that is named, or that of the session which the Strategy sealed last."""
        name = _referred_to(resource, "snapshotRef") or (strategy.session if strategy is not None else "")
        record = self._referred(key, resource, name, Kind.SNAPSHOT, self.index.snapshots)
        return None if record is None else view_of(record.resource())

    def _referred(
        self, key: Key, resource: Mapping[str, Any], name: str, kind: Kind, there: ResourceIndex
    ) -> Record | None:
        """Return what has the name that a Replay refers to, if any.

        News of it wake a Replay whose generation has nothing pinned, or whose run's attestation it waits for.
        """
        if not name:
            return None
        found_at = Key(kind, key.namespace, name)
        pinned = (resource.get("status") or {}).get("pinned") or {}
        waits = self.attestations is not None and bool(pinned.get("baseline")) and not pinned.get("reference")
        if waits or pinned.get("generation") != resource["metadata"]["generation"]:
            self.index.reads(key, found_at)
        return there.get(found_at)

    def _plan(self, observed: ObservedReplay) -> Plan:
        return plan(observed, self.settings, self.clock())

    async def _find_out(self, key: Key, observed: ObservedReplay, need: Need) -> ObservedReplay:
        cluster = observed.cluster
        if need.fact is Fact.FRESH_RESOURCE:
            return await self._read_again(key, observed)
        if need.fact is Fact.RESULTS:
            store = cluster.resource["status"]["pinned"]["store"]
            facts = await self.stores.replay(store, key.namespace, need.run)
            cluster = replace(cluster, results={**cluster.results, need.run: facts.results})
            return replace(observed, cluster=cluster, left={**observed.left, need.run: facts})
        if need.fact is Fact.IMAGE:
            assert self.images is not None  # noqa: S101 - a plan asks where the settings have a policy of images
            images = {**cluster.images, need.run: self.images.look(need.run, key)}
            return replace(observed, cluster=replace(cluster, images=images))
        if need.fact is Fact.MANIFEST and cluster.snapshot is not None:
            store = cluster.snapshot.store
            return replace(observed, manifest=await self.stores.snapshot(store, key.namespace, need.run))
        if need.fact is Fact.PODS:
            job = cluster.jobs[need.run]
            self.index.jobs.looked_at(job)
            pods = await self.pods.of(job)
            return replace(observed, cluster=replace(cluster, pods={**cluster.pods, need.run: pods}))
        created = cluster.resource["metadata"]["creationTimestamp"]
        answer = self.admission.ask(Candidate(created, key.namespace, need.run, str(key)))
        return replace(observed, cluster=replace(cluster, admitted={**cluster.admitted, need.run: answer}))

    async def _read_again(self, key: Key, observed: ObservedReplay) -> ObservedReplay:
        resource, there = await read_again(self.client, self.index.replays, key, observed.cluster.resource)
        confirmed = observed.cluster.confirmed or there
        strategy = self._strategy(key, resource)
        snapshot = self._snapshot(key, resource, strategy)
        cluster = replace(observed.cluster, resource=resource, snapshot=snapshot, confirmed=confirmed, fresh=True)
        return replace(observed, cluster=cluster, strategy=strategy, manifest=None)

    async def _act(self, key: Key, observed: ObservedReplay, wanted: Plan) -> datetime | None:
        before = observed.cluster.resource
        written = await write_status(self.client, key, before, wanted.status)
        if written is not None:
            self.index.replays.put(written, confirmed=False)
            _count(before.get("status") or {}, wanted.status or {}, key)
        await_confirmation(self.index.replays, key, wanted, self.wake)
        self._wake(self.admission.hold(str(key), key.namespace, wanted.holds))
        self.admission.withdraw(str(key), frozenset(_named(wanted.status or {}, "Pending")))
        for manifest in wanted.create:
            await self._create(key, manifest)
        for name in wanted.delete:
            self.reaper.want(key.namespace, name, before["metadata"]["uid"])
        if wanted.notices and (written is not None or wanted.finalizers is not None):
            await self.events.tell(key, before["metadata"]["uid"], wanted.notices)
        if self.attestations is not None:
            held = is_guarded(before["metadata"])
            self.attestations.keep(key, wanted.owed, held=held)
            if wanted.attest_replays is not None:
                asked = wanted.attest_replays
                self.attestations.ask(key, asked.pinned.store, asked, before["metadata"]["uid"], held=held)
        if wanted.finalizers is not None:
            guarded = await write_finalizers(self.client, key, written or before, wanted.finalizers)
            self.index.replays.put(guarded, confirmed=False)
            self.wake(key)
        return wanted.look_again_at

    async def _create(self, key: Key, manifest: Mapping[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        self._refusals.forget(key, name)
        asked = await ask_for_job(self.client, self.index.jobs, key, manifest, self.clock())
        if asked.refusal is not None:
            self._refusals.put(key, name, asked.refusal)
        if asked.refusal is not None or asked.ended:
            self.wake(key)


def view(strategy: Mapping[str, Any], *, decides: bool = False) -> StrategyView:
    """Return what a Replay needs to know of a Strategy: its runs that succeeded, newest first, or its session.

    ``decides``: and what it decides by.
    """
    spec, status = strategy.get("spec") or {}, strategy.get("status") or {}
    trades = spec.get("mode") == Mode.PAPER
    runs = [status.get("latest"), *(status.get("history") or ())]
    finished = [run for run in runs if run and run.get("outcome") == "Succeeded" and run.get("manifestDigest")]
    return StrategyView(
        store=spec.get("store", "default"),
        finished=tuple(
            FinishedRun(
                name=run["name"],
                manifest_digest=run["manifestDigest"],
                result_digest=run["resultDigest"],
                image=run.get("image") or "",
                reference=(run.get("attestation") or {}).get("reference") or "",
            )
            for run in finished
        ),
        trades=trades,
        session=str((status.get("session") or {}).get("snapshotName") or "") if trades else "",
        **(_decided_by(strategy) if decides else {}),
    )


def _decided_by(strategy: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {"simulation": simulation_of(read_spec(StrategySpec, strategy))}
    except UnreadableSpec as error:
        return {"unreadable": str(error)}


def _referred_to(resource: Mapping[str, Any], reference: str) -> str:
    """Return the name in a reference of a spec, which may be one that cannot be read."""
    found = (resource.get("spec") or {}).get(reference)
    name = found.get("name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""


def _named(status: Mapping[str, Any], outcome: str) -> list[str]:
    return [each["name"] for each in status.get("replays") or () if each.get("outcome") == outcome]


def _count(before: Mapping[str, Any], after: Mapping[str, Any], key: Key) -> None:
    """Count and log replays whose verdict was recorded by a status just written."""
    known = {each["name"] for each in before.get("replays") or () if each.get("verdict")}
    for each in after.get("replays") or ():
        verdict = each.get("verdict")
        if verdict is None or each["name"] in known:
            continue
        parity = counted_as(verdict)
        REPLAYS_JUDGED.labels(parity).inc()
        log.info("replay judged", extra={"key": str(key), "replay": each["name"], "parity": parity})


def counted_as(verdict: Mapping[str, str]) -> str:
    """Return the worst of a verdict in one word; that of a what-if is that it was compared."""
    decisions, execution = Parity(verdict["decisions"]), Parity(verdict["execution"])
    return COMPARED if decisions is Parity.UNJUDGED else worst((decisions, execution)).value
