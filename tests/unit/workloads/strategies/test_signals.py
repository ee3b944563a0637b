"""Holding and carrying, and the built-in strategies on prices that leave no doubt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tradeplane_native import Generator
from tradeplane_workloads.market.bars import Bars, Instrument
from tradeplane_workloads.strategies.registry import ON_BARS, parse_parameters
from tradeplane_workloads.strategies.signals import carry, hold

from tests.synthetic import random_bars


def bars_of(*closes: list[int]) -> Bars:
    close = np.ascontiguousarray(np.array(closes, dtype=np.int64).T)
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), close)
    return Bars(
        instruments=tuple(Instrument(f"I{index}") for index in range(len(closes))),
        time_ns=np.arange(len(close), dtype=np.int64),
        present=np.ones(close.shape, dtype=np.bool_),
        **columns,
    )


def targets(name: str, bars: Bars, **parameters: Any) -> list[Any]:
    strategy = ON_BARS[name]
    decided: list[Any] = strategy.targets(bars, parse_parameters(strategy, parameters), Generator(0)).tolist()
    return decided


def test_hold_enters_stays_and_leaves() -> None:
    enter = np.array([0, 1, 0, 0, 0, 1], dtype=np.bool_)
    leave = np.array([1, 0, 0, 1, 0, 1], dtype=np.bool_)
    assert hold(enter, leave).tolist() == [0, 1, 1, 0, 0, 1]


def test_carry_is_zero_before_anything_is_known() -> None:
    assert carry(np.array([5.0, 6.0, 7.0]), np.array([False, True, False])).tolist() == [0, 6, 6]
    assert carry(np.array([]), np.array([], dtype=np.bool_)).tolist() == []


def test_buy_and_hold_waits_for_the_first_bar_and_shares_equally() -> None:
    bars = bars_of([10, 10, 10], [0, 10, 10])
    present = bars.present.copy()
    present[0, 1] = False
    assert targets("buy-and-hold", replace(bars, present=present)) == [[0.5, 0], [0.5, 0.5], [0.5, 0.5]]


def test_sma_cross() -> None:
    # fast 1, slow 2: above its mean of two after a rise, below it after a fall, neither when unchanged or unknown.
    assert targets("sma-cross", bars_of([10, 12, 11, 11]), fast=1, slow=2) == [[0], [1], [-1], [0]]


def test_macd_momentum_is_long_in_a_rise_that_speeds_up() -> None:
    series = [100 + index * index for index in range(60)]
    assert targets("macd-momentum", bars_of(series))[-1] == [1]
    assert targets("macd-momentum", bars_of([10_000 - price for price in series]))[-1] == [-1]


def test_rsi_reversion_buys_what_fell_until_it_recovered() -> None:
    falling_then_rising = [100, 90, 80, 70, 90, 110, 130]
    # RSI of 2: 0 after falls; above 50 once gains outweigh losses.
    assert targets("rsi-reversion", bars_of(falling_then_rising), period=2, overbought=99.0)[:5] == [
        [0], [0], [1], [1], [0],
    ]  # fmt: skip


def test_bollinger_reversion_leaves_at_the_mean() -> None:
    series = [100, 101, 100, 101, 100, 80, 85, 100, 100]
    held = [row[0] for row in targets("bollinger-reversion", bars_of(series), period=5, width=1.5)]
    assert held == [0, 0, 0, 0, 0, 1, 1, 0, 0]


def test_zscore_reversion_sells_what_rose() -> None:
    series = [100, 101, 100, 101, 100, 140, 120, 100, 100]
    held = [row[0] for row in targets("zscore-reversion", bars_of(series), period=5, entry=1.5, exit=0.5)]
    assert held[5] == -1
    assert held[7] == 0


def test_pairs_buys_the_cheap_one_and_sells_the_dear_one() -> None:
    first = [100, 101, 100, 101, 100, 140, 140]
    second = [100] * 7
    assert targets("pairs", bars_of(first, second), period=5, entry=1.5, exit=0.5)[5] == [-0.5, 0.5]
    assert targets("pairs", bars_of(second, first), period=5, entry=1.5, exit=0.5)[5] == [0.5, -0.5]


@pytest.mark.parametrize("name", ["sma-cross", "macd-momentum", "rsi-reversion", "bollinger-reversion", "pairs"])
def test_missing_bars_keep_the_last_target(name: str) -> None:
    bars = random_bars(400, ("AAA", "BBB"), 9, gaps=True)
    decided = np.array(targets(name, bars))
    absent = np.flatnonzero(~bars.present[1:, 1]) + 1
    assert absent.size > 0
    assert (decided[absent, 1] == decided[absent - 1, 1]).all()
