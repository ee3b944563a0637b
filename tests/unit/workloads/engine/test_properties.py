"""What holds for every simulation: nothing looks ahead, money is conserved, equal inputs give equal bits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_api.simulation import Algorithm, Commission, Costs, RiskLimits, Simulation, Sizing, SizingMethod
from tradeplane_native import Generator
from tradeplane_workloads.engine.backtest import backtest
from tradeplane_workloads.strategies import parse_parameters
from tradeplane_workloads.strategies.causality import first_lookahead, prefix
from tradeplane_workloads.strategies.registry import ON_BARS

from tests.synthetic import random_bars

SHORT_PERIODS: dict[str, dict[str, Any]] = {
    "buy-and-hold": {},
    "sma-cross": {"fast": 3, "slow": 8},
    "macd-momentum": {"fast": 3, "slow": 6, "signal": 3},
    "rsi-reversion": {"period": 4, "oversold": 40.0, "overbought": 60.0},
    "bollinger-reversion": {"period": 6, "width": 1.0},
    "zscore-reversion": {"period": 6, "entry": 1.0, "exit": 0.2},
    "pairs": {"period": 6, "entry": 1.0, "exit": 0.2},
}


@st.composite
def simulations(draw: st.DrawFn) -> Simulation:
    name = draw(st.sampled_from(sorted(SHORT_PERIODS)))
    rate = st.sampled_from(["0", "0.0007", "0.1"])
    fraction = st.none() | st.sampled_from(["0.01", "0.05", "0.2"])
    method = draw(st.sampled_from(list(SizingMethod)))
    return Simulation(
        algorithm=Algorithm(name=name, parameters=SHORT_PERIODS[name]),
        capital=draw(st.sampled_from(["1000", "123456.789", "99999999.999999999"])),
        costs=Costs(
            commission=Commission(per_trade=draw(rate), per_share=draw(rate)),
            slippage_basis_points=draw(st.sampled_from(["0", "1.5", "30"])),
            borrow_rate=draw(rate),
            financing_rate=draw(rate),
        ),
        sizing=Sizing(
            method=method,
            fraction=draw(st.sampled_from(["0.5", "1", "2"])),
            target_volatility="0.2" if method is SizingMethod.VOLATILITY_TARGET else None,
            window=5,
        ),
        risk=RiskLimits(
            stop_loss=draw(fraction),
            take_profit=draw(fraction),
            trailing_stop=draw(fraction),
            max_leverage=draw(st.sampled_from(["1", "2.5"])),
            max_drawdown=draw(st.none() | st.just("0.3")),
            allow_short=name == "pairs" or draw(st.booleans()),
        ),
    )


many = settings(max_examples=60, deadline=None)


@many
@given(simulations(), st.integers(0, 2**32), st.integers(1, 119))
def test_a_prefix_of_the_bars_gives_a_prefix_of_the_result(simulation: Simulation, seed: int, length: int) -> None:
    bars = random_bars(120, ("AAA", "BBB"), seed, gaps=True, quantity_exponent=-3)
    whole, part = backtest(bars, simulation), backtest(prefix(bars, length), simulation)
    assert part.equity.equals(whole.equity.slice(0, length))
    end = int(bars.time_ns[length - 1])
    for name in ("trades", "positions"):
        table: pa.Table = getattr(whole, name)
        assert getattr(part, name).equals(table.filter(pc.less_equal(table["time_ns"], end)))


@many
@given(simulations(), st.integers(0, 2**32))
def test_money_is_conserved(simulation: Simulation, seed: int) -> None:
    free = simulation.model_copy(update={"costs": simulation.costs.model_copy(
        update={"borrow_rate": "0", "financing_rate": "0"})})  # fmt: skip
    bars = random_bars(120, ("AAA", "BBB"), seed, gaps=True, quantity_exponent=-3)
    result = backtest(bars, free)
    cash = Decimal(free.capital)
    for row in result.trades.to_pylist():
        cash += (row["notional"] if row["side"] == "Sell" else -row["notional"]) - row["commission"]
    last = result.equity.slice(119, 1).to_pylist()[0]
    assert last["cash"] == cash
    assert last["equity"] == cash + last["net_exposure"]


@many
@given(simulations(), st.integers(0, 2**32))
def test_realised_profit_is_what_equity_gained_once_flat(simulation: Simulation, seed: int) -> None:
    free = simulation.model_copy(update={"costs": simulation.costs.model_copy(
        update={"borrow_rate": "0", "financing_rate": "0"})})  # fmt: skip
    result = backtest(random_bars(120, ("AAA", "BBB"), seed, gaps=True), free)
    realised = sum(result.trades.column("realized_pnl").to_pylist(), Decimal(0))
    last = result.equity.slice(119, 1).to_pylist()[0]
    if last["gross_exposure"] == 0:
        assert last["equity"] == Decimal(free.capital) + realised


@many
@given(simulations(), st.integers(0, 2**32))
def test_a_fill_never_raises_leverage_past_its_limit(simulation: Simulation, seed: int) -> None:
    bars = random_bars(120, ("AAA",), seed, quantity_exponent=-3)
    if simulation.algorithm.name == "pairs":
        return
    limited = simulation.model_copy(update={"risk": RiskLimits(max_leverage="1"), "sizing": Sizing(fraction="2")})
    # Long alone and unlevered: cash never goes below zero, whatever a fill costs.
    assert min(backtest(bars, limited).equity.column("cash").to_pylist()) >= 0


@many
@given(simulations(), st.integers(0, 2**32))
def test_equal_inputs_give_equal_results(simulation: Simulation, seed: int) -> None:
    bars = random_bars(60, ("AAA", "BBB"), seed, gaps=True)
    first, second = backtest(bars, simulation), backtest(bars, simulation)
    assert first.equity.equals(second.equity)
    assert first.trades.equals(second.trades)
    assert first.summary == second.summary


@many
@given(simulations(), st.integers(0, 2**32))
def test_the_fast_way_through_quiet_bars_is_the_slow_way(simulation: Simulation, seed: int) -> None:
    if simulation.algorithm.name == "pairs":
        return
    bars = random_bars(120, ("AAA",), seed, quantity_exponent=-3)
    risk = simulation.risk.model_copy(update={"max_drawdown": None})
    # A drawdown that is never reached takes no shortcut, for it is looked for at every bar.
    watched = risk.model_copy(update={"max_drawdown": "0.999999999"})
    fast = backtest(bars, simulation.model_copy(update={"risk": risk}))
    slow = backtest(bars, simulation.model_copy(update={"risk": watched}))
    assert fast.equity.equals(slow.equity)
    assert fast.trades.equals(slow.trades)
    assert fast.summary == slow.summary


@pytest.mark.parametrize("name", sorted(ON_BARS))
def test_no_built_in_strategy_looks_ahead(name: str) -> None:
    strategy = ON_BARS[name]
    parameters = parse_parameters(strategy, SHORT_PERIODS[name])
    bars = random_bars(200, ("AAA", "BBB"), 3, gaps=True)
    assert (strategy.targets(bars, parameters, Generator(0)) != 0).any()
    assert first_lookahead(strategy, bars, parameters, 0, tuple(range(1, 200, 7))) is None
