"""The payload of a market's message in a journal, row by row; its form is stated in docs/formats/session.md."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = struct.Struct("<qIQqI?")
"""Time it was heard, instrument, sequence, time at the exchange, number of rows, and whether rows are about orders."""


class WrittenRow(NamedTuple):
    """A row as it is written: price and order are steps from the row before, 2n for n >= 0 and -2n - 1 below."""

    kind: int
    side: int
    price: int
    quantity: int
    order: int
    """Of a message whose rows are about orders; 0 in others."""


def rows_of(payload: memoryview) -> Iterator[WrittenRow]:
    """Yield the rows of a message. Raises struct.error and IndexError for what no session wrote."""
    *_, rows, orders = HEADER.unpack_from(payload)
    place, order = HEADER.size, 0
    for _ in range(rows):
        first = payload[place]
        price, place = _number(payload, place + 1)
        quantity, place = _number(payload, place)
        if orders:
            order, place = _number(payload, place)
        yield WrittenRow(first & 15, first >> 4, price, quantity, order)


def _number(payload: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = payload[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
