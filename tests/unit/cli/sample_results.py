"""A result made by hand: two instruments on a seeded random walk, and a few fills with awkward texts among them."""

from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import pyarrow as pa
from tradeplane_api.run import Part, ResultsManifest, RunSpecification, Summary
from tradeplane_api.simulation import Algorithm, Costs, Simulation
from tradeplane_cli.report.contents import Contents, contents
from tradeplane_workloads.market.bars import Bars, Instrument

MONEY = pa.decimal128(38, 9)
DAY = 86_400_000_000_000
FIRST_DAY = np.datetime64("2015-01-02", "ns").astype(np.int64)
CAPITAL = "100000"
HOSTILE = "</script><script>alert(1)</script>"


def walk(count: int, seed: int) -> list[int]:
    """Prices in ticks of a seeded random walk, all above zero."""
    source = random.Random(seed)  # noqa: S311 - data for a picture
    price = 2_000_000
    prices = []
    for _ in range(count):
        price = max(price + source.randint(-21_000, 22_000), 10_000)
        prices.append(price)
    return prices


def bars(count: int = 1_000, symbols: tuple[str, ...] = ("SPX", "NDX")) -> Bars:
    """Daily bars whose four prices are equal."""
    closes = np.array([walk(count, seed) for seed in range(len(symbols))], dtype=np.int64).T.copy()
    return Bars(
        instruments=tuple(Instrument(symbol) for symbol in symbols),
        time_ns=FIRST_DAY + DAY * np.arange(count, dtype=np.int64),
        open=closes,
        high=closes,
        low=closes,
        close=closes,
        volume=np.ones_like(closes),
        present=np.ones(closes.shape, dtype=bool),
    )


def equity_table(market: Bars) -> pa.Table:
    """Equity of one lot of the first instrument bought at its first close, and cash."""
    gains = [int(close - market.close[0, 0]) for close in market.close[:, 0]]
    equity = [Decimal(CAPITAL) + Decimal(gain) * 40 / 10_000 for gain in gains]
    zero = [Decimal(0)] * len(equity)
    columns = {"equity": equity, "cash": zero, "gross_exposure": zero, "net_exposure": zero}
    money = {name: pa.array(values, type=MONEY) for name, values in columns.items()}
    return pa.table({"time_ns": pa.array(market.time_ns), **money})


def trades_table(market: Bars, every: int = 25) -> pa.Table:
    """Return a buy and a sell in turn, alternating between the instruments."""
    rows = list(range(0, market.time_ns.size, every))
    symbols = [market.instruments[number // 2 % len(market.instruments)].symbol for number in range(len(rows))]
    index = {instrument.symbol: place for place, instrument in enumerate(market.instruments)}
    prices = [
        Decimal(int(market.close[row, index[symbol]])) / 10_000 for row, symbol in zip(rows, symbols, strict=True)
    ]

    def money(values: list[Decimal]) -> pa.Array:
        return pa.array(values, type=MONEY)

    return pa.table(
        {
            "sequence": pa.array(range(len(rows)), type=pa.int64()),
            "decision_time_ns": pa.array(market.time_ns[rows]),
            "time_ns": pa.array(market.time_ns[rows]),
            "instrument": pa.array(symbols),
            "side": pa.array(["Buy" if number % 2 == 0 else "Sell" for number in range(len(rows))]),
            "quantity": pa.array([40] * len(rows), type=pa.int64()),
            "price": money(prices),
            "notional": money([price * 40 for price in prices]),
            "commission": money([Decimal("1.25")] * len(rows)),
            "slippage": money([Decimal(0)] * len(rows)),
            "position_after": pa.array([40 if number % 2 == 0 else 0 for number in range(len(rows))], type=pa.int64()),
            "realized_pnl": money([Decimal(0)] * len(rows)),
            "reason": pa.array([HOSTILE if number == 0 else "Signal" for number in range(len(rows))]),
        }
    )


def summary(trades: int) -> Summary:
    """Figures that need no agreement with the tables: they are shown, not computed."""
    return Summary(
        start="2015-01-02T00:00:00Z",
        end="2017-09-27T00:00:00Z",
        bars=1_000,
        trades=trades,
        final_equity="123456.789000000",
        total_return="0.234567890",
        annual_return="0.054321",
        volatility="0.161803",
        sharpe="0.577216",
        sortino=None,
        calmar="0.414214",
        max_drawdown="0.141593",
        max_drawdown_start="2015-05-21T00:00:00Z",
        max_drawdown_end="2016-02-11T14:30:00Z",
        turnover="3.5",
        exposure="0.95",
        hit_rate="0.6",
    )


def manifest(trades: int, run: str = "macd-sp500-1a2b3c4d5e") -> ResultsManifest:
    """Return a manifest with digests of the right form."""
    digest = "sha256:" + "0123456789abcdef" * 4
    simulation = Simulation(
        algorithm=Algorithm(name="macd-momentum", parameters={"fast": 12, "slow": 26, "note": HOSTILE}),
        capital=CAPITAL,
        costs=Costs(slippage_basis_points="1.5"),
    )
    return ResultsManifest(
        specification=RunSpecification(run=run, snapshots=(digest,), simulation=simulation),
        run_digest=digest,
        result_digest="sha256:" + "fedcba9876543210" * 4,
        parts=(Part(name="equity", rows=1_000, digest=digest), Part(name="trades", rows=trades, digest=digest)),
        summary=summary(trades),
        environment={"machine": "x86_64", "python": "3.11"},
    )


def sample(count: int = 1_000, symbols: tuple[str, ...] = ("SPX", "NDX"), *, with_bars: bool = True) -> Contents:
    """Contents of a report over ``count`` bars."""
    market = bars(count, symbols)
    trades = trades_table(market)
    return contents(
        manifest(trades.num_rows),
        equity_table(market),
        trades,
        market if with_bars else None,
        None if with_bars else "the snapshot is not in this store",
    )
