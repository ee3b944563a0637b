"""What a session heard of its market, and how long its orders took, as the event engine takes them: tapes and latency.

The journal was verified before; the form of its records is stated in docs/formats/session.md. The number of a record is
the sequence of its message, so messages of several instruments stay in the order they were heard; gaps stay gaps.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.execution import (
    MAX_LATENCY_NANOSECONDS,
    MAX_OBSERVATIONS,
    LatencyModel,
    LatencyObservation,
    OrderLatency,
)
from tradeplane_api.snapshot_manifest import Recording

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.tapes import GAP, Tape
from tradeplane_workloads.market.timestamps import rfc3339
from tradeplane_workloads.sessions.frames import JOURNAL_HEADER, frames
from tradeplane_workloads.sessions.journal_survey import MESSAGE
from tradeplane_workloads.sessions.messages import HEADER, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tradeplane_workloads.market.instruments import TapeInstrument
    from tradeplane_workloads.sessions.journal_survey import Survey

MAX_ROWS = 5_000_000
"""Rows of a market that are taken out of a journal: they are decoded one by one, and are in memory."""
_ARRAYS, _KINDS = "QqqBBqqQ", (np.uint64, np.int64, np.int64, np.uint8, np.uint8, np.int64, np.int64, np.uint64)
"""What the columns of a tape are of, in their order."""
_COLUMNS = ("sequence", "exchange_time", "local_time", "kind", "side", "price", "quantity", "order")
_SIGN, _WORD = 1 << 63, (1 << 64) - 1


@dataclass(slots=True)
class _Rows:
    """Rows of one instrument; ``order`` has zeros where a row is about none."""

    messages: int = 0
    gaps: int = 0
    lost: int = 0
    about_orders: bool = False
    columns: tuple[array[int], ...] = field(default_factory=lambda: tuple(array(kind) for kind in _ARRAYS))

    def add(self, row: tuple[int, ...]) -> None:
        for column, value in zip(self.columns, row, strict=True):
            column.append(value)


def recorded_tapes(journal: NDArray[np.uint8], instruments: Sequence[TapeInstrument]) -> tuple[Tape, ...]:
    """Return the market that a session heard, a tape for each of its instruments.

    Raises DataRefused where it heard nothing of one, or more than can be held.
    """
    heard, view, now = [_Rows() for _ in instruments], journal.data, 0
    for number, kind, begin, end in frames(journal, JOURNAL_HEADER):
        if kind == MESSAGE:
            now = max(now, HEADER.unpack_from(view, begin)[0])
            _add(heard, number, now, view[begin:end])
            if sum(len(one.columns[0]) for one in heard) > MAX_ROWS:
                raise DataRefused(f"the session heard more than {MAX_ROWS:,} rows of its market; replay a shorter one")
    for one, rows in zip(instruments, heard, strict=True):
        if not rows.messages:
            raise DataRefused(
                f"the session heard nothing of {one.symbol}, so nothing of it can be simulated; replay one that did"
            )
    return tuple(_tape(one, rows) for one, rows in zip(instruments, heard, strict=True))


def recorded_latency(survey: Survey) -> OrderLatency:
    """Return how long a session's own orders took, by at most so many of them, evenly chosen; none takes no time.

    There and back are told by two clocks: what one that is behind makes shorter than nothing is nothing. Of orders that
    were sent, or reached the exchange, at one time, the first counts.
    """
    first: dict[int, tuple[int, int]] = {}
    for one in survey.told:
        if one.exchange_ns > 0:
            first.setdefault(one.order, (one.exchange_ns, one.time_ns))
    answered = sorted((sent.time_ns, *first[order]) for order, sent in survey.sent.items() if order in first)
    ordered: list[tuple[int, int, int]] = []
    for sent, there, told in answered:
        entry, response = _bounded(there - sent), _bounded(told - max(there, sent))
        if not ordered or (sent > ordered[-1][0] and sent + entry > sum(ordered[-1][:2])):
            ordered.append((sent, entry, response))
    if not ordered:
        return OrderLatency()
    observations = tuple(
        LatencyObservation(time=rfc3339(sent), entry_nanoseconds=entry, response_nanoseconds=response)
        for sent, entry, response in _evenly(ordered)
    )
    return OrderLatency(model=LatencyModel.RECORDED, observations=observations)


def _evenly(orders: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return at most so many of the orders, the first and the last among them."""
    if len(orders) <= MAX_OBSERVATIONS:
        return orders
    return [orders[place * (len(orders) - 1) // (MAX_OBSERVATIONS - 1)] for place in range(MAX_OBSERVATIONS)]


def _bounded(nanoseconds: int) -> int:
    return min(max(0, nanoseconds), MAX_LATENCY_NANOSECONDS)


def _add(heard: list[_Rows], number: int, now: int, payload: memoryview) -> None:
    """Add the rows of a message to those of its instrument."""
    _, instrument, _, exchange, _, orders = HEADER.unpack_from(payload)
    found = heard[instrument]
    found.messages += 1
    found.about_orders |= orders
    price = order = 0
    for row in rows_of(payload):
        price = _signed(price + _turned(row.price))
        order = (order + _turned(row.order)) & _WORD
        if row.kind == GAP:
            found.gaps += 1
            found.lost += row.quantity
        found.add((number, exchange, now, row.kind, row.side, price, row.quantity, order))


def _turned(value: int) -> int:
    """Return the signed number that is written as 2n for n >= 0, and as -2n - 1 below."""
    return -(value >> 1) - 1 if value & 1 else value >> 1


def _signed(value: int) -> int:
    """Return a number as 64 bits hold it."""
    return ((value + _SIGN) & _WORD) - _SIGN


def _tape(instrument: TapeInstrument, rows: _Rows) -> Tape:
    columns = [np.frombuffer(column, kind) for column, kind in zip(rows.columns, _KINDS, strict=True)]
    if not rows.about_orders:
        columns[-1] = columns[-1][:0]
    recording = Recording(messages=rows.messages, gaps=rows.gaps, lost=rows.lost)
    return Tape(instrument, recording, **dict(zip(_COLUMNS, columns, strict=True)))
