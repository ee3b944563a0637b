"""Series of a result in the form a figure draws: float64, thinned to what a screen can show.

Floats are for looking at; every figure that is quoted as a number on the page comes from the summary, which is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_POINTS = 4_000
"""Points drawn of one line; more than a screen has columns, few enough that the page stays small."""


@dataclass(frozen=True, slots=True)
class Line:
    """Values over time: ``time`` datetime64[ns] and ``value`` float64, both of shape (n,)."""

    time: NDArray[np.datetime64]
    value: NDArray[np.float64]


def floats(table: pa.Table, column: str) -> NDArray[np.float64]:
    """Return a numeric or decimal column as float64, shape (rows,); nulls become NaN."""
    return np.asarray(pc.cast(table.column(column), pa.float64()).to_numpy(), dtype=np.float64)


def times(table: pa.Table, column: str = "time_ns") -> NDArray[np.datetime64]:
    """Return a column of nanoseconds since the Unix epoch as datetime64[ns], shape (rows,)."""
    return np.asarray(table.column(column).to_numpy(), dtype=np.int64).view("datetime64[ns]")


def drawdown(equity: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """Return the loss from the highest equity so far as a fraction of it, shape (n,); the peak begins at ``start``."""
    if equity.size == 0:
        return equity
    peak = np.maximum.accumulate(np.maximum(equity, start))
    return np.divide(equity - peak, peak, out=np.zeros_like(equity), where=peak > 0)


def thinned(line: Line, points: int = MAX_POINTS) -> Line:
    """At most ``points`` points of a line, its first and last among them.

    Each stretch of the line keeps its lowest and its highest point, so no peak, trough or gap disappears.
    """
    size = line.value.size
    if size <= points:
        return line
    edges = np.linspace(0, size, (points - 2) // 2 + 1).astype(np.int64)
    lowest = [low + int(np.argmin(line.value[low:high])) for low, high in pairwise(edges)]
    highest = [low + int(np.argmax(line.value[low:high])) for low, high in pairwise(edges)]
    kept = np.unique(np.array([0, size - 1, *lowest, *highest], dtype=np.int64))
    return Line(line.time[kept], line.value[kept])


@dataclass(frozen=True, slots=True)
class PeriodReturns:
    """Returns by calendar month (UTC): ``monthly`` float64 of shape (years, 12) and ``yearly`` of shape (years,).

    NaN stands where there is no bar, and where equity was not above zero at the start of the period.
    """

    years: tuple[int, ...]
    monthly: NDArray[np.float64]
    yearly: NDArray[np.float64]


def period_returns(time: NDArray[np.datetime64], equity: NDArray[np.float64], start: float) -> PeriodReturns:
    """Return of each month and year from the equity at its end and at the end of the one before.

    ``start`` is the capital before the first bar; ``time`` is ascending.
    """
    months = time.astype("datetime64[M]").astype(np.int64)
    if months.size == 0:
        return PeriodReturns((), np.full((0, 12), np.nan), np.full(0, np.nan))
    years = months // 12
    span = range(int(years[0]), int(years[-1]) + 1)
    monthly = np.full((len(span), 12), np.nan)
    for month, change in _changes(months, equity, start):
        monthly[month // 12 - span[0], month % 12] = change
    yearly = np.full(len(span), np.nan)
    for year, change in _changes(years, equity, start):
        yearly[year - span[0]] = change
    return PeriodReturns(tuple(1970 + year for year in span), monthly, yearly)


def _changes(periods: NDArray[np.int64], equity: NDArray[np.float64], start: float) -> list[tuple[int, float]]:
    """Each period that has bars, and the change of equity over it."""
    last = np.append(np.flatnonzero(np.diff(periods)), periods.size - 1)
    before = np.concatenate(([start], equity[last][:-1]))
    change = np.divide(equity[last], before, out=np.full(before.size, np.nan), where=before > 0) - 1.0
    return list(zip(periods[last].tolist(), change.tolist(), strict=True))
