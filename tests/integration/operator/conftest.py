"""A namespace with a store for each test, and operators on it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tradeplane_operator.acting import claimed_bundles
from tradeplane_operator.acting.access import Access
from tradeplane_store.objects import open_store

from tests.integration.operator.cluster import Bench, opened
from tests.integration.operator.processes import IMAGE, LEASE, OperatorProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

_LOG_SHOWN = 12_000


@pytest.fixture(scope="session")
def cluster(api_server: Path, kinds: None) -> Path:
    """Give the kubeconfig of an API server that has our kinds."""
    return api_server


@pytest.fixture(scope="module")
def store_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a store of the module's tests."""
    root = tmp_path_factory.mktemp("stores") / "store"
    root.mkdir()
    return root


@pytest_asyncio.fixture
async def bench(cluster: Path, store_root: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Give a new namespace, enrolled, and its folder in the store."""
    monkeypatch.setenv("KUBECONFIG", str(cluster))
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    (store_root / namespace).mkdir()
    store = open_store(f"file://{store_root}").within(namespace)
    async with opened(Access(), namespace, store) as bench:
        await bench.client.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        await bench.client.create(path, {"metadata": {"name": "tradeplane-runner"}})
        claims = f"/api/v1/namespaces/{namespace}/configmaps"  # of operators of this namespace alone
        await bench.client.create(claims, {"metadata": {"name": claimed_bundles.NAME}})
        yield bench


@pytest.fixture(scope="module")
def settings(store_root: Path) -> dict[str, Any]:
    """Give settings of an operator in a hurry."""
    return {
        "stores": {"default": {"url": f"file://{store_root}", "claim": "tradeplane-store"}},
        "images": {"default": IMAGE},
        "retention": {"succeededSeconds": 0, "failedSeconds": 0},
        "lease": LEASE,
        "client": {"requestSeconds": 10.0},
        "pace": {
            "podGraceSeconds": 1,
            "podAgainSeconds": 1,
            "snapshotAgainSeconds": 1,
            "storeAgainSeconds": 1,
            "resultsGraceSeconds": 1,
        },
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(
    cluster: Path, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[OperatorProcess]:
    """Give an operator of the whole cluster, shared by the tests of a module."""
    started = OperatorProcess(tmp_path_factory.mktemp("operator"), cluster, settings).start()
    yield await started.working()
    started.end()


@pytest.fixture
def operators(
    cluster: Path, bench: Bench, tmp_path: Path, settings: dict[str, Any]
) -> Iterator[Callable[..., OperatorProcess]]:
    """Give a way to start operators of the test's namespace alone; all are ended with the test."""
    started: list[OperatorProcess] = []

    def start(**changes: Any) -> OperatorProcess:
        folder = tmp_path / f"operator-{len(started)}"
        kubeconfig = changes.pop("kubeconfig", cluster)
        lease = settings["lease"] | changes.pop("lease", {}) | {"namespace": bench.namespace}
        alone = {"namespaces": [bench.namespace], "lease": lease}
        started.append(OperatorProcess(folder, kubeconfig, settings | alone | changes).start())
        return started[-1]

    yield start
    for process in started:
        process.end()
        print(f"{process.folder.name}, the end of its log:\n{process.log[-_LOG_SHOWN:]}")  # shown where the test failed
