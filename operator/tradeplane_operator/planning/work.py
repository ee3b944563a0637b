"""A Job of the runner's image: everything it needs travels in it, and nothing that grants power.

Restricted Pod Security throughout; no API token, no service links; exit codes that repeat at every attempt fail the
Job at once, and a pod lost to a drained node does not count as an attempt.
https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tradeplane_api.run import MAX_SPECIFICATION_BYTES, STORE_VARIABLE, ExitCode
from tradeplane_api.strategy import Architecture

from tradeplane_operator.planning.names import MANAGED_BY, MANAGED_BY_LABEL, OWNER_LABELS, RUN_LABEL
from tradeplane_operator.planning.queues import QUEUE_LABEL
from tradeplane_operator.planning.restricted import owner_reference, restricted_container, restricted_pod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.strategy import Resources

    from tradeplane_operator.settings import Settings, Store

ATTEMPT_VARIABLE = "TRADEPLANE_ATTEMPT"
CONTAINER = "runner"
STORE_PATH = "/store"
"""Where pods mount the claim of a store that is a volume."""


class SpecificationTooLarge(ValueError):
    """The specification does not fit into a Job; the message names the field and the limit."""


class Limited(Protocol):
    """The part of a spec that says what a Job may use."""

    @property
    def resources(self) -> Resources:
        """What its container asks for and may use."""

    @property
    def backoff_limit(self) -> int:
        """How often it is tried again."""

    @property
    def active_deadline_seconds(self) -> int:
        """How long it may take, retries included."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a Job does: what a run and a replay differ in.

    ``owner_label``: of ``OWNER_LABELS``. ``variable``: the environment variable that carries ``specification``, JSON.
    ``command``: in place of the image's own. ``queue``: where it waits until Kueue admits it; None where it does not.
    """

    name: str
    owner_label: str
    image: str | None
    architecture: Architecture
    store: str
    variable: str
    specification: str
    command: tuple[str, ...] = ()
    queue: str | None = None


def build_work(metadata: Mapping[str, Any], limits: Limited, work: Work, settings: Settings) -> dict[str, Any]:
    """Return the manifest of a Job, ready to be posted; ``metadata`` is its owner's. Raises SpecificationTooLarge."""
    size = len(work.specification.encode())
    if size > MAX_SPECIFICATION_BYTES:
        raise SpecificationTooLarge(
            f"the run's specification has {size} bytes and may have {MAX_SPECIFICATION_BYTES}; "
            "make spec.algorithm.parameters smaller"
        )
    labels = {MANAGED_BY_LABEL: MANAGED_BY, work.owner_label: metadata["uid"], RUN_LABEL: work.name}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": work.name,
            "namespace": metadata["namespace"],
            "labels": {**labels, **({QUEUE_LABEL: work.queue} if work.queue else {})},
            "ownerReferences": [owner_reference(metadata, OWNER_LABELS[work.owner_label])],
        },
        "spec": {
            "backoffLimit": limits.backoff_limit,
            "podFailurePolicy": _failure_policy(),
            "template": {"metadata": {"labels": labels}, "spec": _pod_spec(metadata, limits, work, settings)},
            "activeDeadlineSeconds": limits.active_deadline_seconds,
            **({"suspend": True} if work.queue else {}),  # from here on Kueue's: without one it waits, and runs nowhere
        },
    }


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


def _pod_spec(metadata: Mapping[str, Any], limits: Limited, work: Work, settings: Settings) -> dict[str, Any]:
    store = settings.stores[work.store]
    return {
        **restricted_pod(settings.jobs),
        "containers": [_container(metadata, limits, work, store)],
        "volumes": _volumes(store, settings),
        **on_architecture(work.architecture),
    }


def on_architecture(architecture: Architecture) -> dict[str, Any]:
    """Return the part of a pod's spec that chooses its node's processor."""
    if architecture is Architecture.ANY:
        return {}
    chosen: dict[str, Any] = {"nodeSelector": {"kubernetes.io/arch": architecture.value}}
    if architecture is Architecture.ARM64:
        chosen["tolerations"] = [{"key": "kubernetes.io/arch", "operator": "Equal", "value": "arm64"}]
    return chosen


def _container(metadata: Mapping[str, Any], limits: Limited, work: Work, store: Store) -> dict[str, Any]:
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - a volume of the pod's own
    if store.claim:
        mounts.append({"name": "store", "mountPath": STORE_PATH})
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": work.image,
        "env": _environment(metadata, work, store),
        "resources": quantities(limits.resources),
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
    }
    if work.command:
        container["command"] = list(work.command)
    if store.credentials_secret:
        container["envFrom"] = [{"secretRef": {"name": store.credentials_secret}}]
    return container


def _environment(metadata: Mapping[str, Any], work: Work, store: Store) -> list[dict[str, Any]]:
    return [
        {"name": work.variable, "value": literal(work.specification)},
        {"name": STORE_VARIABLE, "value": pod_store_url(store, metadata["namespace"])},
        {"name": ATTEMPT_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        *({"name": name, "value": value} for name, value in sorted(store.environment.items())),
    ]


def literal(value: str) -> str:
    """Return the value of a variable in which the kubelet must expand nothing."""
    return value.replace("$(", "$$(")


def pod_store_url(store: Store, namespace: str) -> str:
    """Return where a pod finds its namespace's folder of a store."""
    return f"file://{STORE_PATH}" if store.claim else f"{(store.pod_url or store.url).rstrip('/')}/{namespace}"


def _volumes(store: Store, settings: Settings) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": settings.jobs.temporary_size}}]
    if store.claim:
        volumes.append({"name": "store", "persistentVolumeClaim": {"claimName": store.claim}})
    return volumes


def quantities(resources: Resources) -> dict[str, Any]:
    """Return what a container asks for and may use, as its manifest has it."""
    return {
        "requests": resources.requests.model_dump(exclude_none=True),
        "limits": resources.limits.model_dump(exclude_none=True),
    }
