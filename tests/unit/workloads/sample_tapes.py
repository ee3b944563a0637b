"""Small tapes for tests: made, not random, so that a figure in a test can be checked by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.snapshot_manifest import Recording
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.tapes import Tape

if TYPE_CHECKING:
    from collections.abc import Sequence

CLEAR, SNAPSHOT, LEVEL, TRADE, QUOTE, ADD, MODIFY, CANCEL, EXECUTE, GAP = range(10)
NONE, BID, ASK = range(3)
BEGIN = 1_700_000_000_000_000_000
Row = tuple[int, int, int, int, int, int, int]
"""Sequence, exchange time, local time, kind, side, price, quantity."""


def tape_of(rows: Sequence[Row], symbol: str = "BTCUSDT", orders: Sequence[int] = (), tick: str = "0.1") -> Tape:
    """Return a tape of rows."""
    sequence, exchange_time, local_time, kind, side, price, quantity = zip(*rows, strict=True) if rows else [()] * 7
    return Tape(
        TapeInstrument(symbol, Decimal(tick), Decimal("0.001"), "USDT"),
        Recording(messages=len(set(sequence))),
        np.array(sequence, np.uint64),
        np.array(exchange_time, np.int64),
        np.array(local_time, np.int64),
        np.array(kind, np.uint8),
        np.array(side, np.uint8),
        np.array(price, np.int64),
        np.array(quantity, np.int64),
        np.array(orders, np.uint64),
    )


def quotes(count: int, symbol: str = "BTCUSDT") -> Tape:
    """Return a tape of best quotes, a millisecond apart, that wander a little."""
    rows: list[Row] = []
    for number in range(count):
        time = BEGIN + number * 1_000_000
        rows.append((number, time, time + 500, QUOTE, BID, 600_000 + number % 7, 1 + number % 5))
        rows.append((number, time, time + 500, QUOTE, ASK, 600_003 + number % 7, 1 + number % 3))
    return tape_of(rows, symbol)
