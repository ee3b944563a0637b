"""Tapes from DBN, Databento's encoding: schemas mbo, mbp-10, mbp-1, tbbo and trades; see docs/formats/dbn.md."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.snapshot_manifest import InstrumentKind, Recording

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing.dbn_file import PRICE_PLACES, TAPES, read_dbn
from tradeplane_workloads.market.importing.dbn_rows import rows_of
from tradeplane_workloads.market.importing.recordings import Found, ImportedTapes, to_tape
from tradeplane_workloads.market.importing.source import read_limited
from tradeplane_workloads.market.importing.tape_options import TapeOptions
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.tapes import GAP, Tape

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tradeplane_workloads.market.importing.dbn_file import DbnFile
    from tradeplane_workloads.market.importing.dbn_rows import DbnRows


def import_dbn(path: Path, options: TapeOptions | None = None) -> ImportedTapes:
    """Read a ``.dbn`` or ``.dbn.zst`` file. Raises DataRefused naming file, record and remedy."""
    chosen = options or TapeOptions()
    file = read_dbn(path.name, read_limited(path, chosen.max_bytes), TAPES, chosen.max_expanded_bytes)
    tapes, others = [], 0
    for symbol, number in file.symbols:
        of_it = np.flatnonzero(file.records["instrument_id"] == number)
        rows = rows_of(file.schema, file.records[of_it])
        if not len(rows.record):
            others += len(of_it)
            continue
        tapes.append(_tape(file, symbol, of_it, rows, chosen))
    if not tapes:
        raise DataRefused(f"{file.name} has no record that a tape holds; give a file with trades, quotes or orders")
    return ImportedTapes(tuple(tapes), file.source, others)


def _tape(file: DbnFile, symbol: str, of_it: NDArray[np.intp], rows: DbnRows, options: TapeOptions) -> Tape:
    records = file.records
    own = of_it[rows.record]
    places = _places(rows.price[rows.kind != GAP])
    price = np.where(rows.kind == GAP, rows.price, rows.price // 10 ** (PRICE_PLACES - places))
    instrument = TapeInstrument(
        symbol,
        tick=Decimal(1),
        lot=Decimal(1),
        currency=options.currency or "USD",
        kind=options.kind or InstrumentKind.SPOT,
        contract_size=options.contract_size or Decimal(1),
    )
    tape = Tape(
        instrument,
        Recording(messages=0),
        sequence=(own + 1).astype(np.uint64),
        exchange_time=records["ts_event"][own].astype(np.int64),
        local_time=records["ts_recv"][own].astype(np.int64),
        kind=rows.kind,
        side=rows.side,
        price=price,
        quantity=rows.quantity,
        order=records["order_id"][own].astype(np.uint64) if file.schema == "mbo" else np.zeros(0, np.uint64),
    )
    left_out = len(of_it) - len(np.unique(rows.record))
    return to_tape(Found(tape, places, 0, left_out, file.name, "record"), options)


def _places(prices: NDArray[np.int64]) -> int:
    """Return how many decimal places prices in billionths need."""
    common = int(np.gcd.reduce(prices, initial=0)) or 10**PRICE_PLACES
    places = PRICE_PLACES
    while places and common % 10 == 0:
        common, places = common // 10, places - 1
    return places
