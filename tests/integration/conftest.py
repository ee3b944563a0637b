"""An API server for tests that need nothing more of a cluster."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """etcd, API server, controller-manager and scheduler on loopback, thrown away at the end of the session."""
    state = tmp_path_factory.mktemp("control-plane")
    settings = replace(Settings.from_environment(os.environ), state=state, control_plane_only=True)
    cluster = EmbeddedCluster(settings)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down(purge=True)


@pytest.fixture(scope="session")
def api_server(control_plane: EmbeddedCluster) -> Path:
    """Give the kubeconfig of a cluster administrator."""
    return control_plane.kubeconfig
