"""Orders and trades of accounts as the wire shows them, kept from what the core reports and nothing else.

The same outcomes give the same ledger, live or out of a record. Orders alive are few (the core bounds them); of those
that are over, and of trades, the newest are kept.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

if TYPE_CHECKING:
    from tradeplane_native import ExchangeOutcome

MAX_OVER = 10_000
"""Orders of an account that are over and can still be asked for."""
MAX_TRADES = 10_000
MILLION = 1_000_000
STATUS = {
    OrderEvent.HOLD: "PENDING_NEW",
    OrderEvent.WAIT: "NEW",
    OrderEvent.OPEN: "NEW",
    OrderEvent.TRADE: "PARTIALLY_FILLED",
    OrderEvent.FILL: "FILLED",
    OrderEvent.CANCEL: "CANCELED",
    OrderEvent.EXPIRE: "EXPIRED",
    OrderEvent.REFUSE: "REJECTED",
}
"""What an order is called after what happened to it; after anything else, what it was called before."""
_OVER = (OrderEvent.FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE)


@dataclass(frozen=True, slots=True)
class Sent:
    """An order as it was sent, in the core's words, its type in the wire's. Others are named by their numbers."""

    client: str
    type: str
    kind: str
    terms: str
    price: int
    trigger: int
    quantity: int
    reduce_only: bool
    distance: int = 0
    display: int = 0
    peer: int = 0
    parent: int = 0


@dataclass(slots=True)
class Order:
    """An order of an account. ``traded`` is the sum of ticks times lots, ``value`` what it was worth, in billionths.

    ``left`` is what may trade yet, which is not all of the rest where it belongs to another order. ``updates`` counts
    what happened to it. Reports say both of one that is ``numbered``, as it belongs to another or was changed.
    ``reason`` is why it ended.
    """

    account: int
    instrument: int
    number: int
    side: int
    sent: Sent
    price: int
    quantity: int
    created_ms: int
    updated_ms: int
    status: str = "NEW"
    working: bool = False
    executed: int = 0
    traded: int = 0
    value: int = 0
    cancel_client: str | None = None
    left: int = 0
    numbered: bool = False
    updates: int = 0
    reason: OrderReason = OrderReason.NONE

    @property
    def alive(self) -> bool:
        """Whether it may still trade."""
        return self.status in ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade of an account's order."""

    number: int
    order: Order
    price: int
    quantity: int
    value: int
    fee: int
    realized: int
    maker: bool
    time_ms: int
    left: int


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to an order, its trade where it traded, what was left then, the number of the update."""

    event: OrderEvent
    reason: OrderReason
    order: Order
    trade: Trade | None
    left: int
    update: int

    @property
    def by_another(self) -> bool:
        """Whether it came of a trade or the end of an order that this one belongs to."""
        return self.reason == OrderReason.LINKED


@dataclass(slots=True)
class _Account:
    alive: dict[int, Order] = field(default_factory=dict)
    over: OrderedDict[int, Order] = field(default_factory=OrderedDict)
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=MAX_TRADES))
    by_client: dict[str, int] = field(default_factory=dict)


class Ledger:
    """The orders and trades of all accounts."""

    def __init__(self) -> None:
        self._accounts: dict[int, _Account] = {}

    def apply(self, outcome: ExchangeOutcome, sent: Sent | None, value: int) -> Happened | None:
        """Enter an outcome; ``sent`` is the order that was just sent, ``value`` what a trade was worth.

        Returns what happened to an order, or None where it is about none that is known (a denied request).
        """
        event = OrderEvent(outcome.event)
        account = self._accounts.setdefault(outcome.account, _Account())
        order = account.alive.get(outcome.order)
        if order is None:
            if sent is None:
                return None
            order = _begin(outcome, sent)
            account.alive[order.number] = order
            account.by_client[sent.client] = order.number
            _tie(order, account)
        trade = _change(order, event, outcome, value)
        if trade is not None:
            account.trades.append(trade)
        if event in _OVER:
            order.reason = OrderReason(outcome.reason)
            del account.alive[order.number]
            account.over[order.number] = order
            while len(account.over) > MAX_OVER:
                _, forgotten = account.over.popitem(last=False)
                if account.by_client.get(forgotten.sent.client) == forgotten.number:
                    del account.by_client[forgotten.sent.client]
        return Happened(event, OrderReason(outcome.reason), order, trade, outcome.left, order.updates)

    def find(self, account: int, instrument: int, number: int | None, client: str | None) -> Order | None:
        """Return an order by the exchange's number or else by the client's name, which is that of the newest."""
        held = self._accounts.get(account, _Account())
        if number is None:
            number = held.by_client.get(client or "")
        order = None if number is None else held.alive.get(number) or held.over.get(number)
        return order if order is not None and order.instrument == instrument else None

    def alive(self, account: int, instrument: int | None = None) -> list[Order]:
        """Return the orders that may still trade, in the order of their numbers."""
        held = self._accounts.get(account, _Account()).alive.values()
        return [order for order in held if instrument is None or order.instrument == instrument]

    def all(self, account: int, instrument: int, first: int, most: int) -> list[Order]:
        """Return the newest orders of an instrument from a number on, ascending."""
        held = self._accounts.get(account, _Account())
        found = [
            order
            for order in (*held.over.values(), *held.alive.values())
            if order.instrument == instrument and order.number >= first
        ]
        found.sort(key=lambda order: order.number)
        return found[:most] if first else found[-most:]

    def trades(self, account: int, instrument: int, first: int, most: int) -> list[Trade]:
        """Return the newest trades of an instrument, or those from a number on, ascending."""
        held = self._accounts.get(account, _Account()).trades
        found = [trade for trade in held if trade.order.instrument == instrument and trade.number >= first]
        return found[:most] if first else found[-most:]


def _begin(outcome: ExchangeOutcome, sent: Sent) -> Order:
    time_ms = outcome.exchange_time // MILLION
    return Order(
        account=outcome.account,
        instrument=outcome.instrument,
        number=outcome.order,
        side=outcome.side,
        sent=sent,
        price=sent.price,
        quantity=sent.quantity,
        created_ms=time_ms,
        updated_ms=time_ms,
    )


def _tie(order: Order, account: _Account) -> None:
    """Note of an order and of those it names that they belong together."""
    named = [other for other in (account.alive.get(order.sent.peer), account.alive.get(order.sent.parent)) if other]
    for one in (order, *named) if named else ():
        one.numbered = True


def _change(order: Order, event: OrderEvent, outcome: ExchangeOutcome, value: int) -> Trade | None:
    order.updated_ms = outcome.exchange_time // MILLION
    order.updates += 1
    if event is not OrderEvent.DENY:
        order.left = outcome.left
    if event is not OrderEvent.OPEN or not order.executed:
        order.status = STATUS.get(event, order.status)
    if event is OrderEvent.OPEN:
        order.working = True
    if event is OrderEvent.REPLACE and outcome.reason != OrderReason.LINKED:
        order.price, order.quantity, order.numbered = outcome.price, outcome.quantity, True
    if event not in (OrderEvent.TRADE, OrderEvent.FILL):
        return None
    order.executed += outcome.quantity
    order.traded += outcome.price * outcome.quantity
    order.value += value
    return Trade(
        number=outcome.trade,
        order=order,
        price=outcome.price,
        quantity=outcome.quantity,
        value=value,
        fee=outcome.fee,
        realized=outcome.realized,
        maker=not outcome.taker,
        time_ms=order.updated_ms,
        left=outcome.left,
    )
