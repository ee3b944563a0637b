"""The two WebSocket connections of a trader, each made again whenever it ends: of the market, and of the account.

A message is heard in the callback that brings it, not by a task that waits for it: an order leaves before anything else
that is ready gets its turn.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Protocol

from picows import WSCloseCode, WSError, WSHandshakeError, WSListener, WSMsgType, ws_connect

from tradeplane_workloads.brokers.errors import BrokerError, CredentialsRefused
from tradeplane_workloads.capture.waits import asked_to_wait, backoff
from tradeplane_workloads.errors import FeedFailure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from picows import WSFrame, WSTransport

CONNECT_SECONDS = 10.0
HEARTBEAT_SECONDS = 10.0
"""A connection that does not answer a ping within half of that is over."""
MOST_ATTEMPTS = 100
"""Connections in a row that bring nothing, after which the trader ends: about 45 minutes."""
MESSAGE_BYTES = 4_000_000
CLOSING_SECONDS = 1.0
"""How long the other side has to say that it heard the end."""

_TEXT, _PING, _PONG, _CONTINUATION = WSMsgType.TEXT, WSMsgType.PING, WSMsgType.PONG, WSMsgType.CONTINUATION
_log = logging.getLogger(__name__)


class Ear(Protocol):
    """Who listens to a connection."""

    async def opened(self) -> None:
        """Take note that the connection is made; what it raises of BrokerError ends the connection."""

    def heard(self, message: bytes, received: int) -> None:
        """Take in a message, and when its last byte was read, in nanoseconds of ``time.perf_counter_ns``."""

    def closed(self) -> None:
        """Take note that the connection is over: what follows may leave something out."""


class Listener(WSListener):
    """Gives the messages of one connection to an ear, until it is over; ``error`` is what the ear raised."""

    def __init__(self, ear: Ear) -> None:
        super().__init__()
        self._ear = ear
        self._parts = bytearray()
        self._begins = True
        self._is_over = False
        self._transport: WSTransport | None = None
        self.received = time.perf_counter_ns()
        """When bytes were last read."""
        self.has_heard = False
        self.error: Exception | None = None

    @property
    def is_connected(self) -> bool:
        """Whether there ever was a connection."""
        return self._transport is not None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Take note of the connection, before its first frame."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hear a message; one that is neither text nor of the protocol ends the connection."""
        self._stamp(frame)
        if self._is_over:
            return
        kind = frame.msg_type
        if kind == _TEXT and frame.fin:
            self._hear(frame.get_payload_as_bytes())
        elif kind in (_TEXT, _CONTINUATION):
            self._gather(frame)
        elif kind == _PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind != _PONG:
            self.end()

    def is_user_specific_pong(self, frame: WSFrame) -> bool:
        """Whether a frame answers a ping; such a one is not given to ``on_ws_frame``."""
        is_pong = frame.msg_type == _PONG
        if is_pong:
            self._stamp(frame)
        return is_pong

    def end(self) -> None:
        """Hear nothing more, and close the connection."""
        if self._is_over:
            return
        self._is_over = True
        if self._transport is not None and not self._transport.is_disconnected:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    def _stamp(self, frame: WSFrame) -> None:
        """Note when bytes were read: all frames of what was read at once were received together."""
        if self._begins:
            self.received = time.perf_counter_ns()
        self._begins = frame.last_in_buffer

    def _hear(self, message: bytes) -> None:
        self.has_heard = True
        try:
            self._ear.heard(message, self.received)
        except Exception as error:  # whoever waits for the end of the connection raises it
            self.error = error
            self.end()

    def _gather(self, frame: WSFrame) -> None:
        """Put a message of several frames together."""
        self._parts += frame.get_payload_as_memoryview()
        if len(self._parts) > MESSAGE_BYTES:
            _log.warning("a message has more than %d bytes", MESSAGE_BYTES)
            self.end()
        elif frame.fin:
            whole = bytes(self._parts)
            self._parts.clear()
            self._hear(whole)


class Connection:
    """One connection. ``address`` is asked anew for each attempt; ``silent_seconds`` without a message end it."""

    def __init__(
        self, name: str, address: Callable[[], Awaitable[str]], ear: Ear, silent_seconds: float | None = None
    ) -> None:
        self._name = name
        self._address = address
        self._ear = ear
        self._silent_seconds = silent_seconds

    async def run(self) -> None:
        """Listen until cancelled. Raises FeedFailure when there is no connection for too long."""
        failures = 0
        while True:
            listener = Listener(self._ear)
            wait = await self._once(listener)
            failures = 1 if listener.has_heard else failures + 1
            if failures > MOST_ATTEMPTS:
                raise FeedFailure(
                    f"{self._name} gave nothing in {MOST_ATTEMPTS} attempts; check the address and the network, "
                    "then start the trader again: it goes on where it was"
                )
            await asyncio.sleep(backoff(failures) if wait is None else wait)

    async def _once(self, listener: Listener) -> float | None:
        """Connect and listen to the end; return the seconds that the venue wants to be left alone."""
        try:
            url = await self._address()
            transport = await _connected(url, listener)
        except WSHandshakeError as error:
            if error.response is None:
                _log.warning("%s is no WebSocket: %s", self._name, type(error).__name__)
                return None
            _log.warning("%s refused a connection: %d", self._name, error.response.status)
            return asked_to_wait(error.response.status, error.response.headers)
        except CredentialsRefused:
            raise
        except BrokerError as error:
            _log.warning("%s: %s", self._name, error)
            return error.retry_after_seconds
        except (WSError, TimeoutError, OSError) as error:
            _log.warning("%s cannot be reached: %s", self._name, error or type(error).__name__)
            return None
        else:
            return await self._listen(transport, listener)
        finally:
            listener.end()
            if listener.is_connected:
                self._ear.closed()

    async def _listen(self, transport: WSTransport, listener: Listener) -> float | None:
        """Listen from the first moment on, while the listener does what it does at the beginning."""
        opening = asyncio.ensure_future(self._ear.opened())
        opening.add_done_callback(lambda done: _end_where_failed(done, listener))
        ended = asyncio.ensure_future(transport.wait_disconnected())
        try:
            await self._until_over(ended, listener)
        finally:
            listener.end()
            opening.cancel()
            await asyncio.wait({opening, ended}, timeout=CLOSING_SECONDS)
            transport.disconnect(graceful=False)
            await asyncio.wait({opening, ended})
            if not ended.cancelled():
                ended.exception()  # why it ended does not matter; that it did is told
        if listener.error is not None:
            raise listener.error
        return _why(opening, self._name)

    async def _until_over(self, ended: asyncio.Future[None], listener: Listener) -> None:
        """Wait until a connection is over, or was silent for too long."""
        left = self._silent_seconds
        while True:
            await asyncio.wait({ended}, timeout=left)
            if ended.done():
                _log.warning("%s: the connection is over", self._name)
                return
            silent = (time.perf_counter_ns() - listener.received) / 1e9
            if self._silent_seconds is not None and silent >= self._silent_seconds:
                _log.warning("%s sent nothing for %g s", self._name, self._silent_seconds)
                return
            left = None if self._silent_seconds is None else self._silent_seconds - silent


async def _connected(url: str, listener: Listener) -> WSTransport:
    async with asyncio.timeout(CONNECT_SECONDS):
        transport, _ = await ws_connect(
            lambda *_: listener,
            url,
            websocket_handshake_timeout=CONNECT_SECONDS,
            enable_auto_ping=True,
            auto_ping_idle_timeout=HEARTBEAT_SECONDS,
            auto_ping_reply_timeout=HEARTBEAT_SECONDS / 2,
            enable_auto_pong=False,  # the listener answers, as it has to see each frame
            max_frame_size=MESSAGE_BYTES,
            max_redirects=0,
        )
    return transport


def _end_where_failed(opening: asyncio.Future[None], listener: Listener) -> None:
    """End a connection whose listener could not begin."""
    if not opening.cancelled() and opening.exception() is not None:
        listener.end()


def _why(opening: asyncio.Future[None], name: str) -> float | None:
    """Raise what a listener failed with, unless it was the broker, who may be asked again."""
    error = None if opening.cancelled() else opening.exception()
    if error is None:
        return None
    if isinstance(error, BrokerError) and not isinstance(error, CredentialsRefused):
        _log.warning("%s: %s", name, error)
        return error.retry_after_seconds
    if isinstance(error, TimeoutError):
        _log.warning("%s: the orders could not be reconciled in time", name)
        return None
    raise error
