"""What the engine refuses, and that it says which field or bar and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tradeplane_api.simulation import Algorithm, RiskLimits, Simulation, Sizing
from tradeplane_workloads.engine.backtest import backtest
from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.market.bars import Bars, Instrument

from tests.synthetic import random_bars

BARS = random_bars(50, ("AAA", "BBB"))


def simulation(name: str = "buy-and-hold", parameters: dict[str, Any] | None = None, **rest: Any) -> Simulation:
    return Simulation(algorithm=Algorithm(name=name, parameters=parameters or {}), **({"capital": "1000"} | rest))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (simulation("no-such"), r"algorithm.name: there is no strategy 'no-such'; give one of .*macd-momentum"),
        (simulation("sma-cross", {"fast": 0}), r"parameters.fast: must be a whole number from 1 to 10000; given 0"),
        (simulation("sma-cross", {"fast": "5"}), r"parameters.fast: must be a whole number .*given '5'"),
        (simulation("sma-cross", {"fast": 9, "slow": 9}), r"fast must be smaller than slow; given fast 9 and slow 9"),
        (simulation("sma-cross", {"quick": 9}), r"parameters.quick: there is no such parameter; it takes fast, slow"),
        (simulation("buy-and-hold", {"x": 1}), r"parameters.x: there is no such parameter; it takes none"),
        (simulation("rsi-reversion", {"oversold": float("nan")}), r"oversold: must be a number from 0 to 100"),
        (simulation("market-maker", {"quantity": "much", "maxPosition": "1"}),
            r"quantity: must be a decimal of zero or more in quotation marks with .*: \"1000.50\"; given 'much' \("),
        (simulation("market-maker", {"quantity": 5, "maxPosition": "0"}),
            r"quantity: must be a string: put quotation marks around it, \"5\"; given 5; .*maxPosition: must be above"),
        (simulation("market-maker", {"quantity": "1"}), r"maxPosition: must be given, and be a decimal of zero or"),
        (simulation("pairs-trader", {"quantities": ["1"]}), r"quantities: .*at least 2 items.*; given \['1'\]"),
        (simulation("pairs-trader", {"quantities": ["1", "x"]}), r"quantities\[1\]: must be a decimal .*; given 'x'"),
        (simulation("pairs-trader", {"quantities": ["1", "1"], "ratio": [1, "a"]}),
            r"ratio\[1\]: should be a valid integer; given 'a'"),
        (simulation("pairs"), r"risk.allowShort: pairs takes short positions"),
        (simulation(capital="1" * 18, sizing=Sizing(fraction="100"), risk=RiskLimits(max_leverage="100",
                    maintenance_margin="0")), r"capital: an amount of money passed 10\^18"),
    ],
)  # fmt: skip
def test_a_specification_that_cannot_be_run(wrong: Simulation, message: str) -> None:
    with pytest.raises(InvalidSpecification, match=message):
        backtest(BARS, wrong)


def changed(column: str, row: int, value: int) -> Bars:
    array = getattr(BARS, column).copy()
    array[row, 1] = value
    return replace(BARS, **{column: array})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (changed("close", 7, -1), r"bar 7 of BBB .*close is not above 0"),
        (changed("high", 9, 1), r"bar 9 of BBB .*not between low and high"),
        (changed("present", 5, False), r"bar 5 of BBB .*close changes without a bar"),
        (replace(BARS, time_ns=BARS.time_ns[::-1].copy()), r"strictly ascending"),
        (replace(BARS, time_ns=np.zeros_like(BARS.time_ns)), r"strictly ascending"),
        (replace(BARS, open=BARS.open.astype(np.float64)), r"open is float64"),
        (replace(BARS, open=np.asfortranarray(BARS.open)), r"C-contiguous"),
        (replace(BARS, low=BARS.low[1:]), r"low is int64 of shape \(49, 2\)"),
        (replace(BARS, instruments=(Instrument("A", "USD"), Instrument("B", "EUR"))), r"instruments are in EUR, USD"),
        (replace(BARS, instruments=()), r"a simulation needs at least one of each"),
    ],
)
def test_bars_that_cannot_be_used(wrong: Bars, message: str) -> None:
    with pytest.raises(DataRefused, match=message):
        backtest(wrong, simulation())


def test_pairs_needs_two_instruments() -> None:
    with pytest.raises(DataRefused, match="pairs trades two instruments; the snapshot has 3"):
        backtest(random_bars(50, ("A", "B", "C")), simulation("pairs", risk=RiskLimits(allow_short=True)))
