"""A stand-in for a venue, for tests of what takes it down: a combined stream and snapshots of one book, with faults.

It is no exchange: nothing can be traded. It plays messages that were made beforehand, whether anybody listens or not.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from aiohttp import WSCloseCode, web

from tests.binance_wire import Book

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.binance_wire import Message

Answer = tuple[int, dict[str, str], str]
GARBAGE = ("not json", '{"stream":"x","data":{"e":"trade","s":"SYNUSDT"}}', '{"result":null,"id":1}', '{"e":')


class StandIn:
    """The venue. ``faults``: what goes wrong with a message, by its place. ``answers``: to the first requests."""

    def __init__(
        self, messages: Sequence[Message], faults: dict[int, str] | None = None, answers: Sequence[Answer] = ()
    ) -> None:
        self.book = Book()
        self.sent: list[str] = []
        self.requests: list[float] = []
        self.connections = 0
        self.port = 0
        self.always: Answer | None = None
        self._messages = messages
        self._faults = faults or {}
        self._answers = list(answers)
        self._clients: set[web.WebSocketResponse] = set()
        self._someone = asyncio.Event()

    @property
    def places(self) -> dict[str, str]:
        """Addresses of streams and requests."""
        return {"stream": f"ws://127.0.0.1:{self.port}", "rest": f"http://127.0.0.1:{self.port}"}

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/stream", self._stream)
        application.router.add_get("/fapi/v1/depth", self._depth)
        self._runner = web.AppRunner(application, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def play(self, first: int = 0, last: int | None = None, pause: float = 0.0) -> None:
        """Send messages to whoever listens, from one place to before another."""
        held: str | None = None
        for place, message in list(enumerate(self._messages))[first:last]:
            self.book.apply(message.text)
            fault = self._faults.get(place)
            if fault == "reorder":
                held = message.text
                continue
            await self._suffer(fault)
            await self._send(message.text)
            if fault == "double":
                await self._send(message.text)
            if held is not None:
                await self._send(held)
                held = None
            await asyncio.sleep(pause)

    async def _suffer(self, fault: str | None) -> None:
        if fault == "drop":
            await self.drop()
            await until(lambda: bool(self._clients))
        elif fault == "garbage":
            for text in GARBAGE:
                await self._send(text)
        elif fault == "stall":
            before = self.connections
            await until(lambda: self.connections > before)

    async def drop(self) -> None:
        """End all connections."""
        for client in list(self._clients):
            self._clients.discard(client)
            await client.close(code=WSCloseCode.GOING_AWAY)

    async def listened_to(self) -> None:
        """Wait until somebody listens."""
        await until(lambda: bool(self._clients))

    async def _send(self, text: str) -> None:
        for client in list(self._clients):
            try:
                await client.send_str(text)
            except (ConnectionError, RuntimeError):
                self._clients.discard(client)
        if self._clients:
            self.sent.append(text)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse()
        await client.prepare(request)
        self._clients.add(client)
        self.connections += 1
        try:
            async for _ in client:
                pass
        finally:
            self._clients.discard(client)
        return client

    async def _depth(self, request: web.Request) -> web.Response:
        self.requests.append(asyncio.get_running_loop().time())
        status, headers, text = self.always or (
            self._answers.pop(0) if self._answers else (200, {}, self.book.snapshot())
        )
        return web.Response(status=status, headers=headers, text=text)


async def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for a condition. Raises TimeoutError where it does not hold in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
