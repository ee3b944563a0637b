"""What ``make demo`` installs by, on Pulumi's engine with its real provider, and an API server without nodes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_stacks.demo.clusters import DEPLOY, Kind
from tradeplane_stacks.demo.configuration import PLATFORM, configured
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.installation import Installation
from tradeplane_stacks.demo.programs import Kubectl
from tradeplane_stacks.demo.progress import Progress
from tradeplane_stacks.deployment import DeployedImages, write_overlay

from tests.integration.stacks.own_cluster import own_cluster, own_server
from tests.integration.stacks.pods import running_pods
from tests.integration.stacks.test_platform import DEPLOYMENT, SYSTEM, left

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.policies.server import Server

__all__ = ["own_cluster", "own_server"]

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

IMAGES = DeployedImages(
    operator=f"registry.example/tradeplane/operator@sha256:{64 * '1'}",
    workloads=f"registry.example/tradeplane/workloads@sha256:{64 * '2'}",
)
LOCKS = "state/.pulumi/locks/organization/tradeplane-local/demo"


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def installation(
    tmp_path: Path,
    own_cluster: EmbeddedCluster,
    pulumi: Path,
    kubernetes_plugin: None,
    said: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> Installation:
    """Give the installation, in whose environment nothing of anybody's Pulumi is."""
    del pulumi, kubernetes_plugin  # they are there before anything is made
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    kubectl = Kubectl(own_cluster.kubectl, own_cluster.kubeconfig)
    return Installation(tmp_path / "stack", kubectl, Progress(said, 1, terminal=False))


def settings(**platform: Any) -> dict[str, Any]:
    """Return settings as the demo has them on kind, with other fields of the platform."""
    found = configured(Kind().configuration, IMAGES, "research")
    found["config"][PLATFORM] |= {"store": {"kind": "volume"}} | platform
    return found


def ended_process() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def leave_a_lock(installation: Installation, process: int) -> None:
    """Leave a lock as an update that was killed does."""
    folder = installation.folder / LOCKS
    folder.mkdir(parents=True, exist_ok=True)
    lock = {"pid": process, "username": "root", "hostname": "here", "timestamp": "2026-01-01T00:00:00Z"}
    (folder / "0-left.json").write_text(json.dumps(lock), encoding="utf-8")


def test_life_of_a_demos_installation(installation: Installation, own_server: Server, said: io.StringIO) -> None:
    with running_pods(own_server, SYSTEM):
        made = installation.up(settings())
        assert {change.operation for change in made.changes} == {"create"}
        assert left(own_server), "it is installed"
        assert own_server.ask("GET", DEPLOYMENT).body["status"]["availableReplicas"] == 2
        passphrase = installation.folder / "passphrase"
        assert passphrase.stat().st_mode & 0o077 == 0, "for nobody else to read"
        first = passphrase.read_bytes()

        said.seek(0)
        said.truncate()
        again = installation.up(settings())
        assert (again.changes, again.unchanged) == ((), len(made.changes))
        assert f"0 changes, {len(made.changes)} unchanged" in said.getvalue()
        assert passphrase.read_bytes() == first

        # One that was killed left its lock; one that runs keeps it.
        leave_a_lock(installation, ended_process())
        changed = installation.up(settings(limits={"runs": 7}))
        assert "which runs no more: taking its lock away" in said.getvalue()
        assert "tradeplane-operator" in " ".join(change.name for change in changed.changes)
        leave_a_lock(installation, os.getpid())
        with pytest.raises(DemoError, match=f"is locked by .*process {os.getpid()}"):
            installation.up(settings())
        (installation.folder / LOCKS / "0-left.json").unlink()

        assert installation.there
        assert installation.namespaces() == ["research"]
        installation.destroy()
    assert left(own_server) == []


def test_what_an_earlier_demo_installed_by_kustomize_is_taken_over(
    installation: Installation, own_server: Server, tmp_path: Path
) -> None:
    earlier = write_overlay(tmp_path / "operator", DEPLOY / "overlays/embedded", IMAGES)
    for directory in (DEPLOY / "overlays/embedded/namespace", earlier):
        installation.kubectl("apply", "--server-side", "--force-conflicts", "-k", directory)
    identity = own_server.ask("GET", DEPLOYMENT).body["metadata"]["uid"]
    with running_pods(own_server, SYSTEM):
        installation.up(settings(architecture="amd64"))
        assert own_server.ask("GET", DEPLOYMENT).body["metadata"]["uid"] == identity
        assert installation.up(settings(architecture="amd64")).changes == ()
        installation.destroy()
    assert left(own_server) == []


def test_a_field_that_is_wrong_is_told_before_anything_is_made(installation: Installation, own_server: Server) -> None:
    with pytest.raises(DemoError) as refused:
        installation.up(settings(limits={"runs": 0}))
    assert "tradeplane-local:platform.limits.runs" in refused.value.cause
    assert "docs/stacks/platform.md" in refused.value.remedy
    assert left(own_server) == []


def test_nothing_is_begun_without_a_state(installation: Installation) -> None:
    assert not installation.there
    installation.folder.mkdir()
    (installation.folder / "Pulumi.demo.yaml").write_text("config: {}", encoding="utf-8")
    assert not installation.there
