"""Technical indicators on float64 series, with TA-Lib's definitions and warm-up.

Each takes one-dimensional arrays and gives float64 arrays of the same length, NaN (always the same quiet NaN) where the
indicator is undefined. NaN before the first number delays the warm-up, as for an instrument not yet listed; a NaN after
it makes all that depends on it NaN. They are computed in Rust, in the order of time, and have the same bits on every
processor. TA-Lib (https://ta-lib.org) is the reference: the tests compare with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tradeplane_native as native

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Series = NDArray[np.float64]

MAX_PERIOD = 100_000
"""The longest period, as in TA-Lib."""


class Macd(NamedTuple):
    """The lines of :func:`macd`, each of shape (n,)."""

    macd: Series
    signal: Series
    histogram: Series


class Bands(NamedTuple):
    """The lines of :func:`bollinger`, each of shape (n,)."""

    upper: Series
    middle: Series
    lower: Series


def _series(values: ArrayLike, name: str = "series") -> Series:
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions; an indicator takes one series, of shape (n,)")
    return array


def _period(period: int, name: str = "period") -> int:
    if isinstance(period, bool | np.bool_) or not 1 <= period <= MAX_PERIOD or period != int(period):
        raise ValueError(f"{name} is {period}; it must be a whole number from 1 to {MAX_PERIOD}")
    return int(period)


def sma(series: ArrayLike, period: int) -> Series:
    """Compute the simple moving average (TA-Lib ``SMA``): the mean of the last ``period`` values.

    Defined from index ``period - 1`` on. Raises ValueError for a period that is none of 1..100,000.
    """
    return native.sma(_series(series), _period(period))


def ema(series: ArrayLike, period: int) -> Series:
    """Compute the exponential moving average (TA-Lib ``EMA``): smoothing ``2 / (period + 1)``.

    Seeded by the simple mean of the first ``period`` values; defined from index ``period - 1`` on. Raises ValueError
    for a period that is none of 1..100,000.
    """
    return native.ema(_series(series), _period(period))


def rsi(series: ArrayLike, period: int = 14) -> Series:
    """Compute the relative strength index (TA-Lib ``RSI``).

    ``100 * gain / (gain + loss)`` of gains and losses smoothed by Wilder's method: J. Welles Wilder, New Concepts
    in Technical Trading Systems, 1978. Defined from index ``period`` on; 0 where there were neither gains nor
    losses, as in TA-Lib. Raises ValueError for a period that is none of 1..100,000.
    """
    return native.rsi(_series(series), _period(period))


def macd(series: ArrayLike, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Compute moving average convergence divergence (TA-Lib ``MACD``), after Gerald Appel.

    The fast less the slow exponential average, an exponential average of that difference, and what is between them.
    Both averages are seeded to start at index ``slow - 1``; all lines are defined from index ``slow + signal - 2``
    on. Where ``slow`` is the smaller the two change places. Raises ValueError for a period
    that is none of 1..100,000.
    """
    periods = _period(fast, "fast"), _period(slow, "slow"), _period(signal, "signal")
    return Macd(*native.macd(_series(series), *periods))


def bollinger(series: ArrayLike, period: int = 20, width: float = 2.0) -> Bands:
    """Compute Bollinger bands (TA-Lib ``BBANDS`` on a simple average).

    The mean, and ``width`` population standard deviations above and below it: John Bollinger, Bollinger on
    Bollinger Bands, 2001. Defined from index ``period - 1`` on. Raises ValueError for a period that is none of
    1..100,000 or a width that is not a finite number of zero or more.
    """
    if not (np.isfinite(width) and width >= 0):
        raise ValueError(f"width is {width}; it must be a finite number of zero or more")
    return Bands(*native.bollinger(_series(series), _period(period), float(width)))


def zscore(series: ArrayLike, period: int = 20) -> Series:
    """Compute the standard score.

    The distance from the mean of the last ``period`` values, in their population standard deviations. Defined from
    index ``period - 1`` on, NaN where the deviation is 0. The same moments as Bollinger bands. Raises ValueError
    for a period that is none of 1..100,000.
    """
    return native.zscore(_series(series), _period(period))


def atr(high: ArrayLike, low: ArrayLike, close: ArrayLike, period: int = 14) -> Series:
    """Compute the average true range (TA-Lib ``ATR``), smoothed by Wilder's method.

    J. Welles Wilder, New Concepts in Technical Trading Systems, 1978. The true range is the greatest of high - low,
    ``|high - previous close|`` and ``|low - previous close|``, from the second bar on; defined from index ``period``
    on. Raises ValueError for series of different lengths or a period outside 1..100,000.
    """
    return native.atr(_series(high, "high"), _series(low, "low"), _series(close, "close"), _period(period))
