"""How orders reach a market and trade there: what a run on tapes is told that a run on bars is not.

Part of a simulation. Distances between prices are in ticks, so that one text fits instruments of any price; quantities
are in units of the instrument and must be whole lots of it.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from tradeplane_api.base import Document, Integer, NonNegativeDecimal, PositiveDecimal
from tradeplane_api.forms import Bounds, Text
from tradeplane_api.rules import Rule

MAX_FEE_TIERS = 16
MAX_OBSERVATIONS = 256
MAX_LATENCY_NANOSECONDS = 60_000_000_000
"""A minute: an order that takes longer is lost, not late."""
MAX_TICKS = 2**31 - 1

FeeBasisPoints = Annotated[
    str,
    Text(
        pattern=r"^-?[0-9]{1,4}(\.[0-9]{1,4})?$",
        max_length=10,
        message="must be basis points in quotation marks, below zero for a rebate, "
        'with at most 4 digits after the point: "-0.5"',
    ),
]
"""Hundredths of a percent, below zero for a rebate."""

PowerExponent = Annotated[NonNegativeDecimal, Bounds(above="0", most="10", hint='write "1" for the simplest')]

MomentInTime = Annotated[
    str,
    Text(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$",
        max_length=30,
        message="must be a time in UTC as RFC 3339 has it, such as 2024-08-08T10:00:00.5Z",
    ),
]

Latency = Annotated[Integer, Field(ge=0, le=MAX_LATENCY_NANOSECONDS)]


class LatencyModel(StrEnum):
    """How long requests and answers take."""

    CONSTANT = "Constant"
    FEED = "Feed"
    RECORDED = "Recorded"


class LatencyObservation(Document):
    """An order whose times were recorded."""

    time: MomentInTime = Field(description="When it was sent, RFC 3339, UTC.")
    entry_nanoseconds: Latency = Field(description="From sending to the exchange.")
    response_nanoseconds: Latency = Field(description="From the exchange back.")


class OrderLatency(Document):
    """How long it takes an order to reach the exchange, and its answer to come back."""

    model: LatencyModel = Field(
        default=LatencyModel.CONSTANT,
        description="Constant; Feed: as the market data at that moment; Recorded: between the observations, by time.",
    )
    entry_nanoseconds: Latency = Field(default=0, description="To the exchange, for Constant.")
    response_nanoseconds: Latency = Field(default=0, description="Back, for Constant.")
    observations: tuple[LatencyObservation, ...] = Field(
        default=(), max_length=MAX_OBSERVATIONS, description="Recorded orders by time, for Recorded."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(self.model == 'Recorded') == (size(self.observations) > 0)",
            message="observations go with model Recorded, which needs at least one: give them, or choose another model",
            holds=lambda one: (one.model is LatencyModel.RECORDED) == bool(one.observations),
            field="observations",
        ),
        Rule(
            cel="self.model == 'Constant' || (self.entryNanoseconds == 0 && self.responseNanoseconds == 0)",
            message="entryNanoseconds and responseNanoseconds are read for model Constant only: remove them",
            holds=lambda one: (
                one.model is LatencyModel.CONSTANT or not (one.entry_nanoseconds or one.response_nanoseconds)
            ),
            field="entryNanoseconds",
        ),
    )


class QueueModel(StrEnum):
    """What moves a resting order forward."""

    RISK_AVERSE = "RiskAverse"
    PROBABLE = "Probable"
    DRAWN = "Drawn"
    EXACT = "Exact"


class QueueFunction(StrEnum):
    """The function that weighs what is in front against what is behind."""

    POWER = "Power"
    LOGARITHM = "Logarithm"


class QueueForm(StrEnum):
    """How the two weights become a probability; docs/engine-events.md has the formulas."""

    PARTS = "Parts"
    WHOLE = "Whole"
    REST = "Rest"


class Queue(Document):
    """Where in the queue of its price an order is taken to be."""

    model: QueueModel = Field(
        default=QueueModel.RISK_AVERSE,
        description="RiskAverse: only trades move it. Probable: cancellations too, in proportion. Drawn: by chance, by "
        "the seed. Exact: on tapes of single orders.",
    )
    function: QueueFunction = Field(default=QueueFunction.POWER, description="For Probable and Drawn.")
    form: QueueForm = Field(default=QueueForm.PARTS, description="For Probable and Drawn.")
    exponent: PowerExponent = Field(default="1", description="Of the function Power.")


class FeeTier(Document):
    """Fees from a traded value upwards."""

    from_volume: NonNegativeDecimal = Field(description="Value traded before, at and above which the tier applies.")
    maker_basis_points: FeeBasisPoints = Field(description="Of a fill that rested; below zero for a rebate.")
    taker_basis_points: FeeBasisPoints = Field(description="Of a fill that took.")


class Fees(Document):
    """What a venue charges for a fill."""

    tiers: tuple[FeeTier, ...] = Field(
        default=(), max_length=MAX_FEE_TIERS, description="By value traded so far, ascending."
    )
    per_unit: NonNegativeDecimal = Field(default="0", description="For each unit of quantity, or contract.")
    minimum: NonNegativeDecimal | None = Field(default=None, description="The least a fill is charged.")

    rules: ClassVar[tuple[Rule, ...]] = (Rule.of_ascending_tiers("from_volume", "fromVolume", MAX_FEE_TIERS),)


class ImpactModel(StrEnum):
    """How an order that takes makes its own price worse."""

    NONE = "None"
    LINEAR = "Linear"
    SQUARE_ROOT = "SquareRoot"


class Impact(Document):
    """Price impact: ``coefficient`` ticks for an order of the reference quantity."""

    model: ImpactModel = Field(default=ImpactModel.NONE, description="None, Linear or SquareRoot in the quantity.")
    coefficient: Integer = Field(default=0, ge=0, le=MAX_TICKS, description="Ticks at the reference quantity.")
    reference_quantity: PositiveDecimal | None = Field(default=None, description="Units of the instrument.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(self.model == 'None') == !has(self.referenceQuantity)",
            message="referenceQuantity goes with the models Linear and SquareRoot, which need it: "
            "give it, or set model: None",
            holds=lambda one: (one.model is ImpactModel.NONE) == (one.reference_quantity is None),
            field="referenceQuantity",
        ),
    )


class OrderRate(Document):
    """How many orders may be sent."""

    orders: Integer = Field(ge=1, le=1_000_000, description="At most so many orders and changes of orders ...")
    nanoseconds: Integer = Field(ge=1, le=86_400_000_000_000, description="... within any window of this length.")


class OrderLimits(Document):
    """What is checked before an order leaves; a refusal is an event with its reason."""

    quantity: PositiveDecimal | None = Field(default=None, description="Of one order, in units.")
    position: PositiveDecimal | None = Field(
        default=None, description="Long or short, were every order alive on that side to fill; in units."
    )
    notional: PositiveDecimal | None = Field(default=None, description="Value of one order.")
    collar_ticks: Integer | None = Field(
        default=None, ge=0, le=MAX_TICKS, description="From an order's limit to the middle of the touch."
    )
    daily_loss: PositiveDecimal | None = Field(
        default=None, description="Of the account since the day (UTC) began; reaching it stops trading."
    )
    rate: OrderRate | None = Field(default=None, description="Orders within a window.")


class Execution(Document):
    """How orders reach the exchange and trade there, and what is checked before they leave."""

    tick: PositiveDecimal | None = Field(
        default=None,
        description="Price of a tick, as the numbers of ticks in this spec take it; tapes of another are refused.",
    )
    period_seconds: Integer = Field(
        default=60,
        ge=1,
        le=86_400,
        description="Length of a period: the account is recorded, and a bar of the trades made, at the end of each.",
    )
    base_latency_nanoseconds: Latency = Field(
        default=0,
        description="Where the recorder's clock was behind: what the fastest message is taken to have needed.",
    )
    latency: OrderLatency = Field(default_factory=OrderLatency, description="Of orders and their answers.")
    queue: Queue = Field(default_factory=Queue, description="Where resting orders stand.")
    fees: Fees = Field(default_factory=Fees, description="What a fill costs.")
    impact: Impact = Field(default_factory=Impact, description="What taking costs beside the fees.")
    limits: OrderLimits = Field(default_factory=OrderLimits, description="Checked before an order leaves.")
