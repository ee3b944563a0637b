"""One pass over one BrokerConnection: see its exchange and its probes, say what they found, start what is due."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tradeplane_operator.metrics import PROBES_STARTED
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.broker_connection import ObservedConnection, plan
from tradeplane_operator.planning.exchange import ObservedExchange
from tradeplane_operator.planning.snapshot_view import view_of
from tradeplane_operator.planning.wanted import Fact, Need, Plan
from tradeplane_operator.running.applying import apply_child, remove_child
from tradeplane_operator.running.jobs import ask_for_job
from tradeplane_operator.running.leadership import boot_clock
from tradeplane_operator.running.reading import read_again
from tradeplane_operator.running.remembered import Remembered
from tradeplane_operator.running.settling import settle
from tradeplane_operator.running.status import write_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.acting.events import EventWriter
    from tradeplane_operator.acting.reaper import Reaper
    from tradeplane_operator.observing.index import Index, Record
    from tradeplane_operator.observing.pods import PodLookup
    from tradeplane_operator.planning.observed import Refusal, SnapshotView
    from tradeplane_operator.settings import Settings

_ROUNDS = 6
"""Facts are found out at most so often in one pass: the pods of the exchange and of the newest probe, the resource, and
what follows from each."""


@dataclass(slots=True)
class BrokerConnections:
    """Reconciles BrokerConnections. ``wake`` queues one that has to be looked at again at once."""

    settings: Settings
    clock: Callable[[], datetime]
    index: Index
    client: ApiClient
    pods: PodLookup
    reaper: Reaper
    events: EventWriter
    wake: Callable[[Key], None]
    steady: Callable[[], float] = boot_clock
    """By which it is measured how long a refusal stands."""
    _refusals: Remembered[Key, Refusal] = field(init=False)
    _child_refusals: Remembered[Key, Refusal] = field(init=False)

    def __post_init__(self) -> None:
        self._refusals = Remembered(self.clock, self.steady)
        self._child_refusals = Remembered(self.clock, self.steady)

    async def reconcile(self, key: Key, *, fresh: bool = False) -> datetime | None:
        """Make one pass; return when to look again. Raises ApiError, NotLeading and PlanUnsettled."""
        record = self.index.connections.get(key)
        if record is None:
            self._refusals.forget(key)
            self._child_refusals.forget(key)
            return None
        observed = self._observe(key, record)
        if fresh:
            observed = await self._read_again(key, observed)
        observed, wanted = await settle(key, observed, self._plan, self._find_out, _ROUNDS)
        return await self._act(key, observed, wanted)

    def reasons(self) -> dict[str, int]:
        """Return how many connections there are, by the reason of their ``Ready``."""
        counted: dict[str, int] = {}
        for key in self.index.connections:
            record = self.index.connections.get(key)
            reason = "Unseen" if record is None else _reason(record.resource())
            counted[reason] = counted.get(reason, 0) + 1
        return counted

    def _observe(self, key: Key, record: Record) -> ObservedConnection:
        resource = record.resource()
        exchange = ObservedExchange(
            sets=self.index.sets.of(record.uid),
            services=self.index.services.of(record.uid),
            snapshot=self._snapshot(key, resource),
            refusal=self._child_refusals.get(key),
        )
        jobs = self.index.jobs.of(record.uid)
        return ObservedConnection(resource, jobs, refusal=self._refusals.get(key), exchange=exchange)

    def _snapshot(self, key: Key, resource: Mapping[str, Any]) -> SnapshotView | None:
        """Return the Snapshot an exchange is to play; one that is not ready wakes the connection when it changes."""
        simulated = (resource.get("spec") or {}).get("simulated") or {}
        name = (simulated.get("snapshotRef") or {}).get("name")
        if name is None:
            return None
        found_at = Key(Kind.SNAPSHOT, key.namespace, name)
        record = self.index.snapshots.get(found_at)
        view = None if record is None else view_of(record.resource())
        if view is None or not view.ready:
            self.index.reads(key, found_at)
        return view

    def _plan(self, observed: ObservedConnection) -> Plan:
        return plan(observed, self.settings, self.clock())

    async def _find_out(self, key: Key, observed: ObservedConnection, need: Need) -> ObservedConnection:
        if need.fact is not Fact.PODS:
            return await self._read_again(key, observed)
        if need.run in observed.exchange.sets:
            found = await self.pods.of_set(observed.exchange.sets[need.run])
            return replace(observed, exchange=replace(observed.exchange, pods=found))
        job = observed.jobs[need.run]
        if job.end is None:
            self.index.jobs.looked_at(job)
        return replace(observed, pods={**observed.pods, need.run: await self.pods.of(job)})

    async def _read_again(self, key: Key, observed: ObservedConnection) -> ObservedConnection:
        resource, _ = await read_again(self.client, self.index.connections, key, observed.resource)
        exchange = replace(observed.exchange, snapshot=self._snapshot(key, resource))
        return replace(observed, resource=resource, exchange=exchange, fresh=True)

    async def _act(self, key: Key, observed: ObservedConnection, wanted: Plan) -> datetime | None:
        uid = observed.resource["metadata"]["uid"]
        written = await write_status(self.client, key, observed.resource, wanted.status)
        if written is not None:
            self.index.connections.put(written, confirmed=False)
            # The watch will bring back what was just put, which is no news then: who waits is woken here.
            for reader in self.index.take_readers(key):
                self.wake(reader)
        for removal in wanted.remove:
            await remove_child(self.client, key, removal)
        for manifest in wanted.apply:
            await self._apply(key, manifest)
        for manifest in wanted.create:
            await self._create(key, manifest)
        for name in wanted.delete:
            self.reaper.want(key.namespace, name, uid)
        if wanted.notices and written is not None:
            await self.events.tell(key, uid, wanted.notices)
        return wanted.look_again_at

    async def _apply(self, key: Key, manifest: Mapping[str, Any]) -> None:
        """Make a child as it is wanted, and have another pass say what that led to: no watch need tell of it."""
        self._child_refusals.forget(key)
        refusal = await apply_child(self.client, self.index, key, manifest, self.clock())
        if refusal is not None:
            self._child_refusals.put(key, refusal)
        self.wake(key)

    async def _create(self, key: Key, manifest: Mapping[str, Any]) -> None:
        self._refusals.forget(key)
        asked = await ask_for_job(self.client, self.index.jobs, key, manifest, self.clock())
        if asked.created:
            PROBES_STARTED.inc()
        if asked.refusal is not None:
            self._refusals.put(key, asked.refusal)
        if asked.refusal is not None or asked.ended:
            self.wake(key)


def _reason(resource: Mapping[str, Any]) -> str:
    conditions = (resource.get("status") or {}).get("conditions") or ()
    return next((str(said.get("reason")) for said in conditions if said.get("type") == "Ready"), "Unseen")
