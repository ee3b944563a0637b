"""What others need to know of a Snapshot they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_operator.planning.observed import SnapshotView

if TYPE_CHECKING:
    from collections.abc import Mapping


def view_of(resource: Mapping[str, Any]) -> SnapshotView:
    """Return what others need to know of a Snapshot; conditions of an older generation do not count."""
    spec, status = resource.get("spec") or {}, resource.get("status") or {}
    current = status.get("observedGeneration") == resource["metadata"].get("generation")
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()} if current else {}
    stalled = conditions.get("Stalled", {}).get("status") == "True"
    deleting = "deletionTimestamp" in resource["metadata"]
    return SnapshotView(
        digest=spec.get("digest", ""),
        store=spec.get("store", "default"),
        ready=conditions.get("Ready", {}).get("status") == "True" and not deleting,
        stalled=stalled,
        message="it is being deleted" if deleting else conditions.get("Ready", {}).get("message", ""),
    )
