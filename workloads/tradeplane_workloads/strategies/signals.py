"""From conditions on a series to targets: what the built-in strategies share.

Indicators are computed on an instrument's own bars; where it has none, its target stays what it was. All is comparison
and selection, which have one answer on every processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tradeplane_workloads.market.bars import Bars


def per_instrument(bars: Bars, direction: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Targets, shape (n, k), of a rule applied to each instrument alone, with an equal share for each.

    ``direction`` takes the closes in ticks of the bars an instrument has, shape (m,), and gives -1, 0 or 1 for each.
    """
    targets = np.zeros(bars.close.shape, dtype=np.float64)
    share = 1.0 / len(bars.instruments)
    for column in range(len(bars.instruments)):
        rows = np.flatnonzero(bars.present[:, column])
        if rows.size:
            decided = np.zeros(len(bars.time_ns), dtype=np.bool_)
            decided[rows] = True
            targets[rows, column] = direction(bars.close[rows, column].astype(np.float64)) * share
            targets[:, column] = carry(targets[:, column], decided)
    return targets


def carry(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Carry forward the last known value to each index; 0 before the first. Both arrays have shape (n,)."""
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)], 0.0)


def hold(enter: NDArray[np.bool_], leave: NDArray[np.bool_]) -> NDArray[np.float64]:
    """1 from where ``enter`` holds until ``leave`` does, else 0; entering wins where both hold. Shape (n,)."""
    return carry(enter.astype(np.float64), enter | leave)
