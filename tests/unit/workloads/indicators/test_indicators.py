"""What holds for every indicator, and what each refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tradeplane_workloads import indicators

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY: dict[str, Callable[[np.ndarray], tuple[np.ndarray, ...]]] = {
    "sma": lambda series: (indicators.sma(series, 3),),
    "ema": lambda series: (indicators.ema(series, 3),),
    "rsi": lambda series: (indicators.rsi(series, 3),),
    "macd": lambda series: indicators.macd(series, 2, 3, 2),
    "bollinger": lambda series: indicators.bollinger(series, 3, 2.0),
    "zscore": lambda series: (indicators.zscore(series, 3),),
    "atr": lambda series: (indicators.atr(series, series, series, 3),),
}
CANONICAL = np.float64(np.nan).view(np.uint64)
numbers = st.floats(-1e9, 1e9) | st.sampled_from([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0])
series_of = hnp.arrays(np.float64, st.integers(0, 40), elements=numbers)


@settings(deadline=None)
@given(st.sampled_from(sorted(EVERY)), series_of, st.integers(0, 40))
def test_a_prefix_gives_a_prefix_to_the_bit(name: str, series: np.ndarray, length: int) -> None:
    for whole, part in zip(EVERY[name](series), EVERY[name](series[:length]), strict=True):
        assert whole[:length].tobytes() == part.tobytes()


@settings(deadline=None)
@given(st.sampled_from(sorted(EVERY)), series_of)
def test_every_nan_is_the_canonical_one(name: str, series: np.ndarray) -> None:
    for line in EVERY[name](series):
        assert len(line) == len(series)
        assert (line[np.isnan(line)].view(np.uint64) == CANONICAL).all()


@settings(deadline=None)
@given(hnp.arrays(np.float64, st.integers(5, 60), elements=st.integers(1, 1_000_000)))
def test_bounds(series: np.ndarray) -> None:
    rsi = indicators.rsi(series, 4)
    assert ((rsi >= 0) & (rsi <= 100))[4:].all()
    bands = indicators.bollinger(series, 4)
    assert ((bands.lower <= bands.middle) & (bands.middle <= bands.upper))[3:].all()
    # A value lies within sqrt(n - 1) population deviations of the mean of n values.
    score = indicators.zscore(series, 4)
    assert (np.abs(score[~np.isnan(score)]) <= np.sqrt(3) * (1 + 1e-12)).all()


def test_a_long_series_at_a_high_level_keeps_its_precision() -> None:
    series = 1e9 + np.tile([0.0, 1.0], 50_000)
    assert indicators.bollinger(series, 20, 1.0).upper[-1] == 1e9 + 0.5 + 0.5
    assert indicators.zscore(series, 20)[-1] == 1.0


@pytest.mark.parametrize("period", [0, -1, 100_001, 2.5, float("nan"), True, np.True_])
def test_a_period_that_is_none_is_refused(period: int) -> None:
    with pytest.raises(ValueError, match=f"is {period}; it must be a whole number from 1 to 100000"):
        indicators.sma([1.0], period)
    with pytest.raises(ValueError, match="slow"):
        indicators.macd([1.0], 12, period, 9)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 dimensions"):
        indicators.ema(np.zeros((2, 2)), 2)
    with pytest.raises(ValueError, match="different lengths"):
        indicators.atr([1.0], [1.0, 2.0], [1.0], 1)
    with pytest.raises(ValueError, match="width is nan"):
        indicators.bollinger([1.0], 2, float("nan"))
