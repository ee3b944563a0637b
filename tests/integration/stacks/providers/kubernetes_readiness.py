"""What the provider of Kubernetes waits for before it says that an object is made, of the kinds that this has.

https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/ tells of each kind. A Deployment is waited for until
it is available, so that on an API server without nodes somebody must say of its pods that they run, or it must have the
annotation by which nothing is waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.integration.stacks.providers.frame import Properties

SKIPS_WAITING = "pulumi.com/skipAwait"
_ELSEWHERE = frozenset(
    {
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "StatefulSet"),
        ("batch/v1", "Job"),
        ("networking.k8s.io/v1", "Ingress"),
        ("v1", "PersistentVolume"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Pod"),
        ("v1", "ReplicationController"),
    }
)
"""Kinds that the provider waits for, and this does not know how."""


def waited_for(inputs: Properties) -> bool:
    """Whether what an object is waited for is known here, or nothing."""
    kind = inputs["apiVersion"], inputs["kind"]
    with_pods = kind == ("v1", "Service") and inputs.get("spec", {}).get("clusterIP") != "None"
    return _skips(inputs) or not (kind in _ELSEWHERE or with_pods)


def unready(inputs: Properties, live: Mapping[str, Any]) -> list[str]:
    """Return why an object is not ready; empty where it is."""
    look = _LOOKS.get((inputs["apiVersion"], inputs["kind"]))
    return [] if look is None or _skips(inputs) else look(live)


def _skips(inputs: Properties) -> bool:
    annotations = inputs.get("metadata", {}).get("annotations", {})
    return bool(annotations.get(SKIPS_WAITING) == "true")


def _definition(live: Mapping[str, Any]) -> list[str]:
    """Look whether a kind is served."""
    established = _condition(live, "Established").get("status") == "True"
    return [] if established else [f"the kind {live['metadata']['name']} is not established"]


def _deployment(live: Mapping[str, Any]) -> list[str]:
    """Look whether all replicas are of the newest template and available, and none of an older one is left."""
    spec, status = live["spec"], live.get("status", {})
    wanted = spec.get("replicas", 1)
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return ["the Deployment was not looked at yet"]
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    if counts == [wanted] * len(counts):
        return []
    why = _condition(live, "Progressing").get("message", "") or _condition(live, "Available").get("message", "")
    return [f"{counts[2]} of {wanted} replicas are available: {why}"]


def _quota(live: Mapping[str, Any]) -> list[str]:
    """Look whether it is counted by."""
    counted = live.get("status", {}).get("hard") == live["spec"].get("hard")
    return [] if counted else ["nothing is counted by the ResourceQuota yet"]


def _condition(live: Mapping[str, Any], kind: str) -> dict[str, Any]:
    conditions = live.get("status", {}).get("conditions") or ()
    return next((one for one in conditions if one["type"] == kind), {})


_LOOKS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], list[str]]] = {
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): _definition,
    ("apps/v1", "Deployment"): _deployment,
    ("v1", "ResourceQuota"): _quota,
}
