"""The leading operator is killed, or its pod deleted, while a run goes on: another takes over, nothing runs twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.demo.scenario import SYSTEM

from tests.e2e.platform import UNHURRIED, Object, Platform, Tenant, kill, processes_with, runs, said, strategy, until

if TYPE_CHECKING:
    from collections.abc import Callable

_TAKEOVER_LIMIT_S = 240.0
_FINISHED = ("before", "earlier")


@pytest.fixture(scope="module")
def finished(tenant: Tenant) -> dict[str, Object]:
    """Finish runs before anything happens, and keep their Jobs."""
    for name in _FINISHED:
        tenant.apply(strategy(name, ttlSecondsAfterFinished=3600, seed=len(name)))
    return {name: tenant.await_run(name) for name in _FINISHED}


def _kill_leader(platform: Platform) -> None:
    leader = platform.leader()
    kill(until(f"the process of pod {leader}", lambda: processes_with("HOSTNAME", leader), bool, _TAKEOVER_LIMIT_S))


def _delete_leader(platform: Platform) -> None:
    platform.kubectl("delete", "pod", platform.leader(), "-n", SYSTEM, "--wait=false")


def _nothing_ran_again(tenant: Tenant, finished: dict[str, Object]) -> None:
    """Assert that finished Strategies have the runs and the Jobs they had."""
    for name, before in finished.items():
        now = tenant.get("strategy", name)
        assert runs(now) == runs(before), name
        assert set(tenant.jobs(now)) == {run["name"] for run in runs(before)}, name
        assert said(now) == said(before), name


def _in_flight(tenant: Tenant, name: str) -> dict[str, str]:
    """Start a run that takes its time on the emulated node; return its Job."""
    tenant.apply(strategy(name, architecture="arm64", ttlSecondsAfterFinished=3600, resources=UNHURRIED))
    tenant.await_running_pod(name)
    jobs = tenant.jobs(tenant.get("strategy", name))
    assert len(jobs) == 1
    return jobs


def _finishes_once(tenant: Tenant, name: str, jobs: dict[str, str], finished: dict[str, Object]) -> Object:
    found = tenant.await_run(name)
    assert tenant.jobs(found) == jobs
    assert [run["resultDigest"] for run in runs(found)] == [runs(finished["before"])[0]["resultDigest"]]
    return found


@pytest.mark.parametrize("end", [_kill_leader, _delete_leader])
def test_another_replica_takes_over_and_starts_nothing_twice(
    platform: Platform, tenant: Tenant, finished: dict[str, Object], end: Callable[[Platform], None]
) -> None:
    name = f"during{end.__name__.replace('_', '-')}"
    jobs = _in_flight(tenant, name)
    before = platform.holder()
    end(platform)
    until("another leader", platform.holder, lambda holder: holder not in ("", before), _TAKEOVER_LIMIT_S)
    _finishes_once(tenant, name, jobs, finished)
    _nothing_ran_again(tenant, finished)
    platform.await_replicas()
