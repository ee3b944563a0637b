"""What is seen, brought into the ledger: watches on one side, transactions on the other, a queue with a limit between.

A recorder holds nothing that it could lose. When it starts it lists all there is, and says of it what it always says;
what stands in the ledger already is not entered again. What was deleted meanwhile is what the ledger has as there and
the list has not. Of an object that was changed twice while nobody looked, the change between was not seen.

Where an API server tells its audit log as well, that says who did what, and the watch is there for what it does not
say. What it would claim is held for a grace (``awaiting``), and only entered where nobody was told of it until then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_api.base import API_VERSION
from tradeplane_api.kinds import KINDS
from tradeplane_evidence.configurations.documents import Configuration
from tradeplane_evidence.ledger.appending import MAX_BATCH, append
from tradeplane_evidence.ledger.errors import LedgerUnavailable
from tradeplane_evidence.ledger.events import Action
from tradeplane_evidence.ledger.reading import applied_of, authenticated_of, living
from tradeplane_store.errors import StoreError

from tradeplane_operator.observing.relisting import Collection
from tradeplane_operator.observing.watching import Watch
from tradeplane_operator.recording.approvals import approvals
from tradeplane_operator.recording.audit_entries import AuditEntries, Entered
from tradeplane_operator.recording.audit_events import completed
from tradeplane_operator.recording.awaiting import is_due, parted
from tradeplane_operator.recording.policies import PolicyLooks
from tradeplane_operator.recording.policy_kinds import POLICY_KINDS
from tradeplane_operator.recording.sightings import Sighting, applied, attested, deleted, only_deleted, runs
from tradeplane_operator.recording.specifications import digest_of, kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

    from sqlalchemy import Engine
    from tradeplane_evidence.configurations.payloads import Payloads
    from tradeplane_evidence.ledger.events import Event, ObjectReference

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.recording.audit_events import Deed
    from tradeplane_operator.settings import Client

log = logging.getLogger(__name__)
MAX_WAITING = 10_000
"""Sightings that wait for the ledger; with more the recorder ends, and begins with a list when it is started again."""
MAX_TOGETHER = 500
PATIENCE_SECONDS = 300.0
"""How long the ledger may be away before the recorder ends."""
_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = 0.5
"""How soon it is looked whether what is held can be entered."""
_REMEMBERED = 200_000
_STUCK_SECONDS = 120.0
"""Beyond the silence after which a watch is opened anew."""

_NAMES = {kind.plural: kind.name for kind in KINDS} | {kind.plural: kind.kind for kind in POLICY_KINDS}
_Seen = Sighting | tuple["ObjectReference", datetime]
"""An object as it was shown, or one that a list did not show any more, and when by the time of day."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What was seen. ``at`` is when on the recorder's ``steady``, by which it is held: the time of day may be set."""

    seen: _Seen
    at: float


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
    grace: float | None = None
    """Seconds within which an audit log says who did what is seen; None where there is none."""
    policies: bool = False
    """Whether the admission policies of the cluster are recorded, too."""
    steady: Callable[[], float] = time.monotonic
    """Seconds that pass whatever is done to the time of day."""
    _waiting: asyncio.Queue[Arrival] = field(default_factory=lambda: asyncio.Queue(MAX_WAITING))
    _behind: asyncio.Event = field(default_factory=asyncio.Event)
    _living: dict[str, ObjectReference] = field(default_factory=dict)
    """What is there as far as the ledger and the watches say, by UID."""
    _configurations: dict[str, dict[int, str | None]] = field(default_factory=dict)
    """By UID and generation: what was recorded as applied."""
    _entered: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """Keys of events that stand in the ledger, the newest; a status that is seen again costs no question."""
    _held: list[Arrival] = field(default_factory=list)
    _told_gone: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """UIDs of which the ledger has it on authority who deleted them, the newest."""
    _since: float = field(init=False)
    """From when on, by ``steady``, an audit log could be entered: the start, or when the ledger was away last."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _watches: list[Watch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._since = self.steady()

    async def run(self) -> None:
        """Record until cancelled. Raises RecorderBehind, and what the ledger raises other than being away."""
        self._living = {one.uid: one for one in await asyncio.to_thread(living, self.engine)}
        log.info("recording", extra={"objects": len(self._living)})
        self._watches += [
            Watch(self.client, collection, self.settings, self, self._see) for collection in self._collections()
        ]
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(watch.run())
            if self.policies:
                group.create_task(PolicyLooks(self.client, self, self._see).run())
            group.create_task(self._commit())
            group.create_task(self._end_when_behind())

    async def enter(self, deeds: Sequence[Deed]) -> Entered:
        """Enter what an audit log says was done; once this returns it is on the disk. Raises what the ledger raises."""
        entries = AuditEntries(self.engine, self.payloads, self.namespaces)
        async with self._turn:
            try:
                entered = await asyncio.to_thread(entries.enter, [self._completed(deed) for deed in deeds])
            except (LedgerUnavailable, StoreError):
                self._since = self.steady()
                raise
            for deed in entered.deeds:
                if deed.action is Action.DELETED:
                    _remember(self._told_gone, [deed.object.uid])
                else:
                    self._configurations.pop(deed.object.uid, None)  # it is asked again
        return entered

    def _completed(self, deed: Deed) -> Deed:
        """Return a deed with its specification, where that is held and the answer did not have it."""
        if deed.action is Action.DELETED or deed.configuration is not None:
            return deed
        for seen in (one.seen for one in self._held):
            if isinstance(seen, Sighting) and (_uid(seen), seen.generation) == (deed.object.uid, deed.generation):
                return completed(deed, _configuration(seen))
        return deed

    def failing(self) -> str:
        """Return why the recorder should be started again, or nothing."""
        for watch in self._watches:
            silent = time.monotonic() - watch.heard
            if silent > self.settings.inactivity_seconds + _STUCK_SECONDS:
                return f"nothing was heard of {watch.collection.path} for {silent:.0f} s"
        return ""

    def known(self, collection: Collection) -> Mapping[str, ObjectReference]:
        """Return what is taken to be there of a kind, before it is listed."""
        name = _NAMES[collection.plural]
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
            self._waiting.put_nowait(Arrival(seen, self.steady()))
        except asyncio.QueueFull:
            self._behind.set()

    async def _end_when_behind(self) -> None:
        await self._behind.wait()
        raise RecorderBehind(f"{MAX_WAITING:,} changes wait for the ledger, and more come")

    async def _commit(self) -> None:
        while True:
            together = await self._next()
            while len(together) < MAX_TOGETHER and not self._waiting.empty():
                together.append(self._waiting.get_nowait())
            await self._entered_in_the_end(together)
            if len(self._held) > MAX_WAITING:
                self._behind.set()

    async def _next(self) -> list[Arrival]:
        """Wait for what is seen next; where something is held, for no longer than until that is looked at again."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS if self._held else None):
                return [await self._waiting.get()]
        except TimeoutError:
            return []

    async def _entered_in_the_end(self, together: list[Arrival]) -> None:
        """Enter what was seen, again for as long as the ledger is away, within the patience. Raises RecorderBehind."""
        deadline = asyncio.get_running_loop().time() + self.patience
        while True:
            try:
                async with self._turn:
                    await asyncio.to_thread(self._enter, together)
            except (LedgerUnavailable, StoreError) as error:
                self._since = self.steady()
                if asyncio.get_running_loop().time() > deadline:
                    raise RecorderBehind(f"the ledger is away for {self.patience:g} seconds: {error}") from error
                log.warning("the ledger is away, and what was seen waits: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    def _enter(self, together: list[Arrival]) -> None:
        try:
            ready, held = parted([*self._held, *together], lambda one: _uid(one.seen), self._is_open)
            events = [event for one in ready for event in self._said(one.seen)]
            fresh = {key: event for event in events if (key := event.key) not in self._entered}
            for first in range(0, len(fresh), MAX_BATCH):
                append(self.engine, list(fresh.values())[first : first + MAX_BATCH])
        except BaseException:
            for one in (*self._held, *together):  # what was learned may not stand in the ledger: it is asked again
                self._configurations.pop(_uid(one.seen), None)
            raise
        self._held = held
        _remember(self._entered, fresh)

    def _is_open(self, one: Arrival) -> bool:
        """Say whether an audit log may yet say who did what is seen here."""
        if self.grace is None or is_due(one.at, self._since, self.steady(), self.grace):
            return False
        seen = one.seen
        if not isinstance(seen, Sighting):
            return seen[0].uid not in self._told_gone
        try:
            applied_already = seen.generation in self._known(seen)
        except ValueError:  # what cannot be recorded waits for nothing
            return False
        return not applied_already or (seen.deleted and _uid(seen) not in self._told_gone)

    def _said(self, seen: _Seen) -> Iterator[Event]:
        """Yield what a sighting says. What cannot be an event is logged by name, and keeps nothing else out."""
        if not isinstance(seen, Sighting):
            if not self._is_told_gone(seen[0]):
                self._miss(seen[0], "the deletion")
                yield deleted(*seen, note="not there when it was listed: it was deleted before")
            return
        try:
            yield from self._of_object(seen)
        except ValueError as error:  # a text that is over a limit, or has no canonical form
            log.error("%s cannot be recorded: %s", seen.body["metadata"], error)  # noqa: TRY400 - no trace

    def _of_object(self, seen: Sighting) -> Iterator[Event]:
        reference = seen.reference
        known = self._known(seen)
        if self.grace is not None and seen.generation not in known:  # another recorder may have been told
            del self._configurations[reference.uid]
            known = self._known(seen)
        if known.get(seen.generation) is None:
            digest, note = kept(self.payloads, _configuration(seen))
            if digest is not None or seen.generation not in known:
                self._miss(reference, f"generation {seen.generation}")
                yield applied(seen, digest, known, note)
            known[seen.generation] = digest
        yield from runs(seen, known)
        yield from attested(seen)
        yield from approvals(seen)
        if seen.deleted:
            if not self._is_told_gone(reference):
                self._miss(reference, "the deletion")
                yield deleted(reference, seen.at)
            self._configurations.pop(reference.uid, None)

    def _miss(self, reference: ObjectReference, what: str) -> None:
        """Log that the audit log, where it is told, did not say who did something: someone may have seen to that."""
        if self.grace is not None:
            what = f"{what} of {reference.kind} {reference.namespace}/{reference.name}"
            log.warning("the audit log did not say whose %s is, and it is entered as claimed", what)

    def _known(self, seen: Sighting) -> dict[int, str | None]:
        """Return what was applied to an object, by generation; what only its deletion counted up is no other."""
        reference = seen.reference
        known = self._configurations.get(reference.uid)
        if known is None:
            known = self._configurations[reference.uid] = applied_of(self.engine, reference)
        if seen.terminating and seen.generation not in known:
            digest = digest_of(_configuration(seen))
            if only_deleted(seen.generation, digest, known):
                known[seen.generation] = known[seen.generation - 1]
        return known

    def _is_told_gone(self, reference: ObjectReference) -> bool:
        """Say whether the ledger has it on authority who deleted an object."""
        if self.grace is None:
            return False
        if reference.uid not in self._told_gone and None in authenticated_of(self.engine, [reference]).get(
            reference.uid, {}
        ):
            _remember(self._told_gone, [reference.uid])
        return reference.uid in self._told_gone


def _configuration(seen: Sighting) -> Configuration:
    return Configuration(api_version=seen.body["apiVersion"], kind=seen.body["kind"], spec=seen.body.get("spec"))


def _uid(seen: _Seen) -> str:
    return str(seen.body["metadata"].get("uid")) if isinstance(seen, Sighting) else seen[0].uid


def _remember(there: OrderedDict[str, None], keys: Iterable[str]) -> None:
    there.update(dict.fromkeys(keys))
    while len(there) > _REMEMBERED:
        there.popitem(last=False)
