"""Whether a report is news to a session, and whether it leaves something out. Pure.

How much of an order has traded in all ascends, and every report says it: what the session was told of the order is a
place on that way. A trade that begins there is the next; one before it was told; one after it, or an end with more
traded, leaves something out.

What is left of an order that belongs to another goes up and down as the other trades. So the exchange numbers what
happens to such an order, and what is left by the newest number counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

if TYPE_CHECKING:
    from tradeplane_native import OpenOrder

    from tradeplane_workloads.paper.reports import Told

_TRADES = (OrderEvent.TRADE, OrderEvent.FILL)
_BEGINNINGS = (OrderEvent.HOLD, OrderEvent.OPEN, OrderEvent.WAIT)
_FOLLOWS = {
    "sent": _BEGINNINGS,
    "held": (OrderEvent.OPEN, OrderEvent.WAIT),
    "waiting": (OrderEvent.OPEN,),
}
"""Of each state that a beginning can follow, which."""


class Unfed(Enum):
    """Why a report is not fed."""

    OLD = "the session was told"
    DOUBTFUL = "something was left out before it"


@dataclass(frozen=True, slots=True)
class Fed:
    """What is fed of a report: the event, what is left of the order after it, and why it happened."""

    event: OrderEvent
    left: int
    reason: OrderReason = OrderReason.NONE


def judge(told: Told, order: OpenOrder, heard: int = 0) -> Fed | Unfed:
    """Return what is to be fed of a report about an order that is not over as far as is known.

    ``heard``: the highest number of an update of it that was heard; 0 for none.
    """
    if told.event in _TRADES:
        return _trade(told, order)
    if told.event in _BEGINNINGS:
        return _beginning(told, order, heard)
    if told.executed > order.traded:
        return Unfed.DOUBTFUL
    if told.event is not OrderEvent.REPLACE:
        return Fed(told.event, order.left, OrderReason.LINKED if told.by_another else told.reason)
    if told.by_another:
        return _released(told, order, heard)
    same = (told.price, told.total) == (order.request.price, order.request.quantity) and not order.asked
    if same or told.executed < order.traded:
        return Unfed.OLD
    rest = told.total - order.traded if told.left is None else _newest(told, order, heard)
    return Fed(OrderEvent.REPLACE, rest)


def _trade(told: Told, order: OpenOrder) -> Fed | Unfed:
    if told.executed <= order.traded:
        return Unfed.OLD
    rest = order.left - told.quantity if told.left is None else told.left
    if told.executed >= told.total:
        rest = 0  # also where the change that made it so small was not heard
    if told.executed - told.quantity != order.traded or rest < 0:
        return Unfed.DOUBTFUL
    return Fed(OrderEvent.TRADE if rest else OrderEvent.FILL, rest)


def _beginning(told: Told, order: OpenOrder, heard: int) -> Fed | Unfed:
    if told.event in _FOLLOWS.get(order.state, ()):
        return Fed(told.event, _newest(told, order, heard))
    return _released(told, order, heard)


def _released(told: Told, order: OpenOrder, heard: int) -> Fed | Unfed:
    """Judge what a report says of what is left, where an order that this one belongs to may have changed that."""
    if told.executed != order.traded or told.update <= heard or told.left in (None, order.left):
        return Unfed.OLD
    return Fed(OrderEvent.REPLACE, _newest(told, order, heard), OrderReason.LINKED)


def _newest(told: Told, order: OpenOrder, heard: int) -> int:
    """Return what is left by the newest that is known."""
    return order.left if told.left is None or told.update < heard else told.left
