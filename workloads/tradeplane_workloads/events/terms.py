"""From a simulation's words to the integers the event engine counts in: ticks, lots, billionths, nanoseconds.

A quantity that is no whole number of lots, or a fee that is no whole number of billionths a lot, is refused rather than
rounded: what a user wrote is what is traded.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from tradeplane_api.execution import Execution, ImpactModel, LatencyModel, QueueFunction, QueueModel
from tradeplane_api.snapshot_manifest import InstrumentKind

from tradeplane_workloads.engine.settings import billionths
from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.market.instruments import decimal_text
from tradeplane_workloads.market.lots import lots_of
from tradeplane_workloads.market.timestamps import nanoseconds

if TYPE_CHECKING:
    from tradeplane_api.execution import Impact, OrderLatency, OrderLimits
    from tradeplane_api.simulation import Simulation

    from tradeplane_workloads.market.instruments import TapeInstrument

BILLION = 10**9
_SETTLEMENTS = {
    InstrumentKind.SPOT: "spot",
    InstrumentKind.LINEAR_FUTURE: "linear",
    InstrumentKind.INVERSE_FUTURE: "inverse",
}
_LATENCIES = {LatencyModel.CONSTANT: "constant", LatencyModel.FEED: "feed", LatencyModel.RECORDED: "recorded"}
_IMPACTS = {ImpactModel.NONE: "none", ImpactModel.LINEAR: "linear", ImpactModel.SQUARE_ROOT: "square-root"}


@dataclass(frozen=True, slots=True)
class Terms:
    """How one instrument is traded, as the core reads it: money in billionths, quantities in lots, prices in ticks.

    ``numerator / denominator`` is what a lot is worth at one tick. ``fee_tiers``: traded value from which on they
    apply, then maker's and taker's rate in billionths. ``observations``: when an order was sent, was at the exchange,
    and was answered.
    """

    settlement: str
    numerator: int
    denominator: int
    cash: int
    fee_tiers: list[tuple[int, int, int]]
    fee_per_lot: int
    fee_minimum: int | None
    order_size: int | None
    position: int | None
    notional: int | None
    collar: int | None
    daily_loss: int | None
    latency: str
    entry_ns: int
    response_ns: int
    observations: list[tuple[int, int, int]]
    queue: str
    queue_form: str
    queue_exponent: float
    queue_seed: int | None
    impact: str
    impact_coefficient: int
    impact_reference: int


def terms_of(instrument: TapeInstrument, simulation: Simulation, *, brings_capital: bool) -> Terms:
    """Return the terms of an instrument. One of the instruments of an account brings its capital.

    Raises InvalidSpecification where a quantity is not in whole lots, or a fee not in whole billionths a lot.
    """
    cash = billionths(simulation.capital) if brings_capital else 0
    return terms_under(instrument, simulation.execution or Execution(), cash=cash, seed=simulation.seed)


def terms_under(instrument: TapeInstrument, execution: Execution, *, cash: int, seed: int) -> Terms:
    """Return the terms of an instrument where an execution is known. Raises as :func:`terms_of` does."""
    numerator, denominator = lot_value(instrument).as_integer_ratio()
    fees, queue, limits = execution.fees, execution.queue, execution.limits
    drawn = queue.model is QueueModel.DRAWN
    return Terms(
        settlement=_SETTLEMENTS[instrument.kind],
        numerator=numerator,
        denominator=denominator,
        cash=cash,
        fee_tiers=[
            (billionths(tier.from_volume), rate(tier.maker_basis_points), rate(tier.taker_basis_points))
            for tier in fees.tiers
        ],
        fee_per_lot=_fee_per_lot(fees.per_unit, instrument),
        fee_minimum=None if fees.minimum is None else billionths(fees.minimum),
        order_size=_limit(limits, "quantity", instrument),
        position=_limit(limits, "position", instrument),
        notional=None if limits.notional is None else billionths(limits.notional),
        collar=limits.collar_ticks,
        daily_loss=None if limits.daily_loss is None else billionths(limits.daily_loss),
        latency=_LATENCIES[execution.latency.model],
        entry_ns=execution.latency.entry_nanoseconds,
        response_ns=execution.latency.response_nanoseconds,
        observations=_observations(execution.latency),
        queue=_queue(queue.model, queue.function),
        queue_form=queue.form.lower(),
        queue_exponent=float(Decimal(queue.exponent)),
        queue_seed=seed if drawn else None,
        impact=_IMPACTS[execution.impact.model],
        impact_coefficient=execution.impact.coefficient,
        impact_reference=_impact_reference(execution.impact, instrument),
    )


def lot_value(instrument: TapeInstrument) -> Fraction:
    """Return what a lot is worth at one tick, in billionths; at more ticks an inverse future is worth less."""
    contract = Fraction(instrument.lot) * Fraction(instrument.contract_size)
    if instrument.kind is InstrumentKind.INVERSE_FUTURE:
        return contract / Fraction(instrument.tick) * BILLION
    return contract * Fraction(instrument.tick) * BILLION


def rate(basis_points: str) -> int:
    """Read basis points with at most four decimals as billionths of a value, exactly."""
    return int(Decimal(basis_points).scaleb(5))


def _fee_per_lot(per_unit: str, instrument: TapeInstrument) -> int:
    fee = Fraction(per_unit) * Fraction(instrument.lot) * BILLION
    if fee.denominator != 1:
        raise InvalidSpecification(
            f"execution.fees.perUnit: {per_unit} a unit is not a whole number of billionths for a lot of "
            f"{decimal_text(instrument.lot)} {instrument.symbol}; round it to one that is"
        )
    return fee.numerator


def _limit(limits: OrderLimits, name: str, instrument: TapeInstrument) -> int | None:
    text: str | None = getattr(limits, name)
    return None if text is None else lots_of(text, instrument, f"execution.limits.{name}")


def _observations(latency: OrderLatency) -> list[tuple[int, int, int]]:
    found = []
    for one in latency.observations:
        try:
            sent = nanoseconds(one.time)
        except ValueError as error:
            raise InvalidSpecification(f"execution.latency.observations: {error}") from error
        arrived = sent + one.entry_nanoseconds
        found.append((sent, arrived, arrived + one.response_nanoseconds))
    return found


def _queue(model: QueueModel, function: QueueFunction) -> str:
    if model in (QueueModel.PROBABLE, QueueModel.DRAWN):
        return "power" if function is QueueFunction.POWER else "logarithm"
    return "exact" if model is QueueModel.EXACT else "risk-averse"


def _impact_reference(impact: Impact, instrument: TapeInstrument) -> int:
    if impact.reference_quantity is None:
        return 1
    return lots_of(impact.reference_quantity, instrument, "execution.impact.referenceQuantity")
