"""The verdict of execution parity: whether a session was told what its exchange says came of its orders. Pure.

The exchange's record was replayed before. Orders are known on both sides by their names, so those of other sessions
and accounts do not count. What is held to the record: that an order was sent as it was decided; each fill, in its order
and in all its fields; and how an order ended. That an order was accepted is no news, and a refused cancellation or a
refusal that never reached the exchange's core has no other witness.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tradeplane_api.parity import FirstDivergence

from tradeplane_workloads.sessions.journal_survey import FILLS, Sent, Told
from tradeplane_workloads.sessions.order_names import order_name, order_of
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tradeplane_native import ExchangeOutcome, ExchangeStep

    from tradeplane_workloads.sessions.journal_survey import Survey

REPORTS, RECORD = "reports", "record"
"""Parts in which a divergence is: what the session was told, and what the exchange recorded."""
UNKNOWN = -1
"""In the place of an order's number: it is none of the session's."""
_ENDED = (OrderEvent.CANCEL, OrderEvent.EXPIRE)
_OVER = (*_ENDED, OrderEvent.FILL, OrderEvent.REFUSE)
_OF_ORDER = ("instrument", "side", "quantity", "kind", "price", "trigger", "display", "peer", "parent")
_OF_FILL = ("instrument", "side", "price", "quantity", "left", "taker", "fee")


class Came(NamedTuple):
    """What the exchange says came of an order: the number and time of its input, and the fields of a report."""

    number: int
    time_ns: int
    instrument: int
    event: int
    side: int
    price: int
    quantity: int
    left: int
    taker: bool
    fee: int


@dataclass(slots=True)
class Orders:
    """What a record has of a session's orders, by their numbers: as they were sent, and what came of them."""

    sent: dict[int, list[Sent]] = field(default_factory=dict)
    came: dict[int, list[Came]] = field(default_factory=dict)

    def fills(self, order: int) -> list[Came]:
        """Return the fills of an order."""
        return [one for one in self.came.get(order, []) if one.event in FILLS]


@dataclass(frozen=True, slots=True)
class Execution:
    """What was found: the first thing that is not as recorded, and which fills are."""

    divergence: FirstDivergence | None
    fills_matched: int


def orders_of(steps: Sequence[ExchangeStep], session: bytes, instruments: Mapping[int, int]) -> Orders:
    """Gather what a replayed record has of a session's orders.

    ``instruments``: the session's number of each of the exchange's instruments that it trades.
    """
    found, names = Orders(), dict[tuple[int, int], int]()
    for step in steps:
        if step.client is not None:
            order = order_of(step.client, session)
            if order is not None:
                first = step.outcomes[0]
                names[first.account, first.order] = order
                if first.event != OrderEvent.REFUSE or order not in found.sent:  # one sent again and refused is none
                    named = {
                        one: names.get((first.account, one), UNKNOWN) if one else 0 for one in (step.peer, step.parent)
                    }
                    sent = _sent(step, first, order, instruments)._replace(
                        display=step.display, peer=named[step.peer], parent=named[step.parent]
                    )
                    found.sent.setdefault(order, []).append(sent)
        for outcome in step.outcomes:
            mine = names.get((outcome.account, outcome.order))
            if mine is not None:
                found.came.setdefault(mine, []).append(_came(step, outcome, instruments))
    return found


def judge_execution(survey: Survey, orders: Orders, session: bytes) -> Execution:
    """Hold what a session decided and was told to what the exchange recorded of its orders."""
    told = _by_order(survey.told)
    pairs = [(one, came) for order, ones in told.items() for one, came in _fills(ones, orders.fills(order))]
    matched = [came.number for one, came in pairs if came is not None and _difference(one, came, _OF_FILL) is None]
    found = [*_wrong_orders(survey, orders, session), *_wrong_fills(pairs), *_wrong_ends(survey, orders)]
    found.sort(key=lambda one: one.sequence)
    if not found:
        found = sorted(_missing(survey, orders, told, session), key=lambda one: one.sequence)
    return Execution(found[0] if found else None, len(matched))


def _by_order(told: Sequence[Told]) -> dict[int, list[Told]]:
    by_order: dict[int, list[Told]] = {}
    for one in told:
        by_order.setdefault(one.order, []).append(one)
    return by_order


def _fills(told: Sequence[Told], came: Sequence[Came]) -> Iterator[tuple[Told, Came | None]]:
    """Return the fills that were told of an order, each with the one that was recorded at its place."""
    fills = [one for one in told if one.event in FILLS]
    return ((one, came[place] if place < len(came) else None) for place, one in enumerate(fills))


def _wrong_orders(survey: Survey, orders: Orders, session: bytes) -> Iterator[FirstDivergence]:
    """Find orders that were not sent as they were decided."""
    for order, sent in survey.sent.items():
        received = orders.sent.get(order, [])
        field_ = _difference(sent, received[0], _OF_ORDER) if received else None
        if field_ is not None:
            yield _divergence(REPORTS, sent.record, field_, getattr(sent, field_), getattr(received[0], field_))
        elif len(received) > 1:
            named = f"{order_name(session, order)} once"
            yield _divergence(REPORTS, sent.record, "order", named, f"{len(received)} times")


def _wrong_fills(pairs: Sequence[tuple[Told, Came | None]]) -> Iterator[FirstDivergence]:
    for told, came in pairs:
        if came is None:
            yield _divergence(REPORTS, told.record, "record", f"a fill of order {told.order}", None)
            continue
        field_ = _difference(told, came, _OF_FILL)
        if field_ is not None:
            yield _divergence(REPORTS, told.record, field_, getattr(told, field_), getattr(came, field_))


def _wrong_ends(survey: Survey, orders: Orders) -> Iterator[FirstDivergence]:
    """Find reports, other than of fills, that nothing in the record bears out."""
    for one in survey.told:
        came = {each.event for each in orders.came.get(one.order, [])}
        if not _borne_out(one.event, came):
            now = ", ".join(OrderEvent(event).name.lower() for event in sorted(came)) or None
            yield _divergence(REPORTS, one.record, "event", OrderEvent(one.event).name.lower(), now)


def _borne_out(event: int, came: set[int]) -> bool:
    if event in (OrderEvent.HOLD, OrderEvent.WAIT, OrderEvent.OPEN):
        return bool(came - {OrderEvent.REFUSE, OrderEvent.DENY})
    if event == OrderEvent.REFUSE:  # also where Binance's wire has an expiry for what it refuses
        return came <= {OrderEvent.REFUSE, OrderEvent.EXPIRE, OrderEvent.DENY}
    if event == OrderEvent.EXPIRE and came <= {OrderEvent.REFUSE, OrderEvent.DENY}:
        return True  # it never arrived, or the wire has an expiry for what the core refuses
    if event in _ENDED:
        return event in came or not came
    return event != OrderEvent.REPLACE or event in came


def _missing(
    survey: Survey, orders: Orders, told: Mapping[int, Sequence[Told]], session: bytes
) -> Iterator[FirstDivergence]:
    """Find what the session ought to have heard of: orders it has no record of, fills, and ends."""
    ended = _heard_until(orders, told)
    for order, came in orders.came.items():
        if order not in survey.sent:
            yield _divergence(RECORD, came[0].number, "order", None, order_name(session, order))
            continue
        heard = told.get(order, ())
        unheard = orders.fills(order)[sum(one.event in FILLS for one in heard) :]
        if not any(one.event in _OVER for one in heard):
            unheard += [one for one in came if one.event in _ENDED]
        for one in unheard:
            if one.number <= ended or (survey.over and one.time_ns <= survey.last_ns):
                event = f"{OrderEvent(one.event).name.lower()} of order {order}"
                yield _divergence(RECORD, one.number, "record", None, event)


def _heard_until(orders: Orders, told: Mapping[int, Sequence[Told]]) -> int:
    """Return the last input of the exchange that the session was told the outcome of."""
    heard = 0
    for order, ones in told.items():
        fills = orders.fills(order)[: sum(one.event in FILLS for one in ones)]
        ends = [one for one in orders.came.get(order, []) if one.event in {each.event for each in ones} & {*_ENDED}]
        heard = max([heard, *(one.number for one in (*fills, *ends))])
    return heard


def _difference(one: Sent | Told, other: Sent | Came, fields: Sequence[str]) -> str | None:
    return next((name for name in fields if getattr(one, name) != getattr(other, name)), None)


def _divergence(part: str, sequence: int, name: str, expected: object, got: object) -> FirstDivergence:
    texts = (None if value is None else str(value) for value in (expected, got))
    return FirstDivergence(part=part, sequence=sequence, field=name, expected=next(texts), got=next(texts))


def _sent(step: ExchangeStep, first: ExchangeOutcome, order: int, instruments: Mapping[int, int]) -> Sent:
    instrument = instruments.get(first.instrument, -1)
    return Sent(step.number, instrument, order, first.side, first.quantity, step.kind, step.price, step.trigger)


def _came(step: ExchangeStep, outcome: ExchangeOutcome, instruments: Mapping[int, int]) -> Came:
    return Came(
        step.number,
        step.time,
        instruments.get(outcome.instrument, -1),
        outcome.event,
        outcome.side,
        outcome.price,
        outcome.quantity,
        outcome.left,
        outcome.taker,
        outcome.fee,
    )
