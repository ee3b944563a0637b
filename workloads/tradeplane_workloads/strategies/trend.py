"""Strategies that follow the market: buy-and-hold, crossing averages, MACD momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator
from tradeplane_api.base import Document

from tradeplane_workloads import indicators
from tradeplane_workloads.strategies.protocol import API_VERSION
from tradeplane_workloads.strategies.signals import per_instrument

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tradeplane_native import Generator

    from tradeplane_workloads.market.bars import Bars


class BuyAndHold:
    """Long in every instrument, in equal shares, from its first bar."""

    name: ClassVar[str] = "buy-and-hold"
    api_version: ClassVar[str] = API_VERSION

    class Parameters(Document):
        """It has none."""

    def targets(self, bars: Bars, parameters: Parameters, rng: Generator) -> NDArray[np.float64]:
        """See :class:`Strategy`."""
        return per_instrument(bars, np.ones_like)


class SmaCross:
    """Long while the fast simple average of the close is above the slow one, short while it is below."""

    name: ClassVar[str] = "sma-cross"
    api_version: ClassVar[str] = API_VERSION

    class Parameters(Document):
        """Periods of the averages, in bars."""

        model_config = ConfigDict(strict=True)

        fast: int = Field(default=50, ge=1, le=10_000)
        slow: int = Field(default=200, ge=2, le=10_000)

        @model_validator(mode="after")
        def _ordered(self) -> Self:
            if self.fast >= self.slow:
                raise ValueError(f"fast must be smaller than slow; given fast {self.fast} and slow {self.slow}")
            return self

    def targets(self, bars: Bars, parameters: Parameters, rng: Generator) -> NDArray[np.float64]:
        """See :class:`Strategy`."""

        def direction(close: NDArray[np.float64]) -> NDArray[np.float64]:
            return sign(indicators.sma(close, parameters.fast), indicators.sma(close, parameters.slow))

        return per_instrument(bars, direction)


class MacdMomentum:
    """Long while MACD is above its signal line, short while it is below."""

    name: ClassVar[str] = "macd-momentum"
    api_version: ClassVar[str] = API_VERSION

    class Parameters(Document):
        """Periods of MACD, in bars."""

        model_config = ConfigDict(strict=True)

        fast: int = Field(default=12, ge=2, le=10_000)
        slow: int = Field(default=26, ge=3, le=10_000)
        signal: int = Field(default=9, ge=1, le=10_000)

        @model_validator(mode="after")
        def _ordered(self) -> Self:
            if self.fast >= self.slow:
                raise ValueError(f"fast must be smaller than slow; given fast {self.fast} and slow {self.slow}")
            return self

    def targets(self, bars: Bars, parameters: Parameters, rng: Generator) -> NDArray[np.float64]:
        """See :class:`Strategy`."""

        def direction(close: NDArray[np.float64]) -> NDArray[np.float64]:
            lines = indicators.macd(close, parameters.fast, parameters.slow, parameters.signal)
            return sign(lines.macd, lines.signal)

        return per_instrument(bars, direction)


def sign(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where the first is greater, -1 where it is smaller, 0 where they are equal or either is undefined."""
    return (above > below).astype(np.float64) - (above < below).astype(np.float64)
