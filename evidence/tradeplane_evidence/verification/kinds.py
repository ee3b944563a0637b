"""What lies at a reference, by its own word: which of the verifications is asked about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.registry.manifests import parse_manifest

if TYPE_CHECKING:
    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference


async def kind_of(registry: Registry, reference: Reference) -> str | None:
    """Return what an artifact is by its own word, None where it is none. Raises what the registry raises."""
    data, _ = await registry.manifest(reference)
    try:
        return parse_manifest(data, f"the manifest of {reference}").artifact_type
    except Malformed:
        return None
