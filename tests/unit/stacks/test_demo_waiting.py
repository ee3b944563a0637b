"""Reading how far a cluster's objects have come, and waiting with an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.waiting import Verdict, counted, readiness, rollout, wait

if TYPE_CHECKING:
    from collections.abc import Callable


def deployment(**status: int) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": {"observedGeneration": 2, **status}}


def pod(name: str = "a", waiting: dict[str, str] | None = None, **container: object) -> dict[str, Any]:
    state = {"waiting": waiting} if waiting else {"running": {}}
    return {"metadata": {"name": name}, "status": {"containerStatuses": [{"state": state, **container}]}}


def resource(generation: int = 1, observed: int = 1, **conditions: str) -> dict[str, Any]:
    return {
        "metadata": {"generation": generation},
        "status": {
            "observedGeneration": observed,
            "conditions": [
                {"type": name, "status": status, "reason": "Because", "message": f"{name} is {status}"}
                for name, status in conditions.items()
            ],
        },
    }


def test_a_rollout_is_done_when_every_pod_is_new_and_available() -> None:
    assert rollout(deployment(replicas=2, updatedReplicas=2, availableReplicas=2), []).done


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1},
        {"replicas": 3, "updatedReplicas": 2, "availableReplicas": 2},  # an old pod is still there
        {"replicas": 2, "updatedReplicas": 1, "availableReplicas": 2},
        {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "observedGeneration": 1},
    ],
)
def test_a_rollout_that_is_not_done_is_not_called_done(status: dict[str, int]) -> None:
    verdict = rollout(deployment(**status), [])
    assert not verdict.done
    assert not verdict.failed


def test_a_rollout_says_why_its_pods_are_not_ready() -> None:
    pulling = pod("b", waiting={"reason": "ImagePullBackOff", "message": "not found"})
    pending = {
        "metadata": {"name": "c"},
        "status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "no node fits"}]},
    }
    verdict = rollout(deployment(), [pod(ready=True), pulling, pending])
    assert verdict.text == "0 of 2 pods are ready; b: ImagePullBackOff: not found; c: not scheduled: no node fits"
    assert not verdict.failed


@pytest.mark.parametrize(
    ("reason", "restarts", "failed"),
    [
        ("CrashLoopBackOff", 2, False),
        ("CrashLoopBackOff", 3, True),
        ("InvalidImageName", 0, True),
        ("ContainerCreating", 0, False),
    ],
)
def test_only_what_will_not_mend_itself_fails_a_rollout(reason: str, restarts: int, failed: bool) -> None:
    assert rollout(deployment(), [pod(waiting={"reason": reason}, restartCount=restarts)]).failed is failed


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (resource(Ready="True"), Verdict("Because: Ready is True", done=True)),
        (resource(Ready="False", Stalled="True"), Verdict("Because: Stalled is True", failed=True)),
        (resource(Ready="False", Reconciling="True"), Verdict("Because: Reconciling is True")),
        (resource(Ready="Unknown"), Verdict("Because: Ready is Unknown")),
        (resource(generation=2, Ready="True"), Verdict("the operator has not looked at it yet")),
        (resource(generation=2, Stalled="True"), Verdict("the operator has not looked at it yet")),
        ({"metadata": {"generation": 1}}, Verdict("the operator has not looked at it yet")),
        (resource(), Verdict("no condition yet")),
    ],
)
def test_conditions_are_read_as_kstatus_reads_them(seen: dict[str, Any], verdict: Verdict) -> None:
    assert readiness(seen) == verdict


class Clock:
    """Time that passes only while one sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def attempt(look: Callable[[], Verdict], limit: float, clock: Clock) -> str | None:
    """Wait, and return the cause when it does not come."""
    try:
        wait("it", look, lambda _: None, limit, "wait longer", clock, clock.sleep)
    except DemoError as ended:
        return ended.cause
    return None


@given(st.floats(min_value=0, max_value=50), st.floats(min_value=0, max_value=50))
def test_a_wait_ends_at_its_limit_or_when_it_is_done(needed: float, limit: float) -> None:
    clock = Clock()
    cause = attempt(lambda: Verdict("so far", done=clock() >= needed), limit, clock)
    assert (cause is None) == (clock() >= needed)  # the last look falls up to one pause after the limit
    assert cause in {None, f"it did not come within {limit:.0f} s: so far."}
    assert cause is None or needed > limit
    assert clock() <= limit + 0.5


def test_a_wait_ends_at_once_when_it_failed() -> None:
    clock = Clock()
    assert attempt(lambda: Verdict("out of memory", failed=True), 1e9, clock) == "it failed: out of memory."
    assert clock() == 0


def test_a_wait_says_what_it_waits_for() -> None:
    verdicts = iter([Verdict("one"), Verdict("two"), Verdict("three", done=True)])
    said: list[str] = []
    clock = Clock()
    wait("it", lambda: next(verdicts), said.append, 10, "", clock, clock.sleep)
    assert said == ["waiting for it: one", "waiting for it: two"]


def quota(hard: dict[str, str], used: dict[str, str] | None) -> dict[str, Any]:
    return {"spec": {"hard": hard}, "status": {} if used is None else {"hard": hard, "used": used}}


def test_quotas_are_counted_once_each_says_what_is_used_of_all_that_it_limits() -> None:
    limits = {"pods": "10", "count/snapshots.tradeplane.dev": "5"}
    assert counted([]).done
    assert counted([quota(limits, dict.fromkeys(limits, "0")), quota({"pods": "1"}, {"pods": "0"})]).done


@pytest.mark.parametrize(
    ("used", "text"),
    [
        (None, "not counted yet: count/snapshots.tradeplane.dev, pods"),
        ({"pods": "0"}, "not counted yet: count/snapshots.tradeplane.dev"),
    ],
)
def test_a_quota_that_does_not_say_what_is_used_is_waited_for(used: dict[str, str] | None, text: str) -> None:
    limits = {"pods": "10", "count/snapshots.tradeplane.dev": "5"}
    verdict = counted([quota({"pods": "1"}, {"pods": "0"}), quota(limits, used)])
    assert (verdict.done, verdict.failed, verdict.text) == (False, False, text)
