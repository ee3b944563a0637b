"""The embedded cluster for tests from end to end: the machine's own, brought up if it is not, and left running."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def cluster() -> EmbeddedCluster:
    """Bring the default cluster up, or mend it; it stays up afterwards, for the next run and for a person."""
    cluster = EmbeddedCluster(Settings.from_environment(os.environ))
    cluster.up()
    return cluster


@pytest.fixture(scope="session")
def kubeconfig(cluster: EmbeddedCluster) -> Path:
    """Give the kubeconfig of a cluster administrator."""
    return cluster.kubeconfig
