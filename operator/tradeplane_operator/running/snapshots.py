"""One pass over one Snapshot: read it in its store, say what was found, wake who waits for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tradeplane_operator.planning.snapshot import ObservedSnapshot, plan
from tradeplane_operator.running.status import write_status

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.acting.events import EventWriter
    from tradeplane_operator.observing.index import Index
    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.observing.stores import Stores
    from tradeplane_operator.settings import Settings


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

    async def reconcile(self, key: Key, *, fresh: bool = False) -> datetime | None:
        """Make one pass; return when to look again. Raises ApiError and NotLeading."""
        record = self.index.snapshots.get(key)
        if record is None:
            return None
        observed = ObservedSnapshot(record.resource())
        wanted = plan(observed, self.settings, self.clock())
        if wanted.needs:
            spec = observed.resource["spec"]
            facts = await self.stores.snapshot(spec.get("store", "default"), key.namespace, spec["digest"])
            observed = replace(observed, facts=facts)
            wanted = plan(observed, self.settings, self.clock())
        written = await write_status(self.client, key, observed.resource, wanted.status)
        if written is not None:
            self.index.snapshots.put(written, confirmed=False)
            # The watch will bring back what was just put, which is no news then: who waits is woken here.
            for reader in self.index.take_readers(key):
                self.wake(reader)
            await self.events.tell(key, record.uid, wanted.notices)
        return wanted.look_again_at
