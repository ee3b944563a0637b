"""The Sigstore bundles that refer to an artifact, as they lie in a registry: nothing of them is believed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.registry.manifests import parse_manifest
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signing.bundle import BUNDLE_TYPE, MAX_BUNDLE_BYTES
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor
    from tradeplane_evidence.registry.references import Reference

PREDICATE = "dev.sigstore.bundle.predicateType"
"""Annotation by which cosign finds the bundle that states what it is asked for."""
MAX_ATTESTATIONS = 64
"""Bundles about one artifact that are looked at; whoever may write to a repository can add to them."""


async def list_attestations(
    registry: Registry, reference: Reference, predicate_type: str = PREDICATE_TYPE
) -> Sequence[Descriptor]:
    """Return the attestations among what refers to an artifact, as ``attestations_in`` does."""
    listed = await list_referrers(registry, reference.repository, reference.digest or "")
    return attestations_in(listed, predicate_type)


def attestations_in(listed: Sequence[Descriptor], predicate_type: str = PREDICATE_TYPE) -> Sequence[Descriptor]:
    """Return the manifests that say they hold a bundle about an artifact, the first ``MAX_ATTESTATIONS``.

    Those that say that they state something else come last: however many replays of a run are attested, its provenance
    is found before them.
    """
    found = [one for one in listed if one.artifact_type in {BUNDLE_TYPE, None}]
    return sorted(found, key=lambda one: stated(one) not in {predicate_type, None})[:MAX_ATTESTATIONS]


def stated(attestation: Descriptor) -> str | None:
    """Return the type of predicate that an attestation says it holds, None where the list does not tell."""
    return (attestation.annotations or {}).get(PREDICATE)


async def pull_bundle(registry: Registry, reference: Reference, digest: str) -> bytes:
    """Return the bundle that a manifest holds. Raises Malformed where it holds none."""
    data, _ = await registry.manifest(reference.at(digest))
    manifest = parse_manifest(data, f"the attestation {digest}")
    layer = next((one for one in manifest.layers if one.media_type == BUNDLE_TYPE), None)
    if layer is None:
        raise Malformed(f"the attestation {digest} holds no bundle of {BUNDLE_TYPE}")
    return await registry.blob(reference.repository, layer.digest, MAX_BUNDLE_BYTES)
