"""Summing up a verification that passed, as a verifier states it to others.

What was asked for is part of it: a summary by a lenient policy is another than one by a strict one, and whoever relies
on it can tell by the digest of the policy. Nothing that failed is summed up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import canonical_json, sha256_digest

from tradeplane_evidence.errors import PolicyRefused
from tradeplane_evidence.statements.statement import ResourceDescriptor, hexadecimal
from tradeplane_evidence.statements.verification_summary import (
    PolicyReference,
    VerificationSummary,
    Verifier,
    summary_statement,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tradeplane_evidence.statements.statement import Statement
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.runs import Verification

POLICY_URI = "https://tradeplane.dev/evidence/summary-v1"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verification was asked for.

    ``signers``: fingerprints of the keys, or who is to have signed. ``images`` and ``snapshots``: None where the chain
    was not followed. ``replayed``: whether it was run again and came to the same. ``replays``: whether what others
    found who replayed it was looked at, as it is unless somebody asks that it is not. ``image_signers`` and
    ``snapshot_signers``: None where they are those of the run.
    """

    signers: tuple[str, ...]
    policy: Policy
    images: Policy | None
    replayed: bool
    replays: bool = True
    snapshots: Policy | None = None
    image_signers: tuple[str, ...] | None = None
    snapshot_signers: tuple[str, ...] | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values, of which the policy's digest is."""
        return {
            "signers": sorted(self.signers),
            "run": self.policy.plain(),
            "image": None if self.images is None else self.images.plain(),
            "replay": self.replayed,
            **({} if self.snapshots is None else {"snapshot": self.snapshots.plain()}),
            **({} if self.replays else {"replays": False}),
            **({} if self.image_signers is None else {"imageSigners": sorted(self.image_signers)}),
            **({} if self.snapshot_signers is None else {"snapshotSigners": sorted(self.snapshot_signers)}),
        }


def summed_up(found: Verification, asked: Asked, verifier: Verifier, level: str, now: datetime) -> Statement:
    """Return what a verifier states of a verification. Raises PolicyRefused where it did not pass."""
    if not found.passed or found.attestation is None:
        raise PolicyRefused(f"{found.reference} was not verified, and what fails is not summed up")
    summary = VerificationSummary(
        verifier=verifier,
        time_verified=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        resource_uri=str(found.reference),
        policy=PolicyReference(
            uri=POLICY_URI, digest={"sha256": hexadecimal(sha256_digest(canonical_json(asked.plain())))}
        ),
        input_attestations=tuple(_inputs(found, found.attestation)),
        verification_result="PASSED",
        verified_levels=(level,),
    )
    return summary_statement(summary, found.reference.digest or "")


def _inputs(found: Verification, attestation: str) -> Iterable[ResourceDescriptor]:
    """Yield the attestations that it rests on: the run's, and those of its image and data where they were followed."""
    places = [found.reference.at(attestation)]
    if found.image is not None:
        places.append(found.image.reference.at(found.image.attestation))
    places.extend(one.reference.at(one.attestation) for one in found.snapshots)
    for place in places:
        yield ResourceDescriptor(uri=str(place), digest={"sha256": hexadecimal(place.digest or "")})
