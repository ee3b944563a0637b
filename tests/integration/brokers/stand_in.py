"""A stand-in for a broker: a real server on loopback that answers what a probe asks, as Binance does or wrongly.

It is no exchange: it has the time, an account without money, and a WebSocket that says nothing. It checks signatures
with code of its own, so that a wrong signature is not approved by the code that made it.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from aiohttp import web
from tradeplane_api.venue import Endpoint

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

KEY, SECRET = "key-of-the-test", "secret-of-the-test"
TIMES = ("/api/v3/time", "/fapi/v1/time", "/dapi/v1/time")
ACCOUNTS = {"/api/v3/account": "balances", "/fapi/v2/account": "assets", "/dapi/v1/account": "assets"}
_FOR_EVER = 3_600.0


@dataclass
class StandIn:
    """What the broker does. ``answers`` replaces the answer at a path; ``stalls`` has paths that never answer."""

    skew_milliseconds: int = 0
    answers: dict[str, web.Response] = field(default_factory=dict)
    stalls: set[str] = field(default_factory=set)
    drops: set[str] = field(default_factory=set)
    weight: int = 0
    key: str = KEY
    secret: str = SECRET
    asked: Counter[str] = field(default_factory=Counter)
    endpoint: Endpoint = field(init=False)

    @property
    def now(self) -> int:
        """The broker's time, in milliseconds."""
        return time.time_ns() // 1_000_000 + self.skew_milliseconds

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = request.path
        self.asked[path] += 1
        if path in self.stalls:
            await asyncio.sleep(_FOR_EVER)
        if path in self.drops:
            assert request.transport is not None
            request.transport.abort()
        if path in self.answers:
            given = self.answers[path]
            return web.Response(status=given.status, headers=given.headers, body=given.body)
        if path in TIMES:
            return self._answer({"serverTime": self.now})
        if path in ACCOUNTS:
            return self._account(request, ACCOUNTS[path])
        if path == "/ws":
            return await self._stream(request)
        return web.Response(status=404, text="nothing here")

    def _answer(self, body: Any, status: int = 200) -> web.Response:
        return web.json_response(body, status=status, headers={"X-MBX-USED-WEIGHT-1M": str(self.weight)})

    def _account(self, request: web.Request, has: str) -> web.Response:
        if request.headers.get("X-MBX-APIKEY") != self.key:
            return self._answer({"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, 401)
        signed, _, signature = request.query_string.rpartition("&signature=")
        if not hmac.compare_digest(hmac.digest(self.secret.encode(), signed.encode(), "sha256").hex(), signature):
            return self._answer({"code": -1022, "msg": "Signature for this request is not valid."}, 400)
        sent = int(parse_qs(signed)["timestamp"][0])
        if not self.now - 5_000 <= sent <= self.now + 1_000:
            return self._answer({"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}, 400)
        return self._answer({has: []})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket


@asynccontextmanager
async def listening(stand_in: StandIn, context: ssl.SSLContext | None = None) -> AsyncIterator[StandIn]:
    """Have a stand-in listen on a port of its own."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", stand_in.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    safe = "s" if context is not None else ""
    host = "localhost" if context is not None else "127.0.0.1"
    stand_in.endpoint = Endpoint(rest=f"http{safe}://{host}:{port}", stream=f"ws{safe}://{host}:{port}")
    try:
        yield stand_in
    finally:
        await runner.cleanup()


@asynccontextmanager
async def babbling(data: bytes) -> AsyncIterator[Endpoint]:
    """Have something listen that speaks no HTTP: it sends some bytes and closes."""

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield Endpoint(rest=f"http://127.0.0.1:{port}", stream=f"ws://127.0.0.1:{port}")
