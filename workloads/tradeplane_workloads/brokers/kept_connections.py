"""Requests that leave at once: HTTP/1.1 over connections that are kept, written before the caller goes on.

An order is late by whatever lies between its decision and its bytes on the wire; a general client has a pool, a
resolver, cookies, redirects and timers there. Here a request is one write to a connection that is open and idle. One
request is on a connection at a time, and none is sent twice: what came of one whose connection ended is for the caller
to find out.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httptools
from yarl import URL

from tradeplane_workloads.brokers.errors import BrokerError, EndpointUnreachable, NotTheApiExpected

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_workloads.brokers.binance import Asked

CONNECT_SECONDS = 5.0
MOST_CONNECTIONS = 8
"""Requests that are under way at once; others wait for one of them."""
MOST_WAITING = 1_024


@dataclass(slots=True)
class Reply:
    """An answer as it came."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Ready:
    """A request that can be sent, once: its bytes, and what will have its answer.

    ``written`` is called once the bytes were given to the operating system.
    """

    asked: Asked
    data: bytes
    answer: asyncio.Future[Reply]
    written: Callable[[], None] | None = None


class KeptConnections:
    """Connections to one origin, perhaps with a path. ``request_seconds`` is how long an answer may take."""

    def __init__(self, origin: str, request_seconds: float) -> None:
        self._url = URL(origin)
        self._origin = (self._url.path.rstrip("/"), self._url.authority)
        self._seconds = request_seconds
        self._idle: list[_Connection] = []
        self._open_ones: set[_Connection] = set()
        self._count = 0
        self._waiting: deque[Ready] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def ready(self, asked: Asked) -> Ready:
        """Return a request as it is sent, so that to ``send`` it is little more than one write."""
        return Ready(asked, _encoded(asked, *self._origin), asyncio.get_running_loop().create_future())

    def send(self, one: Ready) -> asyncio.Future[Reply]:
        """Send a request, now where a connection is idle, and return what will have its answer.

        The future has EndpointUnreachable where no answer came, and NotTheApiExpected for one that is no HTTP or too
        large.
        """
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                connection.start(one)
                return one.answer
        if self._is_closed or len(self._waiting) >= MOST_WAITING:
            _fail(one, "it was not sent, as this ends" if self._is_closed else f"{MOST_WAITING} requests wait already")
            return one.answer
        self._waiting.append(one)
        self._open_another()
        return one.answer

    async def open(self, count: int) -> None:
        """Open connections ahead, so that no request has to wait for one; one that cannot be is opened when needed."""
        for _ in range(count - self._count):
            self._open_another()
        await asyncio.gather(*self._opening, return_exceptions=True)

    async def close(self) -> None:
        """Close all connections; what waits for an answer is told that none came."""
        self._is_closed = True
        for task in self._opening:
            task.cancel()
        for connection in self._open_ones:
            connection.abort()
        while self._waiting:
            _fail(self._waiting.popleft(), "it was not sent, as this ends")
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _open_another(self) -> None:
        if self._count < MOST_CONNECTIONS and not self._is_closed:
            self._count += 1
            task = asyncio.ensure_future(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        tls = ssl.create_default_context() if self._url.scheme == "https" else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, made = await loop.create_connection(
                    lambda: _Connection(self._seconds, self._free, self._gone),
                    self._url.host or "",
                    self._url.port or 0,
                    ssl=tls,
                )
        except (OSError, TimeoutError) as error:
            self._count -= 1
            if self._waiting and not self._count:
                _fail(self._waiting.popleft(), f"no connection: {error or type(error).__name__}")
                if self._waiting:
                    self._open_another()
            return
        self._open_ones.add(made)
        self._free(made)

    def _free(self, connection: _Connection) -> None:
        """Give a connection that is idle to who waits longest, or keep it."""
        if self._is_closed:
            connection.abort()
        elif self._waiting:
            connection.start(self._waiting.popleft())
        else:
            self._idle.append(connection)

    def _gone(self, connection: _Connection) -> None:
        self._count -= 1
        self._open_ones.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if self._waiting:
            self._open_another()


class _Connection(asyncio.Protocol):
    """One connection; a parser's callbacks fill the reply of the request that is under way."""

    def __init__(
        self,
        seconds: float,
        free: Callable[[_Connection], None],
        gone: Callable[[_Connection], None],
    ) -> None:
        self._seconds, self._free, self._gone = seconds, free, gone
        self._under_way: Ready | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can be written to."""
        return not self._transport.is_closing()

    def start(self, one: Ready) -> None:
        """Write a request, before all else."""
        self._transport.write(one.data)
        if one.written is not None:
            one.written()
        self._under_way = one
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._late)

    def abort(self) -> None:
        """Close it at once."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # of a stream

    def data_received(self, data: bytes) -> None:
        """Read an answer; what comes without a request ends the connection."""
        if self._under_way is None:
            self.abort()
            return
        if self._parser is None:  # made with the answer, as the next request may wait to be written
            self._reply, self._parser = Reply(), httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._end(NotTheApiExpected(f"{self._under_way.asked.what}: the answer is not HTTP; check spec.endpoint"))

    def connection_lost(self, _: Exception | None) -> None:
        """Tell who waits that no answer came."""
        if self._under_way is not None:
            self._end(EndpointUnreachable(f"{self._under_way.asked.what}: the connection was closed before the answer"))
        self._gone(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if len(self._reply.headers) < 128:
            self._reply.headers[name.decode("latin-1").title()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._reply.body += body
        if self._under_way is not None and len(self._reply.body) > self._under_way.asked.most_bytes:
            asked = self._under_way.asked
            self._end(NotTheApiExpected(f"{asked.what}: the answer has more than {asked.most_bytes} bytes"))

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        if self._under_way is None or self._parser is None:
            return
        self._reply.status = self._parser.get_status_code()
        one, keeps = self._under_way, self._parser.should_keep_alive()
        self._stop()
        if not one.answer.done():
            one.answer.set_result(self._reply)
        if keeps and self.is_open:
            self._free(self)
        else:
            self._transport.close()

    def _late(self) -> None:
        if self._under_way is not None:
            what = self._under_way.asked.what
            self._end(EndpointUnreachable(f"{what}: no answer within {self._seconds:g} s"))

    def _end(self, error: BrokerError) -> None:
        """Tell who waits why there is no answer, and give the connection up."""
        one = self._under_way
        self._stop()
        if one is not None and not one.answer.done():
            one.answer.set_exception(error)
        self._transport.abort()

    def _stop(self) -> None:
        self._under_way = self._parser = None
        if self._timer is not None:
            self._timer.cancel()


def _encoded(asked: Asked, prefix: str, host: str) -> bytes:
    lines = [f"{asked.method} {prefix}{asked.path}?{asked.query} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (asked.headers or {}).items()]
    lines += ["Accept-Encoding: identity", "User-Agent: tradeplane", "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode("ascii")


def _fail(one: Ready, why: str) -> None:
    if not one.answer.done():
        one.answer.set_exception(EndpointUnreachable(f"{one.asked.what}: {why}"))
