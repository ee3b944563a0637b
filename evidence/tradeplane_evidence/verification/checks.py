"""What a verification says: one question after the other, each answered by itself, in words for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradeplane_evidence.registry.references import Reference


@dataclass(frozen=True, slots=True)
class Check:
    """One question, and its answer in words. ``error``: name of the error where it failed."""

    name: str
    words: str
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether it may be relied on."""
        return self.error is None


class CheckSeries:
    """Checks in their order, of which the first that failed is the last; what they are of is for who holds them."""

    __slots__ = ()
    checks: list[Check]

    @property
    def passed(self) -> bool:
        """Whether each check passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def say(self, name: str, words: str) -> None:
        """Add a check that passed."""
        self.checks.append(Check(name, words))

    def fail(self, name: str, error: Exception) -> None:
        """Add a check that failed, by the error that says why."""
        self.checks.append(Check(name, str(error), type(error).__name__))


@dataclass(slots=True)
class Checks(CheckSeries):
    """What was found of something in a registry."""

    reference: Reference
    checks: list[Check] = field(default_factory=list)

    def pulled(self, digest: str, what: str = "") -> None:
        """Say which artifact was pulled, and be about that from now on: a tag may name another one by then."""
        asked = "" if self.reference.digest else f" (as {self.reference.tag or 'latest'} names it now)"
        self.reference = self.reference.at(digest)
        self.say("artifact", f"{digest}{asked}{what}")
