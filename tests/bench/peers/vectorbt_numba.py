"""MACD signals on minute bars, simulated by vectorbt; runs inside that peer's environment.

Arguments: the .npz with open, close and long (the signal, 0 or 1), the cash, the fraction of equity. Timed is the
processor time of the thread in the compiled simulation alone, without the broadcasting before it, and without the
valuation of the portfolio after it, which tradeplane's simulation includes. The first run compiles; the best of the
others counts.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import vectorbt as vbt
from vectorbt.portfolio import base

RUNS = 8


def main(data: str, cash: str, fraction: str) -> None:
    arrays = np.load(data)
    # Decided on a bar's close, filled at the next open.
    before = np.concatenate([[0, 0], arrays["long"][:-1]])
    entries, exits = np.diff(before) > 0, np.diff(before) < 0
    price, close = arrays["open"].astype(np.float64), arrays["close"].astype(np.float64)
    times: list[float] = []
    simulate = base.dispatch.simulate_from_signals

    def timed(*arguments: object, **keywords: object) -> object:
        started = time.thread_time()
        result = simulate(*arguments, **keywords)
        times.append(time.thread_time() - started)
        return result

    base.dispatch.simulate_from_signals = timed
    for _ in range(RUNS):
        portfolio = vbt.Portfolio.from_signals(
            close,
            entries,
            exits,
            price=price,
            size=float(fraction),
            size_type="percent",
            size_granularity=1.0,
            init_cash=float(cash),
            freq="1min",
            engine="numba",
        )
    print(json.dumps({"seconds": min(times[1:]), "bars": len(close), "orders": int(portfolio.orders.count())}))


main(*sys.argv[1:])
