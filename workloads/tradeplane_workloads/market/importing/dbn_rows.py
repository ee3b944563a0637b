"""What each record of DBN says, as rows of a tape; see docs/formats/dbn.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tradeplane_workloads.market.importing.dbn_file import UNDEFINED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradeplane_workloads.market.importing.dbn_file import Records

_MAYBE_BAD_BOOK = 4
_CLEAR, _SNAPSHOT, _LEVEL, _TRADE_KIND, _QUOTE, _EXECUTE, _GAP = 0, 1, 2, 3, 4, 8, 9
_KINDS = {ord("R"): _CLEAR, ord("T"): _TRADE_KIND, ord("A"): 5, ord("M"): 6, ord("C"): 7, ord("F"): _EXECUTE}
_SIDES = np.zeros(256, np.uint8)
_SIDES[[ord("B"), ord("A")]] = 1, 2
_LAST = 6
"""The slot of what comes after all that a record says of the book."""
_BATCH = 1 << 14
"""Records whose levels are compared at a time: each with all of the record before."""


@dataclass(frozen=True, slots=True)
class DbnRows:
    """Rows that records give: of which record each is, and its columns; ``slot`` orders the rows of one record."""

    record: NDArray[np.intp]
    slot: int
    kind: NDArray[np.uint8]
    side: NDArray[np.uint8]
    price: NDArray[np.int64]
    quantity: NDArray[np.int64]


def rows_of(schema: str, records: Records) -> DbnRows:
    """Return the rows of one instrument's records, in the order of the records."""
    bad = records["flags"] & _MAYBE_BAD_BOOK != 0
    if schema == "mbo":
        pieces = _order_rows(records)
    elif schema == "mbp-10":
        pieces = [*_level_rows(records, bad), _trade_rows(records)]
    else:
        pieces = _touch_rows(schema, records)
    begin = np.flatnonzero(bad & ~np.concatenate([[False], bad[:-1]]))
    gap = np.full(len(begin), _GAP, np.uint8)
    pieces.append(DbnRows(begin, 0, gap, gap * 0, np.ones(len(begin), np.int64), np.zeros(len(begin), np.int64)))
    order = np.lexsort(
        (
            np.concatenate([np.full(len(piece.record), piece.slot) for piece in pieces]),
            np.concatenate([piece.record for piece in pieces]),
        )
    )

    def joined(field: str) -> NDArray[Any]:
        return np.concatenate([getattr(piece, field) for piece in pieces])[order]

    return DbnRows(joined("record"), 0, joined("kind"), joined("side"), joined("price"), joined("quantity"))


def _order_rows(records: Records) -> list[DbnRows]:
    """Give a row for each action on an order; the cancel that follows a fill of the same is part of the fill."""
    kinds = np.full(256, _GAP, np.uint8)
    kinds[list(_KINDS)] = list(_KINDS.values())
    kind = kinds[records["action"]]
    after = np.lexsort((np.arange(len(records)), records["sequence"], records["order_id"]))
    before, this = records[after[:-1]], records[after[1:]]
    same = (before["order_id"] == this["order_id"]) & (before["sequence"] == this["sequence"])
    filled = same & (before["action"] == ord("F")) & (this["action"] == ord("C")) & (before["size"] == this["size"])
    kept = kind != _GAP
    kept[after[1:][filled]] = False
    return [_rows(np.flatnonzero(kept), 1, kind, records["side"], records["price"], records["size"])]


def _touch_rows(schema: str, records: Records) -> list[DbnRows]:
    """Give a row for each trade, and before it, where the schema has them, the best bid and ask."""
    pieces = [_trade_rows(records)]
    if schema != "trades":
        every = np.arange(len(records))
        kind = np.full(len(records), _QUOTE, np.uint8)
        for slot, (side, letter) in enumerate((("bid", "B"), ("ask", "A")), 1):
            letters = np.full(len(records), ord(letter), np.uint8)
            price, size = records[f"{side}_px"], records[f"{side}_sz"]
            pieces.append(_rows(every, slot, kind, letters, price, np.where(price == UNDEFINED, 0, size)))
    return pieces


def _trade_rows(records: Records) -> DbnRows:
    trades = np.flatnonzero(records["action"] == ord("T"))
    kind = np.full(len(records), _TRADE_KIND, np.uint8)
    return _rows(trades, _LAST, kind, records["side"], records["price"], records["size"])


def _level_rows(records: Records, bad: NDArray[np.bool_]) -> list[DbnRows]:
    """Give what changed of the ten best levels of each side, and all of them where a book begins.

    It begins with the first record that is good, and with the first after bad ones.
    """
    begins = ~bad & np.concatenate([[True], bad[:-1]])
    first = np.flatnonzero(begins)
    zeros = np.zeros(len(first), np.int64)
    clear = np.full(len(first), _CLEAR, np.uint8)
    pieces = [DbnRows(first, 1, clear, clear * 0, zeros, zeros)]
    for number, side in enumerate(("bid", "ask"), 1):
        price, size = records["levels"][f"{side}_px"], records["levels"][f"{side}_sz"].astype(np.int64)
        size = np.where(price == UNDEFINED, 0, size)
        for start in range(0, len(records), _BATCH):
            pieces.extend(_changes(price, size, begins, slice(start, start + _BATCH), number))
    return pieces


def _changes(
    price: NDArray[np.int64], size: NDArray[np.int64], begins: NDArray[np.bool_], batch: slice, side: int
) -> list[DbnRows]:
    """Give the levels of one side that are gone and those that are new or other, of a batch of records."""
    now_price, now_size, fresh = price[batch], size[batch], begins[batch, None]
    place = np.arange(batch.start, batch.start + len(now_price)) - 1
    before_price, before_size = price[place], np.where(fresh | (place < 0)[:, None], 0, size[place])
    same_price = now_price[:, :, None] == before_price[:, None, :]
    same = same_price & (now_size[:, :, None] == before_size[:, None, :]) & (before_size[:, None, :] > 0)
    still = (same_price & (now_size[:, :, None] > 0)).any(axis=1)
    gone = np.nonzero((before_size > 0) & ~still)
    changed = np.nonzero((now_size > 0) & ~same.any(axis=2))
    kind = np.where(fresh, _SNAPSHOT, _LEVEL).astype(np.uint8)[:, 0]
    zeros = np.zeros(len(gone[0]), np.int64)
    return [
        _of_side(gone[0], batch.start, 1 + side, kind, side, before_price[gone], zeros),
        _of_side(changed[0], batch.start, 3 + side, kind, side, now_price[changed], now_size[changed]),
    ]


def _of_side(
    record: NDArray[np.intp],
    start: int,
    slot: int,
    kind: NDArray[np.uint8],
    side: int,
    price: NDArray[np.int64],
    size: NDArray[np.int64],
) -> DbnRows:
    return DbnRows(record + start, slot, kind[record], np.full(len(record), side, np.uint8), price, size)


def _rows(
    record: NDArray[np.intp],
    slot: int,
    kind: NDArray[np.uint8],
    side: NDArray[np.uint8],
    price: NDArray[np.int64],
    size: NDArray[Any],
) -> DbnRows:
    prices = np.where(price == UNDEFINED, 0, price)[record]
    return DbnRows(record, slot, kind[record], _SIDES[side[record]], prices, size[record].astype(np.int64))
