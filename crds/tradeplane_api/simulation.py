"""What decides a backtest's result besides its data and its image.

These models are shared by ``Strategy.spec`` and by the run specification a pod gets, so that the question a user asks
and the question a runner answers are one text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from tradeplane_api.base import DecimalString, Document, NonNegativeDecimal

MAX_SEED = 2**53 - 1
"""Seeds stay within the integers that JSON carries exactly (RFC 7493, section 2.2)."""


class Algorithm(Document):
    """A strategy by name, and its parameters."""

    name: str = Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        max_length=63,
        description="A built-in strategy, or one registered under the entry point group tradeplane.strategies.",
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, max_length=64, description="Parameters of the algorithm; each algorithm states its own."
    )


class CommissionTier(Document):
    """Commission in basis points of a trade's notional, from a notional upwards."""

    from_notional: NonNegativeDecimal = Field(description="The smallest notional of one trade the tier applies to.")
    basis_points: NonNegativeDecimal


class Commission(Document):
    """What a broker charges for one trade: the sum of its parts."""

    per_trade: NonNegativeDecimal = Field(
        default="0", description="Charged once a fill, in the currency of the account."
    )
    per_share: NonNegativeDecimal = Field(default="0", description="Charged for each unit of quantity.")
    tiers: tuple[CommissionTier, ...] = Field(
        default=(),
        max_length=16,
        description="Basis points by size of the trade, ascending; the tier reached applies to all of its notional.",
    )


class Costs(Document):
    """What trading and holding cost."""

    commission: Commission = Field(default_factory=Commission)
    slippage_basis_points: NonNegativeDecimal = Field(default="0", description="Added to buys and taken off sells.")
    borrow_rate: NonNegativeDecimal = Field(default="0", description="Yearly rate on the value of short positions.")
    financing_rate: NonNegativeDecimal = Field(default="0", description="Yearly rate on negative cash.")


class SizingMethod(StrEnum):
    """How large a position is."""

    FIXED_FRACTION = "FixedFraction"
    VOLATILITY_TARGET = "VolatilityTarget"
    KELLY = "Kelly"


class Sizing(Document):
    """How a signal becomes a quantity."""

    method: SizingMethod = SizingMethod.FIXED_FRACTION
    fraction: NonNegativeDecimal = Field(
        default="1", description="Share of equity for FixedFraction; share of the full Kelly bet for Kelly."
    )
    target_volatility: NonNegativeDecimal | None = Field(
        default=None, description="Yearly volatility aimed at; required for VolatilityTarget."
    )
    window: int = Field(default=20, ge=2, le=10_000, description="Bars over which volatility and drift are estimated.")


class RiskLimits(Document):
    """What ends or bounds a position; fractions of price or equity."""

    stop_loss: NonNegativeDecimal | None = Field(default=None, description="Exit when the loss from entry reaches it.")
    take_profit: NonNegativeDecimal | None = Field(
        default=None, description="Exit when the gain from entry reaches it."
    )
    trailing_stop: NonNegativeDecimal | None = Field(
        default=None, description="Exit when the price falls by it from its best since entry."
    )
    max_leverage: NonNegativeDecimal = Field(default="1", description="Gross exposure over equity at most.")
    maintenance_margin: NonNegativeDecimal = Field(
        default="0.25", description="Equity over gross exposure below which everything is closed at the next open."
    )
    max_drawdown: NonNegativeDecimal | None = Field(
        default=None, description="Drawdown of equity from its peak that closes everything and ends trading."
    )
    allow_short: bool = Field(default=False, description="Whether positions below zero are taken.")


class Simulation(Document):
    """Everything that decides a result besides data and image."""

    algorithm: Algorithm
    capital: NonNegativeDecimal = Field(description="Cash at the start, a decimal string.")
    costs: Costs = Field(default_factory=Costs)
    sizing: Sizing = Field(default_factory=Sizing)
    risk: RiskLimits = Field(default_factory=RiskLimits)
    risk_free_rate: DecimalString = Field(
        default="0", description="Yearly rate the Sharpe and Sortino ratios subtract."
    )
    periods_per_year: int = Field(default=252, ge=1, le=100_000_000, description="Bars in a year, for annualisation.")
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="Seed of everything random in the run.")
