"""A run that goes on is disturbed: its pod deleted, it suspended and resumed, its spec changed.

Each ends in the result of a run that nobody disturbed. All are started at once on the emulated node, where the runner
alone takes seconds to start: a run is disturbed once its container runs and before its results are there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.platform import UNHURRIED, Object, processes_with, runs, strategy, until

if TYPE_CHECKING:
    from tests.e2e.platform import Tenant

_KEPT_S = 3_600
_GONE_LIMIT_S = 240.0
_TOKEN = "var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path


@pytest.fixture(scope="module", autouse=True)
def undisturbed(tenant: Tenant) -> str:
    """Give the result digest of a run that nobody disturbed."""
    tenant.apply(strategy("undisturbed"))
    return str(runs(tenant.await_run("undisturbed"))[0]["resultDigest"])


def _going_on(tenant: Tenant, name: str) -> tuple[Object, Object]:
    """Start a run on the emulated node; return its Strategy and the pod, once it runs and has no result yet."""
    tenant.apply(strategy(name, architecture="arm64", ttlSecondsAfterFinished=_KEPT_S, resources=UNHURRIED))
    pod = tenant.await_running_pod(name)
    found = tenant.get("strategy", name)
    assert not _manifest(tenant, runs(found)[0]).exists(), "the run was over before it could be disturbed"
    return found, pod


def _manifest(tenant: Tenant, run: Object) -> Path:
    return Path(tenant.directory / "results" / run["name"] / "manifest.json")


def _pods(tenant: Tenant, run: Object) -> list[Object]:
    return tenant.items("pods", "-l", f"tradeplane.dev/run={run['name']}")


def _await_gone(tenant: Tenant, found: Object, run: Object) -> None:
    """Wait until a run that is not wanted has neither Job nor pod, and left no result."""
    until(
        f"the end of Job {run['name']}", lambda: tenant.jobs(found), lambda jobs: run["name"] not in jobs, _GONE_LIMIT_S
    )
    until(f"the end of the pods of {run['name']}", lambda: _pods(tenant, run), lambda pods: not pods, _GONE_LIMIT_S)
    assert not _manifest(tenant, run).exists()


def test_a_run_has_the_node_it_asked_for_and_no_token(tenant: Tenant) -> None:
    """Look into the running container itself, not at what its manifest says of it."""
    _, pod = _going_on(tenant, "looked-at")
    node = tenant.platform.kubectl.get("node", pod["spec"]["nodeName"])
    assert node["status"]["nodeInfo"]["architecture"] == "arm64"
    name = pod["metadata"]["name"]
    process = until(
        f"the process of pod {name}", lambda: processes_with("TRADEPLANE_ATTEMPT", name), bool, _GONE_LIMIT_S
    )[0]
    root = Path(f"/proc/{process}/root")
    assert (root / "app/tradeplane_workloads").is_dir(), "this is not the runner's container"
    assert not (root / _TOKEN).exists()


def test_a_deleted_pod_is_replaced_and_gives_the_same_result(tenant: Tenant, undisturbed: str) -> None:
    started, pod = _going_on(tenant, "pod-deleted")
    jobs = tenant.jobs(started)
    tenant.kubectl("delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0")
    found = tenant.await_run("pod-deleted")
    (run,) = runs(found)
    assert run["resultDigest"] == undisturbed
    assert tenant.jobs(found) == jobs
    finished = [one for one in _pods(tenant, run) if one["status"]["phase"] == "Succeeded"]
    assert [one["metadata"]["name"] != pod["metadata"]["name"] for one in finished] == [True]


def test_what_was_suspended_while_it_ran_runs_to_the_same_result_once_resumed(tenant: Tenant, undisturbed: str) -> None:
    started, _ = _going_on(tenant, "resumed")
    tenant.patch("strategy", "resumed", {"suspend": True})
    (stopped,) = runs(tenant.await_said("strategy", "resumed", "Suspended", limit_s=_GONE_LIMIT_S))
    assert stopped["outcome"] == "Cancelled"
    assert "spec.suspend is true" in stopped["message"]
    _await_gone(tenant, started, stopped)
    tenant.patch("strategy", "resumed", {"suspend": False, "architecture": "amd64"})
    run, before = runs(tenant.await_run("resumed", count=2))
    assert before == stopped
    assert run["resultDigest"] == undisturbed


def test_a_spec_changed_while_it_ran_ends_the_run_and_starts_the_new_one(tenant: Tenant, undisturbed: str) -> None:
    started, _ = _going_on(tenant, "superseded")
    tenant.patch("strategy", "superseded", {"architecture": "amd64", "capital": "500000"})
    run, stopped = runs(tenant.await_run("superseded", count=2))
    assert stopped["outcome"] == "Cancelled"
    assert "superseded by generation 2" in stopped["message"]
    assert run["generation"] == 2
    assert run["resultDigest"] != undisturbed
    _await_gone(tenant, started, stopped)
    assert list(tenant.jobs(started)) == [run["name"]]
