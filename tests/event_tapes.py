"""Tapes for the event engine, made up from integers, and the terms instruments are traded on."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from tradeplane_api.snapshot_manifest import Recording
from tradeplane_native import Generator
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.tapes import Tape

from tests.unit.workloads.sample_tapes import ASK, BEGIN, BID, LEVEL, TRADE

INSTRUMENT = TapeInstrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"), "USDT")
MIDDLE = 500_000
PIECE = 1 << 18
"""Rows made up at a time, so that a long tape needs little more room than its columns."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How an instrument is traded, as ``run_events`` reads it: a linear future of ticks 0.1 and lots 0.001."""

    settlement: str = "linear"
    numerator: int = 100_000
    denominator: int = 1
    cash: int = 0
    fee_tiers: list[tuple[int, int, int]] = field(default_factory=list)
    fee_per_lot: int = 0
    fee_minimum: int | None = None
    order_size: int | None = None
    position: int | None = None
    notional: int | None = None
    collar: int | None = None
    daily_loss: int | None = None
    latency: str = "constant"
    entry_ns: int = 10_000_000
    response_ns: int = 10_000_000
    observations: list[tuple[int, int, int]] = field(default_factory=list)
    queue: str = "risk-averse"
    queue_form: str = "parts"
    queue_exponent: float = 1.0
    queue_seed: int | None = None
    impact: str = "none"
    impact_coefficient: int = 0
    impact_reference: int = 1


def random_tape(rows: int, seed: int, trades: float = 0.1, first: int = 0, step: int = 1) -> Tape:
    """Make levels around a middle that walks, and trades at the touch; one row a millisecond, 5 ms on its way.

    Messages are numbered from ``first`` by ``step``, so that tapes of several instruments are one recording.
    """
    sequence, times = np.arange(rows, dtype=np.uint64), np.arange(rows, dtype=np.int64)
    sequence *= np.uint64(step)
    sequence += np.uint64(first)
    times *= 1_000_000
    times += BEGIN
    tape = Tape(
        INSTRUMENT,
        Recording(messages=rows),
        sequence=sequence,
        exchange_time=times,
        local_time=times + 5_000_000,
        kind=np.empty(rows, np.uint8),
        side=np.empty(rows, np.uint8),
        price=np.empty(rows, np.int64),
        quantity=np.empty(rows, np.int64),
        order=np.empty(0, np.uint64),
    )
    middle = MIDDLE
    for piece, start in enumerate(range(0, rows, PIECE)):
        middle = _fill(tape, slice(start, min(start + PIECE, rows)), Generator(seed + piece), middle, trades)
    return tape


def _fill(tape: Tape, piece: slice, draw: Generator, middle: int, trades: float) -> int:
    """Make up what rows of a tape say, the middle being where it was; return where it is then."""
    rows = piece.stop - piece.start
    middles = middle + np.cumsum(draw.integers(-1, 2, rows))
    side = draw.integers(BID, ASK + 1, rows)
    away = draw.integers(1, 30, rows)
    traded = draw.uniform(rows) < trades
    below = (side == BID) != traded  # bids, and what sellers took
    tape.price[piece] = middles + np.where(below, -1, 1) * np.where(traded, 1, away)
    tape.quantity[piece] = np.where(traded, draw.integers(1, 20, rows), draw.integers(0, 40, rows))
    tape.kind[piece] = np.where(traded, TRADE, LEVEL)
    tape.side[piece] = side
    return int(middles[-1])
