"""What a run on tapes recorded, as Arrow tables; docs/results.md defines the columns."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from tradeplane_api.snapshot_manifest import InstrumentKind

from tradeplane_workloads.columns import amounts, booleans, integers, names, whole, words
from tradeplane_workloads.events.terms import BILLION
from tradeplane_workloads.market.instruments import steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from tradeplane_native import EventRun

    from tradeplane_workloads.market.instruments import TapeInstrument

REASONS = ("Maker", "Taker")
"""Whether a fill rested or took, in the order of the log's numbers."""


def events_table(run: EventRun) -> pa.Table:
    """Return the log, with the columns and the digest of docs/engine-events.md."""
    columns = {}
    for name, kind in run.columns():
        if kind == "bool":
            columns[name] = booleans(run.column(name))
        else:
            columns[name] = amounts(run.fees()) if name == "fee" else integers(run.column(name))
    return pa.table(columns)


def trades_table(run: EventRun, instruments: Sequence[TapeInstrument]) -> pa.Table:
    """Tabulate the fills, in the order the trader heard of them."""
    rows = run.fill_integers("row")
    of = run.column("instrument")[rows].astype(np.int64)
    return pa.table(
        {
            "sequence": integers(np.arange(len(rows), dtype=np.int64)),
            "order": integers(run.column("order")[rows]),
            "decision_time_ns": integers(run.fill_integers("decision_time")),
            "exchange_time_ns": integers(run.column("exchange_time")[rows]),
            "time_ns": integers(run.column("local_time")[rows]),
            "instrument": names([one.symbol for one in instruments], of),
            "side": names(("Buy", "Sell"), run.column("side")[rows].astype(np.int64) - 1),
            "quantity": integers(run.column("quantity")[rows] * _steps(instruments)[of]),
            "price": amounts(words(_prices(run.column("price")[rows], of, instruments))),
            "notional": amounts(run.fill_amounts("notional")),
            "commission": amounts(run.fees()[rows]),
            "position_after": integers(run.fill_integers("position") * _steps(instruments)[of]),
            "realized_pnl": amounts(run.fill_amounts("realized")),
            "reason": names(REASONS, run.column("taker")[rows].astype(np.int64)),
        }
    )


def positions_table(run: EventRun, instruments: Sequence[TapeInstrument]) -> pa.Table:
    """Tabulate positions after each change: time_ns, instrument, quantity, average_price."""
    rows = run.fill_integers("row")
    of = run.column("instrument")[rows].astype(np.int64)
    held = run.fill_integers("position")
    values = whole(run.fill_amounts("entry_value"))
    averages = [
        _average(instruments[index], lots, value)
        for index, lots, value in zip(of.tolist(), held.tolist(), values, strict=True)
    ]
    return pa.table(
        {
            "time_ns": integers(run.column("local_time")[rows]),
            "instrument": names([one.symbol for one in instruments], of),
            "quantity": integers(held * _steps(instruments)[of]),
            "average_price": amounts(words(averages)),
        }
    )


def _steps(instruments: Sequence[TapeInstrument]) -> NDArray[np.int64]:
    """Return the units of ten to the manifest's exponent that a lot has: 1 but for lots such as 0.005."""
    return np.array([steps_of(one.lot) for one in instruments], dtype=np.int64)


def _prices(ticks: NDArray[np.int64], of: NDArray[np.int64], instruments: Sequence[TapeInstrument]) -> list[int]:
    """Return prices in billionths, rounded half to even where a tick is finer."""
    sizes = [Fraction(one.tick) * BILLION for one in instruments]
    return [round(price * sizes[index]) for price, index in zip(ticks.tolist(), of.tolist(), strict=True)]


def _average(instrument: TapeInstrument, lots: int, value: int) -> int:
    """Return the average entry price in billionths, rounded half to even; 0 when flat."""
    units = abs(lots) * Fraction(instrument.lot) * Fraction(instrument.contract_size)
    if not units or not value:
        return 0
    if instrument.kind is InstrumentKind.INVERSE_FUTURE:
        return round(units * BILLION * BILLION / value)
    return round(value / units)
