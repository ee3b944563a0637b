"""What a replay is judged by: two verdicts, and the first event that differs.

*Decisions* are what the trader did: orders sent, changed, taken back, or refused by its own risk checks. *Execution* is
what came of them: acceptances, fills, expiries, and the account. A fault in the one need not show in the other, so each
has a verdict of its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tradeplane_api.base import Digest, Document, Integer, Name, NonNegativeDecimal
from tradeplane_api.execution import Fees, OrderLatency
from tradeplane_api.forms import refuse
from tradeplane_api.free_values import exact
from tradeplane_api.rules import Rule
from tradeplane_api.simulation import Costs, Simulation

REPLAY_VARIABLE = "TRADEPLANE_REPLAY"
"""Environment variable that carries the JSON of a ReplaySpecification into a pod."""


class Parity(StrEnum):
    """Whether a replay did what was recorded."""

    EXACT = "Exact"
    WITHIN = "Within"
    """Not every record is the same, but all that a tolerance speaks of lies within it."""
    DIVERGED = "Diverged"
    UNJUDGED = "Unjudged"
    """There is nothing to judge it by, a session without the record of its exchange; or it is not judged, a what-if."""


class Tolerance(Document):
    """How far what came of a replay may lie from its baseline. What is left out must be the same."""

    pnl: NonNegativeDecimal = Field(
        default="0", description="Of the final equity, either way, in the currency of the account."
    )
    fill_price: NonNegativeDecimal = Field(default="0", description="Of the price of each fill, either way.")
    fill_quantity: NonNegativeDecimal = Field(
        default="0", description="Of the quantity filled of each order, either way, in units."
    )
    latency_microseconds: Integer | None = Field(
        default=None,
        ge=0,
        le=3_600_000_000,
        description="Of the median and of the 99th percentile of orders' latency, either way; not looked at when "
        "absent: a latency that was measured is compared, and never the same.",
    )


class WhatIf(Document):
    """What a replay has otherwise than what was recorded; it is then compared and not judged."""

    parameters: dict[str, Any] = Field(
        default_factory=dict,
        max_length=64,
        description="Parameters of the algorithm, each in the place of the recorded one.",
    )

    _carried = field_validator("parameters")(exact)

    fees: Fees | None = Field(default=None, description="What the venue charges; of what trades on events.")
    latency: OrderLatency | None = Field(default=None, description="Of orders; of what trades on events.")
    costs: Costs | None = Field(default=None, description="What trading and holding cost; of a run on bars.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(has(self.parameters) && size(dyn(self.parameters)) > 0) || has(self.fees) || has(self.latency) "
            "|| has(self.costs)",
            message="whatIf changes nothing: give parameters, fees, latency or costs, or leave whatIf out",
            holds=lambda one: bool(one.parameters) or (one.fees, one.latency, one.costs) != (None, None, None),
        ),
    )


class FirstDivergence(Document):
    """The first record in which a replay differs from its baseline."""

    part: str = Field(
        max_length=64,
        description="Of which table: events, trades, positions or equity; of a session: journal, reports, record or "
        "account.",
    )
    sequence: Integer = Field(
        ge=0, description="Number of the record, from 0; of a session's, from 1, and 0 for the header."
    )
    field: str = Field(max_length=64, description="The first of its fields that differs.")
    expected: str | None = Field(
        default=None, max_length=256, description="What the baseline has; none where it ended."
    )
    got: str | None = Field(default=None, max_length=256, description="What the replay has; none where it ended.")


class Verdict(Document):
    """How a replay compares with its baseline."""

    decisions: Parity = Field(description="Of what the trader did.")
    execution: Parity = Field(description="Of what came of it.")
    fills: Integer = Field(ge=0, description="Fills of the baseline.")
    fills_matched: Integer = Field(ge=0, description="Of them, those the replay has at the same place.")
    pnl_difference: str = Field(max_length=48, description="Final equity of the replay less that of the baseline.")
    divergence: FirstDivergence | None = None

    @property
    def exact(self) -> bool:
        """Whether nothing differs."""
        return self.decisions is Parity.EXACT and self.execution is Parity.EXACT

    @property
    def diverged(self) -> bool:
        """Whether anything differs; what is not judged does not."""
        return Parity.DIVERGED in (self.decisions, self.execution)


class LatencyFigures(Document):
    """How long orders took from what they were decided on to the first answer of the exchange, in nanoseconds."""

    orders: Integer = Field(ge=0, description="That were answered.")
    median: Integer = Field(ge=0, description="By nearest rank.")
    p90: Integer = Field(ge=0, description="The 90th percentile, by nearest rank.")
    p99: Integer = Field(ge=0, description="The 99th percentile, by nearest rank.")
    most: Integer = Field(ge=0, description="The longest of any.")


class ReplayFigures(Document):
    """One side of a comparison, in figures; each with a digest of all the records it counts."""

    orders: Integer = Field(ge=0, description="That were sent.")
    orders_digest: Digest = Field(description="Digest of all of them.")
    fills: Integer = Field(ge=0, description="Of them.")
    fills_digest: Digest = Field(description="Digest of all of them.")
    pnl: str = Field(max_length=48, description="Final equity less capital; of a session, what its fills came to.")
    pnl_digest: Digest = Field(description="Digest of the records it comes from.")
    latency: LatencyFigures | None = Field(default=None, description="None where no order was answered.")
    latency_digest: Digest | None = Field(default=None, description="Digest of the latency of each order.")


class Compared(Document):
    """A replay and its baseline in figures."""

    expected: ReplayFigures = Field(description="Of the baseline.")
    got: ReplayFigures = Field(description="Of the replay.")


class Baseline(Document):
    """The run a replay is of: its name, and the manifest that says what it was and what it left."""

    run: Name = Field(description="Name of the run.")
    manifest: Digest = Field(description="Digest of the bytes of its results' manifest.")


class ReplaySpecification(Document):
    """One replay: what is run again, with which image, and how it is judged.

    Version 1 runs a run again and judges it exactly; whatever else is asked for is version 2, which an image of before
    it refuses rather than does by half.
    """

    format_version: Literal[1, 2] = 1
    replay: Name = Field(description="Name of the replay; its record lies under replays/<replay>/ and nowhere else.")
    baseline: Baseline | None = Field(default=None, description="The run; or else a session is given.")
    session: Digest | None = Field(default=None, description="Id of the snapshot of a session.")
    against: Baseline | None = Field(
        default=None, description="Of a run: another run it is compared with, in the place of what it left itself."
    )
    simulation: Simulation | None = Field(
        default=None, description="Of a session: what decides, in the place of what is recorded."
    )
    tolerance: Tolerance | None = Field(default=None, description="None where every record must be the same.")
    what_if: WhatIf | None = Field(default=None, description="What is changed.")
    image: str | None = Field(default=None, max_length=512, description="The image by digest; none on a laptop.")

    @property
    def of_version_1(self) -> bool:
        """Whether it asks for nothing that version 1 has no word for."""
        return (self.session, self.against, self.simulation, self.tolerance, self.what_if) == (None,) * 5

    @model_validator(mode="after")
    def _is_of_one_thing(self) -> Self:
        if (self.baseline is None) == (self.session is None):
            raise refuse("give the baseline's run or a session, and not both")
        if self.baseline is None and self.against is not None:
            raise refuse("against compares a run with another run; a session is compared with what it recorded")
        if self.session is None and self.simulation is not None:
            raise refuse("simulation replaces what a session was traded by; a run's own is in its manifest")
        if self.what_if is not None and self.tolerance is not None:
            raise refuse("a what-if is compared and not judged; leave tolerance out")
        if (self.format_version == 1) != self.of_version_1:
            raise refuse("version 1 runs a run again and judges it exactly; all else is version 2")
        return self


class ReplayRecord(Document):
    """What a replay left in the store: replays/<replay>/record.json, written once. Version 2: of a specification of 2.

    The digests are equal where nothing differs: of a run, those of its results; of a session, those of its figures.
    """

    schema_version: Literal[1, 2] = 1
    kind: Literal["Replay"] = "Replay"
    specification: ReplaySpecification
    baseline_digest: Digest = Field(description="Result digest of the baseline.")
    result_digest: Digest = Field(description="Result digest of the replay; equal to it where nothing differs.")
    verdict: Verdict
    compared: Compared | None = Field(default=None, description="In figures; of version 2.")
    environment: dict[str, str] = Field(description="Where it ran.")
