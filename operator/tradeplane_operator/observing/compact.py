"""From objects as the API server sends them to the few fields a plan reads."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

from tradeplane_operator.planning.job_digest import job_digest
from tradeplane_operator.planning.names import APPLIED_ANNOTATION, OWNER_LABELS
from tradeplane_operator.planning.observed import JobEnd, ObservedChild, ObservedJob, ObservedSet, PodFacts
from tradeplane_operator.planning.queues import MULTIKUEUE, QUEUE_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_WORDS = 4_096
_ENDS = frozenset(end.value for end in JobEnd)


def owner_label(metadata: Mapping[str, Any]) -> str | None:
    """Return the label by which a child says whose it is; nothing where it is not one of ours."""
    labels = metadata.get("labels") or {}
    return next((label for label in OWNER_LABELS if label in labels), None)


def compact_job(body: Mapping[str, Any]) -> ObservedJob:
    """Return what matters of a Job that carries our labels. Raises ValueError for any other."""
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    label = _label("Job", metadata)
    end = _ending(status.get("conditions") or ())
    return ObservedJob(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        owner_uid=metadata["labels"][label],
        owner_name=_owner_name(metadata, OWNER_LABELS[label]),
        resource_version=int(metadata["resourceVersion"]),
        created=metadata["creationTimestamp"],
        ready=_runs(status),
        has_pod=bool(status.get("active")),
        start_time=status.get("startTime"),
        end=JobEnd(end["type"]) if end else None,
        end_time=(status.get("completionTime") or end.get("lastTransitionTime")) if end else None,
        reason=end.get("reason", "") if end else "",
        message=end.get("message", "") if end else "",
        suspended=bool(spec.get("suspend")),
        deleting="deletionTimestamp" in metadata,
        owner_kind=OWNER_LABELS[label],
        did=job_digest(body) if end else "",
        queue=intern(metadata["labels"].get(QUEUE_LABEL, "")),
        elsewhere=spec.get("managedBy") == MULTIKUEUE,
    )


def _label(kind: str, metadata: Mapping[str, Any]) -> str:
    label = owner_label(metadata)
    if label is None:
        raise ValueError(f"{kind} {metadata['name']} has none of the labels {', '.join(OWNER_LABELS)}")
    return label


def compact_child(body: Mapping[str, Any]) -> ObservedChild:
    """Return what matters of a Service that carries our labels. Raises ValueError for any other."""
    return ObservedChild(**_child("Service", body["metadata"]))


def compact_set(body: Mapping[str, Any]) -> ObservedSet:
    """Return what matters of a StatefulSet that carries our labels. Raises ValueError for any other."""
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    return ObservedSet(
        **_child("StatefulSet", metadata),
        generation=int(metadata.get("generation", 0)),
        observed_generation=int(status.get("observedGeneration", 0)),
        wanted=int(spec.get("replicas", 1)),
        pods=int(status.get("replicas", 0)),
        ready=int(status.get("readyReplicas", 0)),
        updated=int(status.get("updatedReplicas", 0)),
    )


def _child(kind: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that all children have that are applied."""
    label = _label(kind, metadata)
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "owner_uid": metadata["labels"][label],
        "owner_name": _owner_name(metadata, OWNER_LABELS[label]),
        "owner_kind": OWNER_LABELS[label],
        "resource_version": int(metadata["resourceVersion"]),
        "created": metadata["creationTimestamp"],
        "applied": (metadata.get("annotations") or {}).get(APPLIED_ANNOTATION, ""),
        "deleting": "deletionTimestamp" in metadata,
    }


def _runs(status: Mapping[str, Any]) -> bool:
    """Return whether a pod runs, or has succeeded and is about to be counted: nothing is to be looked at then."""
    uncounted = status.get("uncountedTerminatedPods") or {}
    return bool(status.get("ready") or status.get("succeeded") or uncounted.get("succeeded"))


def _owner_name(metadata: Mapping[str, Any], kind: str) -> str:
    owners = metadata.get("ownerReferences") or ()
    return next((str(owner["name"]) for owner in owners if owner.get("kind") == kind), "")


def _ending(conditions: Any) -> Mapping[str, Any] | None:
    for condition in conditions:
        if condition.get("status") == "True" and condition.get("type") in _ENDS:
            found: Mapping[str, Any] = condition
            return found
    return None


def compact_pod(body: Mapping[str, Any]) -> PodFacts:
    """Return why a pod waits, or how it ended."""
    metadata, status = body["metadata"], body.get("status") or {}
    container: Mapping[str, Any] = next(iter(status.get("containerStatuses") or ()), {})
    state = container.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    before = (container.get("lastState") or {}).get("terminated") or {}
    return PodFacts(
        name=metadata["name"],
        created=metadata["creationTimestamp"],
        phase=status.get("phase", ""),
        unschedulable=_unschedulable(status),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", "")[:_MAX_WORDS],
        terminated_reason=ended.get("reason", ""),
        exit_code=ended.get("exitCode"),
        termination_message=ended.get("message", "")[:_MAX_WORDS],
        status_reason=status.get("reason", ""),
        status_message=status.get("message", "")[:_MAX_WORDS],
        last_exit_code=before.get("exitCode"),
        last_message=before.get("message", "")[:_MAX_WORDS],
        unreported=_unreported(status),
        removing=_removing(metadata, status),
    )


def _unreported(status: Mapping[str, Any]) -> bool:
    """Return whether a pod's node is silent: then the control plane takes ``Ready`` away, and no other part of it."""
    containers = status.get("containerStatuses") or ()
    silent = _condition(status, "Ready", "False") is not None
    return silent and bool(containers) and all(one.get("ready") for one in containers)


def _removing(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    if not metadata.get("deletionTimestamp"):
        return ""
    told = _condition(status, "DisruptionTarget", "True") or {}
    return str(told.get("message") or "somebody deleted it")[:_MAX_WORDS]


def _unschedulable(status: Mapping[str, Any]) -> str:
    told = _condition(status, "PodScheduled", "False")
    return "" if told is None else str(told.get("message") or told.get("reason") or "no node fits")


def _condition(status: Mapping[str, Any], kind: str, standing: str) -> Mapping[str, Any] | None:
    """Return the condition of a kind where its status is this one."""
    conditions: Iterable[Mapping[str, Any]] = status.get("conditions") or ()
    return next((one for one in conditions if (one.get("type"), one.get("status")) == (kind, standing)), None)
