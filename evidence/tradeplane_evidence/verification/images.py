"""An image in a registry: who says how it was built, and from which sources.

A run's statement names its image and the attestation by which the image was let run, so a chain goes from the result
over the image to the sources. Runs of a thousand share a few images: what was found of one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.statements.image import IMAGE_BUILD_TYPE, IMAGE_PARAMETERS, MODIFIED, SOURCE
from tradeplane_evidence.verification.attestations import believed
from tradeplane_evidence.verification.found_once import found_once
from tradeplane_evidence.verification.platforms import check_listed
from tradeplane_evidence.verification.policy import Policy

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from tradeplane_api.strategy import ImageManifest

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.statements.provenance import Provenance
    from tradeplane_evidence.statements.statement import ResourceDescriptor
    from tradeplane_evidence.verification.attestations import Trust
    from tradeplane_evidence.verification.bundles import Claim


def image_policy(builders: frozenset[str] | None = None) -> Policy:
    """Return what an image's provenance must be; ``builders``: None where any will do that the key signs for."""
    return Policy(builders=builders, build_types=frozenset({IMAGE_BUILD_TYPE}), parameters=IMAGE_PARAMETERS)


@dataclass(frozen=True, slots=True)
class ImageClaim:
    """What is believed of an image. ``attestation``: digest of the manifest that holds the bundle."""

    reference: Reference
    claim: Claim
    attestation: str
    bundle: bytes = field(repr=False)
    source: ResourceDescriptor

    @property
    def commit(self) -> str | None:
        """The commit it was built from; None where it was built from what nobody committed."""
        return (self.source.digest or {}).get("gitCommit")

    def in_words(self) -> str:
        """Say who vouches for it, and for which sources."""
        details = self.claim.provenance.run_details
        return f"by {self.claim.signer}, builder {details.builder.id}, from {self.source_in_words()}"

    def source_in_words(self) -> str:
        """Say what it was built from."""
        return source_in_words(self.source)


async def verify_image(
    registry: Registry, reference: Reference, trust: Trust, attestation: str | None = None
) -> ImageClaim:
    """Return what is believed of an image at a reference with a digest.

    ``attestation``: digest of the one that must be it. Raises one of ``attestations.REFUSALS``, and what the registry
    raises where it cannot be asked.
    """
    found = await believed(registry, reference, trust, only=attestation)
    source = stated_source(found.claim.provenance, str(reference))
    return ImageClaim(reference, found.claim, found.attestation, found.bundle, source)


def stated_source(provenance: Provenance, what: str) -> ResourceDescriptor:
    """Return the one source that a provenance names; ``what`` is built from it. Raises Malformed."""
    sources = [
        one
        for one in provenance.build_definition.resolved_dependencies
        if one.name == SOURCE and (one.digest or {}).keys() & {"gitCommit", "gitTree"}
    ]
    if len(sources) != 1:
        raise Malformed(f"the provenance of {what} does not name the one source it was built from")
    (source,) = sources
    if (source.annotations or {}).get(MODIFIED) and "gitCommit" in (source.digest or {}):
        raise Malformed(f"the provenance of {what} says of its sources both that they are a commit and are not")
    return source


def source_in_words(source: ResourceDescriptor) -> str:
    """Say what something was built from."""
    digest = source.digest or {}
    if "gitCommit" in digest:
        return f"commit {digest['gitCommit']}" + (f" of {source.uri}" if source.uri else "")
    changed = (source.annotations or {}).get("modifiedFrom", "an unknown commit")
    return f"tree {digest.get('gitTree', 'unknown')}, which nobody committed, changed from {changed}"


@dataclass(slots=True)
class Images:
    """Images that runs were made by, each verified once for all who ask.

    ``registry_of`` gives an open registry for a reference.
    """

    registry_of: Callable[[Reference], Awaitable[Registry]]
    trust: Trust
    _found: dict[tuple[str, str | None], asyncio.Task[ImageClaim]] = field(default_factory=dict)
    _listed: dict[tuple[str, str, str], asyncio.Task[None]] = field(default_factory=dict)

    async def verify(self, reference: Reference, attestation: str | None) -> ImageClaim:
        """Return what is believed of an image, as ``verify_image`` does."""
        asked = (str(replace(reference, tag=None)), attestation)
        return await found_once(self._found, asked, lambda: self._verify(reference, attestation))

    async def verify_manifest(self, reference: Reference, stated: ImageManifest) -> None:
        """Check that an image lists a manifest for a platform, and who attests that where an attestation is stated.

        Raises PolicyRefused where it does not, and what ``verify_image`` does.
        """
        asked = (str(replace(reference, tag=None)), stated.platform, stated.digest)
        await found_once(self._listed, asked, lambda: self._check_listed(reference, stated))
        if stated.attestation is not None:
            await self.verify(reference.at(stated.digest), stated.attestation)

    async def _check_listed(self, reference: Reference, stated: ImageManifest) -> None:
        await check_listed(await self.registry_of(reference), reference, stated)

    async def _verify(self, reference: Reference, attestation: str | None) -> ImageClaim:
        registry = await self.registry_of(reference)
        return await verify_image(registry, reference, self.trust, attestation)
