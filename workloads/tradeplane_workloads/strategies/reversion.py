"""Strategies that expect a return to the mean: RSI, Bollinger bands, z-score, pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator
from tradeplane_api.base import Document

from tradeplane_workloads import indicators
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.strategies.protocol import API_VERSION
from tradeplane_workloads.strategies.signals import carry, hold, per_instrument

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tradeplane_native import Generator

    from tradeplane_workloads.market.bars import Bars


class RsiReversion:
    """Long once RSI falls below ``oversold``, short once above ``overbought``, out once it is back at ``exit``."""

    name: ClassVar[str] = "rsi-reversion"
    api_version: ClassVar[str] = API_VERSION

    class Parameters(Document):
        """Period in bars and levels of RSI."""

        model_config = ConfigDict(strict=True)

        period: int = Field(default=14, ge=2, le=10_000)
        oversold: float = Field(default=30.0, ge=0, le=100)
        overbought: float = Field(default=70.0, ge=0, le=100)
        exit: float = Field(default=50.0, ge=0, le=100)

        @model_validator(mode="after")
        def _ordered(self) -> Self:
            if not self.oversold < self.exit < self.overbought:
                raise ValueError(
                    "oversold, exit and overbought must ascend; "
                    f"given {self.oversold}, {self.exit} and {self.overbought}"
                )
            return self

    def targets(self, bars: Bars, parameters: Parameters, rng: Generator) -> NDArray[np.float64]:
        """See :class:`Strategy`."""

        def direction(close: NDArray[np.float64]) -> NDArray[np.float64]:
            rsi = indicators.rsi(close, parameters.period)
            long = hold(rsi < parameters.oversold, rsi >= parameters.exit)
            return long - hold(rsi > parameters.overbought, rsi <= parameters.exit)

        return per_instrument(bars, direction)


class BollingerReversion:
    """Long once the close falls below the lower band, short once above the upper, out once back at the mean."""

    name: ClassVar[str] = "bollinger-reversion"
    api_version: ClassVar[str] = API_VERSION

    class Parameters(Document):
        """Period in bars and width in standard deviations."""

        model_config = ConfigDict(strict=True)

        period: int = Field(default=20, ge=2, le=10_000)
        width: float = Field(default=2.0, ge=0.1, le=10)

    def targets(self, bars: Bars, parameters: Parameters, rng: Generator) -> NDArray[np.float64]:
        """See :class:`Strategy`."""

        def direction(close: NDArray[np.float64]) -> NDArray[np.float64]:
            bands = indicators.bollinger(close, parameters.period, parameters.width)
            long = hold(close < bands.lower, close >= bands.middle)
            return long - hold(close > bands.upper, close <= bands.middle)

        return per_instrument(bars, direction)


class ScoreParameters(Document):
    """Period in bars, and z-scores at which to enter and to leave."""

    model_config = ConfigDict(strict=True)

    period: int = Field(default=20, ge=2, le=10_000)
    entry: float = Field(default=2.0, ge=0.1, le=10)
    exit: float = Field(default=0.5, ge=0, le=10)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.exit >= self.entry:
            raise ValueError(f"exit must be smaller than entry; given exit {self.exit} and entry {self.entry}")
        return self


class ZscoreReversion:
    """Long once the close's z-score falls below ``-entry``, short once above ``entry``, out once within ``exit``."""

    name: ClassVar[str] = "zscore-reversion"
    api_version: ClassVar[str] = API_VERSION
    Parameters = ScoreParameters

    def targets(self, bars: Bars, parameters: ScoreParameters, rng: Generator) -> NDArray[np.float64]:
        """See :class:`Strategy`."""

        def direction(close: NDArray[np.float64]) -> NDArray[np.float64]:
            return score_direction(indicators.zscore(close, parameters.period), parameters)

        return per_instrument(bars, direction)


class Pairs:
    """Half long and half short of two instruments, by the z-score of the ratio of their closes.

    The ratio is the first close over the second, at the times both have a bar. Above ``entry`` the first is sold and
    the second bought, below ``-entry`` the other way round, until the score is within ``exit``.
    """

    name: ClassVar[str] = "pairs"
    api_version: ClassVar[str] = API_VERSION
    requires_short: ClassVar[bool] = True
    Parameters = ScoreParameters

    def targets(self, bars: Bars, parameters: ScoreParameters, rng: Generator) -> NDArray[np.float64]:
        """See :class:`Strategy`. Raises DataRefused unless there are two instruments."""
        if len(bars.instruments) != 2:
            raise DataRefused(f"pairs trades two instruments; the snapshot has {len(bars.instruments)}")
        both: NDArray[np.bool_] = bars.present[:, 0] & bars.present[:, 1]
        ratio = bars.close[both, 0].astype(np.float64) / bars.close[both, 1].astype(np.float64)
        first = np.zeros(len(bars.time_ns), dtype=np.float64)
        first[both] = score_direction(indicators.zscore(ratio, parameters.period), parameters) * 0.5
        first = carry(first, both)
        return np.stack([first, 0.0 - first], axis=1)


def score_direction(score: NDArray[np.float64], parameters: ScoreParameters) -> NDArray[np.float64]:
    """-1, 0 or 1 for each z-score: against the deviation from ``entry`` until ``exit``."""
    long = hold(score < -parameters.entry, score >= -parameters.exit)
    return long - hold(score > parameters.entry, score <= parameters.exit)
