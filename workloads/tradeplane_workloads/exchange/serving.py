"""An exchange from its specification to a server that answers, and back to nothing when it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web
from tradeplane_api.exchange import AtEnd

from tradeplane_workloads.errors import DataRefused, StoreFailure
from tradeplane_workloads.exchange.market import schedule_of, tapes_of
from tradeplane_workloads.exchange.player import Player
from tradeplane_workloads.exchange.record_file import RecordFile
from tradeplane_workloads.exchange.server import Server, watch
from tradeplane_workloads.exchange.venue import Venue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_api.exchange import ExchangeSpecification
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.exchange.credentials import KeyDirectory
    from tradeplane_workloads.exchange.listing import Wire

SYNC_S = 1.0
"""How often the record is put on the disk: what a machine that loses power may lose of it."""
SHUTDOWN_S = 2.0
"""How long requests that are under way have to end."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Where:
    """Where an exchange listens; ``port`` 0 takes a free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where clients find an exchange that listens."""

    host: str
    port: int
    wire: Wire
    symbols: tuple[str, ...]

    @property
    def rest(self) -> str:
        """The URL that paths such as ``/api/v3/time`` are appended to."""
        return f"http://{self._place}"

    @property
    def streams(self) -> str:
        """The URL that ``/ws/...`` and ``/stream?streams=...`` are appended to."""
        return f"ws://{self._place}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Exchange:
    """An exchange that can be served: its market is read and its record replayed.

    Raises InvalidSpecification, DataRefused or StoreFailure.
    """

    def __init__(
        self,
        specification: ExchangeSpecification,
        store: ObjectStore | None,
        keys: KeyDirectory,
        clock: Callable[[], int],
        record: Path | None,
    ) -> None:
        self.specification = specification
        tapes = tapes_of(specification, store)
        self._file = None if record is None else RecordFile(record)
        try:
            self.venue = Venue(specification, tapes, clock, self._file)
            played = self._resume()
        except Exception:
            if self._file is not None:
                self._file.close()
            raise
        schedule = schedule_of(tapes)
        # By a clock that only goes forward: the computer's may be set back, and the market would stand.
        pace = time.monotonic_ns
        self._player = Player(self.venue, schedule, specification.speed, specification.at_end, pace, played)
        self.server = Server(self.venue, specification, keys, clock)
        self._stops = specification.at_end is AtEnd.STOP

    def _resume(self) -> int:
        """Replay what was recorded before, and return how many inputs of the market there were."""
        recorded = b"" if self._file is None else self._file.read()
        if self._file is None or not recorded:
            return 0
        try:
            replayed = self.venue.resume(recorded)
        except DataRefused as error:
            raise DataRefused(f"{self._file.path}: {error}") from error
        self._file.cut(replayed.whole)
        _log.info("went on from %d bytes of record, %d inputs of the market", replayed.whole, replayed.market_inputs)
        return replayed.market_inputs

    async def serve(self, where: Where, ready: Callable[[Address], None], stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, or the tapes are over where that ends it.

        ``ready`` is told when clients can connect. Raises StoreFailure where the port is taken or recording fails.
        """
        runner = web.AppRunner(self.server.application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        tasks: list[asyncio.Task[None]] = []
        try:
            site = web.TCPSite(runner, where.host, where.port)
            try:
                await site.start()
            except OSError as error:
                raise StoreFailure(
                    f"{where.host}:{where.port} cannot be listened on ({error.strerror}); choose another port"
                ) from error
            ready(self._address(runner))
            tasks += [asyncio.create_task(self._play()), asyncio.create_task(self.server.flush())]
            if self._file is not None:
                tasks.append(asyncio.create_task(_sync(self._file)))
            tasks += [asyncio.create_task(watch(self.server, task)) for task in list(tasks)]
            await self._wait(stop)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()
            if self._file is not None:
                self._file.close()
        if self.server.failure is not None:
            raise self.server.failure

    async def _play(self) -> None:
        await self._player.play()
        if self._stops:
            self.server.stopped.set()

    async def _wait(self, stop: asyncio.Event) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in (stop, self.server.stopped)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _address(self, runner: web.AppRunner) -> Address:
        host, port = runner.addresses[0][:2]
        listings = self.venue.listings
        return Address(host, port, listings.wire, tuple(one.symbol for one in listings.all))


async def _sync(record: RecordFile) -> None:
    """Put what was recorded on the disk now and then, beside everything else: no client waits for it."""
    while True:
        await asyncio.sleep(SYNC_S)
        await asyncio.to_thread(record.sync)
