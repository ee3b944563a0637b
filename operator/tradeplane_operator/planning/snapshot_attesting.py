"""Whether what a capture sealed is attested, and what a Snapshot says of that.

Which capture it was stands in the status, where nobody but the operator writes: it was recorded when the Snapshot was
made, from the pointer that the capture left, and labels of a Snapshot that somebody else makes say nothing. A Snapshot
is ready whether it is attested or not; runs on it wait a while for that (``evidence.snapshotWaitSeconds``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.conditions import ConditionStatus
from tradeplane_api.snapshot_manifest import Holding

from tradeplane_operator.planning.attesting import AttestationEnd, next_attempt
from tradeplane_operator.planning.conditions import Standing, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tradeplane_api.attestation import AttestationStatus
    from tradeplane_api.snapshot import SnapshotOrigin, SnapshotStatus

    from tradeplane_operator.planning.attesting import AttestationFacts
    from tradeplane_operator.settings import Evidence


@dataclass(frozen=True, slots=True)
class SealedSnapshot:
    """A snapshot that a capture sealed and that is to be attested; ``name`` is its id.

    ``uid`` and ``created``: of the Snapshot. ``store``: what the administrator calls the store that it lies in.
    """

    name: str
    store: str
    uid: str
    created: str
    origin: SnapshotOrigin

    def specification(self) -> dict[str, Any]:
        """Return the spec of the capture at the time when it was sealed, as plain JSON values."""
        found: dict[str, Any] = json.loads(self.origin.specification)
        return found


@dataclass(frozen=True, slots=True)
class SnapshotAttesting:
    """Where the attestation of a snapshot stands, and what a pass has to do about it."""

    status: ConditionStatus
    told: Verdict
    attestation: AttestationStatus | None = None
    ask: SealedSnapshot | None = None
    look: datetime | None = None


def attest(
    resource: Mapping[str, Any],
    status: SnapshotStatus,
    facts: Mapping[str, AttestationFacts],
    evidence: Evidence,
    now: datetime,
) -> SnapshotAttesting | None:
    """Return where the attestation of a verified snapshot stands; None where the operator does not attest it."""
    if status.attestation is not None:
        return _attested(status.attestation)
    if status.origin is None or status.holds is Holding.SESSION:
        return None
    metadata, spec = resource["metadata"], resource["spec"]
    sealed = SealedSnapshot(
        name=spec["digest"],
        store=spec.get("store", "default"),
        uid=metadata["uid"],
        created=metadata["creationTimestamp"],
        origin=status.origin,
    )
    found = facts.get(sealed.name)
    if found is not None and found.attestation is not None:
        return _attested(found.attestation)
    if found is None or found.end is AttestationEnd.DONE:
        told = Verdict(
            Standing.WORKING, "Attesting", f"what SnapshotCapture {status.origin.capture} sealed is being attested"
        )
        return SnapshotAttesting(ConditionStatus.FALSE, told, ask=sealed)
    message = f"not attested yet: {found.message}; tried again, and runs on it go on"
    told = Verdict(Standing.WORKING, found.reason, message)
    again = next_attempt(found, evidence)
    if now >= again:
        return SnapshotAttesting(ConditionStatus.FALSE, told, ask=sealed)
    return SnapshotAttesting(ConditionStatus.FALSE, told, look=again)


def is_awaited(status: Mapping[str, Any]) -> bool:
    """Return whether a Snapshot with a status is one that is going to be attested, and is not yet."""
    return bool(status.get("origin")) and not status.get("attestation") and status.get("holds") != Holding.SESSION.value


def _attested(attestation: AttestationStatus) -> SnapshotAttesting:
    message = f"attested at {attestation.reference}"
    return SnapshotAttesting(ConditionStatus.TRUE, Verdict(Standing.READY, "Attested", message), attestation)
