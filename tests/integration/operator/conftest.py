"""A namespace with a store for each test, and operators on it."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tradeplane_operator.acting.access import Access
from tradeplane_operator.acting.client import ApiClient
from tradeplane_store.objects import open_store

from tests.integration.operator.cluster import Bench
from tests.integration.operator.processes import IMAGE, OperatorProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def cluster(api_server: Path) -> Path:
    """Give the kubeconfig of an API server that has our kinds."""
    subprocess.run(
        ["kubectl", "--kubeconfig", str(api_server), "apply", "-k", str(ROOT / "crds" / "yaml")],
        check=True,
        capture_output=True,
    )
    return api_server


@pytest_asyncio.fixture
async def bench(cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Give a new namespace, enrolled, and its folder in a store."""
    monkeypatch.setenv("KUBECONFIG", str(cluster))
    access = Access()
    client = ApiClient(access, 10.0)
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    await client.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await client.create(path, {"metadata": {"name": "tradeplane-runner"}})
    (tmp_path / "store" / namespace).mkdir(parents=True)
    store = open_store(f"file://{tmp_path}/store").within(namespace)
    yield Bench(client, namespace, store)
    await access.close()


@pytest.fixture
def settings(bench: Bench, tmp_path: Path) -> dict[str, Any]:
    """Give settings of an operator for the test's namespace alone, in a hurry."""
    return {
        "stores": {"default": {"url": f"file://{tmp_path}/store", "claim": "tradeplane-store"}},
        "images": {"default": IMAGE},
        "namespaces": [bench.namespace],
        "retention": {"succeededSeconds": 0, "failedSeconds": 0},
        "lease": {"namespace": bench.namespace, "durationSeconds": 5, "renewSeconds": 2.5, "retrySeconds": 0.3},
        "client": {"requestSeconds": 2.0},
        "pace": {"podGraceSeconds": 1, "podAgainSeconds": 1, "snapshotAgainSeconds": 1, "storeAgainSeconds": 1},
    }


@pytest.fixture
def operators(
    cluster: Path, tmp_path: Path, settings: dict[str, Any]
) -> Iterator[Callable[..., OperatorProcess]]:
    """Give a way to start operators; all are ended with the test."""
    started: list[OperatorProcess] = []

    def start(**changes: Any) -> OperatorProcess:
        folder = tmp_path / f"operator-{len(started)}"
        started.append(OperatorProcess(folder, changes.pop("kubeconfig", cluster), settings | changes).start())
        return started[-1]

    yield start
    for operator in started:
        operator.end()
