"""A snapshot as it lies in a store: what is attested of it is its manifest, which names all the rest by digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_store import layout
from tradeplane_store.errors import NotFound, TooLarge

from tradeplane_evidence.errors import Malformed, NotAttested
from tradeplane_evidence.snapshot_manifests import MAX_MANIFEST_BYTES, parse_snapshot

if TYPE_CHECKING:
    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot: its id, the bytes of its manifest, which are believed by that, and what they say."""

    snapshot: str
    data: bytes = field(repr=False)
    manifest: SnapshotManifest


def read_snapshot(store: ObjectStore, snapshot: str, most_bytes: int = MAX_MANIFEST_BYTES) -> StoredSnapshot:
    """Return what is attested of a snapshot, whose manifest has no more bytes than that.

    Raises NotAttested where it is not in the store, DigestMismatch or Malformed where it is not what its id says, and
    what the store raises.
    """
    data = read_snapshot_manifest(store, snapshot, most_bytes, "snapshot")
    return StoredSnapshot(snapshot, data, parse_snapshot(data, snapshot))


def read_snapshot_manifest(store: ObjectStore, snapshot: str, most_bytes: int, called: str) -> bytes:
    """Return the bytes at the place of a snapshot's manifest; ``called``: what the snapshot is called in an error.

    Raises NotAttested, Malformed where there are too many, and what the store raises.
    """
    try:
        return store.get(layout.snapshot_manifest(snapshot), limit=min(MAX_MANIFEST_BYTES, most_bytes))
    except NotFound as error:
        raise NotAttested(f"{called} {snapshot}: {error}; restore the snapshot from a copy") from error
    except TooLarge as error:
        raise Malformed(f"{called} {snapshot} has more in its manifest than is attested: {error}") from error
