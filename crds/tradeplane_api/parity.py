"""What a replay is judged by: two verdicts, and the first event that differs.

*Decisions* are what the trader did: orders sent, changed, taken back, or refused by its own risk checks. *Execution* is
what came of them: acceptances, fills, expiries, and the account. A fault in the one need not show in the other, so each
has a verdict of its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from tradeplane_api.base import Digest, Document, Integer, Name

REPLAY_VARIABLE = "TRADEPLANE_REPLAY"
"""Environment variable that carries the JSON of a ReplaySpecification into a pod."""


class Parity(StrEnum):
    """Whether a replay did what was recorded."""

    EXACT = "Exact"
    DIVERGED = "Diverged"
    UNJUDGED = "Unjudged"
    """There is nothing to judge it by: a session without the record of its exchange."""


class FirstDivergence(Document):
    """The first record in which a replay differs from its baseline."""

    part: str = Field(
        max_length=64,
        description="Of which table: events, trades, positions or equity; of a session: journal, reports or record.",
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


class Baseline(Document):
    """The run a replay is of: its name, and the manifest that says what it was and what it left."""

    run: Name = Field(description="Name of the run.")
    manifest: Digest = Field(description="Digest of the bytes of its results' manifest.")


class ReplaySpecification(Document):
    """One replay: which run is run again, and with which image."""

    format_version: Literal[1] = 1
    replay: Name = Field(description="Name of the replay; its record lies under replays/<replay>/ and nowhere else.")
    baseline: Baseline
    image: str | None = Field(default=None, max_length=512, description="The image by digest; none on a laptop.")


class ReplayRecord(Document):
    """What a replay left in the store: replays/<replay>/record.json, written once."""

    schema_version: Literal[1] = 1
    kind: Literal["Replay"] = "Replay"
    specification: ReplaySpecification
    baseline_digest: Digest = Field(description="Result digest of the baseline.")
    result_digest: Digest = Field(description="Result digest of the replay; equal to it where nothing differs.")
    verdict: Verdict
    environment: dict[str, str] = Field(description="Where it ran.")
