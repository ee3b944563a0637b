"""One pass over one SnapshotCapture: see its agent and its bundles, make Snapshots of them, delete the oldest."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tradeplane_operator.acting.errors import Conflict, NotFound
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.bundles import KnownSnapshot, known_snapshot
from tradeplane_operator.planning.capture_names import is_snapshot_of, snapshot_name
from tradeplane_operator.planning.connecting import connection_view
from tradeplane_operator.planning.observed_capture import ObservedCapture
from tradeplane_operator.planning.readers import digests_read
from tradeplane_operator.planning.session_capture import sessions_view
from tradeplane_operator.planning.snapshot_capture import plan
from tradeplane_operator.planning.wanted import Fact, Need, Plan, Removal
from tradeplane_operator.running.applying import apply_child
from tradeplane_operator.running.leadership import boot_clock
from tradeplane_operator.running.reading import read_again, resources_of
from tradeplane_operator.running.remembered import Remembered
from tradeplane_operator.running.settling import settle
from tradeplane_operator.running.snapshot_making import make_snapshot
from tradeplane_operator.running.status import path_of, write_finalizers, write_status
from tradeplane_operator.running.traders import remove_claim

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.acting.events import EventWriter
    from tradeplane_operator.observing.index import Index, Record, ResourceIndex
    from tradeplane_operator.observing.pods import PodLookup
    from tradeplane_operator.observing.stores import Stores
    from tradeplane_operator.planning.connecting import ConnectionView
    from tradeplane_operator.planning.observed import Refusal
    from tradeplane_operator.planning.observed_capture import SessionsView
    from tradeplane_operator.settings import Settings

log = logging.getLogger(__name__)
_ROUNDS = 8
"""Facts are found out at most so often in one pass: pods, bundles, readers, the resource, and what follows."""


@dataclass(slots=True)
class SnapshotCaptures:
    """Reconciles SnapshotCaptures. ``wake`` queues an object that has to be looked at again at once."""

    settings: Settings
    clock: Callable[[], datetime]
    index: Index
    client: ApiClient
    stores: Stores
    pods: PodLookup
    events: EventWriter
    wake: Callable[[Key], None]
    steady: Callable[[], float] = boot_clock
    """By which it is measured how long a refusal stands."""
    _refusals: Remembered[Key, Refusal] = field(init=False)
    _snapshot_refusals: Remembered[Key, Refusal] = field(init=False)

    def __post_init__(self) -> None:
        self._refusals = Remembered(self.clock, self.steady)
        self._snapshot_refusals = Remembered(self.clock, self.steady)

    async def reconcile(self, key: Key, *, fresh: bool = False) -> datetime | None:
        """Make one pass; return when to look again. Raises ApiError, NotLeading and PlanUnsettled."""
        record = self.index.captures.get(key)
        if record is None:
            self._refusals.forget(key)
            self._snapshot_refusals.forget(key)
            return None
        observed = self._observe(key, record)
        if fresh:
            observed = await self._read_again(key, observed)
        observed, wanted = await settle(key, observed, self._plan, self._find_out, _ROUNDS)
        return await self._act(key, observed, wanted)

    def _observe(self, key: Key, record: Record) -> ObservedCapture:
        resource = record.resource()
        return ObservedCapture(
            resource,
            sets=self.index.sets.of(record.uid),
            connection=self._connection(key, resource),
            refusal=self._refusals.get(key),
            snapshot_refusal=self._snapshot_refusals.get(key),
            taken=self._taken(key, resource),
            kept=self._kept(record.uid, resource),
            sessions=self._sessions(key, resource),
        )

    def _connection(self, key: Key, resource: Mapping[str, Any]) -> ConnectionView | None:
        """Return the connection captured at; one that is not ready wakes the capture when it changes."""
        source = (resource.get("spec") or {}).get("source") or {}
        found_at = Key(Kind.BROKER_CONNECTION, key.namespace, (source.get("connectionRef") or {}).get("name", ""))
        record = self.index.connections.get(found_at)
        view = None if record is None else connection_view(record.resource())
        if view is None or not view.ready:
            self.index.reads(key, found_at)
        return view

    def _sessions(self, key: Key, resource: Mapping[str, Any]) -> SessionsView | None:
        """Return the Strategy whose sessions are captured, and their Snapshots; its changes wake the capture."""
        name = _strategy(resource)
        if not name:
            return None
        found_at = Key(Kind.STRATEGY, key.namespace, name)
        self.index.reads(key, found_at)
        record = self.index.strategies.get(found_at)
        if record is None:
            return None
        return sessions_view(record.resource(), (one.resource() for one in self.index.snapshots.made_by(record.uid)))

    def _wake_strategy(self, key: Key, resource: Mapping[str, Any]) -> None:
        """Have the Strategy whose sessions are captured look at how they are to be sealed."""
        name = _strategy(resource)
        if name:
            self.wake(Key(Kind.STRATEGY, key.namespace, name))

    def _taken(self, key: Key, resource: Mapping[str, Any]) -> bool:
        """Return whether Snapshots there are have names that this capture would give, before it has given any."""
        if (resource.get("status") or {}).get("bundles"):
            return False
        names = (each.name for each in self.index.snapshots if each.namespace == key.namespace)
        return any(is_snapshot_of(key.name, name) for name in names)

    def _kept(self, uid: str, resource: Mapping[str, Any]) -> tuple[KnownSnapshot, ...]:
        if not (resource.get("spec") or {}).get("retention"):
            return ()
        return tuple(known_snapshot(record.resource()) for record in self.index.snapshots.made_by(uid))

    def _plan(self, observed: ObservedCapture) -> Plan:
        return plan(observed, self.settings, self.clock())

    async def _find_out(self, key: Key, observed: ObservedCapture, need: Need) -> ObservedCapture:
        if need.fact is Fact.PODS:
            return replace(observed, pods=await self.pods.of_set(observed.sets[need.run]))
        if need.fact is Fact.BUNDLES:
            return await self._look_for_bundles(key, observed)
        if need.fact is Fact.READERS:
            resources = (resources_of(index, key.namespace) for index in self._readers())
            return replace(observed, read=digests_read(*resources))
        return await self._read_again(key, observed)

    def _readers(self) -> tuple[ResourceIndex, ResourceIndex, ResourceIndex, ResourceIndex]:
        return self.index.strategies, self.index.replays, self.index.connections, self.index.snapshots

    async def _look_for_bundles(self, key: Key, observed: ObservedCapture) -> ObservedCapture:
        metadata, spec = observed.resource["metadata"], observed.resource["spec"]
        bundles = (observed.resource.get("status") or {}).get("bundles") or {}
        after = bundles.get("lastNumber", 0)
        found = await self.stores.bundles(spec.get("store", "default"), key.namespace, metadata["uid"], after)
        named: dict[str, KnownSnapshot] = {}
        for bundle in found.found:
            name = snapshot_name(bundles.get("prefix", key.name), bundle.number)
            record = self.index.snapshots.get(Key(Kind.SNAPSHOT, key.namespace, name))
            if record is not None:
                named[name] = known_snapshot(record.resource())
        return replace(observed, bundles=found, named=named)

    async def _read_again(self, key: Key, observed: ObservedCapture) -> ObservedCapture:
        resource, _ = await read_again(self.client, self.index.captures, key, observed.resource)
        return replace(
            observed,
            resource=resource,
            connection=self._connection(key, resource),
            taken=self._taken(key, resource),
            kept=self._kept(resource["metadata"]["uid"], resource),
            sessions=self._sessions(key, resource),
            fresh=True,
            bundles=None,
        )

    async def _act(self, key: Key, observed: ObservedCapture, wanted: Plan) -> datetime | None:
        resource, uid = observed.resource, observed.resource["metadata"]["uid"]
        written = await write_status(self.client, key, resource, wanted.status)
        if written is not None:
            self.index.captures.put(written, confirmed=False)
            resource = written
            self._wake_strategy(key, resource)
        for manifest in wanted.apply:
            await self._apply(key, manifest)
        for manifest in wanted.snapshots:
            await self._make_snapshot(key, manifest)
        for removal in wanted.outdated:
            await self._delete_snapshot(key, removal)
        for name in wanted.claims:
            await remove_claim(self.client, key, uid, name)
        if wanted.notices and (written is not None or wanted.finalizers is not None):
            await self.events.tell(key, uid, wanted.notices)
        if wanted.finalizers is not None:
            guarded = await write_finalizers(self.client, key, resource, wanted.finalizers)
            self.index.captures.put(guarded, confirmed=False)
        return wanted.look_again_at

    async def _apply(self, key: Key, manifest: Mapping[str, Any]) -> None:
        """Make the agent as it is wanted, and have another pass say what that led to: no watch need tell of it."""
        self._refusals.forget(key)
        refusal = await apply_child(self.client, self.index, key, manifest, self.clock())
        if refusal is not None:
            self._refusals.put(key, refusal)
        self.wake(key)

    async def _make_snapshot(self, key: Key, manifest: Mapping[str, Any]) -> None:
        """Make a Snapshot; another pass records what was seen."""
        self._snapshot_refusals.forget(key)
        refusal = await make_snapshot(self.client, self.index, key, manifest, self.clock(), self.wake)
        if refusal is not None:
            self._snapshot_refusals.put(key, refusal)

    async def _delete_snapshot(self, key: Key, removal: Removal) -> None:
        """Delete a Snapshot, unless it is gone or another one has its name."""
        found_at = Key(Kind.SNAPSHOT, key.namespace, removal.name)
        try:
            await self.client.delete(path_of(found_at), removal.uid)
        except (NotFound, Conflict):
            log.debug("there is no Snapshot %s any more", removal.name, extra={"key": str(key)})
            self.index.snapshots.remove(found_at, removal.uid)
            return
        record = self.index.snapshots.get(found_at)
        if record is not None and not record.resource()["metadata"].get("finalizers"):
            self.index.snapshots.remove(found_at, removal.uid)


def _strategy(resource: Mapping[str, Any]) -> str:
    """Return the name of the Strategy whose sessions are captured; none of a market."""
    source = (resource.get("spec") or {}).get("source") or {}
    return str((source.get("strategyRef") or {}).get("name", ""))
