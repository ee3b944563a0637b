"""A recorded session as an OCI artifact: the manifest of its snapshot, whose digest is the snapshot's id.

Pure. What was recorded stays in the store, where a replay reads it: a journal may have gigabytes, and the manifest
names each piece of it by its digest. So the artifact follows from the id alone, whoever pushes it and however often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_evidence.errors import Malformed, PolicyRefused
from tradeplane_evidence.registry.manifests import artifact, described
from tradeplane_evidence.results_artifact import JSON_TYPE, MANIFEST_FILE
from tradeplane_evidence.snapshot_manifests import parse_snapshot

if TYPE_CHECKING:
    from tradeplane_api.snapshot_manifest import SnapshotManifest

    from tradeplane_evidence.registry.manifests import Manifest

SESSION_TYPE = "application/vnd.tradeplane.session.v1+json"
"""What the artifact is."""


def session_artifact(manifest: bytes) -> bytes:
    """Return the artifact of a session, from the bytes of its snapshot's manifest."""
    return artifact(SESSION_TYPE, (described(manifest, JSON_TYPE, MANIFEST_FILE),))


def snapshot_in(found: Manifest, what: str) -> str:
    """Return the id of the snapshot that an artifact is of. Raises Malformed, and PolicyRefused where it is no session.

    ``what`` names the artifact in an error.
    """
    if found.artifact_type != SESSION_TYPE:
        raise PolicyRefused(f"{what} is a {found.artifact_type or found.config.media_type}, and no session")
    titles = [layer.title for layer in found.layers]
    if titles != [MANIFEST_FILE]:
        raise Malformed(f"{what} is a session, and has other files than one {MANIFEST_FILE}")
    return found.layers[0].digest


def parse_session(data: bytes, identity: str) -> SnapshotManifest:
    """Return the manifest of a session's snapshot. Raises DigestMismatch, or Malformed where it holds no session."""
    manifest = parse_snapshot(data, identity)
    if manifest.session is None:
        raise Malformed(f"snapshot {identity} holds no session but {manifest.holds.value.lower()}")
    return manifest
