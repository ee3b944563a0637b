"""Tapes for the event engine, made up from integers, and the terms instruments are traded on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_native import EventTape, Generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL, TRADE = 2, 3
BID, ASK = 1, 2


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


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a tape."""

    sequence: NDArray[np.uint64]
    exchange_time: NDArray[np.int64]
    local_time: NDArray[np.int64]
    kind: NDArray[np.uint8]
    side: NDArray[np.uint8]
    price: NDArray[np.int64]
    quantity: NDArray[np.int64]

    def tape(self, base_latency_ns: int = 0) -> EventTape:
        """Check them and make a tape."""
        return EventTape(
            self.sequence,
            self.exchange_time,
            self.local_time,
            self.kind,
            self.side,
            self.price,
            self.quantity,
            base_latency_ns=base_latency_ns,
        )


def random_columns(rows: int, seed: int, trades: float = 0.1) -> Columns:
    """Make levels around a middle that walks, and trades at the touch; one row a millisecond, 5 ms on its way."""
    draw = Generator(seed)
    middle = 500_000 + np.cumsum(draw.integers(-1, 2, rows))
    side = draw.integers(BID, ASK + 1, rows)
    away = draw.integers(1, 30, rows)
    traded = draw.uniform(rows) < trades
    below = (side == BID) != traded  # bids, and what sellers took
    price = middle + np.where(below, -1, 1) * np.where(traded, 1, away)
    quantity = np.where(traded, draw.integers(1, 20, rows), draw.integers(0, 40, rows))
    times = 1_700_000_000_000_000_000 + np.arange(rows, dtype=np.int64) * 1_000_000
    return Columns(
        sequence=np.arange(rows, dtype=np.uint64),
        exchange_time=times,
        local_time=times + 5_000_000,
        kind=np.where(traded, TRADE, LEVEL).astype(np.uint8),
        side=side.astype(np.uint8),
        price=price.astype(np.int64),
        quantity=quantity.astype(np.int64),
    )
