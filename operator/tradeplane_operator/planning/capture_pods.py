"""The StatefulSet of a capture's agent: one pod, and a volume for what is not in the store yet.

Pods are made in parallel, though there is one: else a pod that never becomes ready would not be replaced by one of a
template that was put right. What an agent is told is written from the status, where it was resolved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.capture import CAPTURE_VARIABLE, SPOOL_VARIABLE
from tradeplane_api.run import STORE_VARIABLE

from tradeplane_operator.planning.applied import marked
from tradeplane_operator.planning.capture_names import CAPTURE_ROLE, agent_name, claim_template
from tradeplane_operator.planning.names import CAPTURE_UID_LABEL, MANAGED_BY, MANAGED_BY_LABEL, ROLE_LABEL
from tradeplane_operator.planning.restricted import owner_reference, restricted_container, restricted_pod
from tradeplane_operator.planning.work import STORE_PATH, literal, pod_store_url, quantities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.snapshot_capture import CaptureAgent, SnapshotCaptureSpec

    from tradeplane_operator.settings import Settings, Store

CONTAINER = "capture"
STOP_SECONDS = 60
"""An agent that is told to end seals what is there."""
_COMMAND = ("/usr/bin/python3", "-m", "tradeplane_workloads.capture")
_SPOOL_PATH = "/spool"


def build_agent(
    metadata: Mapping[str, Any], spec: SnapshotCaptureSpec, agent: CaptureAgent, settings: Settings, *, replicas: int
) -> dict[str, Any]:
    """Return the marked manifest of an agent's StatefulSet."""
    name, labels = agent_name(metadata["name"], metadata["uid"]), _labels(metadata)
    return marked(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": labels,
                "ownerReferences": [owner_reference(metadata, "SnapshotCapture")],
            },
            "spec": {
                "replicas": replicas,
                "serviceName": name,
                "podManagementPolicy": "Parallel",
                "revisionHistoryLimit": 2,
                "selector": {"matchLabels": labels},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
                "template": {"metadata": {"labels": labels}, "spec": _pod(metadata, spec, agent, settings)},
                "volumeClaimTemplates": [_claim(metadata, spec)],
            },
        }
    )


def _labels(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {MANAGED_BY_LABEL: MANAGED_BY, CAPTURE_UID_LABEL: metadata["uid"], ROLE_LABEL: CAPTURE_ROLE}


def _claim(metadata: Mapping[str, Any], spec: SnapshotCaptureSpec) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": spec.volume.size}},
    }
    if spec.volume.storage_class_name is not None:
        asked["storageClassName"] = spec.volume.storage_class_name
    return {"metadata": {"name": claim_template(metadata["uid"]), "labels": _labels(metadata)}, "spec": asked}


def _pod(
    metadata: Mapping[str, Any], spec: SnapshotCaptureSpec, agent: CaptureAgent, settings: Settings
) -> dict[str, Any]:
    store = settings.stores[spec.store]
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": settings.jobs.temporary_size}}]
    if store.claim:
        volumes.append({"name": "store", "persistentVolumeClaim": {"claimName": store.claim}})
    return {
        **restricted_pod(settings.jobs),
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "containers": [_container(metadata, spec, agent, store)],
        "volumes": volumes,
    }


def _container(
    metadata: Mapping[str, Any], spec: SnapshotCaptureSpec, agent: CaptureAgent, store: Store
) -> dict[str, Any]:
    mounts = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
        {"name": claim_template(metadata["uid"]), "mountPath": _SPOOL_PATH},
    ]
    if store.claim:
        mounts.append({"name": "store", "mountPath": STORE_PATH})
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": agent.image,
        "command": list(_COMMAND),
        "env": [
            {"name": CAPTURE_VARIABLE, "value": literal(agent.specification)},
            {"name": STORE_VARIABLE, "value": pod_store_url(store, metadata["namespace"])},
            {"name": SPOOL_VARIABLE, "value": _SPOOL_PATH},
            *({"name": name, "value": value} for name, value in sorted(store.environment.items())),
        ],
        "resources": quantities(spec.resources),
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
    }
    if store.credentials_secret:
        container["envFrom"] = [{"secretRef": {"name": store.credentials_secret}}]
    return container
