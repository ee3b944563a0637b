"""What decides a backtest's result besides its data and its image.

These models are shared by ``Strategy.spec`` and by the run specification a pod gets, so that the question a user asks
and the question a runner answers are one text.
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator

from tradeplane_api.base import (
    BasisPoints,
    Boolean,
    DecimalString,
    Document,
    Integer,
    NonNegativeDecimal,
    PositiveDecimal,
    Share,
    YearlyRate,
)
from tradeplane_api.execution import Execution
from tradeplane_api.forms import Bounds, Text
from tradeplane_api.free_values import exact
from tradeplane_api.rules import Rule

MAX_SEED = 2**53 - 1
"""Seeds stay within the integers that JSON carries exactly (RFC 7493, section 2.2)."""

MAX_TIERS = 16

AlgorithmName = Annotated[
    str,
    Text(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        max_length=63,
        message="must be the name of an algorithm: lower-case letters, digits and -, such as macd-momentum",
    ),
]


class Algorithm(Document):
    """A strategy by name, and its parameters."""

    name: AlgorithmName = Field(
        description="A built-in strategy, or one registered under the entry point group tradeplane.strategies.",
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        max_length=64,
        description="Parameters of the algorithm; each algorithm states its own. Values have at most 64 levels, and "
        "whole numbers beyond 9007199254740991 are written as text.",
    )

    _carried = field_validator("parameters")(exact)


class CommissionTier(Document):
    """Commission in basis points of a trade's notional, from a notional upwards."""

    from_notional: NonNegativeDecimal = Field(description="The smallest notional of one trade the tier applies to.")
    basis_points: BasisPoints = Field(description="Commission in hundredths of a percent of the notional.")


class Commission(Document):
    """What a broker charges for one trade: the sum of its parts."""

    per_trade: NonNegativeDecimal = Field(
        default="0", description="Charged once a fill, in the currency of the account."
    )
    per_share: NonNegativeDecimal = Field(default="0", description="Charged for each unit of quantity.")
    tiers: tuple[CommissionTier, ...] = Field(
        default=(),
        max_length=MAX_TIERS,
        description="Basis points by size of the trade, ascending; the tier reached applies to all of its notional.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (Rule.of_ascending_tiers("from_notional", "fromNotional", MAX_TIERS),)


class Costs(Document):
    """What trading and holding cost."""

    commission: Commission = Field(default_factory=Commission, description="What a broker charges for one trade.")
    slippage_basis_points: BasisPoints = Field(
        default="0", description="Hundredths of a percent of the price, added to buys and taken off sells."
    )
    borrow_rate: YearlyRate = Field(default="0", description="Yearly rate on the value of short positions.")
    financing_rate: YearlyRate = Field(default="0", description="Yearly rate on negative cash.")


class SizingMethod(StrEnum):
    """How large a position is."""

    FIXED_FRACTION = "FixedFraction"
    VOLATILITY_TARGET = "VolatilityTarget"
    KELLY = "Kelly"


class Sizing(Document):
    """How a signal becomes a quantity."""

    method: SizingMethod = Field(
        default=SizingMethod.FIXED_FRACTION,
        description="FixedFraction of equity, VolatilityTarget (scaled to reach a volatility), or Kelly.",
    )
    fraction: Annotated[NonNegativeDecimal, Bounds(above="0", most="100", hint='write "1" for all of it')] = Field(
        default="1", description="Share of equity for FixedFraction; share of the full Kelly bet for Kelly."
    )
    target_volatility: (
        Annotated[NonNegativeDecimal, Bounds(above="0", most="10", hint='write "0.1" for ten percent a year')] | None
    ) = Field(default=None, description="Yearly volatility aimed at; required for VolatilityTarget and only for it.")
    window: Integer = Field(
        default=20, ge=2, le=10_000, description="Bars over which volatility and drift are estimated."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.method != 'VolatilityTarget' || has(self.targetVolatility)",
            message="targetVolatility is required for method VolatilityTarget: "
            'set it, for example to "0.1", or choose another method',
            holds=lambda s: s.method is not SizingMethod.VOLATILITY_TARGET or s.target_volatility is not None,
            field="targetVolatility",
        ),
        Rule(
            cel="self.method == 'VolatilityTarget' || !has(self.targetVolatility)",
            message="targetVolatility is read for method VolatilityTarget only: "
            "remove it, or set method: VolatilityTarget",
            holds=lambda s: s.method is SizingMethod.VOLATILITY_TARGET or s.target_volatility is None,
            field="targetVolatility",
        ),
    )


class RiskLimits(Document):
    """What ends or bounds a position; fractions of price or equity."""

    stop_loss: Share | None = Field(
        default=None, description="Exit when the loss from entry reaches this share of the entry price."
    )
    take_profit: (
        Annotated[NonNegativeDecimal, Bounds(above="0", most="1000", hint='write "0.2" for twenty percent')] | None
    ) = Field(default=None, description="Exit when the gain from entry reaches this share of the entry price.")
    trailing_stop: Share | None = Field(
        default=None, description="Exit when the price falls by it from its best since entry."
    )
    max_leverage: Annotated[
        NonNegativeDecimal, Bounds(above="0", most="100", hint='write "1" for positions no larger than equity')
    ] = Field(default="1", description="Gross exposure over equity at most.")
    maintenance_margin: Annotated[NonNegativeDecimal, Bounds(below="1", hint='write "0.25" for a quarter')] = Field(
        default="0.25", description="Equity over gross exposure below which everything is closed at the next open."
    )
    max_drawdown: Share | None = Field(
        default=None, description="Drawdown of equity from its peak that closes everything and ends trading."
    )
    allow_short: Boolean = Field(default=False, description="Whether positions below zero are taken.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            # Both sides compute this in IEEE double precision, so they agree to the last bit.
            cel="!self.maxLeverage.matches('^[0-9.]+$') || !self.maintenanceMargin.matches('^[0-9.]+$') || "
            "double(self.maxLeverage) * double(self.maintenanceMargin) <= 1.0",
            message="maintenanceMargin times maxLeverage may not be above 1, or a position of full size would be "
            "closed at once: lower one of them",
            holds=lambda r: float(r.max_leverage) * float(r.maintenance_margin) <= 1.0,
            field="maintenanceMargin",
        ),
    )


class Simulation(Document):
    """Everything that decides a result besides data and image."""

    algorithm: Algorithm = Field(description="What decides: a strategy by name, and its parameters.")
    capital: PositiveDecimal = Field(description="Cash at the start, a decimal string.")
    costs: Costs = Field(default_factory=Costs, description="What trading and holding cost.")
    sizing: Sizing = Field(default_factory=Sizing, description="How a signal becomes a quantity.")
    risk: RiskLimits = Field(default_factory=RiskLimits, description="What ends or bounds a position.")
    execution: Execution | None = Field(
        default=None,
        exclude_if=lambda execution: execution is None,  # runs on bars keep their canonical JSON, and so their digests
        description="How orders reach the exchange and trade there, of a run on tapes; all defaults when absent.",
    )
    risk_free_rate: Annotated[
        DecimalString, Bounds(above="-1", below="1", hint='write "0.05" for five percent a year')
    ] = Field(default="0", description="Yearly rate the Sharpe and Sortino ratios subtract.")
    periods_per_year: Integer = Field(
        default=252, ge=1, le=100_000_000, description="Bars in a year, for annualisation."
    )
    seed: Integer = Field(default=0, ge=0, le=MAX_SEED, description="Seed of everything random in the run.")
