"""A snapshot as an OCI artifact: its manifest, whose digest is the snapshot's id. A recorded session is one as well.

Pure. The records are not in it: there may be gigabytes, which may not be passed on, and the manifest names each piece
of them by its digest. They stay in the store, or lie beside it as ``snapshot_records`` has it. So the artifact follows
from the id alone, whoever pushes it and however often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import Holding

from tradeplane_evidence.errors import Malformed, PolicyRefused
from tradeplane_evidence.registry.manifests import artifact, described
from tradeplane_evidence.results_artifact import JSON_TYPE, MANIFEST_FILE

if TYPE_CHECKING:
    from tradeplane_evidence.registry.manifests import Manifest

SNAPSHOT_TYPE = "application/vnd.tradeplane.snapshot.v1+json"
"""What the artifact of market data is."""
SESSION_TYPE = "application/vnd.tradeplane.session.v1+json"
"""What the artifact of a session is."""
_CALLED = {SNAPSHOT_TYPE: "snapshot of market data", SESSION_TYPE: "session"}


def snapshot_artifact(manifest: bytes, holds: Holding) -> bytes:
    """Return the artifact of a snapshot, from the bytes of its manifest and what that says it holds."""
    kind = SESSION_TYPE if holds is Holding.SESSION else SNAPSHOT_TYPE
    return artifact(kind, (described(manifest, JSON_TYPE, MANIFEST_FILE),))


def snapshot_in(found: Manifest, what: str, kind: str) -> str:
    """Return the id of the snapshot that an artifact is of, which is to be of a kind: one of the two types.

    ``what`` names the artifact in an error. Raises Malformed, and PolicyRefused where it is of another kind.
    """
    called = _CALLED[kind]
    if found.artifact_type != kind:
        raise PolicyRefused(f"{what} is a {found.artifact_type or found.config.media_type}, and no {called}")
    titles = [layer.title for layer in found.layers]
    if titles != [MANIFEST_FILE]:
        raise Malformed(f"{what} is a {called}, and has other files than one {MANIFEST_FILE}")
    return found.layers[0].digest
