"""Bars from DBN: schemas ohlcv-1s, ohlcv-1m, ohlcv-1h and ohlcv-1d; see docs/formats/dbn.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing.dbn_file import BARS, PRICE_PLACES, UNDEFINED, read_dbn
from tradeplane_workloads.market.importing.source import Place, SourceColumns
from tradeplane_workloads.market.series import PRICE_COLUMNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradeplane_workloads.market.importing.dbn_file import DbnFile
    from tradeplane_workloads.market.importing.options import ImportOptions

_SECOND = 1_000_000_000
_LENGTHS = {"ohlcv-1s": _SECOND, "ohlcv-1m": 60 * _SECOND, "ohlcv-1h": 3_600 * _SECOND, "ohlcv-1d": 86_400 * _SECOND}
"""How long a bar of each schema is: its record has the time it opened, a snapshot's the time it closed."""
_PRICE = pa.decimal128(19, PRICE_PLACES)


def dbn_columns(name: str, data: bytes, options: ImportOptions) -> SourceColumns:
    """Return the bars of a DBN file's bytes. Raises DataRefused naming file, record and remedy."""
    file = read_dbn(name, data, BARS, options.max_bytes)
    if not len(file.records):
        raise DataRefused(f"{name} has no bars; give a file that has some")
    place = Place(name, "record", 1)
    closes = file.records["ts_event"].astype(np.int64) + _LENGTHS[file.schema]
    columns = {"time": pa.array(closes).cast(pa.timestamp("ns", "UTC")), "symbol": _symbols(file)}
    for role in PRICE_COLUMNS:
        columns[role] = _prices(file.records[role], role, place)
    columns["volume"] = pa.array(np.ascontiguousarray(file.records["volume"]))
    return SourceColumns(place, columns, {role: role for role in columns}, file.source)


def _symbols(file: DbnFile) -> pa.Array:
    numbers = np.array([number for _, number in file.symbols])
    order = np.argsort(numbers)
    names = pa.array([file.symbols[index][0] for index in order])
    return names.take(pa.array(np.searchsorted(numbers[order], file.records["instrument_id"])))


def _prices(billionths: NDArray[np.int64], role: str, place: Place) -> pa.Array:
    if (billionths == UNDEFINED).any():
        row = int(np.argmax(billionths == UNDEFINED))
        raise place.refused(row, role, "is not defined", "leave the record out")
    words = np.empty((len(billionths), 2), "<i8")
    words[:, 0], words[:, 1] = billionths, billionths >> 63
    return pa.Array.from_buffers(_PRICE, len(billionths), [None, pa.py_buffer(words.tobytes())])
