"""What a Job has its pods do, as a digest: by it the operator knows a Job of its name for the one that it asked for.

Labels and names can be given to a Job by whoever may create one, and the name of the next run can be computed. So the
status, which nobody but the operator writes, has the digest of what was asked before it is asked; a Job that has its
pods do something else vouches for no result. It is the digest of the pods' spec without what the API server adds,
without what only says where a pod runs, and without resources, whose quantities have more than one spelling: a queue
such as Kueue changes those of Jobs that it holds back. Who runs a Job is part of it where that is neither Kubernetes
itself nor Kueue, because whoever runs it says how it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_store.canonical import document_digest

from tradeplane_operator.planning.queues import JOB_CONTROLLER, MULTIKUEUE

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHERE = {
    "affinity",
    "nodeSelector",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "schedulerName",
    "schedulingGates",
    "tolerations",
    "topologySpreadConstraints",
}
_SAID_TWICE = {"serviceAccount"}
_OF_NO_WEIGHT = {"imagePullPolicy", "resources", "terminationMessagePath", "terminationMessagePolicy"}
"""Fields of a container that change nothing of what it does: its image is named by digest."""
_POD_DEFAULTS = {"dnsPolicy": "ClusterFirst"}


def job_digest(job: Mapping[str, Any]) -> str:
    """Return the digest of what a Job asks of its pods; the same of a manifest and of the Job that was made of it."""
    spec = ((job.get("spec") or {}).get("template") or {}).get("spec") or {}
    left_out = _WHERE | _SAID_TWICE
    kept = {
        name: value
        for name, value in spec.items()
        if name not in left_out and _POD_DEFAULTS.get(name) != value and value is not None
    }
    for containers in ("containers", "initContainers"):
        if containers in kept:
            kept[containers] = [_container(one) for one in kept[containers]]
    kept["volumes"] = [_volume(one) for one in kept.get("volumes") or ()]
    controller = (job.get("spec") or {}).get("managedBy")
    if controller not in (None, JOB_CONTROLLER, MULTIKUEUE):
        kept["managedBy"] = controller
    return document_digest(kept)


def _container(container: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in container.items() if name not in _OF_NO_WEIGHT}
    return {**kept, "env": [_variable(one) for one in kept.get("env") or ()]}


def _variable(variable: Mapping[str, Any]) -> dict[str, Any]:
    """Return a variable without the version that is added to a reference, and without a value that is empty."""
    kept = {name: value for name, value in variable.items() if value != ""}
    source = kept.get("valueFrom") or {}
    if "fieldRef" in source:
        kept["valueFrom"] = {**source, "fieldRef": {"fieldPath": source["fieldRef"].get("fieldPath")}}
    return kept


def _volume(volume: Mapping[str, Any]) -> dict[str, Any]:
    """Return a volume without the size of a scratch directory, which is a quantity."""
    if "emptyDir" not in volume:
        return dict(volume)
    scratch = {name: value for name, value in (volume["emptyDir"] or {}).items() if name != "sizeLimit"}
    return {**volume, "emptyDir": scratch}
