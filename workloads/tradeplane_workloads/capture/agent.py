"""The agent: a feed in, segments on the disk, bundles in the store.

What arrives is written and synced by one thread, every ``flush_milliseconds``. At the cadence, or when it is large
enough, a segment ends and the next one begins; where a book is being asked for, the cut waits for it a little, so that
the next bundle can begin with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tradeplane_api.capture import Channel
from tradeplane_native import Spool

from tradeplane_workloads.capture.books import Books
from tradeplane_workloads.capture.sealer import Sealer
from tradeplane_workloads.capture.segment import Segment
from tradeplane_workloads.capture.stream import Feed
from tradeplane_workloads.errors import StoreFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.capture import CaptureSpecification, SealedBundle

    from tradeplane_workloads.capture.folder import SpoolFolder

HOLD_CUT_SECONDS = 5.0
"""How long a cut waits for books that were asked for."""
_CHECK_ROOM_SECONDS = 5.0

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(slots=True)
class Progress:
    """How far a capture has come, for whoever watches it."""

    segment: int = 0
    segment_bytes: int = 0
    messages: int = 0
    acknowledged: int = 0
    """Messages that are on the disk, synced."""
    connections: int = 0
    torn_bytes: int = 0
    """Of a line that a crash had left unfinished, cut off at the start."""
    kept_out: dict[str, int] = field(default_factory=dict)
    sealed: list[SealedBundle] = field(default_factory=list)
    """The bundles sealed in this run, the last 1,000 of them."""


class Agent:
    """One capture, from a claimed spool. ``watch`` is called a few times a second and for each bundle.

    ``first``: the number of the first segment of a spool that has none.
    """

    def __init__(
        self,
        specification: CaptureSpecification,
        folder: SpoolFolder,
        places: tuple[str, str | None],
        watch: Callable[[Progress, SealedBundle | None], None],
        first: int = 1,
    ) -> None:
        self._specification = specification
        self._first = first
        self._folder = folder
        self._watch = watch
        self.progress = Progress()
        feed = specification.feed
        self._spool = Spool(list(feed.symbols), feed.max_message_bytes)
        self._books = Books(feed, self._spool)
        self._feed = Feed(feed, self._spool, self._opened, self._attend)
        self._sealer = Sealer(specification, folder, places, self._sealed)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._broken = False
        """Whether there was a feed before: what comes next does not follow it."""
        self._failed = False
        """Whether lines could not be written: none after them may be, or there would be a hole that nobody sees."""

    async def run(self, stop: asyncio.Event) -> Progress:
        """Capture until ``stop`` is set, then seal what is there. Raises WorkloadError; what is written stays."""
        with self._folder.held("agent"):
            self._segment = await self._begin()
            self._ends = time.monotonic() + self._specification.rotation.seconds
            try:
                await self._until(stop)
            finally:
                self._writer.shutdown(wait=True)
                self._segment.close()
        return self.progress

    async def _until(self, stop: asyncio.Event) -> None:
        """Run the parts; where one fails the others end, and what has arrived is still written."""
        taken = asyncio.Event()
        sealing = asyncio.ensure_future(self._sealer.run(taken))
        taking = asyncio.ensure_future(self._take_down(stop, taken))
        try:
            await asyncio.wait({sealing, taking}, return_when=asyncio.FIRST_EXCEPTION)
            for task in (taking, sealing):
                if task.done():
                    task.result()
        finally:
            stop.set()
            for task in (taking, sealing):
                task.cancel()
            await asyncio.gather(taking, sealing, return_exceptions=True)

    async def _take_down(self, stop: asyncio.Event, taken: asyncio.Event) -> None:
        """Take the feed down until it is time to stop, then write the rest, end the segment and say so."""
        asking = asyncio.ensure_future(self._books.run())
        feeding = asyncio.ensure_future(self._feed.run(stop))
        flushing = asyncio.ensure_future(self._flush_until(stop))
        parts: set[asyncio.Future[None]] = {asking, feeding, flushing}
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            asking.cancel()
            ended = await asyncio.gather(*parts, return_exceptions=True)
            await self._flush(last=True)
        for failure in ended:
            if isinstance(failure, Exception):
                raise failure
        await self._cut()
        taken.set()
        self._sealer.wake()

    async def _begin(self) -> Segment:
        """Go on with the segment that a run before was writing, or begin the first."""
        numbers = self._folder.segments()
        segment = await self._on_writer(lambda: Segment(self._folder, numbers[-1] if numbers else self._first))
        self._broken = segment.size > 0 or segment.number > 1
        self.progress.torn_bytes = segment.torn
        if segment.torn:
            _log.warning("segment %d: %d bytes of an unfinished line were cut off", segment.number, segment.torn)
        return segment

    def _opened(self) -> None:
        """Take note of a new connection: between it and the one before, anything may have been lost."""
        if self._broken:
            self._spool.lose_feed(time.time_ns())
        self._broken = True
        if Channel.DEPTH in self._specification.feed.channels:
            for instrument in range(len(self._specification.feed.symbols)):
                self._books.want(instrument)

    def _attend(self) -> None:
        """Ask for the books that were lost."""
        for instrument in self._spool.take_lost():
            self._books.want(instrument)

    async def _flush_until(self, stop: asyncio.Event) -> None:
        seconds = self._specification.spool.flush_milliseconds / 1_000
        room_checked = time.monotonic()
        while not stop.is_set():
            await asyncio.sleep(seconds)
            due = self._due()
            await self._flush(last=due)
            if due:
                await self._cut()
                self._sealer.wake()
            if time.monotonic() - room_checked > _CHECK_ROOM_SECONDS:
                room_checked = time.monotonic()
                await self._on_writer(self._check_room)

    async def _flush(self, *, last: bool = False) -> None:
        """Write and sync what has arrived; ``last``: a cut follows, and what arrives from now on is behind it."""
        if self._failed:
            return
        lines, messages = self._spool.take(), self._spool.messages
        if last:
            self._spool.cut()
        if lines:
            segment, self._failed = self._segment, True
            await self._on_writer(lambda: segment.write(lines))
            self._failed = False
        progress = self.progress
        progress.acknowledged, progress.messages = messages, self._spool.messages
        progress.segment, progress.segment_bytes = self._segment.number, self._segment.size
        progress.connections = self._feed.connections
        progress.kept_out = {why: times for why, times in self._spool.kept_out if times}
        self._feed.hold()
        self._watch(progress, None)

    def _due(self) -> bool:
        if self._segment.size >= self._specification.rotation.bytes:
            return True
        late = time.monotonic() - self._ends
        if late < 0 or not self._segment.size:
            return False
        return late >= HOLD_CUT_SECONDS or not self._books.pending

    async def _cut(self) -> None:
        """End the segment, if there is anything in it, and begin the next."""
        self._ends = max(self._ends, time.monotonic() - HOLD_CUT_SECONDS) + self._specification.rotation.seconds
        if self._segment.size:
            number = self._segment.number + 1
            following = await self._on_writer(lambda: Segment(self._folder, number))
            self._segment.close()
            self._segment = following

    def _check_room(self) -> None:
        most, there = self._specification.spool.max_bytes, self._folder.unsealed_bytes()
        if there > most:
            raise StoreFailure(
                f"{self._folder.root} holds {there} bytes that are not sealed, more than {most}; see in the log why "
                "bundles are not sealed, then start the capture again"
            )

    def _sealed(self, bundle: SealedBundle) -> None:
        self.progress.sealed = [*self.progress.sealed[-999:], bundle]
        _log.info("segment %d is sealed: %s, %d records", bundle.number, bundle.snapshot, bundle.records)
        self._watch(self.progress, bundle)

    async def _on_writer(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)
