"""From what a user writes to the integers the core is told: by hand, field by field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tradeplane_api.simulation import Simulation
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.events.terms import terms_of
from tradeplane_workloads.market.instruments import TapeInstrument

FUTURE = TapeInstrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"), "USDT", InstrumentKind.LINEAR_FUTURE)
SECOND = 1_000_000_000


def simulation(**execution: Any) -> Simulation:
    asked = {"algorithm": {"name": "market-maker"}, "capital": "1000.5", "seed": 42, "execution": execution}
    return Simulation.model_validate(asked)


def test_everything_that_is_asked_reaches_the_core_in_its_units() -> None:
    asked = simulation(
        latency={"model": "Constant", "entryNanoseconds": 7, "responseNanoseconds": 9},
        queue={"model": "Drawn", "function": "Logarithm", "form": "Whole", "exponent": "2.5"},
        fees={
            "tiers": [
                {"fromVolume": "0", "makerBasisPoints": "-0.5", "takerBasisPoints": "4"},
                {"fromVolume": "1000000", "makerBasisPoints": "-1.0001", "takerBasisPoints": "3"},
            ],
            "perUnit": "0.25",
            "minimum": "0.01",
        },
        impact={"model": "SquareRoot", "coefficient": 3, "referenceQuantity": "2.5"},
        limits={
            "quantity": "0.5",
            "position": "10",
            "notional": "5000",
            "collarTicks": 50,
            "dailyLoss": "12.5",
            "rate": {"orders": 5, "nanoseconds": 100},
        },
    )
    terms = terms_of(FUTURE, asked, brings_capital=True)
    # A lot of 0.001 at a tick of 0.1 is 0.0001: 100,000 billionths.
    assert (terms.settlement, terms.numerator, terms.denominator) == ("linear", 100_000, 1)
    assert terms.cash == 1_000_500_000_000
    # A basis point is 100,000 billionths.
    assert terms.fee_tiers == [(0, -50_000, 400_000), (1_000_000 * SECOND, -100_010, 300_000)]
    assert (terms.fee_per_lot, terms.fee_minimum) == (250_000, 10_000_000)
    assert (terms.order_size, terms.position, terms.notional) == (500, 10_000, 5_000 * SECOND)
    assert (terms.collar, terms.daily_loss) == (50, 12_500_000_000)
    assert (terms.latency, terms.entry_ns, terms.response_ns, terms.observations) == ("constant", 7, 9, [])
    assert (terms.queue, terms.queue_form, terms.queue_exponent, terms.queue_seed) == ("logarithm", "whole", 2.5, 42)
    assert (terms.impact, terms.impact_coefficient, terms.impact_reference) == ("square-root", 3, 2_500)


def test_what_is_not_said_sets_nothing() -> None:
    terms = terms_of(FUTURE, simulation(), brings_capital=False)
    assert (terms.cash, terms.fee_tiers, terms.fee_per_lot, terms.fee_minimum) == (0, [], 0, None)
    assert (terms.order_size, terms.position, terms.notional, terms.collar, terms.daily_loss) == (None,) * 5
    assert (terms.latency, terms.queue, terms.queue_seed, terms.impact) == ("constant", "risk-averse", None, "none")


@pytest.mark.parametrize(
    ("kind", "contract", "settlement", "numerator", "denominator"),
    [
        (InstrumentKind.SPOT, "1", "spot", 100_000, 1),
        (InstrumentKind.LINEAR_FUTURE, "0.5", "linear", 50_000, 1),
        # 100 dollars x 0.001 / 0.1 dollars, in billionths of a coin.
        (InstrumentKind.INVERSE_FUTURE, "100", "inverse", SECOND, 1),
        # A price of a third of a tick of this has no finite decimal: the fraction is kept.
        (InstrumentKind.INVERSE_FUTURE, "0.00000007", "inverse", 7, 10),
    ],
)
def test_a_lot_at_a_tick_has_its_worth(
    kind: InstrumentKind, contract: str, settlement: str, numerator: int, denominator: int
) -> None:
    instrument = TapeInstrument("X", Decimal("0.1"), Decimal("0.001"), "USD", kind, Decimal(contract))
    terms = terms_of(instrument, simulation(), brings_capital=True)
    assert (terms.settlement, terms.numerator, terms.denominator) == (settlement, numerator, denominator)


def test_recorded_orders_become_three_times() -> None:
    seen = {"time": "2024-08-08T00:00:01.5Z", "entryNanoseconds": 20, "responseNanoseconds": 30}
    terms = terms_of(FUTURE, simulation(latency={"model": "Recorded", "observations": [seen]}), brings_capital=True)
    sent = 1_723_075_201_500_000_000
    assert terms.observations == [(sent, sent + 20, sent + 50)]


@pytest.mark.parametrize(
    ("execution", "words"),
    [
        (
            {"limits": {"quantity": "0.0005"}},
            "execution.limits.quantity: 0.0005 is not a whole number of lots of 0.001",
        ),
        ({"limits": {"position": "0.0015"}}, "execution.limits.position: 0.0015 is not a whole number"),
        ({"limits": {"quantity": "999999999999999999"}}, "or too many"),
        (
            {"impact": {"model": "Linear", "coefficient": 1, "referenceQuantity": "0.00001"}},
            "execution.impact.referenceQuantity: 0.00001 is not a whole number",
        ),
        ({"fees": {"perUnit": "0.0000001"}}, "execution.fees.perUnit: 0.0000001 a unit is not a whole number"),
        (
            {
                "latency": {
                    "model": "Recorded",
                    "observations": [{"time": "2024-02-30T00:00:00Z", "entryNanoseconds": 1, "responseNanoseconds": 1}],
                }
            },
            "execution.latency.observations: .*",
        ),
    ],
)
def test_what_cannot_be_counted_is_refused_and_named(execution: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpecification, match=words):
        terms_of(FUTURE, simulation(**execution), brings_capital=True)
