"""Where the attestation of an object stands that has one, as a Replay or a Snapshot; a Strategy has one for each run.

What kind it is decides what is attested, and in which words its condition says so; when it is attempted does not
differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from tradeplane_api.conditions import ConditionStatus

from tradeplane_operator.planning.attesting import ATTESTING, AttestationEnd, next_attempt
from tradeplane_operator.planning.conditions import Standing, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradeplane_api.attestation import AttestationStatus

    from tradeplane_operator.planning.attesting import AttestationFacts
    from tradeplane_operator.settings import Evidence

Asked = TypeVar("Asked")
"""What is attested."""


@dataclass(frozen=True, slots=True)
class ObjectAttesting(Generic[Asked]):
    """Where the attestation of an object stands, and what a pass has to do about it."""

    status: ConditionStatus
    told: Verdict
    attestation: AttestationStatus | None = None
    ask: Asked | None = None
    look: datetime | None = None

    @property
    def owed(self) -> bool:
        """Whether it is still to be done."""
        return self.attestation is None and self.told.standing is Standing.WORKING

    @property
    def delayed(self) -> bool:
        """Whether it is, and an attempt came to nothing, or could not be made."""
        return self.owed and self.told.reason != ATTESTING


def attested(attestation: AttestationStatus) -> ObjectAttesting[Asked]:
    """Return what is said of what is attested."""
    message = f"attested at {attestation.reference}"
    return ObjectAttesting(ConditionStatus.TRUE, Verdict(Standing.READY, "Attested", message), attestation)


def attempted(
    asked: Asked,
    found: AttestationFacts | None,
    evidence: Evidence,
    now: datetime,
    *,
    being: str,
    not_yet: Callable[[str], str],
) -> ObjectAttesting[Asked]:
    """Return what follows from the newest attempt, None where there was none.

    ``being``: words of what is being attested. ``not_yet``: of what was not, by why.
    """
    if found is not None and found.end is AttestationEnd.DONE and found.attestation is not None:
        return attested(found.attestation)
    if found is None or found.end is AttestationEnd.DONE:
        return ObjectAttesting(ConditionStatus.FALSE, Verdict(Standing.WORKING, ATTESTING, being), ask=asked)
    told = Verdict(Standing.WORKING, found.reason, not_yet(found.message))
    if found.end is AttestationEnd.GOING:
        return ObjectAttesting(ConditionStatus.FALSE, told)
    again = next_attempt(found, evidence)
    if now >= again:
        return ObjectAttesting(ConditionStatus.FALSE, told, ask=asked)
    return ObjectAttesting(ConditionStatus.FALSE, told, look=again)
