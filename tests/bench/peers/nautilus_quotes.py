"""Best quotes given to a Python callback that counts them, by NautilusTrader; runs inside that peer's environment.

Argument: the .npz with local and exchange time of each quote, prices in ticks of 0.1 and sizes in lots of 0.001.
Timed is the processor time of the thread in ``run`` of the low-level engine, with quotes made and added beforehand,
logging and the analysis afterwards off, less that of a run of the first quote alone: what every run costs is taken off.
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

if TYPE_CHECKING:
    from numpy.typing import NDArray

RUNS = 9
BTCUSDT = TestInstrumentProvider.btcusdt_perp_binance()


class Count(Strategy):  # type: ignore[misc]
    """Counts quotes."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig())
        self.count = 0

    def on_start(self) -> None:
        self.subscribe_quote_ticks(BTCUSDT.id)

    def on_quote_tick(self, _quote: QuoteTick) -> None:
        self.count += 1

    def on_reset(self) -> None:
        self.count = 0


def quotes_of(columns: dict[str, NDArray[np.int64]]) -> list[QuoteTick]:
    """Make the peer's quotes."""
    price = {tick: Price(Decimal(tick) / 10, 1) for tick in {*columns["bid"].tolist(), *columns["ask"].tolist()}}
    sizes = {*columns["bid_lots"].tolist(), *columns["ask_lots"].tolist()}
    size = {lots: Quantity(Decimal(lots) / 1000, 3) for lots in sizes}
    names = ("bid", "ask", "bid_lots", "ask_lots", "exchange_time", "local_time")
    return [
        QuoteTick(BTCUSDT.id, price[bid], price[ask], size[bids], size[asks], exchange, local)
        for bid, ask, bids, asks, exchange, local in zip(*(columns[name].tolist() for name in names), strict=True)
    ]


def timed(quotes: list[QuoteTick]) -> tuple[float, int]:
    """Run several times; return the best time, and how many quotes the callback counted each time."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    engine.add_venue(BTCUSDT.id.venue, OmsType.NETTING, AccountType.MARGIN, [Money(1_000_000, USDT)])
    engine.add_instrument(BTCUSDT)
    engine.add_data(quotes)
    strategy = Count()
    engine.add_strategy(strategy)
    times, counts = [], set()
    for _ in range(RUNS):
        engine.reset()
        started = time.thread_time()
        engine.run()
        times.append(time.thread_time() - started)
        counts.add(strategy.count)
    engine.dispose()
    (count,) = counts
    return min(times), count


def main(data: str) -> None:
    quotes = quotes_of(dict(np.load(data)))
    once, _ = timed(quotes[:1])
    seconds, count = timed(quotes)
    print(json.dumps({"seconds": seconds - once, "once": once, "count": count}))


main(*sys.argv[1:])
