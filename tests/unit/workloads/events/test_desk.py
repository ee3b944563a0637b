"""Orders as a Python strategy asks for them: each kind and term by hand, and what it hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_native import EventRun, run_events
from tradeplane_workloads.events.feed import event_tape
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

from tests.event_tapes import Terms
from tests.unit.workloads.sample_tapes import ASK, BEGIN, BID, LEVEL, NONE, TRADE, tape_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_native import Desk, MarketTrade, OrderReport

ROWS = (
    (0, 1, LEVEL, BID, 1000, 5000),
    (0, 1, LEVEL, ASK, 1002, 5000),
    (1, 10, TRADE, BID, 1002, 1000),  # here orders are sent, and arrive at once
    (2, 20, TRADE, BID, 1005, 1000),
    (3, 30, TRADE, ASK, 1000, 1000),
    (4, 40, TRADE, NONE, 1001, 1),
)
TAPE = tape_of([(number, BEGIN + at, BEGIN + at, *rest) for number, at, *rest in ROWS])  # type: ignore[misc]
Heard = tuple[int, str, int, int]
"""When, what, of which order, and how much of it: of a trade what traded, else what is left."""


class Sends:
    """Sends orders at the first trade and does something when the first of them is in the book."""

    def __init__(self, *orders: dict[str, Any], then: Callable[[Desk], None] | None = None) -> None:
        self.orders = orders
        self.then = then
        self.heard: list[Heard] = []
        self.reports: list[tuple[int, int, int, int]] = []

    def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
        if trade.local_time == BEGIN + 10:
            names = [desk.submit(**order) for order in self.orders]
            assert names == list(range(1, len(names) + 1))

    def on_report(self, desk: Desk, report: OrderReport) -> None:
        event = OrderEvent(report.event)
        traded = event in (OrderEvent.TRADE, OrderEvent.FILL)
        self.heard.append((desk.now - BEGIN, event.name, report.order, report.quantity if traded else report.left))
        self.reports.append((report.event, report.reason, report.side, report.price))
        if self.then is not None and event is OrderEvent.OPEN:
            then, self.then = self.then, None
            then(desk)


def run(strategy: Sends, **terms: Any) -> EventRun:
    return run_events([event_tape(TAPE)], [Terms(entry_ns=0, response_ns=0, **terms)], strategy)


def buy(quantity: int, **terms: Any) -> dict[str, Any]:
    return {"side": 1, "quantity": quantity, **terms}


def sell(quantity: int, **terms: Any) -> dict[str, Any]:
    return {"side": -1, "quantity": quantity, **terms}


@pytest.mark.parametrize(
    ("orders", "heard", "prices"),
    [
        # The trade at 1005 triggers both stops: one takes the ask, the other rests until the trade through it.
        ([buy(2, trigger=1005)], [(10, "WAIT", 1, 2), (20, "OPEN", 1, 2), (20, "FILL", 1, 2)], [1002]),
        (
            [buy(2, trigger=1005, price=1001)],
            [(10, "WAIT", 1, 2), (20, "OPEN", 1, 2), (30, "FILL", 1, 2)],
            [1001],
        ),
        # In its favour: to buy below the market, to sell above it.
        (
            [buy(2, trigger=1000, take_profit=True)],
            [(10, "WAIT", 1, 2), (30, "OPEN", 1, 2), (30, "FILL", 1, 2)],
            [1002],
        ),
        (
            [sell(2, trigger=1005, take_profit=True)],
            [(10, "WAIT", 1, 2), (20, "OPEN", 1, 2), (20, "FILL", 1, 2)],
            [1000],
        ),
        # 4 behind 1002, then behind 1005: the trade at 1000 is past 1001, and would not be past 998.
        ([sell(2, distance=4)], [(10, "WAIT", 1, 2), (30, "OPEN", 1, 2), (30, "FILL", 1, 2)], [1000]),
        # The ask has 5000.
        ([buy(5001, price=1002, terms="FOK")], [(10, "EXPIRE", 1, 5001)], []),
        ([buy(5000, price=1002, terms="FOK")], [(10, "OPEN", 1, 5000), (10, "FILL", 1, 5000)], [1002]),
        (
            [buy(5001, price=1002, terms="IOC")],
            [(10, "OPEN", 1, 5001), (10, "TRADE", 1, 5000), (10, "EXPIRE", 1, 1)],
            [1002],
        ),
        ([buy(1, price=1002, terms="post-only")], [(10, "EXPIRE", 1, 1)], []),
        # A trade of 1000 reaches the 3 that are shown.
        ([sell(10, price=1005, display=3)], [(10, "OPEN", 1, 10), (20, "TRADE", 1, 3)], [1005]),
        # One cancels the other.
        (
            [sell(2, price=1005), buy(2, price=1001, peer=1)],
            [(10, "OPEN", 1, 2), (10, "OPEN", 2, 2), (20, "FILL", 1, 2), (20, "CANCEL", 2, 2)],
            [1005],
        ),
        # An exit works for what its entry traded.
        (
            [buy(2, price=1001), sell(2, price=1009, parent=1)],
            [(10, "OPEN", 1, 2), (10, "HOLD", 2, 0), (30, "FILL", 1, 2), (30, "OPEN", 2, 2)],
            [1001],
        ),
    ],
)
def test_each_kind_of_order_does_what_it_says(
    orders: list[dict[str, Any]], heard: list[Heard], prices: list[int]
) -> None:
    strategy = Sends(*orders)
    log = run(strategy)
    assert strategy.heard == heard
    traded = [OrderEvent(event) in (OrderEvent.TRADE, OrderEvent.FILL) for event in log.column("event").tolist()]
    assert log.column("price")[traded].tolist() == prices


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (buy(2, trigger=1002), OrderReason.WRONG_SIDE),
        (buy(2, trigger=1003, take_profit=True), OrderReason.WRONG_SIDE),
        (sell(2, distance=0), OrderReason.BEYOND_RANGE),
        (sell(2, price=1005, display=3), OrderReason.WRONG_DISPLAY),
        (sell(2, price=1005, peer=7), OrderReason.UNKNOWN_PEER),
        (sell(2, price=1005, parent=7), OrderReason.UNKNOWN_PARENT),
        (buy(2, terms="post-only"), OrderReason.WRONG_TERMS),
    ],
)
def test_what_is_impossible_is_refused_with_the_reason(order: dict[str, Any], reason: OrderReason) -> None:
    strategy = Sends(order)
    run(strategy)
    assert [(event, why) for event, why, *_ in strategy.reports] == [(OrderEvent.REFUSE, reason)]


def test_an_order_is_replaced() -> None:
    strategy = Sends(buy(2, price=995), then=lambda desk: desk.replace(1, 1001, 3))
    run(strategy)
    assert strategy.heard == [(10, "OPEN", 1, 2), (10, "REPLACE", 1, 3), (30, "FILL", 1, 3)]
    assert strategy.reports[1] == (OrderEvent.REPLACE, 0, 1, 1001)


@pytest.mark.parametrize(
    ("change", "limits", "reason"),
    [
        ((1, 1006, 4), {"order_size": 3}, OrderReason.ORDER_SIZE),
        ((1, 1009, 2), {"collar": 5}, OrderReason.COLLAR),
        ((1, 1006, 4), {"position": 3}, OrderReason.POSITION),
    ],
)
def test_a_change_that_risk_refuses_is_reported(
    change: tuple[int, int, int], limits: dict[str, int], reason: OrderReason
) -> None:
    strategy = Sends(sell(2, price=1005), then=lambda desk: desk.replace(*change))
    log = run(strategy, **limits)
    # The order is as it was, and trades at its price.
    assert strategy.heard == [(10, "OPEN", 1, 2), (10, "DENY", 1, change[2]), (20, "FILL", 1, 2)]
    assert strategy.reports[1] == (OrderEvent.DENY, reason, -1, change[1])
    denied = log.column("event") == OrderEvent.DENY
    assert (log.column("reason")[denied].tolist(), log.column("side")[denied].tolist()) == ([reason], [ASK])


def test_a_change_of_no_order_is_denied() -> None:
    strategy = Sends(buy(2, price=995), then=lambda desk: desk.replace(9, 1001, 3))
    run(strategy)
    assert strategy.reports[1][:2] == (OrderEvent.DENY, OrderReason.UNKNOWN_ORDER)


def test_after_a_halt_orders_are_taken_back_and_no_more_are_sent() -> None:
    def halts(desk: Desk) -> None:
        desk.halt()
        desk.submit(1, 1, 990)
        desk.replace(1, 991, 1)

    strategy = Sends(buy(2, price=995), then=halts)
    log = run(strategy)
    halted = OrderReason.HALTED
    assert [(event, reason) for event, reason, *_ in strategy.reports] == [
        (OrderEvent.OPEN, 0),
        (OrderEvent.REFUSE, halted),
        (OrderEvent.DENY, halted),
        (OrderEvent.CANCEL, 0),
    ]
    assert (log.column("event") == OrderEvent.HALT).sum() == 1
