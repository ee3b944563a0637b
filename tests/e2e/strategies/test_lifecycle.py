"""What a run lives through: asked again, suspended, scheduled, deleted, its pod killed, its store full."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.local.cluster import EmbeddedCluster

from tests.e2e.platform import UNHURRIED, Object, Tenant, kill, processes_with, runs, said, seen, strategy, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.platform import Platform

_EVERY_MINUTE = {"cron": "* * * * *"}
_FULL_BYTES = 400_000
"""Room for 250 kB of bars, and not for 450 kB of results beside them."""
_STORE_USER = 65_532


@pytest.fixture(scope="module", autouse=True)
def scheduled(tenant: Tenant) -> str:
    """Ask first for what takes a minute."""
    tenant.apply(strategy("scheduled", algorithm="buy-and-hold", schedule=_EVERY_MINUTE))
    return "scheduled"


@pytest.fixture(scope="module")
def full(platform: Platform, files: Path) -> Iterator[Tenant]:
    """Enrol a namespace whose store is a volume with room for the data and not for results."""
    tenant = platform.enrol(f"e2e-{uuid.uuid4().hex[:8]}", files)
    snapshot = tenant.import_bars("arch:sp500", name="sp500")
    bars = tenant.directory.with_name(f"{tenant.name}-bars")
    shutil.copytree(tenant.directory, bars)
    options = f"size={_FULL_BYTES},mode=2770,uid={_STORE_USER},gid={_STORE_USER}"
    _on_the_node(platform, "mount", "-t", "tmpfs", "-o", options, "tmpfs", tenant.directory)
    try:
        _on_the_node(platform, "cp", "-a", f"{bars}/.", tenant.directory)
        tenant.apply(snapshot)
        yield tenant
    finally:
        tenant.remove()
        _on_the_node(platform, "umount", "--lazy", tenant.directory)
        shutil.rmtree(bars)


def _on_the_node(platform: Platform, *command: str | Path) -> None:
    """Run a command where the amd64 node has its mounts: the node's volumes are full, the machine's are not."""
    subprocess.run(["nsenter", f"--target={_node(platform)}", "--mount", "--", *command], check=True, timeout=60)


def _node(platform: Platform) -> int:
    """Return the process whose mounts are those of the amd64 node."""
    states = EmbeddedCluster(platform.cluster.settings).status()
    (node,) = (state.pid for state in states if state.name == "containerd-amd64")
    assert node is not None
    return node


@pytest.fixture(scope="module")
def asked_of_full(full: Tenant) -> Tenant:
    """Ask a full store for a run that is tried twice."""
    full.apply(strategy("greedy", architecture="amd64", backoffLimit=1))
    return full


def test_a_killed_pod_is_tried_again_and_gives_the_same_result(tenant: Tenant, asked_of_full: Tenant) -> None:
    tenant.apply(strategy("undisturbed"), strategy("killed", architecture="arm64", backoffLimit=2, resources=UNHURRIED))
    pod = tenant.await_running_pod("killed")["metadata"]["name"]
    kill(until(f"the process of pod {pod}", lambda: processes_with("TRADEPLANE_ATTEMPT", pod), bool, 180))
    found = tenant.await_run("killed", limit_s=420)
    (run,) = runs(found)
    pods = tenant.items("pods", "-l", f"tradeplane.dev/run={run['name']}")
    assert {one["status"]["phase"] for one in pods} == {"Failed", "Succeeded"}
    assert len(tenant.jobs(found)) == 1
    assert run["resultDigest"] == runs(tenant.await_run("undisturbed"))[0]["resultDigest"]


def test_a_strategy_deleted_while_it_runs_leaves_nothing(tenant: Tenant) -> None:
    tenant.apply(strategy("deleted", architecture="arm64", resources=UNHURRIED))
    found = tenant.get("strategy", "deleted")
    tenant.await_running_pod("deleted")
    run = runs(tenant.get("strategy", "deleted"))[0]["name"]
    tenant.kubectl("delete", "strategy", "deleted", "--wait=true", "--timeout=180s")
    until("the end of the Job of a deleted Strategy", lambda: tenant.jobs(found), lambda jobs: not jobs, 180)
    selector = f"tradeplane.dev/run={run}"
    until("the end of its pods", lambda: tenant.items("pods", "-l", selector), lambda pods: not pods, 180)


def test_rerun_is_another_run_with_the_same_result(tenant: Tenant) -> None:
    tenant.apply(strategy("again"))
    first = runs(tenant.await_run("again"))[0]
    tenant.patch("strategy", "again", {"rerun": 1})
    second, before = runs(tenant.await_run("again", count=2))
    assert before == first
    assert second["name"] != first["name"]
    assert second["trigger"] == "Rerun"
    assert (second["runDigest"], second["resultDigest"]) == (first["runDigest"], first["resultDigest"])


def test_a_changed_spec_is_another_run_and_a_changed_label_is_none(tenant: Tenant) -> None:
    tenant.apply(strategy("changed", parameters={"fast": 10}))
    first = runs(tenant.await_run("changed"))[0]
    tenant.kubectl("label", "strategy", "changed", "desk=equities")
    tenant.patch("strategy", "changed", {"historyLimit": 5})
    unchanged = until("word on the new generation", lambda: tenant.get("strategy", "changed"), seen, 180)
    assert runs(unchanged) == [first]
    tenant.patch("strategy", "changed", {"algorithm": {"parameters": {"fast": 11}}})
    second, before = runs(tenant.await_run("changed", count=2))
    assert before["name"] == first["name"]
    assert second["runDigest"] != first["runDigest"]
    assert second["resultDigest"] != first["resultDigest"]


def test_a_suspended_strategy_starts_nothing_until_it_is_resumed(tenant: Tenant) -> None:
    tenant.apply(strategy("suspended", suspend=True))
    found = tenant.await_said("strategy", "suspended", "Suspended", limit_s=180)
    assert "spec.suspend is true" in said(found)[2]
    assert runs(found) == []
    assert tenant.jobs(found) == {}
    tenant.patch("strategy", "suspended", {"suspend": False})
    assert len(runs(tenant.await_run("suspended"))) == 1


def test_suspending_stops_what_runs(tenant: Tenant) -> None:
    tenant.apply(strategy("stopped", architecture="arm64", resources=UNHURRIED))
    tenant.await_running_pod("stopped")
    tenant.patch("strategy", "stopped", {"suspend": True})
    found = tenant.await_said("strategy", "stopped", "Suspended", limit_s=180)
    assert [run["outcome"] for run in runs(found)] == ["Cancelled"]
    until("the end of the Job of a suspended Strategy", lambda: tenant.jobs(found), lambda jobs: not jobs, 180)


def test_a_finished_job_is_removed_and_its_result_and_log_stay(tenant: Tenant) -> None:
    tenant.apply(strategy("tidy", ttlSecondsAfterFinished=0))
    found = tenant.await_run("tidy")
    until("the end of a finished Job", lambda: tenant.jobs(found), lambda jobs: not jobs, 180)
    (run,) = runs(tenant.get("strategy", "tidy"))
    kept = {path.name for path in (tenant.directory / "results" / run["name"]).iterdir()}
    assert {"equity.arrow", "trades.arrow", "positions.arrow", "summary.json", "manifest.json"} < kept
    (log,) = (name for name in kept if name.startswith("log-"))
    assert run["resultDigest"] in (tenant.directory / "results" / run["name"] / log).read_text()


def test_a_schedule_runs_the_same_again(tenant: Tenant, scheduled: str) -> None:
    def fired(found: Object) -> list[Object]:
        return [run for run in runs(found) if run["trigger"] == "Schedule" and run["outcome"] == "Succeeded"]

    found = until("a scheduled run", lambda: tenant.get("strategy", scheduled), lambda one: bool(fired(one)), 300)
    tenant.patch("strategy", scheduled, {"suspend": True})
    newest = fired(found)[0]
    assert newest["scheduledTime"].endswith(":00Z")
    assert {run["resultDigest"] for run in runs(found) if run["outcome"] == "Succeeded"} == {newest["resultDigest"]}


def test_a_full_store_is_tried_again_and_then_told(asked_of_full: Tenant) -> None:
    found = asked_of_full.await_said("strategy", "greedy", "StoreFailed")
    standing, _, message = said(found)
    assert standing == "Stalled"
    assert [word for word in ("no room to write", "free space") if word not in message] == [], message
    (run,) = runs(found)
    pods = asked_of_full.items("pods", "-l", f"tradeplane.dev/run={run['name']}")
    assert [one["status"]["phase"] for one in pods] == ["Failed", "Failed"]
    left = Path(f"/proc/{_node(asked_of_full.platform)}/root{asked_of_full.directory}")
    assert (left / "snapshots").is_dir()
    assert not (left / "results" / run["name"] / "manifest.json").exists()
