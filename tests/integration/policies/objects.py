"""Objects that cases are made of: each is let through by every policy, until a case changes something about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.base import API_VERSION

if TYPE_CHECKING:
    from tests.integration.policies.server import Json

DIGEST = "sha256:" + "a" * 64
IMAGE = f"registry.example/team/work@{DIGEST}"
CONTEXT: Json = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
RESOURCES: Json = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}


def named(kind: str, name: str, spec: Json, version: str = API_VERSION, **metadata: Any) -> Json:
    """Return an object."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def container(name: str = "work", **changes: Any) -> Json:
    """Return a container."""
    made = {"name": name, "image": IMAGE, "resources": RESOURCES, "securityContext": CONTEXT} | changes
    return {field: value for field, value in made.items() if value is not None}


def pod(*containers: Json, labels: Any = None, name: Any = "pod", **changes: Any) -> Json:
    """Return a pod; a change to None takes a field out."""
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": list(containers) or [container()],
    } | changes
    kept = {field: value for field, value in spec.items() if value is not None}
    return named("Pod", name, kept, "v1", labels=labels or {})


def strategy(name: str = "macd", labels: dict[str, str] | None = None, **changes: Any) -> Json:
    """Return a Strategy that tests on a Snapshot; a change to None takes a field out."""
    spec = {
        "algorithm": {"name": "macd-momentum"},
        "capital": "1000",
        "snapshotRef": {"name": "prices"},
        "architecture": "amd64",
    } | changes
    return named(
        "Strategy", name, {field: value for field, value in spec.items() if value is not None}, labels=labels or {}
    )
