"""What a simulation recorded, as Arrow tables; docs/results.md defines the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tradeplane_workloads.columns import amounts, integers, names

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from tradeplane_native import Simulator

    from tradeplane_workloads.market.bars import Bars

REASONS = ("Signal", "StopLoss", "TakeProfit", "TrailingStop", "MarginCall", "DrawdownHalt")
"""Why a fill happened, in the order of the core's numbers."""


def equity_table(time_ns: NDArray[np.int64], column: Callable[[str], NDArray[np.uint64]]) -> pa.Table:
    """Tabulate an account over time: time_ns, equity, cash, gross_exposure, net_exposure.

    ``column`` gives ``equity``, ``cash``, ``gross`` and ``net`` in billionths, as words.
    """
    columns = {"equity": "equity", "cash": "cash", "gross_exposure": "gross", "net_exposure": "net"}
    return pa.table(
        {"time_ns": integers(time_ns), **{name: amounts(column(source)) for name, source in columns.items()}}
    )


def trades_table(simulator: Simulator, bars: Bars) -> pa.Table:
    """Tabulate the fills, in the order they happened."""
    quantity = simulator.fill_integers("quantity")
    columns = {
        "sequence": integers(np.arange(len(quantity), dtype=np.int64)),
        "decision_time_ns": integers(bars.time_ns[simulator.fill_integers("decision")]),
        "time_ns": integers(bars.time_ns[simulator.fill_integers("bar")]),
        "instrument": names(_symbols(bars), simulator.fill_integers("instrument")),
        "side": names(("Buy", "Sell"), (quantity < 0).astype(np.int64)),
        "quantity": integers(np.abs(quantity)),
    }
    for name in ("price", "notional", "commission", "slippage"):
        columns[name] = amounts(simulator.fill_amounts(name))
    columns["position_after"] = integers(simulator.fill_integers("position"))
    columns["realized_pnl"] = amounts(simulator.fill_amounts("realized"))
    columns["reason"] = names(REASONS, simulator.fill_integers("reason"))
    return pa.table(columns)


def positions_table(simulator: Simulator, bars: Bars) -> pa.Table:
    """Tabulate positions after each change: time_ns, instrument, quantity, average_price."""
    return pa.table(
        {
            "time_ns": integers(bars.time_ns[simulator.fill_integers("bar")]),
            "instrument": names(_symbols(bars), simulator.fill_integers("instrument")),
            "quantity": integers(simulator.fill_integers("position")),
            "average_price": amounts(simulator.fill_amounts("average_price")),
        }
    )


def _symbols(bars: Bars) -> tuple[str, ...]:
    return tuple(instrument.symbol for instrument in bars.instruments)
