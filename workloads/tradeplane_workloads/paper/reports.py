"""What an exchange tells of an order, over its stream or asked: read, held to limits, in the session's units. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_workloads.paper.market import Traded

NANOSECONDS = 1_000_000
"""In a millisecond."""
_LATEST_MS = 253_402_300_799_999
_SIDES = {"BUY": 1, "SELL": -1}
_EVENTS = {
    "NEW": OrderEvent.OPEN,
    "TRADE": OrderEvent.TRADE,
    "CALCULATED": OrderEvent.TRADE,
    "CANCELED": OrderEvent.CANCEL,
    "EXPIRED": OrderEvent.EXPIRE,
    "EXPIRED_IN_MATCH": OrderEvent.EXPIRE,
    "TRADE_PREVENTION": OrderEvent.EXPIRE,
    "REJECTED": OrderEvent.REFUSE,
    "AMENDMENT": OrderEvent.REPLACE,
    "REPLACED": OrderEvent.REPLACE,
}
ENDED = {
    "CANCELED": OrderEvent.CANCEL,
    "PENDING_CANCEL": OrderEvent.CANCEL,
    "EXPIRED": OrderEvent.EXPIRE,
    "EXPIRED_IN_MATCH": OrderEvent.EXPIRE,
    "REJECTED": OrderEvent.REFUSE,
}
"""Statuses of orders that are over without having been filled."""
_WAITING = (
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)
_BELONGS = "tradeplane"
"""What the simulated exchange says of orders that belong to others, and why one ended; Binance has no words for it."""


class Unreadable(Exception):
    """A message that is none of the protocol's, or says what cannot be; the message names the field."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of an order. Prices in ticks, quantities in lots.

    ``quantity`` is what traded now, else that of the order, as ``total`` is; ``executed`` is what traded so far.

    Of an order that belongs to another, ``left`` is what may trade yet, which need not be all that did not trade,
    ``update`` the number of what happened to it (of a trade that was asked for 0), and ``by_another`` whether the other
    brought it about. ``reason``: why it ended, where the exchange says so.
    """

    instrument: int
    name: str
    event: OrderEvent
    side: int
    price: int
    quantity: int
    total: int
    executed: int
    exchange_time: int
    taker: bool = False
    left: int | None = None
    update: int = 0
    by_another: bool = False
    reason: OrderReason = OrderReason.NONE


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as the exchange has it when asked."""

    instrument: int
    name: str
    number: int
    status: str
    told: Told

    @property
    def event(self) -> OrderEvent | None:
        """How it ended other than by being filled."""
        return ENDED.get(self.status)

    @property
    def is_alive(self) -> bool:
        """Whether it may still trade."""
        return self.status in ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")


def report_of(message: Any, traded: Mapping[str, Traded]) -> Told | None:
    """Read a message of an account's stream; None where it is about no order of these instruments.

    Raises Unreadable.
    """
    if not isinstance(message, dict):
        raise Unreadable("a message of the account is no JSON object")
    kind = message.get("e")
    if kind not in ("executionReport", "ORDER_TRADE_UPDATE"):
        return None
    fields = message if kind == "executionReport" else message.get("o")
    if not isinstance(fields, dict):
        raise Unreadable('a report has no "o"')
    one = traded.get(str(fields.get("s")))
    if one is None:
        return None
    event = _EVENTS.get(str(fields.get("x")))
    if event is None:
        raise Unreadable(f'a report has "x" {str(fields.get("x"))[:40]!r}')
    if event is OrderEvent.OPEN and fields.get("o") in _WAITING and fields.get("w") is not True:
        event = OrderEvent.WAIT
    if event in (OrderEvent.OPEN, OrderEvent.WAIT) and fields.get("X") == "PENDING_NEW":
        event = OrderEvent.HOLD
    # A cancellation has a name of its own on spot, and that of the order it took back in C.
    before = message.get("C")
    name = before if isinstance(before, str) and before else fields.get("c")
    now = event is OrderEvent.TRADE
    executed, total = _whole(one, fields, "z", price=False), _whole(one, fields, "q", price=False)
    return Told(
        instrument=one.index,
        name=str(name),
        event=OrderEvent.FILL if now and executed >= total else event,
        side=_side(fields, "S"),
        price=_whole(one, fields, "L" if now else "p", price=True),
        quantity=_whole(one, fields, "l", price=False) if now else total,
        total=total,
        executed=executed,
        exchange_time=_time(fields, "T"),
        taker=now and fields.get("m") is False,
        **_belonging(one, fields),
    )


def standing_of(answer: Any, traded: Mapping[str, Traded]) -> Standing | None:
    """Read an order that was asked for; None where it is of no instrument of these. Raises Unreadable."""
    if not isinstance(answer, dict):
        raise Unreadable("an order is no JSON object")
    one = traded.get(str(answer.get("symbol")))
    if one is None:
        return None
    number, status = answer.get("orderId"), str(answer.get("status"))
    if not isinstance(number, int) or not 0 <= number < 2**63:
        raise Unreadable('an order has no "orderId"')
    total = _whole(one, answer, "origQty", price=False)
    waits = answer.get("type") in _WAITING and answer.get("isWorking") is not True
    beginning = OrderEvent.WAIT if waits else OrderEvent.OPEN
    event = ENDED.get(status) or (OrderEvent.HOLD if status == "PENDING_NEW" else beginning)
    told = Told(
        instrument=one.index,
        name=str(answer.get("clientOrderId")),
        event=event,
        side=_side(answer, "side"),
        price=_whole(one, answer, "price", price=True),
        quantity=total,
        total=total,
        executed=_whole(one, answer, "executedQty", price=False),
        exchange_time=_time(answer, "updateTime"),
        **_belonging(one, answer),
    )
    return Standing(one.index, told.name, number, status, told)


def trades_of(answers: Any, standing: Standing, traded: Traded) -> list[Told]:
    """Read the trades of an order that were asked for, in their order. Raises Unreadable."""
    if not isinstance(answers, list):
        raise Unreadable("trades are no JSON array")
    ours = [one for one in answers if isinstance(one, dict) and one.get("orderId") == standing.number]
    if any(not isinstance(one.get("id"), int) for one in ours):
        raise Unreadable('a trade has no "id"')
    executed, found = 0, []
    for one in sorted(ours, key=lambda trade: int(trade["id"])):
        quantity = _whole(traded, one, "qty", price=False)
        executed += quantity
        filled = executed >= standing.told.total
        found.append(
            Told(
                instrument=standing.instrument,
                name=standing.name,
                event=OrderEvent.FILL if filled else OrderEvent.TRADE,
                side=standing.told.side,
                price=_whole(traded, one, "price", price=True),
                quantity=quantity,
                total=standing.told.total,
                executed=executed,
                exchange_time=_time(one, "time"),
                taker=one.get("maker", one.get("isMaker")) is False,
                **_belonging(traded, one),
            )
        )
    return found


class _Belonging(TypedDict, total=False):
    left: int
    update: int
    by_another: bool
    reason: OrderReason


def _belonging(traded: Traded, fields: Mapping[str, Any]) -> _Belonging:
    """Read what is said of an order that belongs to another, and why one ended; nothing of others."""
    said = fields.get(_BELONGS)
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise Unreadable(f'"{_BELONGS}" of an order of {traded.symbol} is no JSON object')
    name = str(said.get("reason", OrderReason.NONE.name))
    if name not in OrderReason.__members__:
        raise Unreadable(f'an order of {traded.symbol} has "reason" {name[:40]!r}')
    reason = OrderReason[name]
    if reason and "left" not in said:
        return {"reason": reason}
    update = said.get("update", 0)
    if not isinstance(update, int) or isinstance(update, bool) or not 0 <= update < 2**63:
        raise Unreadable(f'an order of {traded.symbol} has "update" {str(update)[:40]!r}')
    left = _whole(traded, said, "left", price=False)
    return {"left": left, "update": update, "by_another": said.get("byAnother") is True, "reason": reason}


def _whole(traded: Traded, fields: Mapping[str, Any], key: str, *, price: bool) -> int:
    try:
        return (traded.price if price else traded.quantity).parse(fields.get(key))
    except ValueError as error:
        raise Unreadable(f'"{key}" of an order of {traded.symbol}: {error}') from error


def _side(fields: Mapping[str, Any], key: str) -> int:
    side = _SIDES.get(str(fields.get(key)))
    if side is None:
        raise Unreadable(f'an order has "{key}" {str(fields.get(key))[:40]!r}')
    return side


def _time(fields: Mapping[str, Any], key: str) -> int:
    milliseconds = fields.get(key)
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or not 0 <= milliseconds <= _LATEST_MS:
        raise Unreadable(f'an order has no time in "{key}"')
    return milliseconds * NANOSECONDS
