"""The artifact of a snapshot as it is in a registry: market data or a session, and no other kind than is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_evidence.registry.manifests import parse_manifest
from tradeplane_evidence.snapshot_artifact import snapshot_in

if TYPE_CHECKING:
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.verification.checks import Checks


async def pull_artifact(registry: Registry, found: Checks, kind: str) -> str:
    """Pull the manifest of an artifact of a kind, and return the id of the snapshot that it says it is of.

    Raises Malformed, PolicyRefused where it is of another kind, and what the registry raises.
    """
    data, digest = await registry.manifest(found.reference)
    what = f"the manifest of {found.reference}"
    snapshot = snapshot_in(parse_manifest(data, what), what, kind)
    found.pulled(digest)
    return snapshot
