"""What the contenders are given: Strategies with distinct seeds, one Snapshot, and the manifests of their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_operator.planning.names import API_VERSION, MANAGED_BY, MANAGED_BY_LABEL
from tradeplane_store import layout

from tests.bench.control.fleet import NAMESPACE
from tests.integration.operator.cluster import snapshot_manifest

if TYPE_CHECKING:
    from pathlib import Path

STRATEGIES = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/strategies"
SNAPSHOTS = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/snapshots"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
OURS = f"labelSelector={MANAGED_BY_LABEL}%3D{MANAGED_BY}"
SNAPSHOT = "prices"

Json = dict[str, Any]


def strategy(name: str, seed: int) -> Json:
    """Return a Strategy as a user writes it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Strategy",
        "metadata": {"name": name},
        "spec": {
            "algorithm": {"name": "macd-momentum"},
            "capital": "100000",
            "snapshotRef": {"name": SNAPSHOT},
            "seed": seed,
        },
    }


def strategies(prefix: str, count: int) -> list[Json]:
    """Return Strategies with distinct names and seeds."""
    return [strategy(f"{prefix}-{index:05}", index) for index in range(1, count + 1)]


def put_snapshot(store: Path) -> Json:
    """Put a snapshot into the namespace's folder of a file store; return the object that names it."""
    digest, manifest = snapshot_manifest()
    for path, data in ((layout.snapshot_part(digest, "bars-0"), b"bars"), (layout.snapshot_manifest(digest), manifest)):
        file = store / NAMESPACE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return {
        "apiVersion": API_VERSION,
        "kind": "Snapshot",
        "metadata": {"name": SNAPSHOT},
        "spec": {"digest": digest},
    }


def is_true(resource: Json, kind: str) -> bool:
    """Return whether a condition of an object is True."""
    conditions = (resource.get("status") or {}).get("conditions") or ()
    return any(item["type"] == kind and item["status"] == "True" for item in conditions)
