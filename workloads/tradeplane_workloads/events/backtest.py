"""A strategy on tapes: decide as events arrive, send orders, tabulate what came of it.

Everything a result depends on is in the two arguments; the numbers themselves come from the Rust core.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_native import Generator, run_events

from tradeplane_workloads.analytics.summary import YEAR_SECONDS, summarise
from tradeplane_workloads.engine.tables import equity_table
from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.events.prepared import prepare
from tradeplane_workloads.events.signals import signal_trader
from tradeplane_workloads.events.tables import events_table, positions_table, trades_table
from tradeplane_workloads.results import LOG_PART, PARTS
from tradeplane_workloads.strategies.faults import faults_of, strategy_fault
from tradeplane_workloads.strategies.protocol import trades_events
from tradeplane_workloads.strategies.registry import find_strategy, parse_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from tradeplane_api.run import Summary
    from tradeplane_api.simulation import Simulation
    from tradeplane_native import EventRun

    from tradeplane_workloads.events.prepared import Prepared
    from tradeplane_workloads.market.tapes import Tape


@dataclass(frozen=True, slots=True)
class TapeResult:
    """What a run on tapes leaves; docs/results.md defines columns and figures.

    ``equity``: one row a period. ``trades``: one row a fill. ``positions``: one row a change of position.
    ``events``: the log of what was asked, answered and traded.
    """

    equity: pa.Table
    trades: pa.Table
    positions: pa.Table
    events: pa.Table
    summary: Summary

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables by the names of their parts."""
        return {name: getattr(self, name) for name in (*PARTS, LOG_PART)}


def backtest_tapes(tapes: Sequence[Tape], simulation: Simulation) -> TapeResult:
    """Run a simulation on tapes; equal arguments give equal bits, on every processor.

    For a user's strategy that holds as far as it is deterministic itself. Raises InvalidSpecification when the
    simulation cannot be run (unknown algorithm, a quantity off the lot, a strategy that raises, amounts past 10^18),
    and DataRefused when the tapes cannot be used.
    """
    prepared = prepare(tapes, simulation)
    run = _run(tapes, simulation, prepared)
    instruments = [tape.instrument for tape in tapes]
    trades = trades_table(run, instruments)
    periods = YEAR_SECONDS / prepared.execution.period_seconds
    figures = run.figures(periods, float(Decimal(simulation.risk_free_rate)))
    return TapeResult(
        equity=equity_table(run.account_times, run.account_amounts),
        trades=trades,
        positions=positions_table(run, instruments),
        events=events_table(run),
        summary=summarise(figures, run.account_times, trades.num_rows),
    )


def _run(tapes: Sequence[Tape], simulation: Simulation, prepared: Prepared) -> EventRun:
    instruments = tuple(tape.instrument for tape in tapes)
    strategy = find_strategy(simulation.algorithm.name)
    trader: object
    if trades_events(strategy):
        parameters = parse_parameters(strategy, simulation.algorithm.parameters)
        with faults_of(strategy.name, "in trader()"):
            trader = strategy.trader(instruments, parameters, Generator(simulation.seed))
    else:
        trader = signal_trader(instruments, simulation, prepared)
    limit = prepared.execution.limits.rate
    rate = None if limit is None else (limit.orders, limit.nanoseconds)
    try:
        return run_events(prepared.tapes, prepared.terms, trader, rate=rate, period_ns=prepared.period_ns)
    except (Exception, SystemExit) as error:
        raise _explained(error, strategy.name) from error


def _explained(error: BaseException, name: str) -> InvalidSpecification:
    """Say whose error ended a run: the strategy's has a note of when it was called."""
    called = "; ".join(getattr(error, "__notes__", ()))
    if called:
        return strategy_fault(name, called, error)
    if isinstance(error, ArithmeticError):
        return InvalidSpecification(f"capital: {error}; give less capital, or smaller limits ({name})")
    return InvalidSpecification(f"execution: {error}; correct it, or use other tapes")
