"""What fills, when and at what price: small markets worked by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel
from tradeplane_api.simulation import (
    Algorithm,
    Commission,
    CommissionTier,
    Costs,
    RiskLimits,
    Simulation,
    Sizing,
    SizingMethod,
)
from tradeplane_workloads.engine.backtest import BacktestResult, backtest
from tradeplane_workloads.market.bars import Bars, Instrument
from tradeplane_workloads.strategies import registry

DAY_NS = 86_400_000_000_000


class Told:
    """Gives the targets a test tells it."""

    name: ClassVar[str] = "told"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        targets: list[list[float]]

    def targets(self, bars: Bars, parameters: Parameters, rng: object) -> np.ndarray:
        return np.array(parameters.targets, dtype=np.float64)


@pytest.fixture(autouse=True)
def _told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "told", Told())


def market(*columns: list[tuple[int, int, int, int] | None], exponent: int = 0, lot: int = 0) -> Bars:
    """Make bars from (open, high, low, close) tuples, one list an instrument; None where there is no bar."""
    length, width = len(columns[0]), len(columns)
    prices = np.zeros((4, length, width), dtype=np.int64)
    present = np.zeros((length, width), dtype=np.bool_)
    for column, rows in enumerate(columns):
        for row, bar in enumerate(rows):
            present[row, column] = bar is not None
            prices[:, row, column] = bar if bar is not None else prices[3, row - 1, column] * (row > 0)
    names = ("AAA", "BBB", "CCC")[:width]
    return Bars(
        instruments=tuple(Instrument(name, "USD", exponent, lot) for name in names),
        time_ns=np.arange(length, dtype=np.int64) * DAY_NS,
        open=np.ascontiguousarray(prices[0]),
        high=np.ascontiguousarray(prices[1]),
        low=np.ascontiguousarray(prices[2]),
        close=np.ascontiguousarray(prices[3]),
        volume=np.ones((length, width), dtype=np.int64),
        present=present,
    )


def flat(*prices: int) -> list[tuple[int, int, int, int] | None]:
    """Make bars whose four prices are one."""
    return [(price, price, price, price) for price in prices]


def run(bars: Bars, targets: list[Any], capital: str = "1000", **rest: Any) -> BacktestResult:
    rows = [row if isinstance(row, list) else [row] for row in targets]
    algorithm = Algorithm(name="told", parameters={"targets": rows})
    return backtest(bars, Simulation(algorithm=algorithm, capital=capital, **rest))


def fills(result: BacktestResult) -> list[tuple[int, str, int, Decimal, str]]:
    """Day, side, quantity, price and reason of each fill."""
    return [
        (row["time_ns"] // DAY_NS, row["side"], row["quantity"], row["price"], row["reason"])
        for row in result.trades.to_pylist()
    ]


def equity(result: BacktestResult) -> list[Decimal]:
    amounts: list[Decimal] = result.equity.column("equity").to_pylist()
    return amounts


def test_decided_on_a_close_fills_at_the_next_open() -> None:
    bars = market([(10, 10, 10, 10), (11, 13, 11, 12), (14, 15, 14, 15), (16, 16, 16, 16)])
    result = run(bars, [1, 1, 0, 0])
    # 1000 / 11 = 90 whole units at 11; sold on day 3 at 16.
    assert fills(result) == [(1, "Buy", 90, Decimal(11), "Signal"), (3, "Sell", 90, Decimal(16), "Signal")]
    # 1000 - 990 = 10 in cash; 90 units at the closes 12 and 15; then 10 + 90 * 16.
    assert equity(result) == [Decimal(1000), Decimal(10 + 90 * 12), Decimal(10 + 90 * 15), Decimal(10 + 90 * 16)]
    assert result.trades.column("decision_time_ns").to_pylist() == [0, 2 * DAY_NS]
    assert result.trades.column("realized_pnl").to_pylist() == [Decimal(0), Decimal(90 * 5)]


def test_an_order_of_the_last_bar_never_fills() -> None:
    assert fills(run(market(flat(10, 10)), [0, 1])) == []


def test_equal_targets_make_one_order() -> None:
    assert len(fills(run(market(flat(10, 11, 12, 13)), [1, 1, 1, 1]))) == 1


def test_short_targets_are_no_position_unless_allowed() -> None:
    bars = market(flat(10, 10, 8))
    assert fills(run(bars, [-1, -1, -1])) == []
    short = run(bars, [-1, -1, -1], risk=RiskLimits(allow_short=True))
    assert fills(short) == [(1, "Sell", 100, Decimal(10), "Signal")]
    assert equity(short)[-1] == Decimal(1200)
    assert short.equity.column("net_exposure").to_pylist()[-1] == Decimal(-800)
    assert short.equity.column("gross_exposure").to_pylist()[-1] == Decimal(800)


def test_a_reversal_is_one_fill() -> None:
    result = run(market(flat(10, 10, 10, 10)), [1, -1, -1, -1], risk=RiskLimits(allow_short=True))
    assert fills(result) == [(1, "Buy", 100, Decimal(10), "Signal"), (2, "Sell", 200, Decimal(10), "Signal")]
    assert result.positions.column("quantity").to_pylist() == [100, -100]


def test_slippage_makes_prices_worse_on_both_sides() -> None:
    result = run(market(flat(10, 10, 10)), [1, 0, 0], costs=Costs(slippage_basis_points="100"))
    # 99 units: 100 would take 1010 with slippage, and a leverage of 1 admits no borrowing.
    assert [(row[2], row[3]) for row in fills(result)] == [(99, Decimal("10.1")), (99, Decimal("9.9"))]
    assert result.trades.column("slippage").to_pylist() == [Decimal("9.9"), Decimal("9.9")]
    assert equity(result)[-1] == Decimal(1000) - Decimal("19.8")


def test_commission_is_charged_by_trade_by_share_and_by_tier() -> None:
    commission = Commission(
        per_trade="1",
        per_share="0.01",
        tiers=(
            CommissionTier(from_notional="0", basis_points="100"),
            CommissionTier(from_notional="500", basis_points="10"),
        ),
    )
    result = run(market(flat(10, 10, 10)), [0.4, 0.9, 0], costs=Costs(commission=commission))
    # 40 units: 1 + 0.4 + 1 % of 400. Then 0.9 of the equity of 994.6 is 89.514 units: 49 more, 1 + 0.49 + 1 % of 490.
    assert result.trades.column("commission").to_pylist() == [Decimal("5.4"), Decimal("6.39")]


def test_quantities_are_rounded_toward_zero_to_a_lot() -> None:
    result = run(market(flat(300, 300), lot=-2), [1, 1])
    # 1000 / 300 = 3.3333: 333 lots of a hundredth.
    assert fills(result)[0][2] == 333
    assert result.trades.column("notional").to_pylist() == [Decimal(999)]


def test_prices_below_a_billionth_keep_their_value() -> None:
    result = run(market(flat(25, 25), exponent=-10, lot=3), [1, 1])
    # A tick is 1e-10, a lot 1000 units: a lot costs 0.0000025.
    assert fills(result)[0][2] == 400_000_000
    assert result.trades.column("notional").to_pylist() == [Decimal(1000)]


def test_an_instrument_without_a_bar_waits_for_its_next() -> None:
    absent: list[tuple[int, int, int, int] | None] = [(10, 10, 10, 10), None, None, (20, 20, 20, 20)]
    result = run(market(flat(10, 10, 10, 10), absent), [[0.5, 0.5]] * 4)
    # Both are decided on day 0. The second's quantity is half of the equity at the open it fills at.
    assert fills(result) == [(1, "Buy", 50, Decimal(10), "Signal"), (3, "Buy", 25, Decimal(20), "Signal")]


def test_reductions_come_before_increases_at_an_open() -> None:
    bars = market(flat(10, 10, 10, 10), flat(10, 10, 10, 10))
    result = run(bars, [[0, 1], [1, 0], [1, 0], [1, 0]])
    assert [(row["instrument"], row["side"]) for row in result.trades.to_pylist()] == [
        ("BBB", "Buy"),
        ("BBB", "Sell"),
        ("AAA", "Buy"),
    ]


def test_leverage_bounds_what_targets_ask_for() -> None:
    bars = market(flat(10, 10), flat(10, 10))
    assert [row[2] for row in fills(run(bars, [[1, 1]] * 2))] == [100]
    both = run(bars, [[1, 1]] * 2, risk=RiskLimits(max_leverage="1.5"))
    assert [row[2] for row in fills(both)] == [100, 50]
    assert both.equity.column("cash").to_pylist()[-1] == Decimal(-500)


def test_interest_accrues_on_negative_cash_by_elapsed_time() -> None:
    bars = market(flat(10, 10, 10))
    risk = RiskLimits(max_leverage="2")
    result = run(bars, [1, 1, 1], sizing=Sizing(fraction="2"), risk=risk, costs=Costs(financing_rate="0.365"))
    # 1000 borrowed for a day of a year of 365, at 36.5 %: 1.
    assert equity(result) == [Decimal(1000), Decimal(1000), Decimal(999)]


def test_borrow_accrues_on_the_value_of_short_positions() -> None:
    costs = Costs(borrow_rate="0.365", financing_rate="5")
    result = run(market(flat(10, 10, 10)), [-1, -1, -1], risk=RiskLimits(allow_short=True), costs=costs)
    assert equity(result)[-1] == Decimal(999)


def test_a_stop_loss_exits_at_its_level_and_waits_for_a_new_target() -> None:
    bars = market([(10, 10, 10, 10), (10, 11, 10, 10), (10, 10, 8, 8), *flat(9, 9, 9, 9)])
    result = run(bars, [1, 1, 1, 1, 0, 1, 1], risk=RiskLimits(stop_loss="0.1"))
    assert fills(result) == [
        (1, "Buy", 100, Decimal(10), "Signal"),
        (2, "Sell", 100, Decimal(9), "StopLoss"),
        (6, "Buy", 100, Decimal(9), "Signal"),
    ]


def test_a_stop_fills_at_the_open_of_a_gap() -> None:
    bars = market([(10, 10, 10, 10), (10, 10, 10, 10), (7, 8, 6, 8)])
    assert fills(run(bars, [1, 1, 1], risk=RiskLimits(stop_loss="0.1")))[-1] == (
        2, "Sell", 100, Decimal(7), "StopLoss",
    )  # fmt: skip


def test_a_stop_can_fill_in_the_bar_of_the_entry() -> None:
    bars = market([(10, 10, 10, 10), (10, 10, 5, 6)])
    assert fills(run(bars, [1, 1], risk=RiskLimits(stop_loss="0.1")))[-1][:4] == (1, "Sell", 100, Decimal(9))


def test_a_take_profit_and_a_trailing_stop() -> None:
    rising = market([(100, 100, 100, 100), (100, 100, 100, 100), (110, 119, 108, 118), (118, 130, 117, 120)])
    profit = run(rising, [1] * 4, risk=RiskLimits(take_profit="0.2"))
    assert fills(profit)[-1] == (3, "Sell", 10, Decimal(120), "TakeProfit")
    falling = market([(100, 100, 100, 100), (100, 100, 100, 100), (110, 120, 101, 118), (115, 116, 107, 110)])
    # Within day 2 the stop follows the best price before it, 100: 90 is not reached. On day 3 it stands at 108.
    trailing = run(falling, [1] * 4, risk=RiskLimits(trailing_stop="0.1"))
    assert fills(trailing)[-1] == (3, "Sell", 10, Decimal(108), "TrailingStop")


def test_a_margin_call_closes_everything_at_the_next_open() -> None:
    bars = market(flat(100, 100, 60, 60, 60))
    risk = RiskLimits(max_leverage="2", maintenance_margin="0.25")
    result = run(bars, [1] * 5, sizing=Sizing(fraction="2"), risk=risk)
    # 20 units for 2000; at 60 equity is 200 of 1200, below a quarter. It stays out until the target changes.
    assert fills(result)[1:] == [(3, "Sell", 20, Decimal(60), "MarginCall")]
    assert equity(result)[-1] == Decimal(200)


def test_equity_may_go_below_zero_and_then_nothing_is_bought() -> None:
    bars = market(flat(100, 100, 40, 40, 40, 40))
    risk = RiskLimits(max_leverage="2")
    result = run(bars, [1, 1, 1, 0, 1, 1], sizing=Sizing(fraction="2"), risk=risk)
    assert [row[4] for row in fills(result)] == ["Signal", "MarginCall"]
    assert equity(result)[-1] == Decimal(-200)
    assert result.summary.annual_return is None


def test_a_drawdown_ends_trading() -> None:
    bars = market(flat(100, 100, 79, 79, 79, 79))
    result = run(bars, [1, 1, 1, 0, 1, 1], risk=RiskLimits(max_drawdown="0.2"))
    assert [row[4] for row in fills(result)] == ["Signal", "DrawdownHalt"]


def test_volatility_target_waits_until_volatility_is_known() -> None:
    bars = market(flat(100, 110, 99, 100, 100))
    sizing = Sizing(method=SizingMethod.VOLATILITY_TARGET, target_volatility="0.1", window=2)
    result = run(bars, [0.5] * 5, sizing=sizing, periods_per_year=1)
    # Returns 0.1 and -0.1: deviation sqrt(0.02) = 0.141421; 0.5 * 0.1 / 0.141421 = 0.353553 of 1000 at 100.
    assert fills(result) == [(3, "Buy", 3, Decimal(100), "Signal")]


def test_kelly_bets_only_in_the_direction_of_the_drift() -> None:
    sizing = Sizing(method=SizingMethod.KELLY, fraction="0.01", window=2)
    rising = market(flat(100, 110, 132, 100, 100))
    # Returns 0.1 and 0.2: mean 0.15 over variance 0.005 is 30; a hundredth of it is 0.3 of 1000.
    assert fills(run(rising, [1] * 5, sizing=sizing)) == [(3, "Buy", 3, Decimal(100), "Signal")]
    falling = market(flat(100, 90, 72, 100, 100))
    assert fills(run(falling, [1] * 5, sizing=sizing)) == []


def test_average_price_and_position_after_each_change() -> None:
    bars = market(flat(10, 10, 20, 20, 20))
    result = run(bars, [0.4, 0.8, 0.2, 0.2, 0.2])
    # 40 at 10; at 20 equity is 1400 and 0.8 of it is 56 units: 16 more, (400 + 320) / 56; then 0.2 of it is 14 units.
    rows = result.positions.to_pylist()
    assert [row["quantity"] for row in rows] == [40, 56, 14]
    assert rows[1]["average_price"] == Decimal("12.857142857")
    assert rows[2]["average_price"] == Decimal("12.857142857")
