"""What an image is on one platform: the manifest of it that its index lists, and what attests that.

A run is asked for by the digest of an index, and a node pulls the manifest for its own processor. What the kubelet
reports afterwards does not name that: containerd's CRI answers with the digest by which the image was pulled, the
index's (``internal/cri/server/container_status.go``, v2.1). So the manifest is found in the index, which names it by
digest, for the processor that the results state.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tradeplane_api.strategy import ImageManifest

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import Malformed, PolicyRefused
from tradeplane_evidence.registry.manifests import INDEX_TYPE, MAX_MANIFEST_BYTES, parse_index
from tradeplane_evidence.registry.references import is_digest
from tradeplane_evidence.statements.run import ATTESTATION, IMAGE, PLATFORMS
from tradeplane_evidence.verification.attestations import REFUSALS, believed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Platform
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.statements.provenance import Provenance
    from tradeplane_evidence.verification.attestations import Trust

_NAMED = f"{IMAGE}/"


def stated_manifest(provenance: Provenance) -> ImageManifest | None:
    """Return the image of one platform that provenance names a run to be made by; None where it names none.

    Raises Malformed where it names several, or one in no way that can be followed.
    """
    named = [one for one in provenance.build_definition.resolved_dependencies if (one.name or "").startswith(_NAMED)]
    if not named:
        return None
    if len(named) > 1:
        raise Malformed("the statement names the manifests of its image for several platforms, and a run has one")
    (one,) = named
    digest = f"sha256:{(one.digest or {}).get('sha256')}"
    attestation = (one.annotations or {}).get(ATTESTATION)
    if not is_digest(digest):
        raise Malformed(f"the statement names the manifest {str(one.name)[:100]!r} of its image without its sha256")
    if attestation is not None and not is_digest(attestation):
        raise Malformed(
            f"the attestation of the image's manifest is stated as {str(attestation)[:100]!r}, which is no digest"
        )
    platform = (one.name or "").removeprefix(_NAMED)
    if platform not in PLATFORMS.values():
        raise Malformed(f"the statement names a manifest of its image for {platform[:100]!r}, which is no platform")
    return ImageManifest(platform=platform, digest=digest, attestation=attestation)


async def platform_manifests(registry: Registry, reference: Reference) -> Mapping[str, str]:
    """Return the digests of the manifests that an image's index lists, by platform; none where it is no index.

    A platform with several (of variants of a processor) is left out: which one a node takes is not known. Raises
    Malformed, and what the registry raises.
    """
    data, _ = await registry.manifest(reference)
    what = f"the index {reference}"
    document = strict_json.parse(data, what, MAX_MANIFEST_BYTES)
    if not isinstance(document, dict) or document.get("mediaType") != INDEX_TYPE:
        return {}
    listed = [(_name(one.platform), one.digest) for one in parse_index(data, what).manifests if one.platform]
    times = Counter(platform for platform, _ in listed)
    return {platform: digest for platform, digest in listed if times[platform] == 1}


async def check_listed(registry: Registry, reference: Reference, stated: ImageManifest) -> None:
    """Check that an image's index lists a manifest for its platform. Raises PolicyRefused, and what reading it does."""
    listed = (await platform_manifests(registry, reference)).get(stated.platform)
    if listed != stated.digest:
        raise PolicyRefused(
            f"the statement has the run made by manifest {stated.digest} for {stated.platform}, and the image "
            f"{reference} lists {listed or 'no single one'} for it"
        )


async def attested_manifests(registry: Registry, reference: Reference, trust: Trust) -> tuple[ImageManifest, ...]:
    """Return what an image is on each processor that runs are asked for on, and which attestation of that is believed.

    Raises Malformed, and what the registry raises.
    """
    listed = await platform_manifests(registry, reference)
    return tuple(
        [
            ImageManifest(
                platform=platform,
                digest=listed[platform],
                attestation=await _attestation(registry, reference.at(listed[platform]), trust),
            )
            for platform in PLATFORMS.values()
            if platform in listed
        ]
    )


async def _attestation(registry: Registry, reference: Reference, trust: Trust) -> str | None:
    """Return the attestation of a manifest; None where none is believed, for its index vouches for it by digest."""
    try:
        return (await believed(registry, reference, trust)).attestation
    except REFUSALS:
        return None


def _name(platform: Platform) -> str:
    return f"{platform.os}/{platform.architecture}"
