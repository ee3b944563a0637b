"""Snapshots of books by request: at the start, after each gap and reconnection, until a book is known again.

One request after the other, within the weight that is allowed in a minute; when the venue asks to be left alone, it is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

import aiohttp

from tradeplane_workloads.brokers.weight import USED_WEIGHT, Weight
from tradeplane_workloads.capture.venue import book_weight, depth_url
from tradeplane_workloads.capture.waits import asked_to_wait, backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.capture import CaptureFeed
    from tradeplane_native import Spool

REQUEST_SECONDS = 10.0
PAUSE_SECONDS = 0.1
"""Between two requests."""
APART_SECONDS = 1.0
"""Between two requests for one book, but those that try again."""
MOST_ATTEMPTS = 100
"""Requests in a row for one book, after which it stays unknown until its next gap."""
_CHUNK = 1 << 16

_log = logging.getLogger(__name__)


class Books:
    """Asks for the books that are not known."""

    def __init__(self, feed: CaptureFeed, spool: Spool, steady: Callable[[], int] = time.monotonic_ns) -> None:
        """``steady``: by which minutes are counted, a clock in nanoseconds that is never set."""
        self._feed = feed
        self._spool = spool
        self._failures: dict[int, int] = {}
        self._due: dict[int, float] = {}
        self._asked: dict[int, float] = {}
        self._wake = asyncio.Event()
        self._until = 0.0
        self._weight = None if feed.weight_per_minute is None else Weight(feed.weight_per_minute, steady)
        self.refused = 0

    @property
    def pending(self) -> bool:
        """Whether a book has been asked for and is not known yet, and may soon be: not after several failures."""
        return any(failures < 3 for failures in self._failures.values())

    def want(self, instrument: int) -> None:
        """Ask for a book: at once, but not twice within ``APART_SECONDS``, however often it is lost."""
        if instrument in self._failures:
            return
        self._failures[instrument] = 0
        self._due[instrument] = max(time.monotonic(), self._asked.get(instrument, -APART_SECONDS) + APART_SECONDS)
        self._wake.set()

    async def run(self) -> None:
        """Ask for what is wanted, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                wait = await self._next(session)
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wake.wait(), wait)
                except TimeoutError:
                    continue

    async def _next(self, session: aiohttp.ClientSession) -> float | None:
        """Ask for the book that is due, if any is; return how long nothing is, None where nothing is wanted."""
        if not self._due:
            return None
        instrument, due = min(self._due.items(), key=lambda item: item[1])
        now = time.monotonic()
        if max(due, self._until) > now:
            return max(due, self._until) - now
        wait = 0.0 if self._weight is None else self._weight.wait(book_weight(self._feed))
        if wait:
            _log.warning("no book is asked for within %.0f s: spec.rateLimits.weightPerMinute is spent", wait)
            return wait
        del self._due[instrument]
        self._asked[instrument] = now
        if self._weight is not None:
            self._weight.spend(book_weight(self._feed))
        known = await self._ask(session, instrument)
        failures = self._failures.get(instrument, 0) + 1
        if known or failures >= MOST_ATTEMPTS:
            self._failures.pop(instrument, None)
        else:
            self._failures[instrument] = failures
            self._due[instrument] = time.monotonic() + backoff(failures)
        return PAUSE_SECONDS

    async def _ask(self, session: aiohttp.ClientSession, instrument: int) -> bool:
        """Ask for a book and spool the answer; return whether the book is known now."""
        symbol = self._feed.symbols[instrument]
        url = depth_url(self._feed, symbol)
        try:
            async with session.get(url, allow_redirects=False) as response:
                if self._weight is not None:
                    self._weight.count(response.headers.get(USED_WEIGHT, ""))
                wait = asked_to_wait(response.status, response.headers)
                if wait is not None:
                    _log.warning("%s wants no request for %g s (status %d)", self._feed.rest, wait, response.status)
                    self._until = time.monotonic() + wait
                if response.status != 200:
                    self.refused += 1
                    _log.warning("no book of %s: status %d", symbol, response.status)
                    return False
                body = await _limited(response, self._feed.max_message_bytes)
            return self._spool.append_snapshot(time.time_ns(), instrument, body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            self.refused += 1
            _log.warning("no book of %s: %s", symbol, error or type(error).__name__)
            return False


async def _limited(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise ValueError(f"the answer has more than {limit} bytes")
    return bytes(body)
