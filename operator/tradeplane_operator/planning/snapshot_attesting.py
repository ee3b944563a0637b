"""Whether what a capture sealed is attested, and what a Snapshot says of that.

Which capture it was stands in the status, where nobody but the operator writes: it was recorded when the Snapshot was
made, from the pointer that the capture left, and labels of a Snapshot that somebody else makes say nothing. A Snapshot
is ready whether it is attested or not; runs on it wait a while for that (``evidence.snapshotWaitSeconds``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.snapshot_manifest import Holding

from tradeplane_operator.planning.attesting_objects import attempted, attested

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tradeplane_api.snapshot import SnapshotOrigin, SnapshotStatus

    from tradeplane_operator.planning.attesting import AttestationFacts
    from tradeplane_operator.planning.attesting_objects import ObjectAttesting
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


def attest(
    resource: Mapping[str, Any],
    status: SnapshotStatus,
    facts: Mapping[str, AttestationFacts],
    evidence: Evidence,
    now: datetime,
) -> ObjectAttesting[SealedSnapshot] | None:
    """Return where the attestation of a verified snapshot stands; None where the operator does not attest it."""
    if status.attestation is not None:
        return attested(status.attestation)
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
    return attempted(
        sealed,
        facts.get(sealed.name),
        evidence,
        now,
        being=f"what SnapshotCapture {status.origin.capture} sealed is being attested",
        not_yet=lambda why: f"not attested yet: {why}; tried again, and runs on it go on",
    )


def is_awaited(status: Mapping[str, Any]) -> bool:
    """Return whether a Snapshot with a status is one that is going to be attested, and is not yet."""
    return bool(status.get("origin")) and not status.get("attestation") and status.get("holds") != Holding.SESSION.value
