"""A strategy on tapes: decide as events arrive, send orders, tabulate what came of it.

Everything a result depends on is in the two arguments; the numbers themselves come from the Rust core.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_api.execution import Execution, QueueModel
from tradeplane_api.simulation import Costs, RiskLimits, SizingMethod
from tradeplane_api.snapshot import InstrumentKind
from tradeplane_native import EventTape, Generator, run_events

from tradeplane_workloads.analytics.summary import summarise
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.events.signals import signal_trader
from tradeplane_workloads.events.tables import equity_table, events_table, positions_table, trades_table
from tradeplane_workloads.events.terms import BILLION, Terms, terms_of
from tradeplane_workloads.strategies.protocol import trades_events
from tradeplane_workloads.strategies.registry import find_strategy, parse_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from tradeplane_api.run import Summary
    from tradeplane_api.simulation import Simulation
    from tradeplane_native import EventRun

    from tradeplane_workloads.market.tapes import Tape

YEAR_SECONDS = 365 * 86_400
"""Markets with order books on tape trade round the clock; a year is as for interest (docs/engine.md)."""
MAX_PERIODS = 5_000_000
"""Rows of equity of one run; two months of seconds."""


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
        return {name: getattr(self, name) for name in ("equity", "trades", "positions", "events")}


@dataclass(frozen=True, slots=True)
class Prepared:
    """Tapes and terms the core has accepted, one of each for each instrument, and nanoseconds of a period."""

    tapes: list[EventTape]
    terms: list[Terms]
    period_ns: int


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
    periods = YEAR_SECONDS / (simulation.execution or Execution()).period_seconds
    figures = run.figures(periods, float(Decimal(simulation.risk_free_rate)))
    return TapeResult(
        equity=equity_table(run),
        trades=trades,
        positions=positions_table(run, instruments),
        events=events_table(run),
        summary=summarise(figures, run.account_times, trades.num_rows),
    )


def prepare(tapes: Sequence[Tape], simulation: Simulation) -> Prepared:
    """Check what is asked and hand the tapes to the core. Raises as :func:`backtest_tapes` does."""
    _check_simulation(simulation)
    _check_instruments(tapes)
    execution = simulation.execution or Execution()
    period_ns = execution.period_seconds * BILLION
    _check_length(tapes, execution.period_seconds)
    base = execution.base_latency_nanoseconds
    accepted = []
    for tape in tapes:
        try:
            accepted.append(_accepted(tape, base))
        except ValueError as error:
            raise DataRefused(f"the tape of {tape.instrument.symbol}: {error}; import the recording again") from error
    _check_queue(tapes, execution)
    terms = [terms_of(tape.instrument, simulation, brings_capital=not index) for index, tape in enumerate(tapes)]
    return Prepared(accepted, terms, period_ns)


def _accepted(tape: Tape, base_latency_ns: int) -> EventTape:
    return EventTape(
        tape.sequence,
        tape.exchange_time,
        tape.local_time,
        tape.kind,
        tape.side,
        tape.price,
        tape.quantity,
        tape.order if len(tape.order) else None,
        base_latency_ns=base_latency_ns,
    )


def _run(tapes: Sequence[Tape], simulation: Simulation, prepared: Prepared) -> EventRun:
    instruments = tuple(tape.instrument for tape in tapes)
    strategy = find_strategy(simulation.algorithm.name)
    trader: object
    if trades_events(strategy):
        parameters = parse_parameters(strategy, simulation.algorithm.parameters)
        trader = strategy.trader(instruments, parameters, Generator(simulation.seed))
    else:
        trader = signal_trader(instruments, simulation, prepared)
    limit = (simulation.execution or Execution()).limits.rate
    rate = None if limit is None else (limit.orders, limit.nanoseconds)
    try:
        return run_events(prepared.tapes, prepared.terms, trader, rate=rate, period_ns=prepared.period_ns)
    except Exception as error:
        raise _explained(error, strategy.name, prepared) from error


def _explained(error: Exception, name: str, prepared: Prepared) -> InvalidSpecification:
    """Say whose error ended a run: the strategy's has a note of when it was called."""
    called = "; ".join(getattr(error, "__notes__", ()))
    if called:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return InvalidSpecification(f"algorithm.name: strategy {name!r} failed {called} with {what}; mend the strategy")
    if isinstance(error, ArithmeticError):
        return InvalidSpecification(f"capital: {error}; give less capital, or smaller limits ({name})")
    return InvalidSpecification(f"execution: {error}; correct it, or use other tapes")


def _check_simulation(simulation: Simulation) -> None:
    """Refuse what a run on bars reads and a run on tapes does not, rather than leave it aside in silence."""
    if simulation.costs != Costs():
        raise InvalidSpecification(
            "costs: a run on tapes has fees and impact of its own; remove costs and set execution.fees"
        )
    if simulation.risk != RiskLimits(allow_short=simulation.risk.allow_short):
        raise InvalidSpecification(
            "risk: of it, a run on tapes reads allowShort alone; remove the rest and set execution.limits"
        )
    if simulation.sizing.method is not SizingMethod.FIXED_FRACTION:
        raise InvalidSpecification("sizing.method: a run on tapes has FixedFraction alone; set it")


def _check_instruments(tapes: Sequence[Tape]) -> None:
    """Refuse instruments that are not of one account."""
    currencies = sorted({tape.instrument.currency for tape in tapes})
    if len(currencies) > 1:
        raise DataRefused(f"the tapes are in {', '.join(currencies)}; an account has one currency, so run each alone")
    inverse = [tape.instrument.symbol for tape in tapes if tape.instrument.kind is InstrumentKind.INVERSE_FUTURE]
    if inverse and len(tapes) > 1:
        raise DataRefused(f"{inverse[0]} is an inverse future, settled in its own coin; run it alone")


def _check_queue(tapes: Sequence[Tape], execution: Execution) -> None:
    levels = next((tape.instrument.symbol for tape in tapes if not len(tape.order)), None)
    if execution.queue.model is QueueModel.EXACT and levels is not None:
        raise InvalidSpecification(
            f"execution.queue.model: Exact needs tapes of single orders, and that of {levels} has levels alone; choose "
            "RiskAverse, Probable or Drawn"
        )


def _check_length(tapes: Sequence[Tape], period_seconds: int) -> None:
    first = min(int(tape.local_time.min()) for tape in tapes)
    last = max(int(tape.local_time.max()) for tape in tapes)
    periods = (last - first) // (period_seconds * BILLION)
    if periods > MAX_PERIODS:
        raise InvalidSpecification(
            f"execution.periodSeconds: the tapes have {periods:,} periods of {period_seconds} s, more than "
            f"{MAX_PERIODS:,}; give longer ones"
        )
