"""Manifests of snapshots, from stores of tenants and from registries: believed by the digest that names a snapshot."""

from __future__ import annotations

from tradeplane_api.snapshot_manifest import SnapshotManifest
from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import DigestMismatch, Malformed

MAX_MANIFEST_BYTES = 8 * 1024 * 1024
"""Of a snapshot's manifest; that of a session of the longest journal has two million."""


def parse_snapshot(data: bytes, identity: str) -> SnapshotManifest:
    """Return the manifest of the snapshot of that id (``sha256:<hex>``). Raises DigestMismatch or Malformed."""
    what = f"the manifest of snapshot {identity}"
    if sha256_digest(data) != identity:
        raise DigestMismatch(f"{what} is not the one of that digest; restore it from a copy")
    strict_json.parse(data, what, MAX_MANIFEST_BYTES)
    try:
        return SnapshotManifest.model_validate_json(data)
    except ValueError as error:
        raise Malformed(f"{what} is none that this version reads: {error}") from error


def parse_session(data: bytes, identity: str) -> SnapshotManifest:
    """Return the manifest of a session's snapshot. Raises DigestMismatch, or Malformed where it holds no session."""
    manifest = parse_snapshot(data, identity)
    if manifest.session is None:
        raise Malformed(f"snapshot {identity} holds no session but {manifest.holds.value.lower()}")
    return manifest
