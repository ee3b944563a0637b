"""What the engine asks of bars and of targets before it counts on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradeplane_workloads.errors import DataRefused, InvalidSpecification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradeplane_workloads.market.bars import Bars

PRICES = ("open", "high", "low", "close")


def check_bars(bars: Bars) -> None:
    """Check that bars can be simulated.

    Raises DataRefused when they cannot, with the column and the first bar that is wrong.
    """
    count, width = len(bars.time_ns), len(bars.instruments)
    if count == 0 or width == 0:
        raise DataRefused(f"there are {count} bars of {width} instruments; a simulation needs at least one of each")
    currencies = sorted({instrument.currency for instrument in bars.instruments})
    if len(currencies) > 1:
        raise DataRefused(
            f"instruments are in {', '.join(currencies)}; a simulation has one currency, "
            "so give a snapshot for each currency"
        )
    for name in (*PRICES, "volume", "present"):
        column = getattr(bars, name)
        dtype = np.bool_ if name == "present" else np.int64
        if column.shape != (count, width) or column.dtype != dtype or not column.flags.c_contiguous:
            raise DataRefused(
                f"{name} is {column.dtype} of shape {column.shape}; "
                f"it must be C-contiguous {np.dtype(dtype)} of shape {(count, width)}"
            )
    if bars.time_ns.dtype != np.int64 or not bool((np.diff(bars.time_ns) > 0).all()):
        raise DataRefused("time_ns must be int64 and strictly ascending; sort the bars and drop duplicates")
    _check_prices(bars)


def _check_prices(bars: Bars) -> None:
    low, high = bars.low, bars.high
    for name in PRICES:
        price = getattr(bars, name)
        wrong = bars.present & ((price <= 0) | (price < low) | (price > high))
        _refuse(bars, wrong, f"{name} is not above 0, or not between low and high")
    carried = ~bars.present[1:] & (bars.close[1:] != bars.close[:-1])
    _refuse(bars, np.vstack([~bars.present[:1] & (bars.close[:1] != 0), carried]), "close changes without a bar")


def _refuse(bars: Bars, wrong: NDArray[np.bool_], what: str) -> None:
    if wrong.any():
        row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        symbol = bars.instruments[int(column)].symbol
        raise DataRefused(f"bar {row} of {symbol} (time_ns {bars.time_ns[row]}): {what}; mend the data and import anew")


def check_targets(name: str, targets: NDArray[np.float64], bars: Bars) -> NDArray[np.int64]:
    """Targets in billionths, shape (n, k), C-contiguous.

    Raises InvalidSpecification when a strategy gave something else than it promised.
    """
    shape = (len(bars.time_ns), len(bars.instruments))
    where = f"algorithm.name: strategy {name!r} gave"
    if not isinstance(targets, np.ndarray) or targets.dtype != np.float64 or targets.shape != shape:
        found = f"{targets.dtype} of shape {targets.shape}" if isinstance(targets, np.ndarray) else type(targets)
        raise InvalidSpecification(f"{where} {found} for targets; they must be a float64 array of shape {shape}")
    wrong = ~(np.abs(targets) <= 1.0)
    if wrong.any():
        row, column = np.unravel_index(int(np.argmax(wrong)), shape)
        raise InvalidSpecification(
            f"{where} the target {targets[row, column]} at bar {row}, instrument {column}; targets lie from -1 to 1"
        )
    return np.ascontiguousarray(np.rint(targets * 1e9).astype(np.int64))
