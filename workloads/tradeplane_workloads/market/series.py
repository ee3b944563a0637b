"""Bars of one instrument as they lie in a snapshot: one Arrow table, checked once.

The same checks hold for what an import reads and for what a snapshot brings, so that an engine never meets a bar that
could not have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradeplane_workloads.market.bars import Instrument

PRICE_COLUMNS = ("open", "high", "low", "close")
SCHEMA = pa.schema([(name, pa.int64()) for name in ("time_ns", *PRICE_COLUMNS, "volume")])
"""Columns of a part of bars: close time in nanoseconds since the Unix epoch, prices in ticks, volume in lots."""
MAX_INTEGER = 2**62
"""Bound on ticks and lots, so that a difference of two never leaves 64 bits."""


@dataclass(frozen=True, slots=True)
class BarSeries:
    """Bars of one instrument, in the columns of ``SCHEMA``, by ascending time."""

    instrument: Instrument
    table: pa.Table

    def column(self, name: str) -> NDArray[np.int64]:
        """Return a column as int64, shape (rows,), without a copy where the table is of one piece."""
        return column_values(self.table, name)


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing wrong with a series: which row and column, what, and what to do."""

    row: int
    column: str
    what: str
    remedy: str


def column_values(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return an int64 column without nulls as an array, shape (rows,).

    Taken from the buffer: Arrow's own conversion to NumPy imports pandas wherever that is installed, which takes longer
    than a whole run.
    """
    column = table.column(name)
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    values = np.frombuffer(whole.buffers()[1] or b"", np.int64)
    return values[whole.offset : whole.offset + len(whole)]


def find_fault(table: pa.Table) -> Fault | None:
    """Return the first fault of a table of ``SCHEMA``, by kind of fault and then by row, or None.

    Nothing is null, times ascend strictly, prices are above zero, low <= open, close <= high, volumes are not negative.
    """
    for name in SCHEMA.names:
        if table.column(name).null_count:
            row = table.column(name).is_null().index(True).as_py()
            return Fault(row, name, "has no value", "fill it or leave the bar out")
    values = {name: column_values(table, name) for name in SCHEMA.names}
    return _time_fault(values["time_ns"]) or _price_fault(values) or _volume_fault(values["volume"])


def _time_fault(time_ns: NDArray[np.int64]) -> Fault | None:
    step = np.diff(time_ns)
    row = _first(step <= 0)
    if row is None:
        return None
    what = "has the time of the bar before it" if step[row] == 0 else "is earlier than the bar before it"
    remedy = "keep one bar of each time" if step[row] == 0 else "sort the bars by ascending time"
    return Fault(row + 1, "time", what, remedy)


def _price_fault(values: dict[str, NDArray[np.int64]]) -> Fault | None:
    for name in PRICE_COLUMNS:
        row = _first(values[name] <= 0)
        if row is not None:
            return Fault(row, name, "is not above zero", "correct the price or leave the bar out")
    low, high = values["low"], values["high"]
    row = _first(high < low)
    if row is not None:
        return Fault(row, "high", "is below the low", "correct the bar or leave it out")
    for name in ("open", "close"):
        row = _first((values[name] < low) | (values[name] > high))
        if row is not None:
            return Fault(row, name, "is outside the range from low to high", "correct the bar or leave it out")
    return None


def _volume_fault(volume: NDArray[np.int64]) -> Fault | None:
    row = _first(volume < 0)
    return None if row is None else Fault(row, "volume", "is negative", "correct the volume; 0 is allowed")


def _first(wrong: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(wrong)) if wrong.any() else None
