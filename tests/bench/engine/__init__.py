"""How fast the bar engine is, beside backtesting.py and vectorbt, and how soon it starts.

One strategy all three can express: MACD momentum, long or flat, half of equity a position, whole units, decided on a
close and filled at the next open, without costs. Prices are whole numbers, so that binary floating point is exact and
the trades of backtesting.py can be compared with ours one by one; a difference fails the measurement. Processor time of
the one thread is what counts, for all three, so that what else a machine does weighs less.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.simulation import Algorithm, Simulation, Sizing
from tradeplane_workloads.engine.backtest import backtest, decide, prepare

from tests.bench.engine.start import seconds_to_first_event
from tests.bench.peers import run
from tests.bench.records import Record
from tests.synthetic import MINUTE_NS, random_bars

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tradeplane_native import Simulator

BARS = 1_000_000
CASH = "100000000"
FRACTION = "0.5"
RUNS = 9
START = "engine.start_to_first_event_s"
SPEEDS = ("engine.bars_vs_backtesting", "engine.bars_vs_vectorbt", "engine.backtest_bars_per_s")


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the records whose names begin with one of those asked for, or all where none is.

    Raises AssertionError where a peer's trades are not ours.
    """
    asked = tuple(names) or ("engine",)
    measured: list[Record] = []
    if START.startswith(asked):
        measured.append(_start())
    if any(name.startswith(asked) for name in SPEEDS):
        measured.extend(record for record in _speeds() if record.name.startswith(asked))
    return measured


def _start() -> Record:
    timed = (
        "wall time from the start of the runner in the amd64 image, entered by chroot, to the first bar of its "
        "simulation: interpreter, imports, specification, snapshot of 5,031 daily bars verified, targets; median"
    )
    return Record(START, seconds_to_first_event(), "s", None, None, None, timed)


def _speeds() -> list[Record]:
    bars = random_bars(BARS, seed=7, step=50, price_exponent=0, interval_ns=MINUTE_NS)
    simulation = Simulation(
        algorithm=Algorithm(name="macd-momentum"),
        capital=CASH,
        sizing=Sizing(fraction=FRACTION),
        periods_per_year=252 * 390,
    )
    simulator = prepare(bars, simulation)
    ours = BARS / _best(simulator.run)
    whole = BARS / _best(lambda: backtest(bars, simulation), runs=3)
    with tempfile.TemporaryDirectory() as folder:
        data, trades = Path(folder, "bars.npz"), Path(folder, "trades.npy")
        prices = {name: getattr(bars, name)[:, 0] for name in ("open", "high", "low", "close")}
        np.savez(data, long=(decide(bars, simulation)[:, 0] > 0).astype(np.int64), **prices)
        backtesting = run("backtesting_py", data, CASH, FRACTION, trades)
        _same_trades(_round_trips(simulator), np.load(trades))
        vectorbt = run("vectorbt_numba", data, CASH, FRACTION)
    fills = len(simulator.fill_integers("bar"))
    if vectorbt["orders"] != fills:
        raise AssertionError(f"vectorbt made {vectorbt['orders']} orders of the same signals, and we {fills}")
    return [
        _against("engine.bars_vs_backtesting", ours, "backtesting.py 0.6.6", backtesting, "its loop over bars"),
        _against("engine.bars_vs_vectorbt", ours, "vectorbt 1.2.0 (numba)", vectorbt, "its compiled simulation"),
        Record(
            "engine.backtest_bars_per_s",
            whole,
            "bars/s",
            None,
            None,
            None,
            "processor time of one thread in backtest(): MACD, targets, simulation, tables, summary; 1,000,000 bars",
        ),
    ]


def _against(name: str, ours: float, peer: str, answer: dict[str, float], theirs: str) -> Record:
    rate = answer["bars"] / answer["seconds"]
    timed = (
        "processor time of one thread in the simulation of 1,000,000 minute bars with given MACD signals, "
        "equity recorded at each bar, room for records made beforehand; "
        f"of the peer, {theirs}, compiled beforehand where it compiles"
    )
    return Record(name, ours, "bars/s", peer, rate, ours / rate, timed)


def _best(action: Callable[[], object], runs: int = RUNS) -> float:
    """Time an action several times; the best is the least disturbed."""
    times = []
    for _ in range(runs):
        started = time.thread_time()
        action()
        times.append(time.thread_time() - started)
    return min(times)


def _round_trips(simulator: Simulator) -> np.ndarray:
    """Entry bar, exit bar, size, entry price, exit price of each closed position."""
    fills = {name: simulator.fill_integers(name) for name in ("bar", "quantity")}
    price = simulator.fill_amounts("price")[:, 0] // 1_000_000_000
    count = len(price) // 2 * 2
    entry, leave = slice(0, count, 2), slice(1, count, 2)
    columns = (fills["bar"][entry], fills["bar"][leave], fills["quantity"][entry], price[entry], price[leave])
    return np.stack([column.astype(np.float64) for column in columns], axis=1)


def _same_trades(ours: np.ndarray, theirs: np.ndarray) -> None:
    if ours.shape != theirs.shape or not (ours == theirs).all():
        first = np.argmax((ours[: len(theirs)] != theirs[: len(ours)]).any(axis=1))
        raise AssertionError(
            f"trades differ from backtesting.py's: {len(ours)} and {len(theirs)}, the first that differs is {first}: "
            f"{ours[first]} and {theirs[first]}"
        )
