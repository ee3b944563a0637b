"""An image in a registry, asked about by itself: who built it from which sources, and what is in it.

The bills of materials are not believed for their signatures: the provenance names the digest of each, and it is signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.errors import DigestMismatch, Malformed, NotAttested
from tradeplane_evidence.registry.bundles import list_attestations, pull_bundle
from tradeplane_evidence.registry.manifests import parse_index
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.statements.image import SBOM_MEDIA_TYPE, SBOM_PREDICATE_TYPE, sbom_digest
from tradeplane_evidence.statements.statement import parse_statement
from tradeplane_evidence.verification.attestations import REFUSALS
from tradeplane_evidence.verification.checks import Checks
from tradeplane_evidence.verification.images import ImageClaim, verify_image

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.verification.attestations import Trust


@dataclass(slots=True)
class ImageVerification(Checks):
    """What was found of an image."""

    image: ImageClaim | None = None


async def verify_whole_image(registry: Registry, reference: Reference, trust: Trust) -> ImageVerification:
    """Return what is found of an image at a reference. Raises what the registry raises where it cannot be asked."""
    found, step = ImageVerification(reference), "artifact"
    try:
        await _index(registry, found)
        step = "attestation"
        found.image = image = await verify_image(registry, found.reference, trust)
        found.say("signature", f"by {image.claim.signer}")
        found.say("policy", f"builder {image.claim.provenance.run_details.builder.id}")
        found.say("source", image.source_in_words())
        step = "contents"
        await _contents(registry, found, image)
    except REFUSALS as error:
        found.fail(step, error)
    return found


async def _index(registry: Registry, found: ImageVerification) -> None:
    """Pull the index, which names the images of the platforms."""
    data, digest = await registry.manifest(found.reference)
    index = parse_index(data, f"the index {found.reference}")
    platforms = ", ".join(str(one.platform) for one in index.manifests if one.platform is not None)
    found.pulled(digest, f", an index of {platforms or 'no platform'}")


async def named_bills(registry: Registry, image: ImageClaim) -> dict[tuple[str, str], Mapping[str, Any] | None]:
    """Return the bills of materials that the provenance of an image names, by name and digest.

    None for one that is not in the registry. Raises what the registry raises where it cannot be asked.
    """
    named = {
        (one.name or "", f"sha256:{(one.digest or {}).get('sha256')}")
        for one in image.claim.provenance.run_details.byproducts
        if one.media_type == SBOM_MEDIA_TYPE
    }
    bills = await _bills(registry, image.reference, {digest for _, digest in named})
    return {(name, digest): bills.get(digest) for name, digest in sorted(named)}


async def _contents(registry: Registry, found: ImageVerification, image: ImageClaim) -> None:
    """Find each bill of materials that the provenance names."""
    named = await named_bills(registry, image)
    missing = sorted(name for (name, _), bill in named.items() if bill is None)
    if not named:
        raise NotAttested("the provenance names no bill of materials: what is in the image is not stated")
    if missing:
        raise NotAttested(f"the bill of materials {missing[0]} that the provenance names is not in the registry")
    counts = [f"{len((bill or {}).get('components') or ()):,} in {name}" for (name, _), bill in named.items()]
    found.say("contents", f"components: {', '.join(counts)}")


async def _bills(registry: Registry, reference: Reference, wanted: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return those bills of materials that are wanted and lie there, by digest; what is no bill is passed over."""
    bills: dict[str, Mapping[str, Any]] = {}
    for one in await list_attestations(registry, reference):
        try:
            bundle = parse_bundle(await pull_bundle(registry, reference, one.digest))
            statement = parse_statement(bundle.dsse_envelope.payload_bytes())
        except (DigestMismatch, Malformed):
            continue
        if statement.predicate_type == SBOM_PREDICATE_TYPE:
            digest = sbom_digest(statement.predicate)
            if digest in wanted:
                bills[digest] = statement.predicate
    return bills
