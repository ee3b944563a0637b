"""The summary of a run: figures from the core, times from the bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tradeplane_api.run import Summary

if TYPE_CHECKING:
    from tradeplane_native import Simulator

    from tradeplane_workloads.market.bars import Bars

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def rfc3339(time_ns: int) -> str:
    """Nanoseconds since the epoch as an RFC 3339 time in UTC; a fraction only where there is one."""
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    whole = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{fraction:09}Z" if fraction else f"{whole}Z"
