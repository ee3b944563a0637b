"""How often a second a Python strategy is called: on trades, and on best quotes beside NautilusTrader.

The quotes are those of a recording of Binance USD-M futures. Both sides simulate an exchange that has no order of ours;
the callbacks count, and the counts must be that of the quotes.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tradeplane_native import run_events
from tradeplane_workloads.events.feed import event_tape
from tradeplane_workloads.market.importing import import_recording

from tests.bench.peers import run
from tests.bench.records import Record
from tests.bench.replay.timing import best
from tests.event_tapes import Terms, random_tape
from tests.extra.requirements import BINANCE_TRADES, market_data, missing_market_data
from tests.unit.workloads.sample_tapes import ASK, BID, QUOTE

if TYPE_CHECKING:
    from tradeplane_native import Desk, EventRun, MarketTrade
    from tradeplane_workloads.market.tapes import Tape

RATE = "replay.callback_rate"
NAUTILUS = "replay.vs_nautilus"
PEER = "NautilusTrader 1.221.0, BacktestEngine.run"
RUNS = 9
TRADES = 1_000_000


class Count:
    """Counts messages that change the book."""

    def __init__(self) -> None:
        self.count = 0

    def on_depth(self, _desk: Desk, _instrument: int) -> None:
        self.count += 1


SUBMIT = 0
EVERY = 1000
"""Trades for each order."""


class Average:
    """Follows the price, and sends an order every thousandth trade."""

    def __init__(self) -> None:
        self.average = 0.0
        self.count = 0

    def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
        self.average += (trade.price - self.average) * trade.quantity * 0.001
        self.count += 1
        if self.count == EVERY:
            self.count = 0
            desk.submit(1, 1, trade.price - 10)


def against_nautilus() -> Record:
    """Measure quotes a second; AssertionError where a callback was not called once a quote."""
    if (missing := missing_market_data()) is not None:
        raise FileNotFoundError(missing)
    quotes = _quotes()
    rows = len(quotes) // 2
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "quotes.npz")
        bids, asks = quotes.side == BID, quotes.side == ASK
        np.savez(
            data,
            bid=quotes.price[bids],
            ask=quotes.price[asks],
            bid_lots=quotes.quantity[bids],
            ask_lots=quotes.quantity[asks],
            exchange_time=quotes.exchange_time[bids],
            local_time=quotes.local_time[bids],
        )
        answer = run("nautilus_quotes", data)
    tape, strategy = event_tape(quotes), Count()

    def once() -> None:
        strategy.count = 0
        assert run_events([tape], [Terms()], strategy).digest.startswith("sha256:")

    seconds = best(once, RUNS)
    if not strategy.count == answer["count"] == rows:
        raise AssertionError(f"{rows} quotes: {strategy.count} counted here, {answer['count']} by NautilusTrader")
    ours, theirs = rows / seconds, rows / answer["seconds"]
    timed = (
        f"processor time of one thread over {rows:,} best quotes, each given to a Python callback that counts; data "
        "made ready beforehand; of the peer, less what a run of one quote takes; ours with digests"
    )
    return Record(NAUTILUS, ours, "quotes/s", PEER, theirs, ours / theirs, timed)


def _quotes() -> Tape:
    """Return the best quotes of the recording, two rows a message."""
    (tape,) = import_recording("binance-raw", market_data() / BINANCE_TRADES).tapes
    chosen = tape.kind == QUOTE
    names = ("sequence", "exchange_time", "local_time", "kind", "side", "price", "quantity")
    columns: dict[str, Any] = {name: getattr(tape, name)[chosen] for name in names}
    return replace(tape, **columns)


def called_throughout(strategy: Average, finished: EventRun, trades: int) -> None:
    """Raise AssertionError where a run ended before the strategy had each trade and sent each order."""
    sent = int((finished.column("event") == SUBMIT).sum())
    if not finished.digest.startswith("sha256:") or (sent, strategy.count) != divmod(trades, EVERY):
        raise AssertionError(
            f"{trades:,} trades: {sent * EVERY + strategy.count:,} were heard and {sent:,} orders sent, not one every "
            f"{EVERY:,}"
        )


def rate() -> Record:
    """Measure trades a second, given to a callback that does a little with each.

    Raises AssertionError where it was not called for each, or did not do it.
    """
    tape = event_tape(random_tape(TRADES, seed=3, trades=2.0))

    def once() -> None:
        strategy = Average()
        called_throughout(strategy, run_events([tape], [Terms()], strategy), TRADES)

    seconds = best(once, RUNS)
    timed = (
        f"processor time of one thread over {TRADES:,} trades, each given to a Python callback that reads price and "
        "quantity, updates a float and sends an order every thousandth time; digests on"
    )
    return Record(RATE, TRADES / seconds, "callbacks/s", None, None, None, timed)
