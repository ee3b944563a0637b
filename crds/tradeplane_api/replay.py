"""What a replay is judged by: two verdicts, and the first event that differs.

*Decisions* are what the trader did: orders sent, changed, taken back, or refused by its own risk checks. *Execution* is
what came of them: acceptances, fills, expiries, and the account. A fault in the one need not show in the other, so each
has a verdict of its own.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from tradeplane_api.base import Document, Integer


class Parity(StrEnum):
    """Whether a replay did what was recorded."""

    EXACT = "Exact"
    DIVERGED = "Diverged"


class FirstDivergence(Document):
    """The first record in which a replay differs from its baseline."""

    part: str = Field(max_length=64, description="Of which table: events, trades, positions or equity.")
    sequence: Integer = Field(ge=0, description="Number of the record, from 0.")
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
