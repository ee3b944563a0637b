"""The Job of a run: everything a runner needs travels in it, and nothing that grants power.

Restricted Pod Security throughout; no API token, no service links; exit codes that repeat at every attempt fail the
Job at once, and a pod lost to a drained node does not count as an attempt.
https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.run import MAX_SPECIFICATION_BYTES, SPECIFICATION_VARIABLE, STORE_VARIABLE, ExitCode
from tradeplane_api.strategy import Architecture

from tradeplane_operator.planning.asking import run_specification
from tradeplane_operator.planning.names import (
    MANAGED_BY,
    MANAGED_BY_LABEL,
    RUN_LABEL,
    STRATEGY_UID_LABEL,
)
from tradeplane_operator.planning.restricted import owner_reference, restricted_container, restricted_pod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.strategy import PinnedInputs, ResourceList, RunStatus, StrategySpec

    from tradeplane_operator.settings import Settings, Store

ATTEMPT_VARIABLE = "TRADEPLANE_ATTEMPT"
CONTAINER = "runner"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""A Strategy's label that its Jobs carry too, so that Kueue queues them."""
_STORE_PATH = "/store"


class SpecificationTooLarge(ValueError):
    """The specification does not fit into a Job; the message names the field and the limit."""


def build_job(
    metadata: Mapping[str, Any], spec: StrategySpec, pinned: PinnedInputs, run: RunStatus, settings: Settings
) -> dict[str, Any]:
    """Return the manifest of a run's Job, ready to be posted. Raises SpecificationTooLarge."""
    labels = _labels(metadata, run)
    specification = run_specification(run.name, spec, pinned).model_dump_json()
    if len(specification.encode()) > MAX_SPECIFICATION_BYTES:
        raise SpecificationTooLarge(
            f"the run's specification has {len(specification.encode())} bytes and may have {MAX_SPECIFICATION_BYTES}; "
            "make spec.algorithm.parameters smaller"
        )
    job_spec: dict[str, Any] = {
        "backoffLimit": spec.backoff_limit,
        "podFailurePolicy": _failure_policy(),
        "template": {
            "metadata": {"labels": labels},
            "spec": _pod_spec(metadata, spec, run, specification, settings),
        },
    }
    if spec.active_deadline_seconds is not None:
        job_spec["activeDeadlineSeconds"] = spec.active_deadline_seconds
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": run.name,
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(metadata, "Strategy")],
        },
        "spec": job_spec,
    }


def _labels(metadata: Mapping[str, Any], run: RunStatus) -> dict[str, str]:
    labels = {MANAGED_BY_LABEL: MANAGED_BY, STRATEGY_UID_LABEL: metadata["uid"], RUN_LABEL: run.name}
    queue = (metadata.get("labels") or {}).get(QUEUE_LABEL)
    return labels if queue is None else {**labels, QUEUE_LABEL: queue}


def _failure_policy() -> dict[str, Any]:
    final = [int(ExitCode.INVALID), int(ExitCode.REFUSED)]
    return {
        "rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {
                "action": "FailJob",
                "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": final},
            },
        ]
    }


def _pod_spec(
    metadata: Mapping[str, Any], spec: StrategySpec, run: RunStatus, specification: str, settings: Settings
) -> dict[str, Any]:
    store = settings.stores[spec.store]
    pod: dict[str, Any] = {
        **restricted_pod(settings.jobs),
        "containers": [_container(metadata, spec, run, specification, store)],
        "volumes": _volumes(store, settings),
    }
    if run.architecture is not Architecture.ANY:
        pod["nodeSelector"] = {"kubernetes.io/arch": run.architecture.value}
    if run.architecture is Architecture.ARM64:
        pod["tolerations"] = [{"key": "kubernetes.io/arch", "operator": "Equal", "value": "arm64"}]
    return pod


def _container(
    metadata: Mapping[str, Any], spec: StrategySpec, run: RunStatus, specification: str, store: Store
) -> dict[str, Any]:
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - a volume of the pod's own
    if store.claim:
        mounts.append({"name": "store", "mountPath": _STORE_PATH})
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": run.image,
        "env": _environment(metadata, specification, store),
        "resources": {
            "requests": _quantities(spec.resources.requests),
            "limits": _quantities(spec.resources.limits),
        },
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
    }
    if store.credentials_secret:
        container["envFrom"] = [{"secretRef": {"name": store.credentials_secret}}]
    return container


def _environment(metadata: Mapping[str, Any], specification: str, store: Store) -> list[dict[str, Any]]:
    url = (
        f"file://{_STORE_PATH}"
        if store.claim
        else f"{(store.pod_url or store.url).rstrip('/')}/{metadata['namespace']}"
    )
    return [
        {"name": SPECIFICATION_VARIABLE, "value": specification.replace("$(", "$$(")},
        {"name": STORE_VARIABLE, "value": url},
        {"name": ATTEMPT_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        *({"name": name, "value": value} for name, value in sorted(store.environment.items())),
    ]


def _volumes(store: Store, settings: Settings) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": settings.jobs.temporary_size}}]
    if store.claim:
        volumes.append({"name": "store", "persistentVolumeClaim": {"claimName": store.claim}})
    return volumes


def _quantities(resources: ResourceList) -> dict[str, str]:
    return resources.model_dump(exclude_none=True)
