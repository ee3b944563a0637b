"""How long what is stored is locked, and the least that whoever answers for it asks for.

The two are given apart, because they are not the same people's: who runs a stack chooses a retention, and the policy
that it may not fall below comes from those who answer to a regulator.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tradeplane_stacks.components.configuration import Configuration, InvalidConfiguration

Mode = Literal["GOVERNANCE", "COMPLIANCE"]

DAYS_OF_A_YEAR = 365
"""The fewest that a year has, so that years are not counted as more than they are."""


class RetentionTooWeak(InvalidConfiguration):
    """A retention locks for less time, or less firmly, than the policy asks for."""


class Retention(Configuration):
    """S3 Object Lock's default: how firmly each new version is locked, and for how many days or years."""

    mode: Mode
    days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    years: Annotated[int, Field(ge=1, le=100)] | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.days is None) == (self.years is None):
            raise ValueError("give days or years, one of them")
        return self

    @property
    def in_days(self) -> int:
        """The days that a version is locked at the least."""
        return self.days if self.days is not None else (self.years or 0) * DAYS_OF_A_YEAR


class RetentionPolicy(Configuration):
    """The least retention that a store may have."""

    minimum_days: Annotated[int, Field(ge=1, le=36_500)]
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)] = ("COMPLIANCE",)

    def check(self, retention: Retention) -> None:
        """Refuse a retention that is shorter than the policy's, or of a mode that it does not have."""
        if retention.in_days < self.minimum_days:
            raise RetentionTooWeak(
                f"retention: {retention.in_days} days are fewer than the {self.minimum_days} of the policy "
                "(minimum_days); lock for longer, or have the policy changed by who answers for it"
            )
        if retention.mode not in self.modes:
            raise RetentionTooWeak(
                f"retention.mode: {retention.mode} is not of the policy's modes ({', '.join(self.modes)}); "
                "lock as they say, or have the policy changed by who answers for it"
            )
