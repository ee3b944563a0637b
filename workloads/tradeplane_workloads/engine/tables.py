"""What a simulation recorded, as Arrow tables; docs/results.md defines the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tradeplane_native import Simulator

    from tradeplane_workloads.market.bars import Bars

AMOUNT = pa.decimal128(38, 9)
"""Money and prices: exact, nine decimals."""

REASONS = ("Signal", "StopLoss", "TakeProfit", "TrailingStop", "MarginCall", "DrawdownHalt")
"""Why a fill happened, in the order of the core's numbers."""


def equity_table(simulator: Simulator, bars: Bars) -> pa.Table:
    """Tabulate the account at each bar's close: time_ns, equity, cash, gross_exposure, net_exposure."""
    columns = {"equity": "equity", "cash": "cash", "gross_exposure": "gross", "net_exposure": "net"}
    amounts = {name: _amounts(simulator.equity_column(source)) for name, source in columns.items()}
    return pa.table({"time_ns": _integers(bars.time_ns), **amounts})


def trades_table(simulator: Simulator, bars: Bars) -> pa.Table:
    """Tabulate the fills, in the order they happened."""
    quantity = simulator.fill_integers("quantity")
    columns = {
        "sequence": _integers(np.arange(len(quantity), dtype=np.int64)),
        "decision_time_ns": _integers(bars.time_ns[simulator.fill_integers("decision")]),
        "time_ns": _integers(bars.time_ns[simulator.fill_integers("bar")]),
        "instrument": _names(_symbols(bars), simulator.fill_integers("instrument")),
        "side": _names(("Buy", "Sell"), (quantity < 0).astype(np.int64)),
        "quantity": _integers(np.abs(quantity)),
    }
    for name in ("price", "notional", "commission", "slippage"):
        columns[name] = _amounts(simulator.fill_amounts(name))
    columns["position_after"] = _integers(simulator.fill_integers("position"))
    columns["realized_pnl"] = _amounts(simulator.fill_amounts("realized"))
    columns["reason"] = _names(REASONS, simulator.fill_integers("reason"))
    return pa.table(columns)


def positions_table(simulator: Simulator, bars: Bars) -> pa.Table:
    """Tabulate positions after each change: time_ns, instrument, quantity, average_price."""
    return pa.table(
        {
            "time_ns": _integers(bars.time_ns[simulator.fill_integers("bar")]),
            "instrument": _names(_symbols(bars), simulator.fill_integers("instrument")),
            "quantity": _integers(simulator.fill_integers("position")),
            "average_price": _amounts(simulator.fill_amounts("average_price")),
        }
    )


def _symbols(bars: Bars) -> tuple[str, ...]:
    return tuple(instrument.symbol for instrument in bars.instruments)


def _amounts(words: NDArray[np.uint64]) -> pa.Array:
    return pa.Array.from_buffers(AMOUNT, len(words), [None, pa.py_buffer(words)])


# Arrays are made over buffers: ``pa.array`` imports pandas wherever it is installed, and casts import all of Arrow's
# compute functions; either takes longer than most runs.


def _integers(values: NDArray[np.int64]) -> pa.Array:
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _names(names: tuple[str, ...], indices: NDArray[np.int64]) -> pa.Array:
    encoded = [name.encode() for name in names]
    rows = [encoded[index] for index in indices.tolist()]
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(b"".join(rows)))
