"""An API server for tests that need nothing more of a cluster."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.base import GROUP
from tradeplane_api.kinds import KINDS
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.control_plane import Ports
from tradeplane_stacks.local.errors import CommandError
from tradeplane_stacks.local.settings import Settings

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVED_WITHIN_S = 120
DEFINITIONS = Path(__file__).parents[2] / "crds" / "yaml"
_LONGEST_FIRST = ("stacks", "operator", "workloads", "capture")
"""Folders whose files take minutes: begun last, one would be waited for while every other processor idles."""
_PLURALS = tuple(f"{kind.plural}.{GROUP}" for kind in KINDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take longest first, where they are given out file by file in the order of this list."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    here = Path(__file__).parent
    for turn, folder in enumerate(_LONGEST_FIRST):
        if item.path.is_relative_to(here / folder):
            return turn
    return len(_LONGEST_FIRST)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """etcd, API server, controller-manager and scheduler on loopback, thrown away at the end of the session."""
    with running_control_plane(tmp_path_factory.mktemp("control-plane")) as cluster:
        yield cluster


@contextmanager
def running_control_plane(state: Path) -> Iterator[EmbeddedCluster]:
    """Run a control plane, for tests that cannot share one because they remove what others need."""
    settings = replace(Settings.from_environment(os.environ), state=state, control_plane_only=True)
    cluster = EmbeddedCluster(settings)
    # Held for as long as these tests run: where the kernel may give them to connections, those that are tried anew
    # while a component is killed and started again can take its port, and be connected to themselves.
    ports = Ports(**{part.name: free_port() for part in fields(Ports)})
    cluster.layout.ports.write_text(json.dumps(asdict(ports)), encoding="utf-8")
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down(purge=True)


@pytest.fixture(scope="session")
def api_server(control_plane: EmbeddedCluster) -> Path:
    """Give the kubeconfig of a cluster administrator."""
    return control_plane.kubeconfig


@pytest.fixture(scope="session")
def kinds(control_plane: EmbeddedCluster) -> None:
    """Apply the CRDs that are checked in, and wait until the API server serves them."""
    control_plane.client.run("apply", "--server-side", "--force-conflicts", "-k", str(DEFINITIONS))
    await_kinds(control_plane)


def await_kinds(control_plane: EmbeddedCluster) -> None:
    """Wait until objects of every kind can be listed.

    That a CRD is established is not the same: the API server then answers "storage is (re)initializing" for a moment.
    And ``kubectl wait`` fails on a CRD so new that it has no conditions yet.
    """
    deadline = time.monotonic() + _SERVED_WITHIN_S
    while True:
        try:
            control_plane.client.run("get", ",".join(_PLURALS), "--all-namespaces")
        except CommandError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
        else:
            return
