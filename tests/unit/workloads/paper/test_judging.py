"""Which reports are news, of orders whose rest other orders change: by what traded, and by the number of the update."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from tradeplane_workloads.paper.judging import Fed, Unfed, judge
from tradeplane_workloads.paper.reports import Told
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

HOLD, WAIT, OPEN = OrderEvent.HOLD, OrderEvent.WAIT, OrderEvent.OPEN
TRADE, FILL, REPLACE, CANCEL = OrderEvent.TRADE, OrderEvent.FILL, OrderEvent.REPLACE, OrderEvent.CANCEL
EXPIRE, LINKED = OrderEvent.EXPIRE, OrderReason.LINKED


def known(state: str = "open", left: int = 6, traded: int = 2, *, asked: bool = False) -> Any:
    """Return an order of 10, of which 2 traded and another order took 2."""
    return SimpleNamespace(
        request=SimpleNamespace(quantity=10, price=1_000), state=state, left=left, traded=traded, asked=asked
    )


def told(event: OrderEvent, executed: int = 2, quantity: int = 10, **said: Any) -> Told:
    return Told(0, "tp-1", event, 1, 1_000, quantity, 10, executed, 7, **said)


@pytest.mark.parametrize(
    ("report", "order", "expected"),
    [
        # What is left by a newer number counts; by an older, or where a trade was not told, it does not.
        (told(REPLACE, left=4, update=8, by_another=True), known(), Fed(REPLACE, 4, LINKED)),
        (told(REPLACE, left=4, update=7, by_another=True), known(), Unfed.OLD),
        (told(REPLACE, left=6, update=8, by_another=True), known(), Unfed.OLD),
        (told(REPLACE, 1, left=7, update=8, by_another=True), known(), Unfed.OLD),
        (told(REPLACE, 3, left=3, update=8, by_another=True), known(), Unfed.DOUBTFUL),
        # A trade says what is left after it, which a change before it that was not heard is part of.
        (told(TRADE, 5, 3, left=1, update=9), known(), Fed(TRADE, 1)),
        (told(TRADE, 5, 3, left=0, update=9), known(), Fed(FILL, 0)),
        (told(FILL, 5, 3), known(), Fed(TRADE, 3)),
        (replace(told(FILL, 5, 3), total=5), known(), Fed(FILL, 0)),  # a change that was not heard made it smaller
        (told(TRADE, 6, 3, left=1, update=9), known(), Unfed.DOUBTFUL),
        (told(TRADE, 2, 2, left=8, update=3), known(), Unfed.OLD),
        # An exit is held, then works for what its entry traded; an answer that was asked for says so as well.
        (told(HOLD, 0, left=0, update=8), known("sent", 10, 0), Fed(HOLD, 0)),
        (told(HOLD, 0, left=0, update=1), known("held", 0, 0), Unfed.OLD),
        (told(WAIT, 0, left=4, update=9), known("held", 0, 0), Fed(WAIT, 4)),
        (told(OPEN, 0, left=4, update=9), known("held", 0, 0), Fed(OPEN, 4)),
        (told(OPEN, 0, left=4, update=3), known("held", 6, 0), Fed(OPEN, 6)),
        (told(OPEN, 2, left=9, update=9), known(), Fed(REPLACE, 9, LINKED)),
        (told(OPEN, 2, left=9, update=7), known(), Unfed.OLD),
        (told(WAIT, 0, left=4, update=9), known("waiting", 4, 0), Unfed.OLD),
        # A change of ours keeps what is left by the newest; the end of another is told as that.
        (told(REPLACE, left=5, update=9), known(asked=True), Fed(REPLACE, 5)),
        (told(REPLACE, left=5, update=3), known(asked=True), Fed(REPLACE, 6)),
        (told(REPLACE), known(asked=True), Fed(REPLACE, 8)),
        (told(CANCEL, left=6, update=9, by_another=True), known(), Fed(CANCEL, 6, LINKED)),
        (told(CANCEL, 3, left=3, update=9, by_another=True), known(), Unfed.DOUBTFUL),
        (told(CANCEL), known(), Fed(CANCEL, 6)),
        (told(CANCEL, reason=LINKED), known(), Fed(CANCEL, 6, LINKED)),
        (told(EXPIRE, reason=OrderReason.NOT_FILLED), known(), Fed(EXPIRE, 6, OrderReason.NOT_FILLED)),
    ],
)
def test_what_is_fed_of_a_report(report: Told, order: Any, expected: Fed | Unfed) -> None:
    assert judge(report, order, heard=7) == expected
