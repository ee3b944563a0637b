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
    from collections.abc import Mapping

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


async def _contents(registry: Registry, found: ImageVerification, image: ImageClaim) -> None:
    """Find each bill of materials that the provenance names."""
    named = {
        f"sha256:{(one.digest or {}).get('sha256')}": one.name or ""
        for one in image.claim.provenance.run_details.byproducts
        if one.media_type == SBOM_MEDIA_TYPE
    }
    bills = await _bills(registry, found.reference)
    missing = sorted(name for digest, name in named.items() if digest not in bills)
    if not named:
        raise NotAttested("the provenance names no bill of materials: what is in the image is not stated")
    if missing:
        raise NotAttested(f"the bill of materials {missing[0]} that the provenance names is not in the registry")
    by_name = sorted((name, bills[digest]) for digest, name in named.items())
    counts = [f"{len(bill.get('components') or ()):,} in {name}" for name, bill in by_name]
    found.say("contents", f"components: {', '.join(counts)}")


async def _bills(registry: Registry, reference: Reference) -> Mapping[str, Mapping[str, Any]]:
    """Return the bills of materials that lie there, by digest; what is no bill is passed over."""
    bills: dict[str, Mapping[str, Any]] = {}
    for one in await list_attestations(registry, reference):
        try:
            bundle = parse_bundle(await pull_bundle(registry, reference, one.digest))
            statement = parse_statement(bundle.dsse_envelope.payload_bytes())
        except (DigestMismatch, Malformed):
            continue
        if statement.predicate_type == SBOM_PREDICATE_TYPE:
            bills[sbom_digest(statement.predicate)] = statement.predicate
    return bills
