"""Runs of the event engine from Python: what goes in is checked, what comes out has the digests of the format."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from tradeplane_native import EventRun, MarketMaker, PairsTrader, run_events
from tradeplane_store.records import table_digest
from tradeplane_workloads.events.feed import event_tape

from tests.event_tapes import Terms, random_tape

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_native import Desk, MarketTrade, OrderReport

TAPE = random_tape(20_000, seed=1)
FIRST_NS = int(TAPE.local_time[0])
SUBMIT, OPEN, TRADE, FILL, CANCEL, EXPIRE, REFUSE = 0, 5, 6, 7, 9, 10, 11


def maker(**changes: Any) -> MarketMaker:
    """Return a market maker that quotes every 50 ms."""
    quoting = {"half_spread": 0, "quantity": 5, "most": 50, "first_ns": FIRST_NS, "interval_ns": 50_000_000}
    return MarketMaker(**quoting | changes)


def table(run: EventRun) -> pa.Table:
    """Lay the log out as an Arrow table."""
    columns: list[pa.Array] = [pa.array(run.column(name)) for name, _ in EventRun.columns() if name != "fee"]
    words = run.fees()
    fees = [Decimal(int(low) | int(high) << 64) for low, high in words]
    signed = [fee - (1 << 128) if fee >= 1 << 127 else fee for fee in fees]
    columns.append(pa.array([fee.scaleb(-9) for fee in signed], pa.decimal128(38, 9)))
    return pa.table(columns, names=[name for name, _ in EventRun.columns()])


def test_the_digests_of_a_log_are_those_of_its_table() -> None:
    terms = Terms(fee_tiers=[(0, -50_000, 400_000)])
    run = run_events([event_tape(TAPE)], [terms], maker(on_touch=True))
    assert len(run) > 1000
    assert (run.column("event") == FILL).sum() > 100  # fills, with fees below zero
    assert table_digest(table(run)) == (run.digest, tuple(run.blocks))


def test_the_same_run_has_the_same_digest_and_another_seed_another() -> None:
    def digest(seed: int) -> str:
        terms = Terms(queue="power", queue_exponent=2.0, queue_seed=seed)
        return run_events([tape], [terms], maker(half_spread=3)).digest

    tape = event_tape(random_tape(20_000, seed=2, trades=0.6))

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_cash_is_what_was_traded_less_fees() -> None:
    terms = Terms(fee_tiers=[(0, 100_000, 500_000)])
    run = run_events([event_tape(TAPE)], [terms], maker())
    position, cash, fees, volume, lots, trades = run.holding()
    traded = np.isin(run.column("event"), (TRADE, FILL))
    signs = np.where(run.column("side")[traded] == 1, 1, -1)
    quantity, price = run.column("quantity")[traded], run.column("price")[traded]
    assert position == (signs * quantity).sum()
    assert cash == -100_000 * int((signs * quantity * price).sum()) - fees
    assert (volume, lots) == (100_000 * int((quantity * price).sum()), quantity.sum())
    assert trades == traded.sum() > 0


class Recorder:
    """Writes down what it is called with; sends an order at the third trade."""

    def __init__(self) -> None:
        self.trades: list[tuple[int, int, int, int]] = []
        self.reports: list[tuple[int, int, int]] = []
        self.timers: list[int] = []

    def start(self, desk: Desk) -> None:
        desk.wake(desk.now + 1_000_000_000)

    def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
        self.trades.append((trade.local_time, trade.price, trade.quantity, trade.taker))
        if len(self.trades) == 3:
            assert desk.submit(1, 2, trade.price - 5) == 1

    def on_report(self, desk: Desk, report: OrderReport) -> None:
        self.reports.append((desk.now, report.event, report.order))

    def on_timer(self, desk: Desk) -> None:
        self.timers.append(desk.now)


def test_a_python_strategy_is_called_for_what_it_has_methods_for() -> None:
    strategy = Recorder()
    run = run_events([event_tape(TAPE)], [Terms(entry_ns=1, response_ns=2)], strategy)
    traded = np.flatnonzero(TAPE.kind == 3)
    assert [trade[1] for trade in strategy.trades] == TAPE.price[traded].tolist()
    assert [trade[0] for trade in strategy.trades] == TAPE.local_time[traded].tolist()
    assert strategy.timers == [FIRST_NS + 1_000_000_000]
    sent = int(TAPE.local_time[traded[2]])
    assert strategy.reports[0] == (sent + 3, OPEN, 1)
    assert run.column("event")[0] == SUBMIT


class Maker:
    """The market maker of the engine, in Python: quotes of 5 lots around the middle, every 50 ms."""

    def __init__(self) -> None:
        self.standing: dict[int, tuple[int, int, bool]] = {}  # side: order, price, whether it may be taken back

    def start(self, desk: Desk) -> None:
        desk.wake(FIRST_NS)

    def on_report(self, _desk: Desk, report: OrderReport) -> None:
        order, price, _ = self.standing.get(report.side, (0, 0, False))
        if order == report.order and report.event in (FILL, CANCEL, EXPIRE):
            del self.standing[report.side]
        elif order == report.order and report.event == OPEN:
            self.standing[report.side] = (order, price, True)

    def on_timer(self, desk: Desk) -> None:
        desk.wake(desk.now + 50_000_000)
        touch = desk.touch()
        if touch is not None:
            middle = sum(touch)
            self.quote(desk, 1, min(touch[0], middle // 2))
            self.quote(desk, -1, max(touch[1], -(-middle // 2)))

    def quote(self, desk: Desk, side: int, price: int) -> None:
        order, old, settled = self.standing.get(side, (0, 0, False))
        if order == 0 and side * desk.position() < 50:
            self.standing[side] = (desk.submit(side, 5, price, terms="post-only"), price, False)
        elif settled and old != price:
            desk.cancel(order)
            self.standing[side] = (order, old, False)


def test_python_decides_as_rust_does() -> None:
    ours = run_events([event_tape(TAPE)], [Terms()], maker())
    theirs = run_events([event_tape(TAPE)], [Terms()], Maker())
    assert ours.digest == theirs.digest
    assert len(ours) > 500


def test_an_order_that_risk_refuses_is_reported() -> None:
    class Greedy:
        def __init__(self) -> None:
            self.refused: list[tuple[int, int]] = []

        def start(self, desk: Desk) -> None:
            desk.submit(1, 11)
            desk.submit(1, 10, 400_000)

        def on_report(self, _desk: Desk, report: OrderReport) -> None:
            if report.event == REFUSE:
                self.refused.append((report.order, report.reason))

    strategy = Greedy()
    run_events([event_tape(TAPE)], [Terms(order_size=10)], strategy)
    assert strategy.refused == [(1, 16)]


def test_an_error_in_a_strategy_ends_the_run_and_is_raised() -> None:
    class Broken:
        calls = 0

        def on_trade(self, _desk: Desk, _trade: MarketTrade) -> None:
            self.calls += 1
            raise RuntimeError("enough")

    strategy = Broken()
    with pytest.raises(RuntimeError, match="enough"):
        run_events([event_tape(TAPE)], [Terms()], strategy)
    assert strategy.calls == 1


def test_a_strategy_can_stop_the_run() -> None:
    class Once:
        calls = 0

        def on_depth(self, desk: Desk, _instrument: int) -> None:
            self.calls += 1
            desk.stop()

    strategy = Once()
    run_events([event_tape(TAPE)], [Terms()], strategy)
    assert strategy.calls == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settlement": "barter"}, "unknown settlement barter"),
        ({"latency": "none"}, "unknown latency none"),
        ({"latency": "constant", "entry_ns": -1}, "latency must not be below zero"),
        ({"latency": "recorded"}, "order latency 0"),
        ({"queue": "fair"}, "unknown queue fair"),
        ({"queue": "power", "queue_form": "odd"}, "unknown queue form odd"),
        ({"queue": "exact"}, "tape 0 has no orders"),
        ({"impact": "cubic", "impact_coefficient": 1}, "unknown impact cubic"),
        ({"impact": "linear", "impact_reference": 0}, "a reference above zero"),
        ({"numerator": 0}, "must be above zero"),
    ],
)
def test_terms_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_events([event_tape(TAPE)], [Terms(**change)], maker())


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("kind", lambda kind: kind + 10, "row 0: its kind is not known"),
        ("side", lambda side: side * 0, "needs a side"),
        ("price", lambda price: price + (1 << 60), "row 0: its price"),
        ("quantity", lambda quantity: -quantity - 1, "row 0: its quantity is below zero"),
        ("exchange_time", lambda time: -time, "row 0: its times"),
        ("sequence", lambda sequence: sequence[::-1].copy(), "row 1: its sequence"),
        ("local_time", lambda time: time[1:], "local_time has another length"),
    ],
)
def test_a_tape_that_is_none_is_refused(column: str, change: Callable[[Any], Any], message: str) -> None:
    changed = dataclasses.replace(TAPE, **{column: change(getattr(TAPE, column))})
    with pytest.raises(ValueError, match=message):
        event_tape(changed)


def test_strategies_of_nonsense_are_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        maker(interval_ns=0)
    with pytest.raises(ValueError, match="window"):
        PairsTrader(quantity=(1, 1), window=1, entry=1, exit=1, first_ns=0, interval_ns=1)
    with pytest.raises(ValueError, match="there is no instrument 1"):
        run_events([event_tape(TAPE)], [Terms()], maker(instrument=1))
    with pytest.raises(ValueError, match="one set of terms a tape"):
        run_events([event_tape(TAPE)], [], maker())


def test_orders_of_nonsense_are_refused_where_they_are_written() -> None:
    class Nonsense:
        def start(self, desk: Desk) -> None:
            for arguments, options, message in [
                ((0, 1, 5), {}, "side must be"),
                ((1, 1, 5), {"distance": 1}, "leave out the others"),
                ((1, 1, 5), {"terms": "soon"}, "unknown terms soon"),
                ((1, 1, 5), {"instrument": 1}, "instrument 1: there are 1"),
            ]:
                with pytest.raises(ValueError, match=message):
                    desk.submit(*arguments, **options)  # type: ignore[arg-type]
            assert desk.submit(1, 1, 5) == 1

    run = run_events([event_tape(TAPE)], [Terms()], Nonsense())
    assert (run.column("event") == SUBMIT).sum() == 1


def test_skew_is_told() -> None:
    ahead = dataclasses.replace(TAPE, local_time=TAPE.exchange_time - 3_000)
    assert event_tape(ahead, base_latency_ns=500).skew_ns == 3_500
    assert event_tape(TAPE).skew_ns == 0
