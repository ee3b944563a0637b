"""One pass over one Snapshot: read it in its store, say what was found, wake who waits for it.

Of one that is deleted and is to take what lies in the store with it, that is removed here: the one thing the operator
ever deletes from a store, and it may only where the administrator gave it the right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tradeplane_operator.planning.attestation_guard import is_guarded
from tradeplane_operator.planning.bundles import known_snapshot
from tradeplane_operator.planning.payload import PayloadUse
from tradeplane_operator.planning.readers import digests_read
from tradeplane_operator.planning.snapshot import ObservedSnapshot, plan
from tradeplane_operator.planning.wanted import Fact
from tradeplane_operator.running.reading import read_again, resources_of
from tradeplane_operator.running.settling import settle
from tradeplane_operator.running.status import write_finalizers, write_status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.acting.events import EventWriter
    from tradeplane_operator.observing.index import Index
    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.observing.stores import Stores
    from tradeplane_operator.planning.bundles import KnownSnapshot
    from tradeplane_operator.planning.wanted import Need, Plan
    from tradeplane_operator.running.attestations import Attestations
    from tradeplane_operator.settings import Settings

_ROUNDS = 3
"""Facts are found out at most so often in one pass: the store, or the readers, and what follows."""


@dataclass(slots=True)
class Snapshots:
    """Reconciles Snapshots."""

    settings: Settings
    clock: Callable[[], datetime]
    index: Index
    client: ApiClient
    stores: Stores
    events: EventWriter
    wake: Callable[[Key], None]
    """Told each Strategy that waits for a Snapshot whose status was just written."""
    complete: Callable[[], Awaitable[bool]]
    """Says whether everything there is has been seen once, so that who reads a snapshot is known."""
    attestations: Attestations | None = None
    """Absent where the settings say nothing of evidence."""

    async def reconcile(self, key: Key, *, fresh: bool = False) -> datetime | None:
        """Make one pass; return when to look again. Raises ApiError and NotLeading."""
        record = self.index.snapshots.get(key)
        if record is None:
            if self.attestations is not None:
                self.attestations.keep(key, ())
            return None
        resource: Mapping[str, Any] = record.resource()
        if fresh:
            resource, _ = await read_again(self.client, self.index.snapshots, key, resource)
        facts = {} if self.attestations is None else self.attestations.facts(key)
        observed = ObservedSnapshot(resource, attestations=facts)
        observed, wanted = await settle(key, observed, self._plan, self._find_out, _ROUNDS)
        if wanted.remove_payload:
            spec = observed.resource["spec"]
            removal = await self.stores.remove_snapshot(spec.get("store", "default"), key.namespace, spec["digest"])
            observed = replace(observed, removal=removal)
            wanted = self._plan(observed)
        return await self._act(key, observed.resource, wanted)

    def _plan(self, observed: ObservedSnapshot) -> Plan:
        return plan(observed, self.settings, self.clock())

    async def _find_out(self, key: Key, observed: ObservedSnapshot, need: Need) -> ObservedSnapshot:
        spec = observed.resource["spec"]
        store, digest = spec.get("store", "default"), spec["digest"]
        if need.fact is Fact.READERS:
            return replace(observed, use=await self._use(key, store, digest))
        return replace(observed, facts=await self.stores.snapshot(store, key.namespace, digest))

    async def _use(self, key: Key, store: str, digest: str) -> PayloadUse:
        """Return who else has to do with a payload."""
        known = await self.complete()
        others = [other.name for other in self._naming(key, digest) if other.store == store and not other.deleting]
        indexes = self.index.strategies, self.index.replays, self.index.connections
        read = digests_read(*(resources_of(index, key.namespace) for index in indexes))
        return PayloadUse(tuple(sorted(others)), read=digest in read, known=known)

    def _naming(self, key: Key, digest: str) -> Iterator[KnownSnapshot]:
        """Yield the other Snapshots of a namespace that name a digest."""
        spelled = digest.encode()
        for other in self.index.snapshots:
            record = self.index.snapshots.get(other)
            if other.namespace != key.namespace or other == key or record is None or spelled not in record.body:
                continue
            found = known_snapshot(record.resource())
            if found.digest == digest:
                yield found

    async def _act(self, key: Key, resource: Mapping[str, Any], wanted: Plan) -> datetime | None:
        uid = resource["metadata"]["uid"]
        written = await write_status(self.client, key, resource, wanted.status)
        if written is not None:
            self.index.snapshots.put(written, confirmed=False)
            self._wake_readers(key)
        if wanted.notices and (written is not None or wanted.finalizers is not None):
            await self.events.tell(key, uid, wanted.notices)
        if wanted.finalizers is not None:
            guarded = await write_finalizers(self.client, key, written or resource, wanted.finalizers)
            if "deletionTimestamp" in guarded["metadata"] and not wanted.finalizers:
                self.index.snapshots.remove(key, uid)  # it is gone, which a watch may have told before the answer came
                self._wake_readers(key)
            else:
                self.index.snapshots.put(guarded, confirmed=False)
                self.wake(key)
        if self.attestations is not None:
            held = is_guarded(resource["metadata"])
            self.attestations.keep(key, wanted.owed, held=held)
            if wanted.attest_snapshot is not None:
                self.attestations.ask(key, wanted.attest_snapshot.store, wanted.attest_snapshot, uid, held=held)
        return wanted.look_again_at

    def _wake_readers(self, key: Key) -> None:
        """Wake who waits: what was just written is no news any more when the watch brings it back."""
        for reader in self.index.take_readers(key):
            self.wake(reader)
