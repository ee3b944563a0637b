"""What keeps a Job's newest pod from running, in words a person can act on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tradeplane_operator.planning.conditions import Standing, Verdict

if TYPE_CHECKING:
    from tradeplane_operator.planning.observed import JobPods
    from tradeplane_operator.settings import Pace

_PULL_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ImageInspectError"})
_STARTING_REASONS = frozenset({"", "ContainerCreating", "PodInitializing"})


def why_waiting(subject: str, image: str | None, pods: JobPods, where: str = "") -> Verdict | None:
    """Return what keeps a Job's newest pod from running.

    ``subject`` names what waits, ``where`` the node it asks for.
    """
    if not pods.pods:
        if not pods.refusal:
            return None
        return _working("PodRefused", f"{subject}: no pod can be created: {pods.refusal}")
    pod = pods.pods[-1]
    if pod.unschedulable:
        return _working("Unschedulable", f"{subject}: pod {pod.name} finds no node{where}: {pod.unschedulable}")
    if pod.waiting_reason in _PULL_REASONS:
        message = (
            f"{subject}: image {image} cannot be pulled: {pod.waiting_message or pod.waiting_reason}; "
            "check its name and digest, and that the nodes can reach its registry; it is tried until the deadline"
        )
        return _working("ImagePullFailed", message)
    if pod.waiting_reason not in _STARTING_REASONS:
        message = f"{subject}: pod {pod.name} cannot start: {pod.waiting_reason}: {pod.waiting_message}"
        return _working("PodNotStarting", message)
    return None


def why_away(subject: str, pods: JobPods) -> Verdict | None:
    """Return why a pod that no other can take the place of cannot be counted on; None where it can."""
    pod = pods.pods[-1] if pods.pods else None
    if pod is None:
        return None
    if pod.removing:
        message = (
            f"{subject}: pod {pod.name} is being removed ({pod.removing}); another takes its place once it is gone. "
            "Where its node is away it stays: bring the node back, or remove the pod by force once it surely runs no "
            "more"
        )
        return _working("PodTerminating", message)
    if pod.unreported:
        message = (
            f"{subject}: the node of pod {pod.name} does not report, so what the pod does is not known: bring the node "
            "back; Kubernetes removes the pod after the time that it tolerates this"
        )
        return _working("NodeAway", message)
    return None


def next_look(waited: timedelta, pace: Pace) -> timedelta:
    """Return when a pod that waits is looked at again: what went wrong is most often there to see at the first look.

    A pause as long as the wait so far keeps the looks few where a cluster is behind and thousands wait.
    """
    shortest, longest = timedelta(seconds=pace.pod_again_seconds), timedelta(seconds=pace.pod_most_seconds)
    return max(shortest, min(waited, longest))


def _working(reason: str, message: str) -> Verdict:
    return Verdict(Standing.WORKING, reason, message)
