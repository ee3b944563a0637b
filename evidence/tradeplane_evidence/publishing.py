"""Publishing what was signed, once: where signatures differ each time it is claimed before it is pushed.

A claim is the signed bundle itself, written where one writer at a time gets through. Whoever finds one pushes that, so
that an attempt that was cut short is completed by the next with the very same bytes, and of two that sign at one moment
one claims. The other finds what was claimed. Three things together keep a second from being published:

- a claim is refused where anything was written since it was last read, and is read again then;
- what stands there is pushed before the registry is asked what was signed before;
- it is taken away only once it is in the registry, where the next who reads finds it.

No clock and no lease decides it. What is taken for granted is a registry that shows what it has acknowledged.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence.errors import EvidenceError
from tradeplane_evidence.registry.manifests import MANIFEST_TYPE, described
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.signed_referrers import bundle_artifact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.batches import Signing

_TRIES = 8


class ClaimsChanged(EvidenceError):
    """Somebody else has claimed since the claims were read: read them again."""


class ClaimsUnavailable(EvidenceError):
    """What is signed cannot be claimed now, and is not published before."""


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A signed bundle, and the artifact that it is to be hung on.

    ``place``: the repository, with the tag that the artifact gets, where it gets one. ``artifact``: its manifest.
    ``there``: whether that lies in the registry, under all the names that it is to have.
    """

    place: Reference
    artifact: bytes
    bundle: bytes
    predicate_type: str
    there: bool = False

    @property
    def subject(self) -> Reference:
        """The artifact, by digest."""
        return self.place.at(sha256_digest(self.artifact))


@dataclass(frozen=True, slots=True)
class Attested:
    """What was pushed: where it is that is attested, and the attestation of it."""

    reference: Reference
    bundle: bytes
    attestation: str
    """Digest of the manifest that refers to it and holds the bundle."""


class Claims(Protocol):
    """Where what is signed is claimed before it is pushed; of all who use one registry the same."""

    async def settle(self, registry: Registry, signing: Signing, place: Reference) -> int:
        """Push what is claimed and was left, by whom else too; return the number of the reading.

        Raises ClaimsUnavailable, and what the registry raises; RegistryRefused of what is left for this place alone.
        """

    async def claim(self, unpublished: Unpublished, reading: int) -> bool:
        """Claim; return False for what no claim has room for. Raises ClaimsChanged and ClaimsUnavailable."""

    def published(self, unpublished: Unpublished) -> None:
        """Take a claim away at the next occasion: it is in the registry."""

    def left(self, unpublished: Unpublished) -> None:
        """Leave a claim to whoever settles next: it could not be pushed."""


async def publish(registry: Registry, unpublished: Unpublished) -> Attested:
    """Push a bundle, the artifact first: an attestation is never there of what is not. Raises what the registry does.

    The same again leaves the same.
    """
    name, subject = unpublished.place.repository, unpublished.subject
    if not unpublished.there:
        names = unpublished.place.tag or subject.digest or ""
        await asyncio.gather(
            registry.push_manifest(name, names, unpublished.artifact, MANIFEST_TYPE),
            registry.push_blob(name, unpublished.bundle),
        )
    else:
        await registry.push_blob(name, unpublished.bundle)
    described_as = described(unpublished.artifact, MANIFEST_TYPE)
    referrer = bundle_artifact(unpublished.bundle, described_as, unpublished.predicate_type)
    return Attested(subject, unpublished.bundle, await push_referrer(registry, name, referrer))


async def publish_once(
    registry: Registry,
    place: Reference,
    signing: Signing,
    earlier: Callable[[], Awaitable[Attested | None]],
    sign: Callable[[], Awaitable[Unpublished]],
) -> Attested:
    """Return what was published before of a statement, or sign it and publish that.

    ``earlier`` looks for it in the registry. Raises ClaimsUnavailable, and what registry and signer raise.
    """
    claims = signing.claims
    if claims is None:
        return await earlier() or await publish(registry, await sign())
    signed: Unpublished | None = None
    for _ in range(_TRIES):
        reading = await claims.settle(registry, signing, place)
        found = await earlier()
        if found is not None:
            return found
        if signed is None:
            signed = await sign()
            if not signed.there:
                # Whoever completes the claim finds the artifact by its digest; its name is given with the bundle.
                name, digest = signed.place.repository, signed.subject.digest or ""
                await registry.push_manifest(name, digest, signed.artifact, MANIFEST_TYPE)
        try:
            claimed = await claims.claim(signed, reading)
        except ClaimsChanged:
            continue
        return await _publish_claimed(registry, signed, claims) if claimed else await publish(registry, signed)
    raise ClaimsUnavailable(f"{place} was signed, and others claim all the time ({_TRIES} times): it is tried again")


async def _publish_claimed(registry: Registry, signed: Unpublished, claims: Claims) -> Attested:
    try:
        published = await publish(registry, signed)
    except BaseException:
        claims.left(signed)
        raise
    claims.published(signed)
    return published
