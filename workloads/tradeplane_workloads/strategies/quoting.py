"""Strategies on order books: a market maker, and a trader of the spread between two instruments.

Both decide in the Rust core; what is here is their parameters, from a user's units to ticks and lots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator
from tradeplane_api.base import Document, PositiveDecimal

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.lots import lots_of
from tradeplane_workloads.strategies.protocol import API_VERSION

if TYPE_CHECKING:
    from tradeplane_native import Generator

    from tradeplane_workloads.market.instruments import TapeInstrument
    from tradeplane_workloads.strategies.protocol import EventStrategy

MILLISECOND_NS = 1_000_000
AT_ONCE = 0
"""A time before all others: the first look is at the first message."""


class MarketMaker:
    """Quotes both sides of one instrument around the middle of the touch, moved against what it holds.

    Quotes are post-only and never better than the touch. It looks at the market every ``intervalMilliseconds``, and
    with ``onTouch`` whenever the touch moves as well.
    """

    name: ClassVar[str] = "market-maker"
    api_version: ClassVar[str] = API_VERSION

    class Parameters(Document):
        """Distances in ticks, quantities in units of the instrument."""

        model_config = ConfigDict(strict=True)

        quantity: PositiveDecimal
        max_position: PositiveDecimal
        half_spread_ticks: int = Field(default=1, ge=0, le=1_000_000)
        skew_half_ticks: int = Field(default=0, ge=0, le=1_000_000)
        interval_milliseconds: int = Field(default=1_000, ge=1, le=86_400_000)
        on_touch: bool = False

    def trader(self, instruments: tuple[TapeInstrument, ...], parameters: Parameters, rng: Generator) -> object:
        """See :class:`EventStrategy`. Raises DataRefused unless there is one instrument."""
        import tradeplane_native  # only here: what decides on bars loads without the event engine's classes

        if len(instruments) != 1:
            raise DataRefused(f"market-maker quotes one instrument; the snapshot has {len(instruments)}")
        quantity = lots_of(parameters.quantity, instruments[0], "algorithm.parameters.quantity")
        most = lots_of(parameters.max_position, instruments[0], "algorithm.parameters.maxPosition")
        return tradeplane_native.MarketMaker(
            half_spread=parameters.half_spread_ticks,
            quantity=quantity,
            most=most,
            first_ns=AT_ONCE,
            interval_ns=parameters.interval_milliseconds * MILLISECOND_NS,
            skew=parameters.skew_half_ticks,
            skew_lots=quantity,
            on_touch=parameters.on_touch,
        )


class PairsTrader:
    """Long one instrument and short another, by the score of the spread of their middles over a window of looks.

    The spread is ``ratio[0]`` times the first middle less ``ratio[1]`` times the second, in ticks. Beyond ``entry``
    deviations from its mean the pair is held against the spread, until it is within ``exit``.
    """

    name: ClassVar[str] = "pairs-trader"
    api_version: ClassVar[str] = API_VERSION

    class Parameters(Document):
        """Quantities in units of each instrument; scores with two decimals; the window in looks."""

        model_config = ConfigDict(strict=True)

        quantities: list[PositiveDecimal] = Field(min_length=2, max_length=2)
        ratio: list[int] = Field(default=[1, 1], min_length=2, max_length=2)
        window: int = Field(default=120, ge=2, le=1_000_000)
        entry: float = Field(default=2.0, ge=0.1, le=10)
        exit: float = Field(default=0.5, ge=0, le=10)
        interval_milliseconds: int = Field(default=1_000, ge=1, le=86_400_000)

        @model_validator(mode="after")
        def _ordered(self) -> Self:
            if self.exit >= self.entry:
                raise ValueError(f"exit must be smaller than entry; given exit {self.exit} and entry {self.entry}")
            if any(part < 1 or part > 1_000_000 for part in self.ratio):
                raise ValueError(f"ratio must be two numbers from 1 to 1000000; given {self.ratio}")
            return self

    def trader(self, instruments: tuple[TapeInstrument, ...], parameters: Parameters, rng: Generator) -> object:
        """See :class:`EventStrategy`. Raises DataRefused unless there are two instruments."""
        import tradeplane_native

        if len(instruments) != 2:
            raise DataRefused(f"pairs-trader trades two instruments; the snapshot has {len(instruments)}")
        lots = [
            lots_of(text, instrument, f"algorithm.parameters.quantities[{index}]")
            for index, (text, instrument) in enumerate(zip(parameters.quantities, instruments, strict=True))
        ]
        return tradeplane_native.PairsTrader(
            quantity=(lots[0], lots[1]),
            window=parameters.window,
            entry=round(parameters.entry * 100),
            exit=round(parameters.exit * 100),
            first_ns=AT_ONCE,
            interval_ns=parameters.interval_milliseconds * MILLISECOND_NS,
            ratio=(parameters.ratio[0], parameters.ratio[1]),
        )


QUOTING: dict[str, EventStrategy] = {strategy.name: strategy for strategy in (MarketMaker(), PairsTrader())}
"""The built-in strategies on events, by name; none keeps state, so one of each is enough."""
