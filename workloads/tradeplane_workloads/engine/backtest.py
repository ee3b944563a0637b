"""A strategy on bars: decide, simulate, tabulate, summarise.

Everything a result depends on is in the two arguments; the numbers themselves come from the Rust core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_native import Generator, Simulator

from tradeplane_workloads.analytics.summary import summarise
from tradeplane_workloads.engine.checks import check_bars, check_targets
from tradeplane_workloads.engine.settings import settings_of
from tradeplane_workloads.engine.tables import equity_table, positions_table, trades_table
from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.results import PARTS
from tradeplane_workloads.strategies.faults import faults_of
from tradeplane_workloads.strategies.protocol import trades_events
from tradeplane_workloads.strategies.registry import find_strategy, parse_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from tradeplane_api.run import Summary
    from tradeplane_api.simulation import Simulation

    from tradeplane_workloads.market.bars import Bars


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What a backtest leaves; docs/results.md defines columns and figures.

    ``equity``: one row a bar. ``trades``: one row a fill. ``positions``: one row a change of position.
    """

    equity: pa.Table
    trades: pa.Table
    positions: pa.Table
    summary: Summary

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables by the names of their parts."""
        return {name: getattr(self, name) for name in PARTS}


def backtest(bars: Bars, simulation: Simulation) -> BacktestResult:
    """Run a simulation on bars; equal arguments give equal bits, on every processor.

    Raises InvalidSpecification when the simulation cannot be run (unknown algorithm, number out of range, a strategy
    that raises, amounts that grow past 10^18), and DataRefused when the bars cannot be used.
    """
    simulator = prepare(bars, simulation)
    try:
        simulator.run()
    except ArithmeticError as error:
        raise InvalidSpecification(
            f"capital: {error}; give less capital, less leverage, or fewer bars ({simulation.algorithm.name})"
        ) from error
    trades = trades_table(simulator, bars)
    return BacktestResult(
        equity=equity_table(bars.time_ns, simulator.equity_column),
        trades=trades,
        positions=positions_table(simulator, bars),
        summary=summarise(simulator.figures(), bars.time_ns, trades.num_rows),
    )


def prepare(bars: Bars, simulation: Simulation) -> Simulator:
    """Make a simulator with the strategy's targets decided and room made for its records; ``run()`` simulates.

    Raises as :func:`backtest` does.
    """
    if simulation.execution is not None:
        raise InvalidSpecification(
            "execution: is read for tapes, and the snapshot holds bars; remove it, or give a snapshot of tapes"
        )
    settings = settings_of(simulation)
    check_bars(bars)
    weights = decide(bars, simulation)
    exponents = [(instrument.price_exponent, instrument.quantity_exponent) for instrument in bars.instruments]
    columns = (bars.time_ns, bars.open, bars.high, bars.low, bars.close, bars.present)
    return Simulator(*columns, weights, exponents, settings)


def decide(bars: Bars, simulation: Simulation) -> NDArray[np.int64]:
    """Decide the targets of a simulation's strategy in billionths, shape (n, k). Raises as :func:`backtest` does."""
    return decider(simulation)(bars)


def decider(simulation: Simulation) -> Callable[[Bars], NDArray[np.int64]]:
    """Return what decides a simulation's targets on bars; it may be asked again on more of them.

    Raises InvalidSpecification where no strategy decides so; what is returned raises as :func:`backtest` does.
    """
    strategy = find_strategy(simulation.algorithm.name)
    parameters = parse_parameters(strategy, simulation.algorithm.parameters)
    if trades_events(strategy):
        raise InvalidSpecification(
            f"algorithm.name: {strategy.name} trades on tapes, and the snapshot holds bars; give a snapshot of tapes, "
            "or choose another algorithm"
        )
    if getattr(strategy, "requires_short", False) and not simulation.risk.allow_short:
        raise InvalidSpecification(
            f"risk.allowShort: {strategy.name} takes short positions; set it to true, or choose another algorithm"
        )

    def decided(bars: Bars) -> NDArray[np.int64]:
        with faults_of(strategy.name, "in targets()"):
            targets = strategy.targets(bars, parameters, Generator(simulation.seed))
        return check_targets(strategy.name, targets, bars)

    return decided
