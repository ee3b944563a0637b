"""A verification, summed up for who trusts the verifier and does not verify again (VSA).

Source: SLSA specification v1.0, "Verification Summary Attestation" (predicate type
https://slsa.dev/verification_summary/v1).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tradeplane_evidence.statements.statement import (
    DigestSet,
    Form,
    ResourceDescriptor,
    Statement,
    Subject,
    hexadecimal,
)

SUMMARY_TYPE = "https://slsa.dev/verification_summary/v1"
VERIFIER = "https://tradeplane.dev/evidence/verifiers/cli-v1"
"""The verifier where nothing else is said: somebody with this command, for whom the signer alone vouches."""
LEVELS = ("SLSA_BUILD_LEVEL_1", "SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3")


class Verifier(Form):
    """Who verified."""

    id: str = Field(min_length=1, max_length=1_024)
    version: dict[str, str] | None = None


class PolicyReference(Form):
    """What was asked for; ``digest`` is of the policy's canonical JSON, as docs/evidence/summary-v1.md has it."""

    uri: str = Field(min_length=1, max_length=1_024)
    digest: DigestSet


class VerificationSummary(Form):
    """The predicate."""

    verifier: Verifier
    time_verified: str = Field(max_length=64, description="RFC 3339.")
    resource_uri: str = Field(max_length=4_096, description="What was verified, where it lies.")
    policy: PolicyReference
    input_attestations: tuple[ResourceDescriptor, ...] = Field(default=(), max_length=64, strict=False)
    verification_result: Literal["PASSED", "FAILED"]
    verified_levels: tuple[str, ...] = Field(max_length=16, strict=False)
    slsa_version: str = "1.0"


def summary_statement(summary: VerificationSummary, digest: str) -> Statement:
    """Return the statement of a summary about the artifact of a digest."""
    subject = Subject(name=summary.resource_uri, digest={"sha256": hexadecimal(digest)})
    return Statement(subject=(subject,), predicate_type=SUMMARY_TYPE, predicate=summary.plain())
