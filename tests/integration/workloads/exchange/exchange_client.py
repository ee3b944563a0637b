"""A client of an exchange, as those that trade at Binance are: signed requests, and streams."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_workloads.exchange.credentials import KeyDirectory
from tradeplane_workloads.exchange.serving import Address, Exchange, Where
from yarl import URL

from tests.unit.workloads.exchange.small_exchange import keys_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

LIMIT_S = 60.0
"""No wait of a test is longer."""
SERVED: dict[str, Exchange] = {}
"""What this process serves, by address: a test looks at it where a request more would change what is tested."""


@dataclass
class Answer:
    """What a request came to."""

    status: int
    body: Any
    headers: dict[str, str]


class Client:
    """One client, of one account."""

    def __init__(
        self, http: aiohttp.ClientSession, address: Address, key: str = "k" * 64, secret: str = "s" * 64
    ) -> None:
        self._http, self.address, self._key, self._secret = http, address, key, secret
        self.symbol = address.symbols[0]

    async def send(self, method: str, path: str, query: str = "", body: str = "") -> Answer:
        """Send a request as it is given."""
        headers = {"X-MBX-APIKEY": self._key}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        # As it is signed: aiohttp would write it anew.
        url = URL(self.address.rest + path + (f"?{query}" if query else ""), encoded=True)
        async with asyncio.timeout(LIMIT_S), self._http.request(method, url, data=body or None, headers=headers) as got:
            return Answer(got.status, json.loads(await got.text()), dict(got.headers))

    async def signed(self, method: str, path: str, **parameters: Any) -> Answer:
        """Send a signed request."""
        parameters.setdefault("timestamp", time.time_ns() // 1_000_000)
        query = urlencode(parameters)
        signature = hmac.new(self._secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        return await self.send(method, path, f"{query}&signature={signature}")

    async def order(self, prefix: str, **parameters: Any) -> Answer:
        """Send an order of the first instrument."""
        return await self.signed("POST", f"{prefix}/order", symbol=self.symbol, **parameters)

    async def listen(self, path: str) -> Stream:
        """Open a stream."""
        async with asyncio.timeout(LIMIT_S):
            return Stream(await self._http.ws_connect(self.address.streams + path))


class Stream:
    """Messages of a connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self) -> Any:
        """Return the next message; None where the connection is over."""
        async with asyncio.timeout(LIMIT_S):
            message = await self.socket.receive()
        return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None

    async def to_the_end(self) -> None:
        """Read until the connection is over."""
        while await self.next() is not None:
            pass

    async def until(self, field: str, value: Any) -> list[Any]:
        """Return the messages up to one whose field, or whose order's, has a value."""
        found = []
        async with asyncio.timeout(LIMIT_S):
            while True:
                message = await self.next()
                assert message is not None, "the connection is over"
                found.append(message)
                order = message.get("o")
                if message.get(field) == value or (isinstance(order, dict) and order.get(field) == value):
                    return found


@asynccontextmanager
async def exchange(
    directory: Path, record: Path | None = None, clock: Callable[[], int] = time.time_ns, **document: Any
) -> AsyncIterator[tuple[Exchange, Address]]:
    """Serve an exchange on loopback for as long as a test needs it."""
    document = {
        "synthetic": {"messages": 5_000},
        "speed": "10",
        "balances": [{"asset": "USDT", "amount": "100000"}, {"asset": "SYN", "amount": "10"}],
    } | document
    keys = keys_in(directory / "keys")
    keys_in(directory / "keys" / "second", key="q" * 64, secret="t" * 64)
    specification = ExchangeSpecification.model_validate(document)
    serving = Exchange(specification, None, KeyDirectory(keys), clock, record)
    stop = asyncio.Event()
    listening: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serving.serve(Where("127.0.0.1", 0), listening.set_result, stop))
    try:
        either: list[asyncio.Future[Any]] = [task, listening]
        await asyncio.wait(either, timeout=LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        SERVED[listening.result().rest] = serving
        yield serving, listening.result()
    finally:
        stop.set()
        await asyncio.wait_for(task, LIMIT_S)
