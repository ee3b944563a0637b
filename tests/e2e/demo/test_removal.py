"""Removal as documented, last of all: the operator, the kinds, and then the cluster with ``make down``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.demo.cluster import DEPLOY, NAMESPACE, SYSTEM, eventually, latest
from tests.e2e.demo.conftest import INSTANCE

if TYPE_CHECKING:
    import subprocess

    from tests.e2e.demo.cluster import DemoCluster, Held

_VOLUMES = {"persistentvolume/tradeplane-store-all", f"persistentvolume/tradeplane-store-{NAMESPACE}"}


@dataclass(frozen=True)
class Removed:
    """What there was when the operator was removed, a run of ``outlives`` in flight."""

    outlives: str
    held: Held
    strategies: dict[str, dict[str, Any]]
    started: set[tuple[str, str]]

    @property
    def run(self) -> str:
        return str(latest(self.strategies[self.outlives])["name"])


@pytest.fixture(scope="module")
def removed(demo: DemoCluster, first: subprocess.CompletedProcess[str]) -> Removed:
    """Remove the operator by the documented commands."""
    assert first.returncode == 0, first.stderr
    name = "outlives-the-operator"
    held = demo.hold(name, 31)
    before = Removed(name, held, demo.strategies(), demo.started())
    demo.kubectl("delete", "-k", DEPLOY / "base", "--timeout=300s")
    for role in ("tradeplane-operator", "tradeplane-recorder"):
        demo.kubectl("delete", "clusterrole,clusterrolebinding", role)
    return before


@pytest.fixture(scope="module")
def ended(demo: DemoCluster, removed: Removed) -> dict[str, str]:
    """Wait for the run in flight, which nobody watches now; return all results."""
    removed.held.let_go()
    demo.kubectl("-n", NAMESPACE, "wait", "--for=condition=Complete", f"job/{removed.run}", "--timeout=300s")
    return demo.results()


@pytest.fixture(scope="module")
def again(demo: DemoCluster, ended: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Install the operator again."""
    assert ended
    return demo.demo("up")


@pytest.fixture(scope="module")
def kinds_removed(demo: DemoCluster, again: subprocess.CompletedProcess[str]) -> None:
    """Remove the kinds by the documented command."""
    assert again.returncode == 0, again.stderr
    demo.kubectl("delete", "-k", DEPLOY / "crds", "--timeout=300s")


def test_the_operator_leaves_nothing_of_its_own(demo: DemoCluster, removed: Removed) -> None:
    assert removed.strategies
    assert demo.named("namespace", SYSTEM) == set()
    cluster_wide = demo.named("clusterrole,clusterrolebinding")
    assert {name for name in cluster_wide if name.rpartition("/")[2].startswith("tradeplane-")} == set()


def test_strategies_runs_and_volumes_stay_without_the_operator(demo: DemoCluster, removed: Removed) -> None:
    assert demo.strategies() == removed.strategies
    assert demo.named("job", removed.run, "-n", NAMESPACE) == {f"job.batch/{removed.run}"}
    assert demo.named("pv") >= _VOLUMES


def test_a_run_in_flight_ends_without_the_operator(demo: DemoCluster, removed: Removed, ended: dict[str, str]) -> None:
    assert removed.run in ended
    assert latest(demo.strategy(removed.outlives))["outcome"] == "Running"


def test_installed_again_it_reads_results_and_runs_nothing_again(
    demo: DemoCluster, removed: Removed, ended: dict[str, str], again: subprocess.CompletedProcess[str]
) -> None:
    assert again.returncode == 0, again.stderr
    found = latest(demo.until_ready(removed.outlives))
    assert (found["name"], found["resultDigest"]) == (removed.run, ended[removed.run])
    assert {name: latest(each)["name"] for name, each in demo.strategies().items()} == {
        name: latest(each)["name"] for name, each in removed.strategies.items()
    }
    assert demo.started() == removed.started
    assert demo.results() == ended


@pytest.mark.usefixtures("kinds_removed")
def test_the_kinds_take_their_objects_with_them_and_leave_the_results(demo: DemoCluster, ended: dict[str, str]) -> None:
    assert {name for name in demo.named("crd") if name.endswith(".tradeplane.dev")} == set()

    def collected() -> tuple[bool, object]:
        left = demo.named("jobs,pods", "-n", NAMESPACE)
        return not left, left

    eventually("the Jobs of Strategies that are gone to be collected", collected, 240)
    assert demo.named("pv") >= _VOLUMES
    assert demo.results() == ended


def test_down_leaves_nothing(demo: DemoCluster, first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0, first.stderr
    down = demo.demo("down")
    assert down.returncode == 0, down.stderr
    assert not Path(f"/run/netns/{INSTANCE}").exists()
    assert not demo.state.exists()
    assert not demo.generated.exists()
    assert processes_that_mention(str(demo.state)) == []


def processes_that_mention(text: str) -> list[str]:
    """Return the command lines of running processes with a text in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if text in line:
            found.append(line)
    return found
