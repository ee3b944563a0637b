"""What the sight of an Approval says to the ledger of the Strategy that it approves. Pure.

A recorder has no keyring and vouches for nobody: that somebody approves is claimed, as all is that a watch shows. What
was signed is named by its digest, and lies whole in the specification of the Approval, which is kept as any other, so
that who reads the ledger verifies it by the keyring that they rely on (``tradeplane verify-approval``).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.errors import EvidenceError
from tradeplane_evidence.ledger.events import Action, Claimed, Event, ObjectReference
from tradeplane_evidence.ledger.heads import moment_of
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.statements.approval import Approval, approval_of
from tradeplane_evidence.statements.statement import parse_statement
from tradeplane_store.canonical import sha256_digest

from tradeplane_operator.recording.sightings import manager_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tradeplane_operator.recording.sightings import Sighting


def approvals(sighting: Sighting) -> Iterator[Event]:
    """Yield that a user approves a version of an object, where an Approval says what was signed in it."""
    body = sighting.body
    if body.get("kind") != "Approval":
        return
    spec = body.get("spec") or {}
    try:
        payload = parse_bundle(str(spec.get("bundle", "")).encode()).dsse_envelope.payload_bytes()
        approval, configuration = approval_of(parse_statement(payload))
        occurred = moment_of(datetime.fromisoformat(approval.time))
    except (EvidenceError, ValueError):
        return  # what it says is recorded as applied, and of nothing else
    if not _says(sighting, spec, approval, configuration):
        return
    by, _ = manager_of(body, "f:spec")
    yield Event(
        action=Action.APPROVED,
        object=ObjectReference(
            api_version=approval.object.api_version,
            kind=approval.object.kind,
            namespace=approval.object.namespace,
            name=approval.object.name,
            uid=approval.object.uid,
        ),
        actor=Claimed(by=by),
        occurred=occurred,
        configuration=configuration,
        attestation=sha256_digest(payload),
        note=approval.user,
    )


def _says(sighting: Sighting, spec: Mapping[str, Any], approval: Approval, configuration: str) -> bool:
    """Return whether an Approval says beside what was signed the same as that."""
    said = sighting.reference.namespace, (spec.get("strategyRef") or {}).get("name"), spec.get("configuration")
    signed = approval.object.namespace, approval.object.name, configuration
    return said == signed and spec.get("user") == approval.user
