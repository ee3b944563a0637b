"""Every indicator against TA-Lib, on random series of several lengths and periods."""

from __future__ import annotations

import numpy as np
import pytest
import talib
from tradeplane_native import Generator
from tradeplane_workloads import indicators


def walk(length: int, seed: int, level: float = 100.0) -> np.ndarray:
    return np.abs(level + np.cumsum(Generator(seed).normal(length))) + 1.0


def assert_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("length", [1, 2, 14, 15, 33, 34, 35, 500])
@pytest.mark.parametrize("period", [2, 14, 33])
def test_one_series(length: int, period: int) -> None:
    series = walk(length, length * 100 + period)
    assert_same(indicators.sma(series, period), talib.SMA(series, period))
    assert_same(indicators.ema(series, period), talib.EMA(series, period))
    assert_same(indicators.rsi(series, period), talib.RSI(series, period))
    for ours, theirs in zip(
        indicators.bollinger(series, period, 1.7), talib.BBANDS(series, period, 1.7, 1.7), strict=True
    ):
        assert_same(ours, theirs)


@pytest.mark.parametrize("length", [1, 33, 34, 35, 500])
@pytest.mark.parametrize("periods", [(12, 26, 9), (3, 10, 16), (26, 12, 9), (5, 6, 2)])
def test_macd(length: int, periods: tuple[int, int, int]) -> None:
    series = walk(length, length)
    for ours, theirs in zip(indicators.macd(series, *periods), talib.MACD(series, *periods), strict=True):
        assert_same(ours, theirs)


@pytest.mark.parametrize("length", [1, 14, 15, 500])
@pytest.mark.parametrize("period", [2, 14])
def test_atr(length: int, period: int) -> None:
    close = walk(length, 3)
    high, low = close + Generator(4).uniform(length), close - Generator(5).uniform(length)
    assert_same(indicators.atr(high, low, close, period), talib.ATR(high, low, close, period))


def test_zscore_from_talib_moments() -> None:
    series = walk(300, 8)
    expected = (series - talib.SMA(series, 20)) / talib.STDDEV(series, 20)
    assert_same(indicators.zscore(series, 20), expected)


def test_leading_nan_as_talib() -> None:
    series = np.concatenate([[np.nan] * 7, walk(100, 2)])
    assert_same(indicators.sma(series, 5), talib.SMA(series, 5))
    assert_same(indicators.rsi(series, 5), talib.RSI(series, 5))
    assert_same(indicators.macd(series)[1], talib.MACD(series)[1])
    assert_same(indicators.bollinger(series, 5)[0], talib.BBANDS(series, 5)[0])
