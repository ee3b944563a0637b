"""Whether a report is news to a session, and whether it leaves something out. Pure.

How much of an order has traded in all ascends, and every report says it: what the session was told of the order is a
place on that way. A trade that begins there is the next; one before it was told; one after it, or an end with more
traded, leaves something out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from tradeplane_native import OpenOrder

    from tradeplane_workloads.paper.reports import Told

_TRADES = (OrderEvent.TRADE, OrderEvent.FILL)
_BEGINNINGS = (OrderEvent.OPEN, OrderEvent.WAIT)


class Unfed(Enum):
    """Why a report is not fed."""

    OLD = "the session was told"
    DOUBTFUL = "something was left out before it"


@dataclass(frozen=True, slots=True)
class Fed:
    """What is fed of a report: the event, and what is left of the order after it."""

    event: OrderEvent
    left: int


def judge(told: Told, order: OpenOrder) -> Fed | Unfed:
    """Return what is to be fed of a report about an order that is not over as far as is known."""
    known = order.request.quantity - order.left
    if told.event in _TRADES:
        return _trade(told, known, order.left)
    if told.event in _BEGINNINGS:
        return _beginning(told.event, order)
    if told.executed > known:
        return Unfed.DOUBTFUL
    if told.event is not OrderEvent.REPLACE:
        return Fed(told.event, order.left)
    same = (told.price, told.total) == (order.request.price, order.request.quantity) and not order.asked
    return Unfed.OLD if same or told.executed < known else Fed(told.event, told.total - known)


def _trade(told: Told, known: int, left: int) -> Fed | Unfed:
    if told.executed <= known:
        return Unfed.OLD
    rest = left - told.quantity
    if told.executed - told.quantity != known or rest < 0:
        return Unfed.DOUBTFUL
    return Fed(OrderEvent.TRADE if rest else OrderEvent.FILL, rest)


def _beginning(event: OrderEvent, order: OpenOrder) -> Fed | Unfed:
    news = order.state == "sent" or (order.state == "waiting" and event is OrderEvent.OPEN)
    return Fed(event, order.left) if news else Unfed.OLD
