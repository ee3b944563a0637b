"""Children that change: each carries the digest of the manifest it was last made like, so that none is written in vain.

The digest is compared rather than the child's fields, to which the API server adds defaults. How many pods a
StatefulSet asks for is compared as well: that is what people change with ``kubectl scale``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import document_digest

from tradeplane_operator.planning.names import APPLIED_ANNOTATION
from tradeplane_operator.planning.observed import ObservedChild, ObservedSet

if TYPE_CHECKING:
    from collections.abc import Mapping


def marked(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest that carries the digest of what it says."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED_ANNOTATION: document_digest(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def is_as_wanted(manifest: Mapping[str, Any], child: ObservedChild | None) -> bool:
    """Return whether a child is as a marked manifest wants it, and so need not be applied."""
    if child is None or child.applied != manifest["metadata"]["annotations"][APPLIED_ANNOTATION]:
        return False
    return not isinstance(child, ObservedSet) or child.wanted == manifest["spec"].get("replicas", 1)
