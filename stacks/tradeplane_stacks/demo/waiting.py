"""What a cluster's objects say of how far a thing has come, and waiting for it with an end.

The reading is pure: objects in, a verdict out. A verdict that something has failed for good ends the wait at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_HOPELESS = {"ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"}
_MOST_RESTARTS = 3
_PAUSE_S = 0.5


@dataclass(frozen=True)
class Verdict:
    """How far something has come."""

    text: str
    """In a person's words: what it has, or what it waits for."""
    done: bool = False
    failed: bool = False
    """Whether waiting longer is of no use."""


def rollout(deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> Verdict:
    """Judge a Deployment's rollout as ``kubectl rollout status`` does, with the reason of pods that are not ready."""
    status = deployment.get("status", {})
    wanted = deployment["spec"].get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    observed = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    if observed and updated == wanted and available == wanted and status.get("replicas", 0) == wanted:
        return Verdict(f"{available} of {wanted} pods are ready", done=True)
    reasons = [(pod["metadata"]["name"], *_pod_reason(pod)) for pod in pods]
    told = sorted({f"{name}: {reason}" for name, reason, _ in reasons if reason})
    text = "; ".join([f"{min(updated, available)} of {wanted} pods are ready", *told])
    return Verdict(text, failed=any(hopeless for _, _, hopeless in reasons))


def _pod_reason(pod: Mapping[str, Any]) -> tuple[str, bool]:
    """Say why a pod is not ready, and whether that will stay so."""
    status = pod.get("status", {})
    for container in status.get("containerStatuses", []):
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            reason = waiting.get("reason", "waiting")
            restarts = container.get("restartCount", 0)
            hopeless = reason in _HOPELESS or (reason == "CrashLoopBackOff" and restarts >= _MOST_RESTARTS)
            return _with_message(reason, waiting.get("message")), hopeless
        if not container.get("ready") and container.get("state", {}).get("terminated"):
            ended = container["state"]["terminated"]
            return f"ended with status {ended.get('exitCode')} ({ended.get('reason', 'no reason given')})", False
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            return _with_message(condition.get("reason", "not scheduled"), condition.get("message")), False
    return "", False


def _with_message(reason: str, message: str | None) -> str:
    return f"{reason}: {message}" if message else str(reason)


def counted(quotas: Sequence[Mapping[str, Any]]) -> Verdict:
    """Judge whether ResourceQuotas count all that they limit: until they do, nothing of it can be made.

    Kinds that are new are counted once the controller has found them, and has then come round to the quota: it goes over
    all of them each five minutes (``--resource-quota-sync-period``).
    """
    uncounted = {
        what
        for quota in quotas
        for what in quota["spec"].get("hard", {}).keys() - quota.get("status", {}).get("used", {}).keys()
    }
    if not uncounted:
        return Verdict(f"{len(quotas)} quotas are counted", done=True)
    return Verdict(f"not counted yet: {', '.join(sorted(uncounted))}")


def readiness(resource: Mapping[str, Any]) -> Verdict:
    """Judge a resource by its conditions as kstatus reads them: Ready, Reconciling, Stalled, of this generation."""
    status = resource.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if status.get("observedGeneration", 0) < resource["metadata"]["generation"]:
        return Verdict("the operator has not looked at it yet")
    stalled, ready = conditions.get("Stalled"), conditions.get("Ready")
    if stalled and stalled["status"] == "True":
        return Verdict(_condition_text(stalled), failed=True)
    if ready and ready["status"] == "True":
        return Verdict(_condition_text(ready), done=True)
    telling = conditions.get("Reconciling") or ready
    return Verdict(_condition_text(telling) if telling else "no condition yet")


def _condition_text(condition: Mapping[str, Any]) -> str:
    return _with_message(condition.get("reason", condition["type"]), condition.get("message"))


def wait(
    what: str,
    look: Callable[[], Verdict],
    say: Callable[[str], None],
    limit_s: float,
    remedy: str,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Verdict:
    """Look again and again until it is done.

    Args:
        what: what is waited for, as the subject of a sentence.
        look: reads the state now.
        say: shows what is waited for.
        limit_s: longest wait, in seconds.
        remedy: what a person can do when it does not come.
        clock: monotonic seconds; for tests.
        pause: sleeps; for tests.

    Raises:
        DemoError: it failed for good, or the limit passed; the cause is the last verdict.

    """
    end = clock() + limit_s
    while True:
        verdict = look()
        if verdict.done:
            return verdict
        if verdict.failed:
            raise DemoError(f"{what} failed: {verdict.text}.", remedy)
        if clock() >= end:
            raise DemoError(f"{what} did not come within {limit_s:.0f} s: {verdict.text}.", remedy)
        say(f"waiting for {what}: {verdict.text}")
        pause(_PAUSE_S)
