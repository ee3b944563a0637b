"""A recorded session as it lies in a store: what is attested of it, and which image is told to have traded it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_store import layout
from tradeplane_store.errors import NotFound, TooLarge

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.snapshot_manifests import MAX_MANIFEST_BYTES, parse_session
from tradeplane_evidence.stored_snapshots import read_snapshot_manifest

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore

_MAX_ENVIRONMENT_BYTES = 65_536
_IMAGE = re.compile(r"[a-z0-9][a-zA-Z0-9._:/-]{0,438}@sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session: id of its snapshot, the bytes of that one's manifest, and the image that traded it, where it is told.

    The manifest is believed by its digest. The image is what the session's own pod wrote beside it.
    """

    snapshot: str
    manifest: bytes
    traded_by: str | None = None


def read_session(store: ObjectStore, snapshot: str, most_bytes: int = MAX_MANIFEST_BYTES) -> StoredSession:
    """Return what is attested of the session of a snapshot, whose manifest has no more bytes than that.

    Raises NotAttested where it is not in the store, DigestMismatch or Malformed where it is not what its id says, and
    what the store raises.
    """
    manifest = read_snapshot_manifest(store, snapshot, most_bytes, "session")
    parse_session(manifest, snapshot)
    return StoredSession(snapshot, manifest, _traded_by(store, snapshot))


def _traded_by(store: ObjectStore, snapshot: str) -> str | None:
    """Return the image that is told beside a session; None where there is none, or nothing that names one by digest.

    It is not part of the snapshot, so that what is wrong with it is nothing that is wrong with the session.
    """
    name = layout.snapshot_environment(snapshot)
    try:
        told = strict_json.parse(store.get(name, limit=_MAX_ENVIRONMENT_BYTES), name, _MAX_ENVIRONMENT_BYTES)
    except (NotFound, TooLarge, Malformed):
        return None
    image = told.get("image") if isinstance(told, dict) else None
    return image if isinstance(image, str) and _IMAGE.fullmatch(image) else None
