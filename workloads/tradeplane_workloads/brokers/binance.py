"""Binance's REST API and streams over aiohttp, with limits on everything that comes from the other side.

What is sent and what an answer means stands in ``signing`` and ``answers``; here are sockets, time and sizes. Redirects
are not followed, proxies of the environment are not used, answers are neither unpacked nor read beyond their limit.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Self

import aiohttp
from tradeplane_api.venue import Market
from yarl import URL

from tradeplane_workloads.brokers.answers import limited, object_of, value_of
from tradeplane_workloads.brokers.errors import EndpointUnreachable, NotTheApiExpected, RateLimited, shown
from tradeplane_workloads.brokers.kept_connections import KeptConnections
from tradeplane_workloads.brokers.measuring import Sample, server_time
from tradeplane_workloads.brokers.signing import signed_query
from tradeplane_workloads.brokers.weight import MINUTE_SECONDS, USED_WEIGHT, Weight

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType

    from tradeplane_api.broker_connection import RateLimits
    from tradeplane_api.venue import Endpoint

    from tradeplane_workloads.brokers.credentials import Credentials
    from tradeplane_workloads.brokers.kept_connections import Ready, Reply

REQUEST_SECONDS = 5.0
SMALL_BYTES, LARGE_BYTES = 16_384, 4_194_304
"""Bytes of an answer; an account on a futures market lists every contract there is."""
_MESSAGE_BYTES = 65_536
_CHUNK = 65_536
_LIMITED = (418, 429)
_LET_OUT = (
    "check spec.endpoint, and that a NetworkPolicy lets probes out to it (operator/deploy/components/broker-egress)"
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """What a market's protocol names its requests."""

    time: str
    account: str
    account_parameters: tuple[tuple[str, str], ...]
    account_weight: int
    account_has: str
    """A field that an account's answer has."""


PROTOCOLS = {
    Market.SPOT: Protocol("/api/v3/time", "/api/v3/account", (("omitZeroBalances", "true"),), 20, "balances"),
    Market.USD_MARGINED: Protocol("/fapi/v1/time", "/fapi/v2/account", (), 5, "assets"),
    Market.COIN_MARGINED: Protocol("/dapi/v1/time", "/dapi/v1/account", (), 5, "assets"),
}
TIME_WEIGHT = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, its query encoded as it is signed; ``most_bytes`` of an answer are read."""

    method: str
    path: str
    query: str
    weight: int
    most_bytes: int = SMALL_BYTES
    headers: Mapping[str, str] | None = None

    @property
    def what(self) -> str:
        """How words name it."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time of day, and a clock that is never set; both in nanoseconds."""

    wall: Callable[[], int] = time.time_ns
    steady: Callable[[], int] = time.monotonic_ns


class Binance:
    """A client of one endpoint, for ``async with``. All methods raise BrokerError."""

    def __init__(self, market: Market, endpoint: Endpoint, limits: RateLimits, clocks: Clocks | None = None) -> None:
        self._protocol = PROTOCOLS[market]
        self._endpoint = endpoint
        self._clocks = clocks or Clocks()
        self._weight = Weight(limits.weight_per_minute, self._clocks.steady)

    async def __aenter__(self) -> Self:
        self._kept = KeptConnections(self._endpoint.rest, REQUEST_SECONDS)
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        self._session = aiohttp.ClientSession(
            timeout=timeout,
            auto_decompress=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "tradeplane"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._kept.close()
        await self._session.close()

    async def server_time(self) -> Sample:
        """Ask the time, and say how long that took."""
        what = f"GET {self._protocol.time}"
        sent, began = self._clocks.wall(), self._clocks.steady()
        answer = await self._get(self._protocol.time, "", what, TIME_WEIGHT, SMALL_BYTES)
        took = self._clocks.steady() - began
        return Sample(sent // 1_000, took // 1_000, server_time(answer, what))

    async def check_account(self, credentials: Credentials, skew_microseconds: int) -> None:
        """Ask for the account, the request signed and its time that of the broker's clock."""
        protocol, what = self._protocol, f"GET {self._protocol.account}"
        timestamp = (self._clocks.wall() // 1_000 + skew_microseconds) // 1_000
        query = signed_query(dict(protocol.account_parameters), credentials.api_secret, timestamp)
        headers = {"X-MBX-APIKEY": credentials.api_key}
        answer = await self._get(protocol.account, query, what, protocol.account_weight, LARGE_BYTES, headers)
        if not isinstance(answer.get(protocol.account_has), list):
            raise NotTheApiExpected(
                f"{what}: the answer has no {protocol.account_has}; check spec.endpoint.rest and spec.market"
            )

    async def check_streams(self) -> None:
        """Open a WebSocket, and close it."""
        url = f"{self._endpoint.stream}/ws"
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                socket = await self._session.ws_connect(
                    url, timeout=aiohttp.ClientWSTimeout(ws_close=1.0), max_msg_size=_MESSAGE_BYTES
                )
                await socket.close()
        except aiohttp.WSServerHandshakeError as error:
            if error.status in _LIMITED:
                raise limited(error.status, error.headers or {}, f"WebSocket {url}") from error
            raise NotTheApiExpected(
                f"WebSocket {url}: answered {error.status} and opened no WebSocket; check spec.endpoint.stream"
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _fail(f"WebSocket {url}", error)

    def ready(self, asked: Asked) -> Ready:
        """Return a request to be sent by ``request_now``, what it costs counted already. Raises RateLimited."""
        self._spend(asked.weight)
        return self._kept.ready(asked)

    def request_now(self, ready: Ready) -> asyncio.Future[Reply]:
        """Send a request at once, before anything else happens; ``value_now`` reads its answer."""
        return self._kept.send(ready)

    async def open_connections(self, count: int) -> None:
        """Open connections for ``request_now`` ahead."""
        await self._kept.open(count)

    def value_now(self, reply: Reply, asked: Asked) -> Any:
        """Return what the JSON of an answer to ``request_now`` says."""
        self._weight.count(reply.headers.get(USED_WEIGHT.title(), ""))
        return value_of(reply.status, reply.headers, bytes(reply.body), asked.what)

    async def request(self, asked: Asked) -> Any:
        """Send a request and return what the JSON of its answer says."""
        self._spend(asked.weight)
        url = URL(self._endpoint.rest + asked.path + (f"?{asked.query}" if asked.query else ""), encoded=True)
        try:
            async with self._session.request(asked.method, url, headers=asked.headers, allow_redirects=False) as got:
                self._weight.count(got.headers.get(USED_WEIGHT, ""))
                body = await _read(got.content.iter_chunked(_CHUNK), asked.most_bytes, asked.what)
                return value_of(got.status, got.headers, body, asked.what)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _fail(f"{asked.what} at {self._endpoint.rest}", error)

    async def _get(
        self, path: str, query: str, what: str, weight: int, most: int, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return object_of(await self.request(Asked("GET", path, query, weight, most, headers)), what)

    def _spend(self, weight: int) -> None:
        """Count what a request costs. Raises RateLimited where that would be more than is allowed."""
        used, allowed = self._weight.used, self._weight.allowed
        if used + weight > allowed:
            raise RateLimited(
                f"{used} of the broker's weight is used in this minute, and spec.rateLimits.weightPerMinute "
                f"allows {allowed}; raise it, or ask less from this address",
                MINUTE_SECONDS,
            )
        self._weight.spend(weight)


async def _read(chunks: AsyncIterator[bytes], most: int, what: str) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise NotTheApiExpected(f"{what}: the answer has more than {most} bytes; check spec.endpoint.rest")
    return bytes(body)


def _fail(what: str, error: Exception) -> NoReturn:
    """Raise what an exception of aiohttp's means."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        words = f"{what}: the encrypted connection failed: {shown(error)}; check spec.endpoint, and its certificate"
        raise EndpointUnreachable(words) from error
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        raise EndpointUnreachable(f"{what}: there is no such host; {_LET_OUT}") from error
    if isinstance(error, TimeoutError):
        raise EndpointUnreachable(f"{what}: no answer within {REQUEST_SECONDS:g} s; {_LET_OUT}") from error
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or error.os_error
        raise EndpointUnreachable(f"{what}: no connection: {shown(reason)}; {_LET_OUT}") from error
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        raise EndpointUnreachable(
            f"{what}: the connection was closed before the answer; is it cut on the way?"
        ) from error
    raise NotTheApiExpected(
        f"{what}: the answer is not HTTP as expected: {type(error).__name__}; check the port"
    ) from error
