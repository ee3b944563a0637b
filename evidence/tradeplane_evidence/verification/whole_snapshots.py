"""A snapshot in a registry, asked about by itself: who says how it came to be, and what it holds by its manifest.

The records are not looked at. The manifest names each part by the digest of its records, by which whoever has these,
from a store or beside it in the registry, can hold them against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import PolicyRefused
from tradeplane_evidence.snapshot_artifact import SNAPSHOT_TYPE
from tradeplane_evidence.snapshot_manifests import MAX_MANIFEST_BYTES, parse_snapshot
from tradeplane_evidence.statements.snapshot import SOURCE
from tradeplane_evidence.verification.attestations import REFUSALS
from tradeplane_evidence.verification.bundles import time_in_words
from tradeplane_evidence.verification.checks import Checks
from tradeplane_evidence.verification.snapshot_artifacts import pull_artifact
from tradeplane_evidence.verification.snapshots import SnapshotClaim, origin_in_words, verify_snapshot

if TYPE_CHECKING:
    from tradeplane_api.snapshot_manifest import SnapshotManifest

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.verification.attestations import Trust


@dataclass(slots=True)
class SnapshotVerification(Checks):
    """What was found of a snapshot. ``snapshot``: its id, once its manifest was held against that."""

    snapshot: str | None = None
    claim: SnapshotClaim | None = None


async def verify_whole_snapshot(registry: Registry, reference: Reference, trust: Trust) -> SnapshotVerification:
    """Return what is found of a snapshot at a reference. Raises what the registry raises where it cannot be asked."""
    found, step = SnapshotVerification(reference), "artifact"
    try:
        snapshot = await pull_artifact(registry, found, SNAPSHOT_TYPE)
        step = "attestation"
        found.claim = claim = await verify_snapshot(registry, found.reference, snapshot, trust)
        others = f"; {claim.passed_over} passed over" if claim.passed_over else ""
        found.say("signature", f"by {claim.claim.signer}{others}")
        found.say("policy", f"builder {claim.claim.provenance.run_details.builder.id}")
        step = "snapshot"
        manifest = await _manifest(registry, found, snapshot)
        step = "sources"
        _sources(found, claim, manifest)
    except REFUSALS as error:
        found.fail(step, error)
    else:
        found.say("time", time_in_words(claim.claim))
    return found


async def _manifest(registry: Registry, found: SnapshotVerification, snapshot: str) -> SnapshotManifest:
    data = await registry.blob(found.reference.repository, snapshot, MAX_MANIFEST_BYTES)
    manifest = parse_snapshot(data, snapshot)
    found.snapshot = snapshot
    count = f"{manifest.records:,} records, {manifest.start} to {manifest.end}"
    found.say("snapshot", f"{snapshot}: {count}, {len(manifest.parts)} parts named")
    return manifest


def _sources(found: SnapshotVerification, claim: SnapshotClaim, manifest: SnapshotManifest) -> None:
    """Check that what was signed of the sources is what stands in the manifest."""
    signed = [(one.name, (one.digest or {}).get("sha256")) for one in claim.sources]
    held = [(f"{SOURCE}{one.name}", one.digest.removeprefix("sha256:")) for one in manifest.sources]
    if signed != held:
        raise PolicyRefused("the sources that were signed are not those in the snapshot's manifest")
    found.say("sources", origin_in_words(claim.claim.provenance))
