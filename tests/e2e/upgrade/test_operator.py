"""The operator dies, is replaced, rolled back and removed: what ran goes on, and nothing runs twice.

The tests of this module are one story in order, on one namespace: each starts where the one before it ended.
"""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_stacks.demo.clusters import DEPLOY
from tradeplane_stacks.demo.scenario import OPERATOR, SYSTEM, tradeplane
from tradeplane_stacks.deployment import DeployedImages, write_overlay
from tradeplane_stacks.images.settings import CHECKOUT

from tests.e2e.platform import Object, Platform, Tenant, processes_with, runs, said, seen, strategy, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CRDS = CHECKOUT / "crds/yaml"
_STRATEGIES = "tradeplane.dev_strategies.yaml"
_TAKEOVER_LIMIT_S = 90.0
_FINISHED = ("before", "earlier")


@pytest.fixture(scope="module")
def finished(tenant: Tenant) -> dict[str, Object]:
    """Finish runs before anything happens, and keep their Jobs."""
    for name in _FINISHED:
        tenant.apply(strategy(name, ttlSecondsAfterFinished=3600, seed=len(name)))
    return {name: tenant.await_run(name) for name in _FINISHED}


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> Iterator[DeployedImages]:
    """Give the images deployed now, and deploy them again afterwards."""
    images = platform.images()
    yield images
    _deploy(platform, images, CHECKOUT / "build/demo/operator")


def _deploy(platform: Platform, images: DeployedImages, directory: Path) -> None:
    platform.kubectl.apply_directory(write_overlay(directory, platform.cluster.overlay, images))
    platform.cluster.provide_store(SYSTEM, of_all=True)
    platform.await_replicas()


def _kill_leader(platform: Platform) -> str:
    leader = platform.leader()
    for victim in until(f"the process of pod {leader}", lambda: processes_with("HOSTNAME", leader), bool, 30):
        os.kill(victim, signal.SIGKILL)
    return leader


def _delete_leader(platform: Platform) -> str:
    leader = platform.leader()
    platform.kubectl("delete", "pod", leader, "-n", SYSTEM, "--wait=false")
    return leader


def _nothing_ran_again(tenant: Tenant, finished: dict[str, Object]) -> None:
    """Assert that finished Strategies have the runs and the Jobs they had."""
    for name, before in finished.items():
        now = tenant.get("strategy", name)
        assert runs(now) == runs(before), name
        assert set(tenant.jobs(now)) == {run["name"] for run in runs(before)}, name
        assert said(now) == said(before), name


def _in_flight(tenant: Tenant, name: str) -> dict[str, str]:
    """Start a run that takes its time on the emulated node; return its Job."""
    tenant.apply(strategy(name, architecture="arm64", ttlSecondsAfterFinished=3600))
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
    platform: Platform, tenant: Tenant, finished: dict[str, Object], end: Callable[[Platform], str]
) -> None:
    name = f"during{end.__name__.replace('_', '-')}"
    jobs = _in_flight(tenant, name)
    ended = end(platform)
    until("another leader", platform.leader, lambda leader: leader not in ("", ended), _TAKEOVER_LIMIT_S)
    _finishes_once(tenant, name, jobs, finished)
    _nothing_ran_again(tenant, finished)
    platform.await_replicas()


def test_upgrade_with_runs_in_flight_and_back(
    platform: Platform, tenant: Tenant, finished: dict[str, Object], deployed: DeployedImages, files: Path
) -> None:
    jobs = _in_flight(tenant, "upgraded")
    newer = DeployedImages(
        operator=platform.republish(deployed.operator, "next"), workloads=platform.republish(deployed.workloads, "next")
    )
    assert newer != deployed
    _deploy(platform, newer, files / "upgrade")
    assert platform.images() == newer
    (run,) = runs(_finishes_once(tenant, "upgraded", jobs, finished))
    assert run["image"] == deployed.workloads
    _nothing_ran_again(tenant, finished)
    tenant.apply(strategy("after-upgrade"))
    assert runs(tenant.await_run("after-upgrade"))[0]["image"] == newer.workloads
    tenant.patch("strategy", "before", {"rerun": 1})  # an older runner than the operator: what was pinned runs again
    again = tenant.await_run("before", count=2)
    assert {run["image"] for run in runs(again)} == {deployed.workloads}
    assert len({run["resultDigest"] for run in runs(again)}) == 1
    _rolled_back(platform, tenant, {**finished, "before": again}, deployed)


def _rolled_back(platform: Platform, tenant: Tenant, finished: dict[str, Object], before: DeployedImages) -> None:
    jobs = _in_flight(tenant, "rolled-back")
    platform.kubectl("rollout", "undo", f"deployment/{OPERATOR}", "-n", SYSTEM)
    platform.await_replicas()
    assert platform.images() == before
    _finishes_once(tenant, "rolled-back", jobs, finished)
    _nothing_ran_again(tenant, finished)


def test_kinds_are_updated_in_place(platform: Platform, tenant: Tenant, files: Path) -> None:
    older = _without_field(files / "older.yaml", "ttlSecondsAfterFinished")
    try:
        platform.kubectl("apply", "--server-side", "--force-conflicts", "-f", older)
        _await_field(platform, "ttlSecondsAfterFinished", there=False)
        tenant.apply(strategy("of-older-kind"))
        first = runs(tenant.await_run("of-older-kind"))
    finally:
        platform.kubectl("apply", "--server-side", "--force-conflicts", "-f", _CRDS / _STRATEGIES)
    _await_field(platform, "ttlSecondsAfterFinished", there=True)
    tenant.patch("strategy", "of-older-kind", {"ttlSecondsAfterFinished": 1800})
    found = until("word on the newer field", lambda: tenant.get("strategy", "of-older-kind"), seen, 30)
    assert found["spec"]["ttlSecondsAfterFinished"] == 1800
    assert runs(found) == first


def _without_field(path: Path, field: str) -> Path:
    """Write the Strategy's CRD as it was before a field."""
    crd = yaml.safe_load((_CRDS / _STRATEGIES).read_text(encoding="utf-8"))
    (version,) = crd["spec"]["versions"]
    del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][field]
    path.write_text(yaml.safe_dump(crd), encoding="utf-8")
    return path


def _await_field(platform: Platform, field: str, *, there: bool) -> None:
    """Wait until the API server serves the kind with a field, or without."""

    def look() -> bool:
        published = json.loads(platform.kubectl("get", "--raw", "/openapi/v3/apis/tradeplane.dev/v1alpha1"))
        spec = published["components"]["schemas"]["dev.tradeplane.v1alpha1.Strategy"]["properties"]["spec"]
        return field in spec["properties"]

    until(f"a Strategy {'with' if there else 'without'} {field}", look, lambda found: found is there, 60)


def test_removal_leaves_the_stores_and_installing_again_finds_them(
    platform: Platform, tenant: Tenant, finished: dict[str, Object], deployed: DeployedImages, files: Path
) -> None:
    run = runs(finished["before"])[0]
    snapshot = tenant.get("snapshot", "sp500")
    before = _contents(tenant.directory)
    exported = platform.kubectl.get("strategies,snapshots", "-A")
    platform.kubectl("delete", "-k", DEPLOY / "base", "--wait=true", "--timeout=100s")
    platform.kubectl("delete", "-k", DEPLOY / "crds", "--wait=true", "--timeout=100s")
    assert "strategies" not in platform.kubectl("api-resources", "--api-group=tradeplane.dev", "-o", "name")
    until("the end of the Jobs of removed Strategies", lambda: tenant.items("jobs"), lambda jobs: not jobs, 90)
    assert _contents(tenant.directory) == before
    _deploy(platform, deployed, files / "again")
    tenant.apply({key: snapshot[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "sp500"}})
    tenant.await_said("snapshot", "sp500", "Verified")
    listed = tradeplane("results", "show", run["name"], "--store", tenant.store, "-o", "json")
    assert run["resultDigest"] in listed
    tenant.apply(strategy("before", seed=len("before")))
    (anew,) = runs(tenant.await_run("before"))
    assert anew["name"] != run["name"]
    assert anew["resultDigest"] == run["resultDigest"]
    assert set(before) < set(_contents(tenant.directory))
    _restore(platform, tenant, exported["items"], files)


def _contents(directory: Path) -> dict[str, int]:
    return {str(path.relative_to(directory)): path.stat().st_size for path in directory.rglob("*") if path.is_file()}


def _restore(platform: Platform, tenant: Tenant, objects: list[Object], files: Path) -> None:
    """Apply what other namespaces had, as docs/upgrade.md says it is kept."""
    kept = [
        {
            "apiVersion": one["apiVersion"],
            "kind": one["kind"],
            "metadata": {key: one["metadata"][key] for key in ("name", "namespace")},
            "spec": one["spec"],
        }
        for one in objects
        if one["metadata"]["namespace"] != tenant.name
    ]
    if kept:
        platform.apply(*kept, directory=files)
