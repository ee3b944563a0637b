"""The embedded cluster for tests from end to end: the machine's own, brought up if it is not, and left running."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.demo.clusters import Embedded
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings

from tests.e2e.images.another_checkout import Build
from tests.e2e.platform import Platform, Tenant
from tests.e2e.sharing import ByGroup, Turns, is_alone, is_beside, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer


_DEPLOYED_WITHIN_S = 3_600
"""The first time on a machine, images and programs are built."""
_OTHERS = "build_of_another_checkout"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByGroup:
    """Have what goes together run by one process."""
    return ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes longest, and last of the images what awaits others that are built meanwhile."""
    items.sort(key=lambda item: (*place(item.path), _OTHERS in getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def build_of_another_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Begin to build the images of another checkout."""
    build = Build.begin(tmp_path_factory.mktemp("another"))
    yield build
    build.end()


@pytest.fixture(scope="module", autouse=True)
def _begun_before_it_is_awaited(request: pytest.FixtureRequest) -> None:
    """Begin that build in the process that its tests run in, with what comes before them there."""
    if is_beside(request.path) and any(item.path.parent.name == "images" for item in request.session.items):
        request.getfixturevalue(_OTHERS)


@pytest.fixture(scope="session")
def turns(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Iterator[Turns]:
    """Give the turns at the cluster that all processes of this run take."""
    with (tmp_path_factory.getbasetemp().parent / f"turns-{testrun_uid}").open("w", encoding="utf-8") as file:
        yield Turns(file)


@pytest.fixture(scope="module", autouse=True)
def _turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have the cluster while a module runs, alone where it disturbs it."""
    if is_beside(request.path):
        yield
        return
    turns: Turns = request.getfixturevalue("turns")
    with turns.taken(alone=is_alone(request.path)):
        yield


@pytest.fixture(scope="session")
def cluster(turns: Turns) -> EmbeddedCluster:
    """Bring the default cluster up, or mend it; it stays up afterwards, for the next run and for a person.

    Done by another process that ends, as the platform is deployed: what a test kills of the cluster would else stay a
    child of whoever began it, dead and in the way.
    """
    with turns.taken(alone=True):
        subprocess.run([sys.executable, "-m", "tradeplane_stacks.local", "up"], check=True, timeout=_DEPLOYED_WITHIN_S)
    return EmbeddedCluster(Settings.from_environment(os.environ))


@pytest.fixture(scope="session")
def kubeconfig(cluster: EmbeddedCluster) -> Path:
    """Give the kubeconfig of a cluster administrator."""
    return cluster.kubeconfig


@pytest.fixture(scope="session")
def platform(turns: Turns) -> Platform:
    """Deploy the platform on the default cluster as the demo does; what is up already is reused, and stays up.

    The first process of a run does it for all.
    """
    with turns.taken(alone=True):
        deployed = Path(f"{turns.file.name}-deployed")
        if not deployed.exists():
            subprocess.run([sys.executable, "-m", "tests.e2e.deploy"], check=True, timeout=_DEPLOYED_WITHIN_S)
            deployed.touch()
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
