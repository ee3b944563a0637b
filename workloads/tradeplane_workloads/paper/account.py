"""An account at a broker: signed requests, each sent once, on the broker's own clock."""

from __future__ import annotations

import re
import time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tradeplane_workloads.brokers.binance import LARGE_BYTES, SMALL_BYTES, Asked, Clocks
from tradeplane_workloads.brokers.credentials import read_credentials
from tradeplane_workloads.brokers.errors import (
    BrokerError,
    CredentialsRefused,
    EndpointUnreachable,
    NotTheApiExpected,
    RequestRefused,
)
from tradeplane_workloads.brokers.measuring import skew
from tradeplane_workloads.brokers.record import download_record
from tradeplane_workloads.brokers.signing import signed_query
from tradeplane_workloads.paper.market import DEPTH_LEVELS, PATHS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tradeplane_api.venue import Endpoint, Market

    from tradeplane_workloads.brokers.binance import Binance
    from tradeplane_workloads.brokers.kept_connections import Ready, Reply

NO_SUCH_ORDER = (-2013, -2011)
MOST_TRADES = 1_000
PATIENCE_SECONDS = 180.0
"""How long credentials that were good may be refused: a kubelet mounts a changed Secret within two minutes."""
AGAIN_SECONDS = 2
_LISTEN_KEY = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
_KEY_HEADER = "X-MBX-APIKEY"
READY_CONNECTIONS = 4
"""Opened before the first order: a market maker sends about as many requests at once."""
_CLOCK_SAMPLES = 3
_BALANCES_WEIGHT = 20
_AMOUNT_CHARACTERS = 64
_METHODS = {"submit": "POST", "cancel": "DELETE", "replace": "PUT"}


class Account:
    """What a trader asks of a broker. All methods raise BrokerError."""

    def __init__(
        self, broker: Binance, market: Market, folder: Path, secret: str, clocks: Clocks | None = None
    ) -> None:
        """``folder`` has the credentials' files; ``secret`` names the Secret, for words."""
        self._broker = broker
        self._paths = PATHS[market]
        self._folder, self._secret = folder, secret
        self._clocks = clocks or Clocks()
        self._credentials = read_credentials(folder, secret)
        self._skew_microseconds = 0
        self._accepted = False
        self._refused_since: float | None = None

    async def set_clock(self) -> int:
        """Measure how far the broker's clock is from ours; return that in microseconds."""
        self._skew_microseconds = skew([await self._broker.server_time() for _ in range(_CLOCK_SAMPLES)])
        return self._skew_microseconds

    async def get_ready(self) -> None:
        """Open connections ahead for the first orders."""
        await self._broker.open_connections(READY_CONNECTIONS)

    def read_credentials_again(self) -> bool:
        """Read the Secret's files again; return whether they have others now."""
        before, self._credentials = self._credentials, read_credentials(self._folder, self._secret)
        return self._credentials != before

    async def record(self, endpoint: Endpoint, path: Path) -> None:
        """Fetch what a simulated exchange recorded into a file. Raises as ``download_record`` does."""
        await download_record(endpoint, self._credentials, path, skew_microseconds=self._skew_microseconds)

    async def info(self) -> Any:
        """Ask what is traded."""
        return await self._broker.request(Asked("GET", self._paths.info, "", self._paths.info_weight, LARGE_BYTES))

    async def depth(self, symbol: str) -> Any:
        """Ask for a book."""
        query = urlencode({"symbol": symbol, "limit": DEPTH_LEVELS})
        return await self._broker.request(Asked("GET", self._paths.depth, query, self._paths.depth_weight, LARGE_BYTES))

    def ready(self, action: str, parameters: dict[str, str]) -> Ready:
        """Return a request to ``submit``, ``cancel`` or ``replace`` an order, signed by the time it is now."""
        return self._broker.ready(self._asked(_METHODS[action], self._paths.order, parameters, 1, SMALL_BYTES))

    def send(self, ready: Ready) -> Awaitable[None]:
        """Send a request: it is on the wire when this returns, unless too many requests are under way.

        What is returned waits for the answer.
        """
        return self._answered(self._broker.request_now(ready), ready.asked)

    def cancel(self, parameters: dict[str, str]) -> Awaitable[None]:
        """Take an order back, as ``send`` does."""
        return self.send(self.ready("cancel", parameters))

    async def order(self, parameters: dict[str, str]) -> Any | None:
        """Ask for an order; None where the broker has none of that name."""
        try:
            return await self._signed("GET", self._paths.order, parameters, self._paths.order_query_weight)
        except RequestRefused as error:
            if error.code in NO_SUCH_ORDER:
                return None
            raise

    async def open_orders(self, symbol: str) -> list[Any]:
        """Ask for the orders of an instrument that may still trade."""
        return await self._list(self._paths.open_orders, {"symbol": symbol}, self._paths.open_orders_weight)

    async def trades(self, symbol: str, number: int) -> list[Any]:
        """Ask for the trades of an order, by the broker's number of it."""
        parameters = {"symbol": symbol, "orderId": str(number), "limit": str(MOST_TRADES)}
        return await self._list(self._paths.trades, parameters, self._paths.trades_weight)

    async def position(self, symbol: str) -> str | None:
        """Ask for a position; None where the market has balances instead."""
        if self._paths.positions is None:
            return None
        told = await self._list(self._paths.positions, {"symbol": symbol}, 5)
        amounts = [one.get("positionAmt") for one in told if isinstance(one, dict) and one.get("symbol") == symbol]
        if len(amounts) > 1 or any(not isinstance(amount, str) for amount in amounts):
            raise NotTheApiExpected(f"GET {self._paths.positions}: {symbol} has no one position; use one-way mode")
        return amounts[0] if amounts else "0"

    async def balances(self) -> dict[str, Decimal]:
        """Ask what there is of each asset, also of what orders hold; nothing where the market has positions instead."""
        path = self._paths.balances
        if path is None:
            return {}
        told = await self._signed("GET", path, {"omitZeroBalances": "true"}, _BALANCES_WEIGHT, LARGE_BYTES)
        try:
            return {one["asset"]: _amount(one["free"]) + _amount(one["locked"]) for one in told["balances"]}
        except (TypeError, KeyError, ValueError) as error:
            raise NotTheApiExpected(f"GET {path}: the answer has no balances; check spec.endpoint") from error

    async def open_stream(self) -> str:
        """Ask for the key of the account's stream, and lengthen its life where there is one."""
        answer = await self._keyed("POST")
        key = answer.get("listenKey") if isinstance(answer, dict) else None
        if not isinstance(key, str) or _LISTEN_KEY.fullmatch(key) is None:
            raise NotTheApiExpected(f"POST {self._paths.listen_key}: the answer has no listenKey; check spec.endpoint")
        return key

    async def keep_stream(self, key: str) -> None:
        """Lengthen the life of the account's stream: it ends an hour after this was last done."""
        await self._keyed("PUT", urlencode({"listenKey": key}))

    async def _answered(self, reply: asyncio.Future[Reply], asked: Asked) -> None:
        """Read the answer to an order. It is not sent again where the credentials are refused, but they are read."""
        try:
            self._broker.value_now(await reply, asked)
        except CredentialsRefused as refused:
            self.read_credentials_again()
            raise self._patient(refused) from refused
        self._accepted, self._refused_since = True, None

    async def _keyed(self, method: str, query: str = "") -> Any:
        def asked() -> Asked:
            headers = {_KEY_HEADER: self._credentials.api_key}
            return Asked(method, self._paths.listen_key, query, 2, SMALL_BYTES, headers)

        return await self._authorized(asked)

    async def _list(self, path: str, parameters: dict[str, str], weight: int) -> list[Any]:
        answer = await self._signed("GET", path, parameters, weight, LARGE_BYTES)
        if not isinstance(answer, list):
            raise NotTheApiExpected(f"GET {path}: the answer is no JSON array; check spec.endpoint and spec.market")
        return answer

    async def _signed(
        self, method: str, path: str, parameters: dict[str, str], weight: int, most: int = SMALL_BYTES
    ) -> Any:
        return await self._authorized(lambda: self._asked(method, path, parameters, weight, most))

    async def _authorized(self, asked: Callable[[], Asked]) -> Any:
        """Send a request with the credentials there are, and once more where the Secret has others by now.

        A Secret that is changed reaches the broker and us at different times. So credentials that were good once and
        are refused are asked for again for a while, as a broker that cannot be reached is.
        """
        try:
            answer = await self._broker.request(asked())
        except CredentialsRefused as refused:
            if not self.read_credentials_again():
                raise self._patient(refused) from refused
            try:
                answer = await self._broker.request(asked())
            except CredentialsRefused as again:
                raise self._patient(again) from again
        self._accepted, self._refused_since = True, None
        return answer

    def _patient(self, refused: CredentialsRefused) -> BrokerError:
        """Return what to raise of credentials that are refused."""
        now = time.monotonic()
        self._refused_since = now if self._refused_since is None else self._refused_since
        if not self._accepted or now - self._refused_since > PATIENCE_SECONDS:
            return refused
        return EndpointUnreachable(f"{refused}; the Secret is read again meanwhile", AGAIN_SECONDS)

    def _asked(self, method: str, path: str, parameters: dict[str, str], weight: int, most: int) -> Asked:
        timestamp = (self._clocks.wall() // 1_000 + self._skew_microseconds) // 1_000
        query = signed_query(parameters, self._credentials.api_secret, timestamp)
        return Asked(method, path, query, weight, most, {_KEY_HEADER: self._credentials.api_key})


def _amount(told: object) -> Decimal:
    """Read an amount of an asset. Raises ValueError."""
    try:
        amount = Decimal(told) if isinstance(told, str) and len(told) <= _AMOUNT_CHARACTERS else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite():
        raise ValueError(f"{str(told)[:40]!r} is no amount")
    return amount
