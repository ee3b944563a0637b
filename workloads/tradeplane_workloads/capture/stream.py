"""The WebSocket connection: what arrives goes to the spool at once, and a connection that ends is made again.

The listener is called for each frame without a coroutine, which is what makes 100,000 messages a second possible.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from picows import WSError, WSHandshakeError, WSListener, WSMsgType, ws_connect

from tradeplane_workloads.capture.venue import stream_url
from tradeplane_workloads.capture.waits import asked_to_wait, backoff, stopped_within
from tradeplane_workloads.errors import FeedFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from picows import WSFrame, WSTransport
    from tradeplane_api.capture import CaptureFeed
    from tradeplane_native import Spool

CONNECT_SECONDS = 10.0
MOST_ATTEMPTS = 100
"""Attempts in a row that bring no message, after which the capture ends: about 45 minutes."""
FULL_BYTES = 64 * 1024**2
"""Of lines that are not on the disk yet. More are not read until some are: the venue then has to wait, or hang up."""

_TEXT, _CLOSE = WSMsgType.TEXT, WSMsgType.CLOSE
_MESSAGES = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION)

_log = logging.getLogger(__name__)


class Listener(WSListener):
    """Takes the frames of one connection."""

    def __init__(self, spool: Spool, opened: Callable[[], None], attend: Callable[[], None], longest: int) -> None:
        super().__init__()
        self._append = spool.append
        self._spool = spool
        self._opened = opened
        self._attend = attend
        self._longest = longest
        self._parts = bytearray()
        self.frames = 0
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Take note of the connection, before its first frame."""
        self.transport = transport
        self._opened()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Spool a message."""
        self.frames += 1
        kind = frame.msg_type  # asked for once: each time it is looked up by name
        if kind == _TEXT and frame.fin:
            if self._append(time.time_ns(), frame.get_payload_as_bytes()):
                self._attend()
        elif kind in _MESSAGES:
            self._gather(transport, frame)
        elif kind == _CLOSE:
            transport.disconnect()

    def hold(self) -> None:
        """Read no more while too much is not on the disk yet."""
        if self.transport is None:
            return
        transport = self.transport.underlying_transport
        if self._spool.waiting > FULL_BYTES:
            if transport.is_reading():
                transport.pause_reading()
        elif not transport.is_reading() and not transport.is_closing():
            transport.resume_reading()

    def close(self) -> None:
        """End the connection."""
        if self.transport is not None:
            self.transport.disconnect()

    def _gather(self, transport: WSTransport, frame: WSFrame) -> None:
        """Put a message of several frames together."""
        self._parts += frame.get_payload_as_memoryview()
        if len(self._parts) > self._longest:
            self._append(time.time_ns(), bytes(self._parts))  # which counts it, and keeps it out
            transport.disconnect()
        elif frame.fin:
            if self._append(time.time_ns(), bytes(self._parts)):
                self._attend()
            self._parts.clear()


class Feed:
    """The connection to a venue, made again whenever it ends."""

    def __init__(self, feed: CaptureFeed, spool: Spool, opened: Callable[[], None], attend: Callable[[], None]) -> None:
        self._feed = feed
        self._spool = spool
        self._opened = opened
        self._attend = attend
        self._listener: Listener | None = None
        self.connections = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Take the feed down until it is time to stop. Raises FeedFailure when it cannot be had for too long."""
        failures = 0
        while not stop.is_set():
            wait = await self._once(stop)
            if self._listener is not None and self._listener.frames:
                failures = 0
            failures += 1
            if failures > MOST_ATTEMPTS:
                raise FeedFailure(
                    f"{self._feed.stream} gave nothing in {MOST_ATTEMPTS} attempts; check the address and the network, "
                    "then start the capture again: it goes on where it was"
                )
            if await stopped_within(stop, backoff(failures) if wait is None else wait):
                return

    def hold(self) -> None:
        """Read no more while too much is not on the disk yet."""
        if self._listener is not None:
            self._listener.hold()

    async def _once(self, stop: asyncio.Event) -> float | None:
        """Connect and listen until the connection ends. Return the seconds that the venue wants to be left alone."""
        self._listener = None
        feed = self._feed
        made = Listener(self._spool, self._connected, self._attend, feed.max_message_bytes)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                transport, _ = await ws_connect(
                    lambda *_: made,
                    stream_url(feed),
                    max_frame_size=feed.max_message_bytes,
                    max_redirects=0,
                )
        except WSHandshakeError as error:
            _log.warning("%s refused a connection: %s", feed.stream, error)
            return None if error.response is None else asked_to_wait(error.response.status, error.response.headers)
        except (OSError, WSError, TimeoutError) as error:
            _log.warning("%s cannot be reached: %s", feed.stream, error or type(error).__name__)
            return None
        self._listener = made
        await self._listen(transport, made, stop)
        return None

    async def _listen(self, transport: WSTransport, listener: Listener, stop: asyncio.Event) -> None:
        ended = asyncio.ensure_future(transport.wait_disconnected())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while True:
                before = listener.frames
                done, _ = await asyncio.wait(
                    {ended, stopping}, timeout=self._feed.silent_seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if ended in done:
                    _log.warning("%s ended the connection", self._feed.stream)
                    return
                if stopping in done:
                    return
                if listener.frames == before and transport.underlying_transport.is_reading():
                    _log.warning("%s sent nothing for %d s", self._feed.stream, self._feed.silent_seconds)
                    return
        finally:
            listener.close()
            stopping.cancel()
            await asyncio.wait({ended, stopping}, timeout=CONNECT_SECONDS)
            if not ended.done():
                ended.cancel()
            elif not ended.cancelled():
                ended.exception()  # why it ended does not matter; that it did is told above

    def _connected(self) -> None:
        self.connections += 1
        self._opened()
