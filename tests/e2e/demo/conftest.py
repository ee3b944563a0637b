"""One demo cluster for all tests of this directory, beside the machine's own and without the emulated node.

The modules are collected by name: the demo, the upgrade of its operator, and what is removed last. Each asks for the
demo it needs, so any of them also runs alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.demo.cluster import DemoCluster

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

INSTANCE = "demotest"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoCluster]:
    """Give a cluster that is not there yet; nothing of it is left behind."""
    state = tmp_path_factory.mktemp("demo")  # and nothing below: sockets lie there, whose paths have to be short
    state.rmdir()
    chosen = {
        "CLUSTER": "embedded",
        "ARM64": "0",
        "TRADEPLANE_INSTANCE": INSTANCE,
        "TRADEPLANE_STATE": str(state),
        "TRADEPLANE_NODE_SUBNET": "10.78.0.0/24",
        "TRADEPLANE_POD_SUBNET": "10.79.0.0/16",
        "TRADEPLANE_SERVICE_SUBNET": "10.80.0.0/16",
    }
    cluster = DemoCluster(state, {**os.environ, **chosen})
    yield cluster
    cluster.demo("down")


@pytest.fixture(scope="session")
def first(demo: DemoCluster) -> subprocess.CompletedProcess[str]:
    """Do the demo for the first time."""
    return demo.demo("up")
