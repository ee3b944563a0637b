"""MACD signals on minute bars, simulated by backtesting.py; runs inside that peer's environment.

Arguments: the .npz with open, high, low, close and long (the signal, 0 or 1), the cash, the fraction, where to put
the trades. Timed is the processor time of the thread from the first call of ``next`` to the last: neither the
preparation of data nor the statistics afterwards.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy


def main(data: str, cash: str, fraction: str, trades: str) -> None:
    arrays = np.load(data)
    signal = arrays["long"].tolist()
    columns = {name.capitalize(): arrays[name].astype(np.float64) for name in ("open", "high", "low", "close")}
    frame = pd.DataFrame(columns, index=pd.date_range("2000-01-01", periods=len(signal), freq="min"))
    last = len(signal) - 1
    share = float(fraction)

    class Follow(Strategy):  # type: ignore[misc]
        """Holds a position while the signal is 1."""

        def init(self) -> None:
            self.bar = 0
            self.started = self.ended = 0.0

        def next(self) -> None:
            self.bar += 1
            if self.bar == 1:
                self.started = time.thread_time()
            if signal[self.bar]:
                if not self.position:
                    self.buy(size=share)
            elif self.position:
                self.position.close()
            if self.bar == last:
                self.ended = time.thread_time()

    warnings.simplefilter("ignore")
    statistics = Backtest(frame, Follow, cash=float(cash), exclusive_orders=False).run()
    strategy = statistics["_strategy"]
    wanted = ["EntryBar", "ExitBar", "Size", "EntryPrice", "ExitPrice"]
    np.save(trades, statistics["_trades"].sort_values("EntryBar")[wanted].to_numpy(dtype=np.float64))
    print(json.dumps({"seconds": strategy.ended - strategy.started, "bars": last}))


main(*sys.argv[1:])
