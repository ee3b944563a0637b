"""Which of the bundles that refer to something is believed: by a key of the keyring, about it, and as a policy asks.

Whoever may write to a repository can hang a bundle on what lies there, so those that are not believed are passed over;
where none is left, what was wrong with the first is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import (
    CertificateRefused,
    DigestMismatch,
    EvidenceError,
    KeyRefused,
    LogEntryRefused,
    Malformed,
    NotAttested,
    PolicyRefused,
    RegistryRefused,
    SignatureRefused,
    TimestampRefused,
)
from tradeplane_evidence.registry.bundles import list_attestations, pull_bundle
from tradeplane_evidence.verification.bundles import verify_bundle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.verification.bundles import Claim
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.signers import Signers

REFUSALS = (
    CertificateRefused,
    DigestMismatch,
    KeyRefused,
    LogEntryRefused,
    Malformed,
    NotAttested,
    PolicyRefused,
    SignatureRefused,
    TimestampRefused,
)
"""What is an answer; a registry that cannot be asked is none."""


@dataclass(frozen=True, slots=True)
class Believed:
    """A claim, the digest of the manifest that holds its bundle, that bundle, and how many others were passed over."""

    claim: Claim
    attestation: str
    bundle: bytes
    passed_over: int


@dataclass(frozen=True, slots=True)
class Trust:
    """What is relied on: who signs, what they must say, and what time it is."""

    signers: Signers
    policy: Policy
    now: datetime


async def believed(
    registry: Registry,
    reference: Reference,
    trust: Trust,
    refine: Callable[[Claim], Awaitable[Claim]] | None = None,
    only: str | None = None,
    hung: Sequence[Descriptor] | None = None,
) -> Believed:
    """Return the first claim about a manifest that is believed.

    ``refine`` goes on with a claim, and may refuse it. ``only``: digest of the one attestation that will do.
    ``hung``: the attestations there are, where they are known. Raises one of ``REFUSALS``, and what the registry
    raises.
    """
    listed: Sequence[str] = [only] if only else await _digests(registry, reference, hung)
    if not listed:
        raise NotAttested(f"nothing attests {reference}: no Sigstore bundle refers to it in the registry")
    faults: list[EvidenceError] = []
    for one in listed:
        try:
            bundle = await pull_attested(registry, reference, one)
            claim = verify_bundle(bundle, reference.digest or "", trust.signers, trust.policy, trust.now)
            return Believed(claim if refine is None else await refine(claim), one, bundle, len(faults))
        except REFUSALS as error:
            faults.append(error)
    raise faults[0]


async def _digests(registry: Registry, reference: Reference, hung: Sequence[Descriptor] | None) -> Sequence[str]:
    return [one.digest for one in (await list_attestations(registry, reference) if hung is None else hung)]


async def pull_attested(registry: Registry, reference: Reference, attestation: str) -> bytes:
    """Return a bundle. Raises NotAttested where it was there once and is no more."""
    try:
        return await pull_bundle(registry, reference, attestation)
    except RegistryRefused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        raise NotAttested(f"the attestation {attestation} of {reference} is not in the registry: {error}") from error
