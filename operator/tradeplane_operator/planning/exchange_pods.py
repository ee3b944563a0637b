"""The Service and the StatefulSet of a connection's exchange: one pod, and a volume for its record.

The Service has no address of its own, so that its name is that of the pod. Pods are made in parallel, though there is
one: in order, a pod that never becomes ready would not be replaced by one whose template was put right. The Secret may
be missing, as for a probe: nobody can sign then, and the probe says so. All that decides what is played is written from
the status, where it was resolved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.exchange import EXCHANGE_PORT, EXCHANGE_VARIABLE, ExchangeSpecification
from tradeplane_api.probe import API_KEY_FILE, API_SECRET_FILE
from tradeplane_api.run import STORE_VARIABLE
from tradeplane_api.simulated import exchange_name
from tradeplane_api.volume import Volume

from tradeplane_operator.planning.applied import marked
from tradeplane_operator.planning.names import (
    CONNECTION_UID_LABEL,
    EXCHANGE_LABEL,
    EXCHANGE_ROLE,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    ROLE_LABEL,
    STORE_LABEL,
)
from tradeplane_operator.planning.restricted import owner_reference, restricted_container, restricted_pod
from tradeplane_operator.planning.work import STORE_PATH, literal, pod_store_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.broker_connection import BrokerConnectionSpec, ExchangeStatus
    from tradeplane_api.simulated import SimulatedExchange

    from tradeplane_operator.settings import Settings, Store

CONTAINER = "exchange"
_COMMAND = ("/usr/bin/python3", "-m", "tradeplane_workloads.exchange")
_KEYS_PATH, _RECORD_PATH = "/keys", "/record"
_RECORD = "record"
_READABLE_BY_GROUP = 0o440
_RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "2Gi"}}
"""Tapes are held in memory: a row takes some tens of bytes."""
_STOP_SECONDS = 15
"""An exchange lets requests end for two seconds and puts its record on the disk."""
_START_FAILURES = 150
"""With a look every two seconds: an exchange replays its record before it answers."""


def specification_of(simulated: SimulatedExchange, snapshot: str | None) -> ExchangeSpecification:
    """Return what an exchange's pod is told; ``snapshot`` is the id of the one it plays."""
    told = {name: getattr(simulated, name) for name in type(simulated).model_fields}
    told = {name: value for name, value in told.items() if name in ExchangeSpecification.model_fields}
    return ExchangeSpecification(**told, snapshot=snapshot)


def build_exchange(
    metadata: Mapping[str, Any], spec: BrokerConnectionSpec, pinned: ExchangeStatus, settings: Settings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the marked manifests of an exchange's Service and StatefulSet, of no pod where it is suspended."""
    return marked(_service(metadata)), marked(_stateful_set(metadata, spec, pinned, settings))


def _common(metadata: Mapping[str, Any]) -> dict[str, Any]:
    labels = {MANAGED_BY_LABEL: MANAGED_BY, CONNECTION_UID_LABEL: metadata["uid"], EXCHANGE_LABEL: metadata["uid"]}
    return {
        "name": exchange_name(metadata["name"]),
        "namespace": metadata["namespace"],
        "labels": labels,
        "ownerReferences": [owner_reference(metadata, "BrokerConnection")],
    }


def _selected(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {EXCHANGE_LABEL: metadata["uid"]}


def _service(metadata: Mapping[str, Any]) -> dict[str, Any]:
    port = {"name": "http", "port": EXCHANGE_PORT, "targetPort": "http", "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _common(metadata),
        "spec": {"clusterIP": "None", "selector": _selected(metadata), "ports": [port]},
    }


def _stateful_set(
    metadata: Mapping[str, Any], spec: BrokerConnectionSpec, pinned: ExchangeStatus, settings: Settings
) -> dict[str, Any]:
    volume = Volume() if spec.simulated is None else spec.simulated.volume
    common = _common(metadata)
    labels = {**common["labels"], ROLE_LABEL: EXCHANGE_ROLE}
    if pinned.store is None:
        labels[STORE_LABEL] = "none"
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": common,
        "spec": {
            "replicas": 0 if spec.suspend else 1,
            "serviceName": common["name"],
            "podManagementPolicy": "Parallel",
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": _selected(metadata)},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
            "template": {"metadata": {"labels": labels}, "spec": _pod(metadata, spec, pinned, settings)},
            "volumeClaimTemplates": [_claim(volume, common["labels"])],
        },
    }


def _claim(volume: Volume, labels: Mapping[str, str]) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": volume.size}},
    }
    if volume.storage_class_name is not None:
        asked["storageClassName"] = volume.storage_class_name
    return {"metadata": {"name": _RECORD, "labels": dict(labels)}, "spec": asked}


def _pod(
    metadata: Mapping[str, Any], spec: BrokerConnectionSpec, pinned: ExchangeStatus, settings: Settings
) -> dict[str, Any]:
    store = settings.stores.get(pinned.store or "")
    container = _container(pinned)
    volumes: list[dict[str, Any]] = []
    secret = spec.credentials_secret_ref
    if secret is not None:
        container["command"] += ["--keys", _KEYS_PATH]
        files = [{"key": file, "path": file} for file in (API_KEY_FILE, API_SECRET_FILE)]
        mounted = {"secretName": secret.name, "optional": True, "defaultMode": _READABLE_BY_GROUP, "items": files}
        volumes.append({"name": "keys", "secret": mounted})
        container["volumeMounts"].append({"name": "keys", "mountPath": _KEYS_PATH, "readOnly": True})
    if store is not None:
        volumes += _with_store(container, store, metadata["namespace"])
    return {
        **restricted_pod(settings.jobs),
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": _STOP_SECONDS,
        "containers": [container],
        "volumes": volumes,
    }


def _container(pinned: ExchangeStatus) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": pinned.image,
        "command": [*_COMMAND, "--record", f"{_RECORD_PATH}/{pinned.record}"],
        "env": [{"name": EXCHANGE_VARIABLE, "value": literal(pinned.specification)}],
        "ports": [{"name": "http", "containerPort": EXCHANGE_PORT, "protocol": "TCP"}],
        "startupProbe": _answers(2, _START_FAILURES),
        "readinessProbe": _answers(2, 3),
        "livenessProbe": _answers(10, 6),
        "resources": _RESOURCES,
        "volumeMounts": [{"name": _RECORD, "mountPath": _RECORD_PATH}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
    }


def _answers(period: int, failures: int) -> dict[str, Any]:
    asked = {"path": "/healthz", "port": "http"}
    return {"httpGet": asked, "periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures}


def _with_store(container: dict[str, Any], store: Store, namespace: str) -> list[dict[str, Any]]:
    """Let a container read a store; return the volumes its pod needs for that."""
    container["env"] += [{"name": STORE_VARIABLE, "value": pod_store_url(store, namespace)}]
    container["env"] += [{"name": name, "value": value} for name, value in sorted(store.environment.items())]
    if store.credentials_secret:
        container["envFrom"] = [{"secretRef": {"name": store.credentials_secret}}]
    if not store.claim:
        return []
    container["volumeMounts"].append({"name": "store", "mountPath": STORE_PATH, "readOnly": True})
    return [{"name": "store", "persistentVolumeClaim": {"claimName": store.claim, "readOnly": True}}]
