"""The server: requests and streams of one exchange over HTTP, and the tasks that make time pass in it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from aiohttp import web
from tradeplane_api.exchange import FaultKind

from tradeplane_workloads.exchange.connection import Connection
from tradeplane_workloads.exchange.faults import GARBAGE, FaultPlan
from tradeplane_workloads.exchange.hub import Hub
from tradeplane_workloads.exchange.ledger import MILLION
from tradeplane_workloads.exchange.refusal import BROKEN, TOO_LARGE, Refusal
from tradeplane_workloads.exchange.requests import Asked, Recorded, Requests
from tradeplane_workloads.exchange.subscriptions import MAX_NAME, Subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_api.exchange import ExchangeSpecification, Fault

    from tradeplane_workloads.exchange.credentials import KeyDirectory
    from tradeplane_workloads.exchange.venue import Venue

MAX_BODY_BYTES = 16_384
END_S = 2.0
"""How long those who listen have to be gone."""
FLUSH_S = 0.01
"""How often is looked whether changes of a book were gathered long enough."""
MAX_CONNECTIONS = 1_024
CONNECTION_RETRY_S = 10
PIECE_BYTES = 1 << 18
"""Of a record, sent at once."""
PIECE_S = 10.0
"""How long a client may take to read a piece."""
_FORM = "application/x-www-form-urlencoded"
_log = logging.getLogger(__name__)


class Server:
    """What answers clients. ``clock`` gives nanoseconds since 1970."""

    def __init__(
        self, venue: Venue, specification: ExchangeSpecification, keys: KeyDirectory, clock: Callable[[], int]
    ) -> None:
        self._requests = Requests(venue, specification, keys, clock)
        self._connections = 0
        self._faults = FaultPlan(
            specification.faults, lambda delay, call: asyncio.get_running_loop().call_later(delay, call)
        )
        self.hub = Hub(venue, self._faults)
        subscriptions = Subscriptions(self.hub, venue.listings, self._account_of_key)
        self._connection = Connection(subscriptions, self._requests.now_ms)
        self._requests.on_closed = self.hub.close_account
        self.failure: Exception | None = None
        self.stopped = asyncio.Event()

    def application(self) -> web.Application:
        """Return the application, to be run on a socket."""
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_get("/healthz", self._healthy)
        application.router.add_get("/ws", self._raw)
        application.router.add_get("/ws/{streams:.+}", self._raw)
        application.router.add_get("/stream", self._combined)
        application.router.add_route("*", "/{path:.*}", self._request)
        application.on_shutdown.append(self._end)
        return application

    async def flush(self) -> None:
        """Send what streams have gathered, and let listen keys lapse, again and again."""
        while True:
            self.hub.flush(time.monotonic_ns() // MILLION)
            for account in self._requests.listen_keys.lapsed(self._requests.now_ms()):
                self.hub.close_account(account)
            await asyncio.sleep(FLUSH_S)

    def fail(self, error: Exception) -> None:
        """Stop: what happened can no longer be recorded, or the exchange has a fault of its own."""
        self.failure = self.failure or error
        self.stopped.set()

    async def _end(self, _: web.Application) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await self.hub.end()

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _raw(self, request: web.Request) -> web.StreamResponse:
        names = request.match_info.get("streams", "")
        return await self._listen(request, names, is_combined=False)

    async def _combined(self, request: web.Request) -> web.StreamResponse:
        return await self._listen(request, request.query.get("streams", ""), is_combined=True)

    async def _listen(self, request: web.Request, names: str, *, is_combined: bool) -> web.StreamResponse:
        try:
            self._requests.connect(_address(request))
        except Refusal as refusal:
            return _refused(refusal)
        if self._connections >= MAX_CONNECTIONS:
            words = f"The exchange has {MAX_CONNECTIONS} connections, which is as many as it takes."
            return _refused(Refusal(-1003, words, 503, CONNECTION_RETRY_S))
        self._connections += 1
        try:
            wanted = [name for name in names.split("/") if name]
            return await self._connection.serve(request, wanted, is_combined=is_combined)
        finally:
            self._connections -= 1

    async def _request(self, request: web.Request) -> web.StreamResponse:
        headers: dict[str, str] = {}
        try:
            fault = self._faults.request()
            answer = self._requests.answer(await _asked(request), headers)
            if fault is not None and fault.kind is not FaultKind.STALL:
                return self._spoil(request, fault)
        except Refusal as refusal:
            return _refused(refusal, headers)
        except web.HTTPRequestEntityTooLarge:
            return _refused(Refusal.of(TOO_LARGE))
        except Exception as error:
            _log.exception("a request failed by a fault of the exchange, which stops")
            self.fail(error)
            return _refused(Refusal.of(BROKEN))
        if fault is not None:
            await asyncio.sleep(fault.milliseconds / 1_000)
        return await _answered(request, answer, headers)

    def _account_of_key(self, name: str) -> int | None:
        return self._requests.listen_keys.account_of(name, self._requests.now_ms()) if len(name) <= MAX_NAME else None

    def _spoil(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        """Do to an answer what is to be done on purpose; the request itself was done."""
        if fault.kind is FaultKind.GARBAGE:
            return web.Response(text=GARBAGE, content_type="application/json")
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


async def _answered(request: web.Request, answer: object, headers: Mapping[str, str]) -> web.StreamResponse:
    """Send an answer: JSON, or piece by piece what was recorded, to a client that reads it."""
    if not isinstance(answer, Recorded):
        return web.json_response(answer, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_type, response.content_length = "application/octet-stream", answer.length
    try:
        await response.prepare(request)
        for first in range(0, answer.length, PIECE_BYTES):
            piece = await asyncio.to_thread(answer.file.part, first, min(PIECE_BYTES, answer.length - first))
            async with asyncio.timeout(PIECE_S):
                await response.write(piece)
        await response.write_eof()
    except (TimeoutError, OSError) as error:
        _log.info("a client did not read the record to its end: %s", error or "it was too slow")
        if request.transport is not None:
            request.transport.abort()
    return response


async def watch(server: Server, work: asyncio.Task[None]) -> None:
    """Wait for a task of the exchange; where it fails, so does the server."""
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await work
        except Exception as error:
            server.fail(error)


async def _asked(request: web.Request) -> Asked:
    query, body = request.rel_url.raw_query_string, await _body(request)
    key = request.headers.get("X-MBX-APIKEY")
    return Asked(request.method, request.path, query, body, key, _address(request))


def _address(request: web.Request) -> str:
    return request.remote or "unknown"


async def _body(request: web.Request) -> str:
    """Return the parameters in a body; other bodies have none."""
    data = await request.read()
    if not data:
        return ""
    if request.content_type not in (_FORM, "application/octet-stream"):
        raise Refusal(-1102, f"The body of a request has the type {_FORM}.", 415)
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as error:
        raise Refusal(-1100, "Illegal characters found in the body; escape them as in a URL.") from error


def _refused(refusal: Refusal, headers: Mapping[str, str] | None = None) -> web.Response:
    wait = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return web.json_response(refusal.body(), status=refusal.status, headers={**(headers or {}), **wait})
