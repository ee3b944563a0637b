"""From the end of a recording to the lines that the next one begins with.

A bundle must begin with a known book, and with the number of the last trade, or a loss between two bundles would be in
neither. Where a book is not known at the cut, the next bundle begins with a gap, and with the update that a snapshot
must have reached to make it known: changes up to there are in the bundle before, and no later one can apply them.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tradeplane_workloads.market.instruments import decimal_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from tradeplane_native import RecordedInstrument

_CLEAR, _SNAPSHOT, _LEVEL = 0, 1, 2
_BID, _ASK = 1, 2
_MICROSECOND_NS = 1_000

Levels = list[tuple[str, str]]


def opening_lines(found: Iterable[RecordedInstrument], at: int) -> bytes:
    """Return the lines before a recording's that goes on from what was found; ``at``: its first local time, if any.

    Each has the times of the last row of its instrument, so that no clock seems to jump where none did.
    """
    return b"".join(line for one in found for line in _lines(one, at))


def _lines(one: RecordedInstrument, at: int) -> Iterable[bytes]:
    exchange, local = one.columns[1], one.columns[2]
    time = int(local[-1]) if len(local) else at
    if one.update is not None:
        bids, asks = book_of(one)
        snapshot = {"symbol": one.symbol, "T": int(exchange[-1]) // _MICROSECOND_NS, "lastUpdateId": one.update}
        yield _line(time, {**snapshot, "bids": bids, "asks": asks})
    elif one.blind_update is not None:
        yield _line(time, {"e": "tradeplane.carriedBook", "s": one.symbol, "u": one.blind_update})
    if one.last_trade is not None:
        aggregated, number = one.last_trade
        yield _line(time, {"e": "tradeplane.carriedTrade", "s": one.symbol, "a" if aggregated else "t": number})


def _line(time: int, message: dict[str, object]) -> bytes:
    return f"{time} {json.dumps(message, separators=(',', ':'))}\n".encode()


def book_of(one: RecordedInstrument) -> tuple[Levels, Levels]:
    """Return the bids and asks of an instrument's book at the end, best first, as texts of price and quantity."""
    kind, side, price, quantity = one.columns[3:7]
    start = int(np.flatnonzero(kind == _CLEAR)[-1])
    changes = np.isin(kind[start:], (_SNAPSHOT, _LEVEL))
    bids, asks = (
        _side(*(column[start:][changes & (side[start:] == which)] for column in (price, quantity)))
        for which in (_BID, _ASK)
    )

    def texts(levels: list[tuple[int, int]]) -> Levels:
        return [(_text(price, one.price_places), _text(quantity, one.quantity_places)) for price, quantity in levels]

    return texts(bids[::-1]), texts(asks)


def _side(price: NDArray[np.int64], quantity: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the levels of a side that its changes leave, by price: of each price the last counts."""
    prices, last = np.unique(price[::-1], return_index=True)
    left = quantity[::-1][last]
    return list(zip(prices[left > 0].tolist(), left[left > 0].tolist(), strict=True))


def _text(value: int, places: int) -> str:
    return decimal_text(Decimal(value).scaleb(-places))
