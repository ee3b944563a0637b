"""Tapes of trades from CSV and Parquet: time, price, quantity and, where they are there, side, local time and symbol.

Columns, times and decimals are read as those of bars are, so that both mean the same.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tradeplane_api.snapshot_manifest import InstrumentKind, Recording

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing import csv_bars, parquet_bars
from tradeplane_workloads.market.importing.convert import by_symbol
from tradeplane_workloads.market.importing.decimals import decimal_column, needed_exponent, to_integers
from tradeplane_workloads.market.importing.headers import TICKS
from tradeplane_workloads.market.importing.recordings import Found, ImportedTapes, to_tape
from tradeplane_workloads.market.importing.source import read_limited
from tradeplane_workloads.market.importing.tape_options import TapeOptions
from tradeplane_workloads.market.importing.times import close_times
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.tapes import TRADE, Tape

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tradeplane_workloads.market.importing.source import SourceColumns

_SIDES = {"": 0, "none": 0, "n": 0, "buy": 1, "b": 1, "bid": 1, "sell": 2, "s": 2, "a": 2, "ask": 2}
"""What a side may be called, in lower case: who took, 0 where nobody says."""


def import_ticks(path: Path, options: TapeOptions | None = None) -> ImportedTapes:
    """Read trades from a ``.csv`` or ``.parquet`` file. Raises DataRefused naming file, line, column and remedy."""
    chosen = options or TapeOptions()
    readers = {".csv": csv_bars.csv_columns, ".parquet": parquet_bars.parquet_columns}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataRefused(f"{path.name} is neither .csv nor .parquet; convert it, or give it the extension it has")
    source = reader(path.name, read_limited(path, chosen.max_bytes), chosen.columns, TICKS)
    price, price_places = _decimals(source, "price")
    quantity, quantity_places = _decimals(source, "quantity")
    time = close_times(source.columns["time"], source.headers["time"], source.place, chosen.columns)
    local = time
    if "local" in source.columns:
        local = close_times(source.columns["local"], source.headers["local"], source.place, chosen.columns)
    side = _sides(source, len(time))
    tapes = []
    for symbol, rows in by_symbol(source, chosen.symbol or path.stem.upper()):
        tape = Tape(
            _instrument(symbol, chosen),
            Recording(messages=0),
            sequence=(rows + source.place.first).astype(np.uint64),
            exchange_time=time[rows],
            local_time=local[rows],
            kind=np.full(len(rows), TRADE, np.uint8),
            side=side[rows],
            price=price[rows],
            quantity=quantity[rows],
            order=np.zeros(0, np.uint64),
        )
        found = Found(tape, price_places, quantity_places, 0, path.name, source.place.unit)
        tapes.append(to_tape(found, chosen))
    return ImportedTapes(tuple(tapes), source.source)


def _instrument(symbol: str, options: TapeOptions) -> TapeInstrument:
    return TapeInstrument(
        symbol,
        tick=Decimal(1),
        lot=Decimal(1),
        currency=options.currency or "USD",
        kind=options.kind or InstrumentKind.SPOT,
        contract_size=options.contract_size or Decimal(1),
    )


def _decimals(source: SourceColumns, role: str) -> tuple[NDArray[np.int64], int]:
    """Return a column in units of ten to the minus places, and the places. Quantities are above zero."""
    column = decimal_column(source.columns[role], source.headers[role], source.place)
    exponent = needed_exponent([column], source.place, f"{role} exponent")
    values = to_integers(column, exponent, source.place)
    if role == "quantity" and (values <= 0).any():
        row = int(np.argmax(values <= 0))
        raise source.place.refused(row, source.headers[role], "is not above zero", "correct it or leave the row out")
    return values, -exponent


def _sides(source: SourceColumns, rows: int) -> NDArray[np.uint8]:
    if "side" not in source.columns:
        return np.zeros(rows, np.uint8)
    column = source.columns["side"].cast(pa.string())
    encoded = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(column, ""))).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = np.asarray(encoded.indices)
    for code, name in enumerate(names):
        if name not in _SIDES:
            row = int(np.argmax(codes == code))
            what = f"{name[:64]!r} is no side"
            raise source.place.refused(row, source.headers["side"], what, "write buy, sell, or nothing")
    numbers = np.array([_SIDES[name] for name in names], np.uint8)
    return numbers.take(codes)
