"""What a run on tapes is asked, checked before it begins, and its tapes in the hands of the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.execution import Execution, QueueModel
from tradeplane_api.simulation import Costs, RiskLimits, SizingMethod
from tradeplane_api.snapshot_manifest import InstrumentKind

from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.events.feed import event_tape
from tradeplane_workloads.events.terms import BILLION, terms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_api.simulation import Simulation
    from tradeplane_native import EventTape

    from tradeplane_workloads.events.terms import Terms
    from tradeplane_workloads.market.instruments import TapeInstrument
    from tradeplane_workloads.market.tapes import Tape

MAX_PERIODS = 5_000_000
"""Rows of equity of one run; two months of seconds."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Tapes and terms the core has accepted, one of each for each instrument, and how the run is executed."""

    tapes: list[EventTape]
    terms: list[Terms]
    execution: Execution

    @property
    def period_ns(self) -> int:
        """Nanoseconds of a period."""
        return self.execution.period_seconds * BILLION


def prepare(tapes: Sequence[Tape], simulation: Simulation) -> Prepared:
    """Check what is asked and hand the tapes to the core. Raises as :func:`backtest_tapes` does."""
    check_simulation(simulation)
    check_instruments([tape.instrument for tape in tapes])
    execution = simulation.execution or Execution()
    _check_length(tapes, execution.period_seconds)
    base = execution.base_latency_nanoseconds
    accepted = []
    for tape in tapes:
        try:
            accepted.append(event_tape(tape, base))
        except ValueError as error:
            raise DataRefused(f"the tape of {tape.instrument.symbol}: {error}; import the recording again") from error
    _check_queue(tapes, execution)
    terms = [terms_of(tape.instrument, simulation, brings_capital=not index) for index, tape in enumerate(tapes)]
    return Prepared(accepted, terms, execution)


def check_simulation(simulation: Simulation) -> None:
    """Refuse what a run on bars reads and a run on tapes does not, rather than leave it aside in silence.

    Raises InvalidSpecification naming the field.
    """
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


def check_instruments(instruments: Sequence[TapeInstrument]) -> None:
    """Refuse instruments that are not of one account. Raises DataRefused."""
    currencies = sorted({one.currency for one in instruments})
    if len(currencies) > 1:
        raise DataRefused(f"the tapes are in {', '.join(currencies)}; an account has one currency, so run each alone")
    inverse = [one.symbol for one in instruments if one.kind is InstrumentKind.INVERSE_FUTURE]
    if inverse and len(instruments) > 1:
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
