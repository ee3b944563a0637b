"""The summary of a run: figures from the core, times from the bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.run import Summary

from tradeplane_workloads.market.timestamps import rfc3339

if TYPE_CHECKING:
    from tradeplane_native import Simulator

    from tradeplane_workloads.market.bars import Bars


def summarise(simulator: Simulator, bars: Bars, fills: int) -> Summary:
    """Summarise a simulation that has run; docs/results.md defines each figure."""
    figures = simulator.figures()
    drawdown = figures.max_drawdown_bars

    def time_of(bar: int) -> str:
        return rfc3339(int(bars.time_ns[bar]))

    return Summary(
        start=time_of(0),
        end=time_of(-1),
        bars=len(bars.time_ns),
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
