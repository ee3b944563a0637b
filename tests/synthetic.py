"""Bars made from a seed, for tests and measurements: a random walk in integers, so they are the same everywhere."""

from __future__ import annotations

import numpy as np
from tradeplane_native import Generator
from tradeplane_workloads.market.bars import Bars, Instrument

MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000


def random_bars(
    length: int,
    symbols: tuple[str, ...] = ("AAA",),
    seed: int = 1,
    *,
    price: int = 100_000,
    step: int = 500,
    price_exponent: int = -2,
    quantity_exponent: int = 0,
    interval_ns: int = DAY_NS,
    gaps: bool = False,
) -> Bars:
    """Make bars of a random walk that starts at ``price`` ticks and moves by at most ``step`` a bar.

    With ``gaps``, about one bar in ten of each instrument but the first is missing.
    """
    random = Generator(seed)
    width = len(symbols)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("open", "high", "low", "close", "present")}
    for index in range(width):
        walk = price + np.cumsum(random.integers(-step, step + 1, length))
        present = np.ones(length, dtype=np.bool_)
        if gaps and index > 0:
            present = random.integers(0, 10, length) > 0
        close = _carried(np.maximum(walk, price // 10), present)
        before = np.concatenate([[close[0]], close[:-1]])
        opened = np.where(present, np.maximum(before + random.integers(-step // 10, step // 10 + 1, length), 1), close)
        wick = np.where(present, random.integers(0, step // 5 + 1, length), 0)
        columns["open"].append(opened)
        columns["high"].append(np.maximum(opened, close) + wick)
        columns["low"].append(np.maximum(np.minimum(opened, close) - wick, np.minimum(close, 1)))
        columns["close"].append(close)
        columns["present"].append(present)
    stacked = {name: np.ascontiguousarray(np.stack(column, axis=1)) for name, column in columns.items()}
    return Bars(
        instruments=tuple(Instrument(symbol, "USD", price_exponent, quantity_exponent) for symbol in symbols),
        time_ns=np.arange(length, dtype=np.int64) * interval_ns + 946_684_800_000_000_000,
        volume=np.ones((length, width), dtype=np.int64),
        **stacked,
    )


def _carried(close: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Repeat the last close where there is no bar, 0 before the first."""
    last = np.maximum.accumulate(np.where(present, np.arange(len(close)), -1))
    return np.where(last >= 0, close[np.maximum(last, 0)], 0)
