"""One market maker, in Rust here and in Python compiled by hftbacktest, on the same recording.

One recording of Binance USD-M futures, converted by the peer's own converter and repeated to more than a million
events; it looks every 100 ms as the peer's tutorials do; constant latency, risk-averse queue, quotes of one lot. Every
decision and the position at each of them must be the same, and all fills together the same in number, quantity and what
was paid, or the measurement fails. An event is a row of the peer's array. Both sides simulate both clocks.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tradeplane_api.snapshot_manifest import Recording
from tradeplane_native import MarketMaker, run_events
from tradeplane_workloads.events.feed import event_tape
from tradeplane_workloads.market.tapes import Tape

from tests.bench.peers import run
from tests.bench.records import Record
from tests.bench.replay.timing import best
from tests.event_tapes import INSTRUMENT, Terms
from tests.extra.requirements import BINANCE_TRADES, market_data, missing_market_data

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tradeplane_native import EventRun

BOOKS = {"replay.vs_hftbacktest_hash": "hash", "replay.vs_hftbacktest_roi": "roi"}
"""The peer's books by the record they are measured for."""
COPIES = 3
RUNS = 9
LATENCY_NS = 10_000_000
QUOTING: dict[str, int] = {"half_spread": 2, "skew": 2, "skew_lots": 10, "quantity": 1, "most": 100}
INTERVAL_NS = 100_000_000
TICK, LOT = 0.1, 0.001
SUBMIT, ASK_CANCEL, TRADE, FILL = 0, 1, 6, 7
FEWEST = 100
"""Decisions, and fills, without which a comparison says nothing."""


def against_hftbacktest(books: dict[str, str]) -> list[Record]:
    """Measure beside each of the peer's books, by the name of the record."""
    if (missing := missing_market_data()) is not None:
        raise FileNotFoundError(missing)
    with tempfile.TemporaryDirectory() as folder:
        data, decisions = Path(folder, "events.npy"), Path(folder, "decisions.npy")
        run("hftbacktest_maker", "convert", market_data() / BINANCE_TRADES, str(COPIES), data)
        events = np.load(data)
        seconds, log = _ours(tape_of(events), int(events["exch_ts"].min()))
        settings = json.dumps(QUOTING | {"interval": INTERVAL_NS, "latency": LATENCY_NS, "runs": RUNS})
        ours = len(events) / seconds
        measured = []
        for name, book in books.items():
            answer = run("hftbacktest_maker", "run", data, book, settings, decisions)
            same_decisions(log, np.load(decisions))
            same_fills(log, answer)
            measured.append(_record(name, ours, book, answer))
    return measured


def tape_of(events: NDArray[Any]) -> Tape:
    """Turn the peer's array into a tape of ours: the rows its local side sees, in that order, with both times.

    The rows it has for the exchange alone are the same rows again, at their place by the exchange's time.
    """
    seen = events[events["ev"] >> 30 & 1 == 1]
    kinds = np.array([255, 2, 3, 0, 1], np.uint8)  # depth, trade, clear and snapshot are its 1, 2, 3 and 4
    bids, asks = seen["ev"] >> 29 & 1 == 1, seen["ev"] >> 28 & 1 == 1
    another = (np.diff(seen["local_ts"]) != 0) | (np.diff(seen["exch_ts"]) != 0)
    sequence = np.concatenate([[0], np.cumsum(another)]).astype(np.uint64)
    return Tape(
        INSTRUMENT,
        Recording(messages=int(sequence[-1]) + 1),
        sequence=sequence,
        exchange_time=np.ascontiguousarray(seen["exch_ts"]),
        local_time=np.ascontiguousarray(seen["local_ts"]),
        kind=kinds[(seen["ev"] & 0xFF).astype(np.intp)],
        side=np.where(bids, 1, np.where(asks, 2, 0)).astype(np.uint8),
        price=np.rint(seen["px"] / TICK).astype(np.int64),
        quantity=np.rint(seen["qty"] / LOT).astype(np.int64),
        order=np.empty(0, np.uint64),
    )


def _ours(recorded: Tape, first: int) -> tuple[float, EventRun]:
    tape = event_tape(recorded)
    terms = Terms(entry_ns=LATENCY_NS, response_ns=LATENCY_NS)
    maker = MarketMaker(on_touch=False, first_ns=first + INTERVAL_NS, interval_ns=INTERVAL_NS, **QUOTING)

    def once() -> EventRun:
        finished = run_events([tape], [terms], maker)
        assert finished.digest.startswith("sha256:")
        return finished

    return best(once, RUNS), once()


def same_decisions(log: EventRun, theirs: NDArray[np.int64]) -> None:
    """Compare time, what was asked, side, order and price of every decision, and the position it was made with.

    Raises AssertionError where one differs, or there are next to none.
    """
    event, side, price = log.column("event"), log.column("side"), log.column("price")
    lots = np.where(np.isin(event, (TRADE, FILL)), np.where(side == 1, 1, -1) * log.column("quantity"), 0)
    made = np.flatnonzero(np.isin(event, (SUBMIT, ASK_CANCEL)))
    ours = np.stack(
        [
            log.column("local_time")[made],
            event[made],
            side[made].astype(np.int64) - 1,
            log.column("order")[made].astype(np.int64),
            np.where(event[made] == SUBMIT, price[made], 0),
            np.cumsum(lots)[made],
        ],
        axis=1,
    )
    if len(ours) < FEWEST:
        raise AssertionError(f"{len(ours)} decisions are too few to compare; at least {FEWEST} were to be made")
    length = min(len(ours), len(theirs))
    if len(ours) != len(theirs) or not (ours == theirs).all():
        differs = (ours[:length] != theirs[:length]).any(axis=1)
        first = int(np.argmax(differs)) if differs.any() else length
        raise AssertionError(
            f"decisions differ from hftbacktest's: {len(ours)} and {len(theirs)}, the first that differs is {first}: "
            f"{ours[first : first + 1]} and {theirs[first : first + 1]}"
        )


def same_fills(log: EventRun, theirs: dict[str, int]) -> None:
    """Compare what all fills came to: their number, lots, the position, and cash in ticks times lots.

    The peer tells no fill by itself; that each came when it did is in the position of every decision. Raises
    AssertionError where something differs, or there are next to no fills.
    """
    traded = np.isin(log.column("event"), (TRADE, FILL))
    quantity = log.column("quantity")[traded]
    signed = np.where(log.column("side")[traded] == 1, quantity, -quantity)
    ours = {
        "position": int(signed.sum()),
        "trades": int(traded.sum()),
        "volume": int(quantity.sum()),
        "cash": -int((signed * log.column("price")[traded]).sum()),
    }
    if ours["trades"] < FEWEST:
        raise AssertionError(f"{ours['trades']} fills are too few to compare; at least {FEWEST} were to be made")
    if differing := [name for name, value in ours.items() if value != theirs[name]]:
        raise AssertionError(f"fills differ from hftbacktest's in {', '.join(differing)}: {ours} and {theirs}")


def _record(name: str, ours: float, book: str, answer: dict[str, Any]) -> Record:
    rate = answer["events"] / answer["seconds"]
    timed = (
        f"processor time of one thread from the first to the last of {answer['events']:,} events, tape checked and "
        "compiled beforehand; both clocks, a market maker every 100 ms, its decisions and fills the same; ours with "
        "digests"
    )
    return Record(name, ours, "events/s", f"hftbacktest 2.4.4 ({book} book)", rate, ours / rate, timed)
