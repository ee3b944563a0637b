"""A cluster of the tests' own, which they may take everything from, and ``stacks/local`` on it.

Its fixtures are for the modules that name them, and end with these: whoever tests with the cloud alone starts no
cluster, and what a machine allows of each user (``fs.inotify.max_user_instances``, 128) is enough for seven.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import running_control_plane
from tests.integration.policies.server import Server
from tests.integration.stacks.conftest import PLUGINS_THAT_ARE_THERE, ROOT, Project, enter, own_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tradeplane_stacks.local.cluster import EmbeddedCluster

__all__ = ["LocalProject", "cluster_environment", "local_project", "own_cluster", "own_server"]


class LocalProject(Project):
    """A copy of ``stacks/local``, with a state of its own."""

    def change(self, **changes: Any) -> None:
        """Change fields of the platform of ``dev``; those that are None go."""
        self.configure("dev", "local:platform", **changes)


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """Give a control plane without nodes."""
    with running_control_plane(tmp_path_factory.mktemp("own-cluster")) as found:
        yield found


@pytest.fixture(scope="module")
def cluster_environment(own_cluster: EmbeddedCluster, pulumi: Path, kubernetes_plugin: None) -> dict[str, str]:
    """Give the environment of Pulumi, with that cluster."""
    del pulumi, kubernetes_plugin  # they are there before anything is asked of them
    return PLUGINS_THAT_ARE_THERE | {"KUBECONFIG": str(own_cluster.kubeconfig)}


@pytest.fixture
def local_project(
    tmp_path: Path,
    pulumi: Path,
    cluster_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tradeplane: Callable[..., Any],
) -> LocalProject:
    """Give the project, beside that of a cloud as in a checkout, above which the command is called from now on."""
    del tradeplane  # it chooses a folder as well, and so comes first
    for program in ("local", "platform"):
        copy = tmp_path / "stacks" / program
        shutil.copytree(ROOT / "stacks" / program, copy, ignore=shutil.ignore_patterns("__pycache__"))
    enter(tmp_path, cluster_environment | own_state(tmp_path), monkeypatch)
    return LocalProject(tmp_path / "stacks" / "local", pulumi)


@pytest.fixture
def own_server(own_cluster: EmbeddedCluster) -> Iterator[Server]:
    """Give requests to the cluster's API server."""
    found = Server.of(own_cluster.kubeconfig)
    yield found
    found.close()
