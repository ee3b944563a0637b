"""What a journal says of its session, found in one pass: counts, times, orders, and what it was told of them.

The journal was verified before (``tradeplane_native.read_journal``); the form is stated in docs/formats/session.md.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.sessions.frames import JOURNAL_HEADER, frames
from tradeplane_workloads.sessions.messages import HEADER, rows_of
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILLS = (OrderEvent.TRADE, OrderEvent.FILL)
MESSAGE, REPORT, OUTCOME, SEAL = 1, 2, 6, 7
"""Kinds of records; what is below an outcome is an input."""
_GAP = 9
_KINDS = ("market", "limit", "stop", "stop-limit", "take-profit", "trailing-stop")
_TIME = struct.Struct("<q")
_REPORT = struct.Struct("<qBBQBqqq?")
_TOLD = struct.Struct("<qI")
_ROW = struct.Struct("<qI")
_ORDER = struct.Struct("<BBqqqQQ")
_COUNT = struct.Struct("<I")
_SEAL = struct.Struct("<QQQQ??q?16s16s32s32s")
_WIDE = 16


class Told(NamedTuple):
    """A report that the session was told: the number of its record, and what it said. Side is 1 to buy, -1 to sell."""

    record: int
    instrument: int
    event: int
    order: int
    side: int
    price: int
    quantity: int
    left: int
    taker: bool
    fee: int | None
    """Of a fill, what the session took it to cost, in billionths."""
    time_ns: int = 0
    """When the session had it."""
    exchange_ns: int = 0
    """When it happened, by the exchange."""

    def of_fill(self) -> Told:
        """Return what it says of a fill, without where and when it was told."""
        return self._replace(record=0, time_ns=0, exchange_ns=0)


class Sent(NamedTuple):
    """An order that the session decided to send."""

    record: int
    instrument: int
    order: int
    side: int
    quantity: int
    kind: str
    price: int
    trigger: int
    time_ns: int = 0
    """Time of the input that it was decided on."""
    shown: int = 0
    """Its price in the log."""
    display: int = 0
    """Lots that it shows at a time; 0 for all."""
    peer: int = 0
    """The order that it cancels, or is cancelled by; 0 for none."""
    parent: int = 0
    """The order whose trades it waits for; 0 for none."""


@dataclass(slots=True)
class Survey:
    """What is in a journal. ``over`` and ``generator`` (state and increment) are those of a seal that ends it."""

    records: int = 0
    inputs: int = 0
    rows: int = 0
    """Rows of the log that are recorded."""
    first_ns: int = 0
    last_ns: int = 0
    gaps: int = 0
    lost: int = 0
    over: bool = False
    generator: tuple[int, int] | None = None
    told: list[Told] = field(default_factory=list)
    sent: dict[int, Sent] = field(default_factory=dict)

    @property
    def fills(self) -> list[Told]:
        """The fills that the session was told of."""
        return [one for one in self.told if one.event in FILLS]


def survey(journal: NDArray[np.uint8], whole: int) -> Survey:
    """Look through the whole records of a verified journal.

    Raises DataRefused for a record that says nothing a session writes, which checksums alone do not tell.
    """
    found, view = Survey(), journal.data
    for number, kind, begin, end in frames(journal, JOURNAL_HEADER, whole):
        try:
            _take(found, number, kind, view[begin:end])
        except (struct.error, IndexError) as error:
            raise DataRefused(f"record {number} says nothing that a session writes; restore it from a copy") from error
    return found


def _take(found: Survey, number: int, kind: int, payload: memoryview) -> None:
    found.records, found.over, found.generator = number, False, None
    if kind < OUTCOME:
        time = _TIME.unpack_from(payload)[0]
        found.inputs += 1
        found.last_ns = max(found.last_ns, time)
        found.first_ns = found.first_ns if found.inputs > 1 else time
    if kind == MESSAGE:
        _gaps(found, payload)
    elif kind == REPORT:
        found.told.append(_told(number, payload))
    elif kind == OUTCOME:
        _outcome(found, number, payload)
    elif kind == SEAL:
        _, _, _, _, found.over, _, _, drawn, state, increment, _, _ = _SEAL.unpack_from(payload)
        words = int.from_bytes(state, "little"), int.from_bytes(increment, "little")
        found.generator = words if drawn else None


def _gaps(found: Survey, payload: memoryview) -> None:
    """Count the rows that say that messages were lost."""
    if bytes([_GAP]) not in bytes(payload[HEADER.size :]):
        return  # no row can be one
    for row in rows_of(payload):
        if row.kind == _GAP:
            found.gaps += 1
            found.lost += row.quantity


def _told(number: int, payload: memoryview) -> Told:
    time, instrument = _TOLD.unpack_from(payload)
    exchange, event, _, order, side, price, quantity, left, taker = _REPORT.unpack_from(payload, _TOLD.size)
    return Told(number, instrument, event, order, _side(side), price, quantity, left, taker, None, time, exchange)


def _outcome(found: Survey, number: int, payload: memoryview) -> None:
    """Take from rows of the log which orders were sent, and what the fill that was just told cost."""
    place, rows = _COUNT.size, _COUNT.unpack_from(payload)[0]
    found.rows += rows
    for _ in range(rows):
        time, instrument = _ROW.unpack_from(payload, place)
        _, event, _, order, side, shown, quantity, _, _ = _REPORT.unpack_from(payload, place + _ROW.size)
        place += _ROW.size + _REPORT.size
        fee = int.from_bytes(payload[place : place + _WIDE], "little", signed=True)
        place += _WIDE
        if event == OrderEvent.SUBMIT:
            kind, _, first, second, display, peer, parent = _ORDER.unpack_from(payload, place)
            place += _ORDER.size
            price, trigger = _prices(_KINDS[kind], first, second)
            found.sent[order] = Sent(
                number,
                instrument,
                order,
                _side(side),
                quantity,
                _KINDS[kind],
                price,
                trigger,
                time,
                shown,
                display,
                peer,
                parent,
            )
        elif event in FILLS and found.told and found.told[-1].fee is None and found.told[-1].order == order:
            found.told[-1] = found.told[-1]._replace(fee=fee)


def _prices(kind: str, first: int, second: int) -> tuple[int, int]:
    """Return price and trigger as an exchange's record has them, from the numbers of a kind of order."""
    if kind == "limit":
        return first, 0
    return (second, first) if kind == "stop-limit" else (0, first)


def _side(half: int) -> int:
    return -1 if half else 1
