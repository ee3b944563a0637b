"""Recorded Binance streams, played by the simulated exchange: told so that they can be recorded again, and replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_workloads.exchange import public
from tradeplane_workloads.exchange.faults import FaultPlan
from tradeplane_workloads.exchange.hub import Hub, Listener
from tradeplane_workloads.exchange.market import in_exchange_order, schedule_of
from tradeplane_workloads.exchange.orders import NewOrder
from tradeplane_workloads.exchange.parameters import Parameters
from tradeplane_workloads.exchange.record_file import RecordFile
from tradeplane_workloads.exchange.refusal import Refusal
from tradeplane_workloads.exchange.streams import compact, stream_of
from tradeplane_workloads.exchange.venue import Venue
from tradeplane_workloads.market.importing.binance_raw import import_binance
from tradeplane_workloads.market.importing.tape_options import TapeOptions

from tests.extra.requirements import BINANCE_BLIND, BINANCE_TRADES, market_data
from tests.unit.workloads.exchange.small_exchange import SPECIFICATION

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.market.tapes import Tape

MESSAGES = 5_000
BOTH = pytest.mark.parametrize("recording", [BINANCE_TRADES, BINANCE_BLIND], ids=lambda path: path.parent.name)


class Played:
    """A recorded market, its messages played one by one at the times they had."""

    def __init__(self, recording: Path, record: RecordFile | None = None) -> None:
        (tape,) = import_binance(market_data() / recording).tapes
        self.tape: Tape = in_exchange_order(tape)
        self.now_ns = 0
        self.venue = Venue(SPECIFICATION, (self.tape,), lambda: self.now_ns, record)
        self.listing = self.venue.listings.all[0]
        schedule = schedule_of((self.tape,))
        columns = (schedule.first.tolist(), schedule.end.tolist(), schedule.time_ns.tolist())
        self.steps = list(zip(*columns, strict=True))[:MESSAGES]

    def play(self, step: int) -> None:
        first, end, self.now_ns = self.steps[step]
        self.venue.play(0, first, end)


@BOTH
def test_what_is_told_can_be_recorded_again(tmp_path: Path, recording: Path) -> None:
    played = Played(recording)
    hub, listener = Hub(played.venue, FaultPlan((), lambda _, __: None)), Listener(is_combined=True)
    for name in ("depth@0ms", "trade"):
        stream = stream_of(f"{played.listing.symbol.lower()}@{name}", played.venue.listings)
        assert stream is not None
        hub.subscribe(listener, stream)
    lines = []
    for step in range(len(played.steps)):
        played.play(step)
        while (text := listener.take()) is not None:
            lines.append(f"{played.now_ns} {text}")
        if step == 10:
            book = public.depth(played.venue, Parameters(f"symbol={played.listing.symbol}&limit=1000"))
            lines.append(f"{played.now_ns} {compact(book)}")
    (tmp_path / "recording.txt").write_text("\n".join(lines) + "\n")
    options = TapeOptions(symbol=played.listing.symbol)
    (again,) = import_binance(tmp_path / "recording.txt", options).tapes
    assert (again.recording.gaps, again.recording.crossed) == (1, 0)  # it began before its first snapshot
    rows = sum(end - first for first, end, _ in played.steps)
    assert int((again.kind == 3).sum()) == int((played.tape.kind[:rows] == 3).sum())
    bids, asks = book_of(again, played.listing.instrument)
    _, *expected = played.venue.depth(played.listing, 200)
    assert [bids[:200], asks[:200]] == expected


@BOTH
def test_orders_among_it_replay_to_the_same(tmp_path: Path, recording: Path) -> None:
    record = RecordFile(tmp_path / "record")
    played = Played(recording, record)
    accounts = [played.venue.account(name) for name in ("one", "two")]
    refused = 0
    for step in range(len(played.steps)):
        played.play(step)
        _, bids, asks = played.venue.depth(played.listing, 1)
        if step % 7 or not (bids and asks):
            continue
        side = 1 if step % 2 else -1
        price = bids[0][0] if side == 1 else asks[0][0]
        order = NewOrder(played.listing, side, "LIMIT", "limit", "GTC", 1, price, 0, False, None, "ACK")
        try:
            played.venue.submit(accounts[step % 3 == 0], order)
        except Refusal:
            refused += 1  # the margin is used up, which is as well replayed
    trades = [len(played.venue.ledger.trades(account, 0, 0, 10_000)) for account in accounts]
    assert min(trades) > 0
    again = Played(recording)
    replayed = again.venue.replay(record.read())
    assert (replayed.divergence, replayed.market_inputs) == (None, len(played.steps))
    for account in accounts:
        assert state(again, account) == state(played, account)


def state(played: Played, account: int) -> tuple[Any, ...]:
    venue, assets = played.venue, played.venue.listings.assets
    orders, trades = venue.ledger.all(account, 0, 0, 10_000), venue.ledger.trades(account, 0, 0, 10_000)
    return orders, trades, [venue.balance(account, asset) for asset in assets], venue.position(account, played.listing)


def book_of(tape: Tape, instrument: Any) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the book that a tape ends with, in the ticks and lots of an instrument."""
    ticks, lots = tape.instrument.tick / instrument.tick, tape.instrument.lot / instrument.lot
    held: dict[tuple[int, int], int] = {}
    columns = (tape.kind.tolist(), tape.side.tolist(), tape.price.tolist(), tape.quantity.tolist())
    for kind, side, price, quantity in zip(*columns, strict=True):
        if kind == 0:
            held = {}
        elif kind in (1, 2):
            held[side, int(price * ticks)] = int(quantity * lots)
    sides = [[(price, size) for (side, price), size in held.items() if side == wanted and size] for wanted in (1, 2)]
    return sorted(sides[0], reverse=True), sorted(sides[1])
