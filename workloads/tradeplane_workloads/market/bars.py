"""Bars of one or more instruments on one clock.

Prices and volumes are integers (ticks and lots), because sums and comparisons of integers have one answer on
every processor; the decimal form exists only at the edges, where people read and write it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Instrument:
    """What is traded, and the units its integers are in.

    ``price_exponent`` and ``quantity_exponent`` are powers of ten: a price of ``p`` ticks is ``p * 10**price_exponent``
    units of ``currency``; a quantity of ``q`` lots is ``q * 10**quantity_exponent`` units of the instrument.
    """

    symbol: str
    currency: str = "USD"
    price_exponent: int = -4
    quantity_exponent: int = 0


@dataclass(frozen=True, slots=True)
class Bars:
    """Open, high, low, close and volume of ``k`` instruments at ``n`` times.

    ``time_ns``: int64, shape (n,), strictly ascending nanoseconds since the Unix epoch (UTC), the time a bar closed.
    ``open``, ``high``, ``low``, ``close``: int64, shape (n, k), C-contiguous, in ticks of the instrument; adjusted for
    splits and dividends by one factor a bar where the source gives an adjusted close.
    ``volume``: int64, shape (n, k), in lots. ``present``: bool, shape (n, k), False where an instrument has no bar at a
    time; the prices there repeat its last close (0 before its first bar) and nothing fills.
    """

    instruments: tuple[Instrument, ...]
    time_ns: NDArray[np.int64]
    open: NDArray[np.int64]
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.int64]
    present: NDArray[np.bool_]


def repeat_last_close(fields: dict[str, NDArray[np.int64]], present: NDArray[np.bool_]) -> None:
    """Set, in place, the prices where an instrument has no bar to its last close, 0 before its first bar.

    ``fields`` has the columns ``open`` to ``close``, of the shape (n, k) of ``present``.
    """
    for index in range(present.shape[1]):
        absent = np.flatnonzero(~present[:, index])
        if len(absent):
            last = np.maximum.accumulate(np.where(present[:, index], np.arange(len(present)), -1))[absent]
            closes = np.where(last >= 0, fields["close"][last, index], 0)
            for name in ("open", "high", "low", "close"):
                fields[name][absent, index] = closes
