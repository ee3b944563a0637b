"""What is seen, brought into the ledger: watches on one side, transactions on the other, a queue with a limit between.

A recorder holds nothing that it could lose. When it starts it lists all there is, and says of it what it always says;
what stands in the ledger already is not entered again. What was deleted meanwhile is what the ledger has as there and
the list has not. Of an object that was changed twice while nobody looked, the change between was not seen.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_api.base import API_VERSION
from tradeplane_api.kinds import KINDS
from tradeplane_evidence.configurations.documents import Configuration, payload_of
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.ledger.appending import MAX_BATCH, append
from tradeplane_evidence.ledger.errors import LedgerUnavailable
from tradeplane_evidence.ledger.reading import applied_of, living
from tradeplane_store.errors import StoreError

from tradeplane_operator.observing.relisting import Collection
from tradeplane_operator.observing.watching import Watch
from tradeplane_operator.recording.approvals import approvals
from tradeplane_operator.recording.sightings import Sighting, applied, deleted, runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence, Set

    from sqlalchemy import Engine
    from tradeplane_evidence.configurations.payloads import Payloads
    from tradeplane_evidence.ledger.events import Event, ObjectReference

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.settings import Client

log = logging.getLogger(__name__)
MAX_WAITING = 10_000
"""Sightings that wait for the ledger; with more the recorder ends, and begins with a list when it is started again."""
MAX_TOGETHER = 500
PATIENCE_SECONDS = 300.0
"""How long the ledger may be away before the recorder ends."""
_PAUSE_SECONDS = 1.0
_REMEMBERED = 200_000
_MAX_NOTE = 1_024


_Seen = Sighting | tuple["ObjectReference", datetime]
"""An object as it was shown, or one that a list did not show any more, and when."""


class RecorderBehind(Exception):
    """The ledger was away for too long, or is too slow: start the recorder again, and it catches up from a list."""


@dataclass(slots=True)
class Recorder:
    """Records all kinds of the API: in some namespaces, or everywhere where none is named."""

    engine: Engine
    payloads: Payloads
    client: ApiClient
    settings: Client
    namespaces: Sequence[str] = ()
    patience: float = PATIENCE_SECONDS
    _waiting: asyncio.Queue[_Seen] = field(default_factory=lambda: asyncio.Queue(MAX_WAITING))
    _behind: asyncio.Event = field(default_factory=asyncio.Event)
    _living: dict[str, ObjectReference] = field(default_factory=dict)
    """What is there as far as the ledger and the watches say, by UID."""
    _configurations: dict[str, dict[int, str | None]] = field(default_factory=dict)
    """By UID and generation: what was recorded as applied."""
    _entered: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """Keys of events that stand in the ledger, the newest; a status that is seen again costs no question."""

    async def run(self) -> None:
        """Record until cancelled. Raises RecorderBehind, and what the ledger raises other than being away."""
        self._living = {one.uid: one for one in await asyncio.to_thread(living, self.engine)}
        log.info("recording", extra={"objects": len(self._living)})
        async with asyncio.TaskGroup() as group:
            for collection in self._collections():
                group.create_task(Watch(self.client, collection, self.settings, self, self._see).run())
            group.create_task(self._commit())
            group.create_task(self._end_when_behind())

    def known(self, collection: Collection) -> Mapping[str, ObjectReference]:
        """Return what is taken to be there of a kind, before it is listed."""
        (name,) = (kind.name for kind in KINDS if kind.plural == collection.plural)
        everywhere, namespace = not collection.namespace, collection.namespace
        return {
            uid: one
            for uid, one in self._living.items()
            if one.kind == name and (everywhere or one.namespace == namespace)
        }

    def settle(self, collection: Collection, before: Mapping[str, Any], there: Set[str]) -> None:
        """Record as deleted what was known before a list and is not in it."""
        for uid in sorted(before.keys() - there):
            self._living.pop(uid, None)
            self._put((before[uid], datetime.now(UTC)))
        log.info("listed", extra={"kind": collection.plural, "there": len(there)})

    def _collections(self) -> Iterator[Collection]:
        root = f"/apis/{API_VERSION}"
        for kind in KINDS:
            if not self.namespaces:
                yield Collection(kind.plural, "", f"{root}/{kind.plural}", "")
            for one in self.namespaces:
                yield Collection(kind.plural, one, f"{root}/namespaces/{one}/{kind.plural}", "")

    def _see(self, kind: str, body: Mapping[str, Any]) -> None:
        sighting = Sighting(body, kind == "DELETED", datetime.now(UTC))
        reference = sighting.reference
        if sighting.deleted:
            self._living.pop(reference.uid, None)
        else:
            self._living[reference.uid] = reference
        self._put(sighting)

    def _put(self, seen: _Seen) -> None:
        try:
            self._waiting.put_nowait(seen)
        except asyncio.QueueFull:
            self._behind.set()

    async def _end_when_behind(self) -> None:
        await self._behind.wait()
        raise RecorderBehind(f"{MAX_WAITING:,} changes wait for the ledger, and more come")

    async def _commit(self) -> None:
        while True:
            together = [await self._waiting.get()]
            while len(together) < MAX_TOGETHER and not self._waiting.empty():
                together.append(self._waiting.get_nowait())
            await self._entered_in_the_end(together)

    async def _entered_in_the_end(self, together: list[_Seen]) -> None:
        """Enter what was seen, again for as long as the ledger is away, within the patience. Raises RecorderBehind."""
        deadline = asyncio.get_running_loop().time() + self.patience
        while True:
            try:
                await asyncio.to_thread(self._enter, together)
            except (LedgerUnavailable, StoreError) as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise RecorderBehind(f"the ledger is away for {self.patience:g} seconds: {error}") from error
                log.warning("the ledger is away, and what was seen waits: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    def _enter(self, together: list[_Seen]) -> None:
        try:
            events = [event for seen in together for event in self._said(seen)]
            fresh = {key: event for event in events if (key := event.key) not in self._entered}
            for first in range(0, len(fresh), MAX_BATCH):
                append(self.engine, list(fresh.values())[first : first + MAX_BATCH])
        except BaseException:
            for seen in together:  # what was learned of these may not stand in the ledger: it is asked again
                self._configurations.pop(seen.reference.uid if isinstance(seen, Sighting) else seen[0].uid, None)
            raise
        self._entered.update(dict.fromkeys(fresh))
        while len(self._entered) > _REMEMBERED:
            self._entered.popitem(last=False)

    def _said(self, seen: _Seen) -> Iterator[Event]:
        """Yield what a sighting says. What cannot be an event is logged by name, and keeps nothing else out."""
        if not isinstance(seen, Sighting):
            yield deleted(*seen, note="not there when it was listed: it was deleted before")
            return
        try:
            yield from self._of_object(seen)
        except ValueError as error:  # a text that is over a limit, or has no canonical form
            log.error("%s cannot be recorded: %s", seen.body["metadata"], error)  # noqa: TRY400 - no trace

    def _of_object(self, seen: Sighting) -> Iterator[Event]:
        reference = seen.reference
        known = self._configurations.get(reference.uid)
        if known is None:
            known = self._configurations[reference.uid] = applied_of(self.engine, reference)
        if seen.generation not in known:
            digest, note = self._kept(seen)
            yield applied(seen, digest, known, note)
            known[seen.generation] = digest
        yield from runs(seen, known)
        yield from approvals(seen)
        if seen.deleted:
            yield deleted(reference, seen.at)
            self._configurations.pop(reference.uid, None)

    def _kept(self, seen: Sighting) -> tuple[str | None, str | None]:
        """Keep the specification; return its digest, or why there is none."""
        body = seen.body
        try:
            data = payload_of(Configuration(api_version=body["apiVersion"], kind=body["kind"], spec=body.get("spec")))
            return self.payloads.put(data), None
        except Malformed as error:
            return None, f"the specification was not kept: {error}"[:_MAX_NOTE]
