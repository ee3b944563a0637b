"""The two WebSocket connections of a trader, each made again whenever it ends: of the market, and of the account."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

import aiohttp

from tradeplane_workloads.brokers.errors import BrokerError, CredentialsRefused
from tradeplane_workloads.capture.waits import asked_to_wait, backoff
from tradeplane_workloads.errors import FeedFailure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CONNECT_SECONDS = 10.0
HEARTBEAT_SECONDS = 10.0
"""A connection that does not answer a ping within half of that is over."""
MOST_ATTEMPTS = 100
"""Connections in a row that bring nothing, after which the trader ends: about 45 minutes."""
MESSAGE_BYTES = 4_000_000
_CLOSING = aiohttp.ClientWSTimeout(ws_close=1.0)
"""How long the other side has to say that it heard the end."""

_log = logging.getLogger(__name__)


class Ear(Protocol):
    """Who listens to a connection."""

    async def opened(self) -> None:
        """Take note that the connection is made; what it raises of BrokerError ends the connection."""

    def heard(self, message: str) -> None:
        """Take in a message."""

    def closed(self) -> None:
        """Take note that the connection is over: what follows may leave something out."""


class Connection:
    """One connection. ``address`` is asked anew for each attempt; ``silent_seconds`` without a message end it."""

    def __init__(
        self, name: str, address: Callable[[], Awaitable[str]], ear: Ear, silent_seconds: float | None = None
    ) -> None:
        self._name = name
        self._address = address
        self._ear = ear
        self._silent_seconds = silent_seconds
        self._heard = False

    async def run(self) -> None:
        """Listen until cancelled. Raises FeedFailure when there is no connection for too long."""
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
        failures = 0
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http:
            while True:
                self._heard = False
                wait = await self._once(http)
                failures = 1 if self._heard else failures + 1
                if failures > MOST_ATTEMPTS:
                    raise FeedFailure(
                        f"{self._name} gave nothing in {MOST_ATTEMPTS} attempts; check the address and the network, "
                        "then start the trader again: it goes on where it was"
                    )
                await asyncio.sleep(backoff(failures) if wait is None else wait)

    async def _once(self, http: aiohttp.ClientSession) -> float | None:
        """Connect and listen to the end; return the seconds that the venue wants to be left alone."""
        try:
            url = await self._address()
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await http.ws_connect(
                    url, heartbeat=HEARTBEAT_SECONDS, max_msg_size=MESSAGE_BYTES, timeout=_CLOSING
                )
        except aiohttp.WSServerHandshakeError as error:
            _log.warning("%s refused a connection: %d", self._name, error.status)
            return asked_to_wait(error.status, error.headers or {})
        except CredentialsRefused:
            raise
        except BrokerError as error:
            _log.warning("%s: %s", self._name, error)
            return error.retry_after_seconds
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _log.warning("%s cannot be reached: %s", self._name, error or type(error).__name__)
            return None
        try:
            return await self._listen(socket)
        finally:
            self._ear.closed()
            await socket.close()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> float | None:
        """Listen from the first moment on, while the listener does what it does at the beginning."""
        opening = asyncio.ensure_future(self._ear.opened())
        opening.add_done_callback(lambda done: _close_where_failed(done, socket))
        try:
            while True:
                message = await socket.receive(self._silent_seconds)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                self._heard = True
                self._ear.heard(message.data)
            _log.warning("%s: the connection is over", self._name)
        except TimeoutError:
            _log.warning("%s sent nothing for %g s", self._name, self._silent_seconds or 0)
        finally:
            opening.cancel()
            await asyncio.wait({opening})
        return _why(opening, self._name)


_closing: set[asyncio.Future[bool]] = set()
"""Connections that are being closed: the loop itself holds its tasks only weakly."""


def _close_where_failed(opening: asyncio.Future[None], socket: aiohttp.ClientWebSocketResponse) -> None:
    """Close a connection whose listener could not begin, which ends the wait for its next message."""
    if opening.cancelled() or opening.exception() is None:
        return
    closing = asyncio.ensure_future(socket.close())
    _closing.add(closing)
    closing.add_done_callback(_closing.discard)


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
