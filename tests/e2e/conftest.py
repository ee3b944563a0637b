"""The embedded cluster for tests from end to end: the machine's own, brought up if it is not, and left running."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.demo.clusters import Embedded
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings

from tests.e2e.images.another_checkout import Build
from tests.e2e.platform import Platform, Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_DEPLOYED_WITHIN_S = 3_600
"""The first time on a machine, images and programs are built."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of images last: what they wait for is built while the others run."""
    items.sort(key=_is_of_images)


def _is_of_images(item: pytest.Item) -> bool:
    return item.path.parent.name == "images"


@pytest.fixture(scope="session")
def build_of_another_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Begin to build the images of another checkout."""
    build = Build.begin(tmp_path_factory.mktemp("another"))
    yield build
    build.end()


@pytest.fixture(scope="session", autouse=True)
def _begun_before_it_is_awaited(request: pytest.FixtureRequest) -> None:
    if any(_is_of_images(item) for item in request.session.items):
        request.getfixturevalue("build_of_another_checkout")


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


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Deploy the platform on the default cluster as the demo does; what is up already is reused, and stays up.

    Tests of namespaces of their own run in more than one process, which do this one after the other, each by another
    that ends: what a test kills of the cluster would else stay a child of whoever began it, dead and in the way.
    """
    with (tmp_path_factory.getbasetemp().parent / "platform.lock").open("w", encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        subprocess.run([sys.executable, "-m", "tests.e2e.deploy"], check=True, timeout=_DEPLOYED_WITHIN_S)
    return Platform(Embedded(Settings.from_environment(os.environ), print))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for manifests."""
    return tmp_path_factory.mktemp("manifests")


@pytest.fixture(scope="module")
def tenant(platform: Platform, files: Path) -> Iterator[Tenant]:
    """Enrol a namespace of a test module's own, with the S&P 500's daily bars in it, and remove it afterwards."""
    tenant = platform.enrol(f"e2e-{uuid.uuid4().hex[:8]}", files)
    tenant.apply(tenant.import_bars("arch:sp500", name="sp500"))
    tenant.await_said("snapshot", "sp500", "Verified")
    yield tenant
    tenant.remove()
    tenant.remove_store()
