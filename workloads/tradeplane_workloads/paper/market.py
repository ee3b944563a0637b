"""Where a market's protocol has what a trader asks for, and what its instruments are. Pure.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api and
https://developers.binance.com/docs/derivatives
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_api.venue import Market

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Sequence

DEPTH_LEVELS = 1_000
"""Of a snapshot of a book."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where requests go, and what they weigh."""

    info: str
    info_weight: int
    depth: str
    depth_weight: int
    listen_key: str
    order: str
    order_query_weight: int
    open_orders: str
    open_orders_weight: int
    trades: str
    trades_weight: int
    positions: str | None
    """None where there are no positions, but balances."""
    balances: str | None
    """None where there are positions."""
    trade_stream: str


def _futures(prefix: str, positions: str) -> Paths:
    return Paths(
        info=f"{prefix}/exchangeInfo",
        info_weight=1,
        depth=f"{prefix}/depth",
        depth_weight=20,
        listen_key=f"{prefix}/listenKey",
        order=f"{prefix}/order",
        order_query_weight=1,
        open_orders=f"{prefix}/openOrders",
        open_orders_weight=40,
        trades=f"{prefix}/userTrades",
        trades_weight=20,
        positions=positions,
        balances=None,
        trade_stream="aggTrade",
    )


PATHS = {
    Market.SPOT: Paths(
        info="/api/v3/exchangeInfo",
        info_weight=20,
        depth="/api/v3/depth",
        depth_weight=50,
        listen_key="/api/v3/userDataStream",
        order="/api/v3/order",
        order_query_weight=4,
        open_orders="/api/v3/openOrders",
        open_orders_weight=80,
        trades="/api/v3/myTrades",
        trades_weight=20,
        positions=None,
        balances="/api/v3/account",
        trade_stream="trade",
    ),
    Market.USD_MARGINED: _futures("/fapi/v1", "/fapi/v2/positionRisk"),
    Market.COIN_MARGINED: _futures("/dapi/v1", "/dapi/v1/positionRisk"),
}
_KINDS = {
    Market.SPOT: InstrumentKind.SPOT,
    Market.USD_MARGINED: InstrumentKind.LINEAR_FUTURE,
    Market.COIN_MARGINED: InstrumentKind.INVERSE_FUTURE,
}


@dataclass(frozen=True)
class Traded:
    """An instrument as it is traded: its number in the session, and its units on the wire."""

    index: int
    instrument: TapeInstrument
    base: str | None = None
    """The asset that is held of it, where its market has balances instead of positions."""

    @property
    def symbol(self) -> str:
        """Its name on the wire."""
        return self.instrument.symbol

    @cached_property
    def price(self) -> Scale:
        """The scale of its prices."""
        return Scale(self.instrument.tick)

    @cached_property
    def quantity(self) -> Scale:
        """The scale of its quantities."""
        return Scale(self.instrument.lot)


def traded_of(market: Market, symbols: Sequence[str], info: Any) -> tuple[Traded, ...]:
    """Find what is traded in the answer to ``exchangeInfo``, in the order of ``symbols``.

    Raises DataRefused for one that is not there, does not trade or has no steps.
    """
    listed = info.get("symbols") if isinstance(info, dict) else None
    if not isinstance(listed, list):
        raise DataRefused("exchangeInfo: the answer lists no symbols; check spec.endpoint and spec.market")
    known = {one.get("symbol"): one for one in listed if isinstance(one, dict)}
    missing = [symbol for symbol in symbols if symbol not in known]
    if missing:
        some = ", ".join(sorted(str(name) for name in known)[:8])
        raise DataRefused(f"session.symbols: {missing[0]} is not traded there; it has {some or 'nothing'}")
    return tuple(_traded(market, index, symbol, known[symbol]) for index, symbol in enumerate(symbols))


def _traded(market: Market, index: int, symbol: str, told: dict[str, Any]) -> Traded:
    status = told.get("status", told.get("contractStatus"))
    if status != "TRADING":
        raise DataRefused(f"session.symbols: {symbol} is {str(status)[:40]}; wait until it trades")
    filters = {one.get("filterType"): one for one in told.get("filters", ()) if isinstance(one, dict)}
    tick = _step(symbol, filters.get("PRICE_FILTER", {}).get("tickSize"))
    lot = _step(symbol, filters.get("LOT_SIZE", {}).get("stepSize"))
    size = _step(symbol, told.get("contractSize")) if market is Market.COIN_MARGINED else Decimal(1)
    currency = told.get("baseAsset") if market is Market.COIN_MARGINED else told.get("quoteAsset")
    if not isinstance(currency, str) or not currency:
        raise DataRefused(f"exchangeInfo: {symbol} has no asset it is settled in; check spec.market")
    base = told.get("baseAsset") if PATHS[market].balances is not None else None
    if base is not None and not isinstance(base, str):
        raise DataRefused(f"exchangeInfo: {symbol} has {str(base)[:40]!r} for its asset; check spec.market")
    return Traded(index, TapeInstrument(symbol, tick, lot, currency, _KINDS[market], size), base)


def _step(symbol: str, told: object) -> Decimal:
    try:
        step = Decimal(str(told))
    except InvalidOperation:
        step = Decimal(0)
    if not step.is_finite() or not 0 < step < 10**9:
        raise DataRefused(
            f"exchangeInfo: {symbol} has {str(told)[:40]!r} for a step; check spec.endpoint and spec.market"
        )
    return step.normalize()
