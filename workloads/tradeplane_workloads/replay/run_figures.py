"""A run in figures, and as a tolerance looks at it, from the tables it left or those just computed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from tradeplane_workloads.columns import booleans
from tradeplane_workloads.replay.figures import Counted, Latencies
from tradeplane_workloads.replay.tolerance import Outcome, Traded
from tradeplane_workloads.replay.verdict import DECIDED, TRADES
from tradeplane_workloads.results import LOG_PART
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from tradeplane_workloads.replay.verdict import Replayable, Tables

EQUITY = "equity"
_OF_ORDER = ("order", "instrument", "local_time", "side", "price", "quantity")


def counted_run(run: Replayable, capital: str) -> Counted:
    """Return a run as one side. On bars an order is what a trade was decided for, and has no latency."""
    tables = run.tables()
    log = tables.get(LOG_PART)
    return Counted(
        orders=tables[TRADES].select(DECIDED) if log is None else _sent(log),
        fills=tables[TRADES],
        pnl=format(Decimal(run.summary.final_equity) - Decimal(capital), "f"),
        accounts=tables[EQUITY],
        latencies=None if log is None else _latencies(log),
    )


def outcome_of_run(run: Replayable, units: Mapping[str, Fraction]) -> Outcome:
    """Return what a tolerance looks at. ``units``: of each instrument, what one of a quantity is in units."""
    tables = run.tables()
    log = tables.get(LOG_PART)
    return Outcome(
        fills=_fills(tables, units),
        equity=Fraction(run.summary.final_equity),
        latency=None if log is None else _latencies(log).figures(),
    )


def _sent(log: pa.Table) -> pa.Table:
    return log.select(_OF_ORDER).filter(booleans(_column(log, "event", np.uint8) == OrderEvent.SUBMIT))


def _latencies(log: pa.Table) -> Latencies:
    """Return for each order the time from its row to the first that has a time at the exchange."""
    order, time = _column(log, "order", np.uint64), _column(log, "local_time", np.int64)
    sent = np.flatnonzero(_column(log, "event", np.uint8) == OrderEvent.SUBMIT)
    answered = np.flatnonzero((_column(log, "exchange_time", np.int64) != 0) & (order != 0))
    names, first = np.unique(order[answered], return_index=True)
    known = dict(zip(names.tolist(), time[answered[first]].tolist(), strict=True))
    decided = sorted(zip(order[sent].tolist(), time[sent].tolist(), strict=True))
    return Latencies.between(decided, known)


def _column(log: pa.Table, name: str, kind: type[np.integer]) -> NDArray[np.integer]:
    """Return a column without nulls as an array, from its buffer: Arrow's own conversion may import pandas."""
    whole = log.column(name).combine_chunks()
    values = np.frombuffer(whole.buffers()[1] or b"", kind)
    return values[whole.offset : whole.offset + len(whole)]


def _fills(tables: Tables, units: Mapping[str, Fraction]) -> dict[Hashable, list[Traded]]:
    """Return the fills of each order; on bars, of what was decided at a time, for an instrument and a side."""
    fills: dict[Hashable, list[Traded]] = {}
    for row in tables[TRADES].to_pylist():
        key = row.get("order") or f"{row['instrument']} {row['side']} of {row['decision_time_ns']}"
        traded = Traded(Fraction(row["price"]), row["quantity"] * units.get(row["instrument"], Fraction(1)))
        fills.setdefault(key, []).append(traded)
    return fills
