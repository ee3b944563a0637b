"""The summary of a run: figures from the core, times from the rows of equity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.run import Summary

from tradeplane_workloads.market.timestamps import rfc3339

YEAR_SECONDS = 365 * 86_400
"""Of a run on tapes: markets with order books trade round the clock; a year is as for interest (docs/engine.md)."""

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tradeplane_native import Figures


def summarise(figures: Figures, time_ns: NDArray[np.int64], fills: int) -> Summary:
    """Summarise a run with its figures, the times of its rows of equity (n,), and its number of fills.

    docs/results.md defines each figure.
    """
    drawdown = figures.max_drawdown_bars

    def time_of(row: int) -> str:
        return rfc3339(int(time_ns[row]))

    return Summary(
        start=time_of(0),
        end=time_of(-1),
        bars=len(time_ns),
        trades=fills,
        final_equity=figures.final_equity,
        total_return=figures.total_return,
        annual_return=figures.annual_return,
        volatility=figures.volatility,
        sharpe=figures.sharpe,
        sortino=figures.sortino,
        calmar=figures.calmar,
        max_drawdown=figures.max_drawdown,
        max_drawdown_start=None if drawdown is None else time_of(drawdown[0]),
        max_drawdown_end=None if drawdown is None else time_of(drawdown[1]),
        turnover=figures.turnover,
        exposure=figures.exposure,
        hit_rate=figures.hit_rate,
    )
