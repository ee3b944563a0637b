"""The operator itself with the permissions the manifests give it, and no others: from apply to a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import yaml
from tradeplane_api.probe import ProbeOutcome
from tradeplane_operator.acting.access import Access
from tradeplane_operator.planning.names import PAYLOAD_FINALIZER
from tradeplane_store import layout
from tradeplane_store.objects import open_store

from tests.integration.operator import connections, exchanges, sessions
from tests.integration.operator.cluster import Bench, condition, eventually, opened
from tests.integration.operator.processes import IMAGE, LEASE, OperatorProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.crds.conftest import Api

DEPLOY = Path(__file__).parents[3] / "operator" / "deploy"
EVERYWHERE = ("clusterrole/tradeplane-operator", "clusterrolebinding/tradeplane-operator")


@pytest.fixture(params=["embedded", "single-namespace"])
def account(
    request: pytest.FixtureRequest, kinds: None, api: Api, control_plane: EmbeddedCluster, tmp_path: Path
) -> Iterator[tuple[str, Path]]:
    """Install an overlay, and give its name and a kubeconfig with the token of the operator's account."""
    client = control_plane.client
    for directory in (DEPLOY / "namespace", DEPLOY / "overlays" / request.param):
        client.run("apply", "--server-side", "--force-conflicts", "-k", str(directory))
    path = "/api/v1/namespaces/tradeplane-system/serviceaccounts/tradeplane-operator/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = api.request("POST", path, asked).body["status"]["token"]
    config = yaml.safe_load(control_plane.kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": token}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
    yield request.param, kubeconfig
    client.run("delete", "--ignore-not-found", *EVERYWHERE)
    client.run("delete", "--ignore-not-found", "--wait=true", "-k", str(DEPLOY / "namespace"))
    client.run("delete", "--ignore-not-found", "--wait=true", "-k", str(DEPLOY / "base"))


@pytest_asyncio.fixture
async def bench(
    account: tuple[str, Path], api_server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    """Give the namespace research as a person with all rights there sees it, and its folder in the store."""
    monkeypatch.setenv("KUBECONFIG", str(api_server))
    (tmp_path / "store" / "research").mkdir(parents=True)
    async with opened(Access(), "research", open_store((tmp_path / "store").as_uri()).within("research")) as bench:
        yield bench


async def _guarded(bench: Bench) -> bool:
    return bool((await bench.snapshot("goes"))["metadata"].get("finalizers") == [PAYLOAD_FINALIZER])


def _settings(overlay: str, store: Path) -> dict[str, Any]:
    return {
        "stores": {"default": {"url": store.as_uri(), "claim": "tradeplane-store"}},
        "images": {"default": IMAGE},
        "namespaces": ["research"] if overlay == "single-namespace" else [],
        "retention": {"succeededSeconds": 0, "failedSeconds": 0},
        "lease": LEASE | {"namespace": "tradeplane-system"},
        "pace": {"podGraceSeconds": 1, "podAgainSeconds": 1, "snapshotAgainSeconds": 1},
    }


async def test_a_strategy_runs_and_a_connection_has_its_exchange_with_the_permissions_given(
    account: tuple[str, Path], bench: Bench, tmp_path: Path
) -> None:
    overlay, kubeconfig = account
    operator = OperatorProcess(tmp_path / "operator", kubeconfig, _settings(overlay, tmp_path / "store")).start()
    try:
        await operator.working()
        created = await bench.create_strategy("macd")
        await bench.until("macd", "SnapshotNotFound")
        await eventually(lambda: _told(bench, created), "an Event about the strategy")

        await bench.create_snapshot("prices", bench.write_snapshot())
        job = await bench.a_job()
        await bench.until("macd", "Unschedulable")  # there are no nodes: it has looked at the pod
        await bench.succeed(job)
        done = await bench.until("macd", "Succeeded")
        assert condition(done, "Ready")["status"] == "True"
        await bench.no_jobs()

        goes = await bench.create_snapshot("goes", bench.write_snapshot(records=11), deletionPolicy="Delete")
        await eventually(lambda: _guarded(bench), "a Snapshot that takes its payload with it to be held")
        path = sessions.path_of(bench, "apis/tradeplane.dev/v1alpha1", "snapshots", "goes")
        await bench.client.delete(path, goes["metadata"]["uid"])
        await bench.gone(path)
        assert not bench.store.exists(layout.snapshot_manifest(goes["spec"]["digest"]))

        await connections.create(bench)
        probe = await connections.a_probe(bench)
        await connections.says(bench, probe, ProbeOutcome.CONNECTED)
        await connections.until(bench, "Connected")
        await connections.a_probe(bench, besides=frozenset({probe["metadata"]["name"]}))

        await bench.client.merge_patch(connections.path_of(bench, connections.NAME), {"spec": exchanges.SPEC})
        await connections.until(bench, "ExchangeUnschedulable")
        await exchanges.runs(bench)
        await connections.until(bench, "Probing")
        place = {"rest": "http://elsewhere:9090", "stream": "ws://elsewhere:9090"}
        change = {"spec": {"simulated": None, "endpoint": place}}
        await bench.client.merge_patch(connections.path_of(bench, connections.NAME), change)
        await bench.gone(exchanges.path_of(bench, "statefulsets"))
        await bench.gone(exchanges.path_of(bench, "services"))
    finally:
        operator.end()
    assert _refused(operator) == []
    assert json.loads(operator.log.splitlines()[0])


async def test_a_strategy_trades_and_is_closed_with_the_permissions_given(
    account: tuple[str, Path], bench: Bench, tmp_path: Path
) -> None:
    overlay, kubeconfig = account
    operator = OperatorProcess(tmp_path / "operator", kubeconfig, _settings(overlay, tmp_path / "store")).start()
    try:
        await operator.working()
        await sessions.connect(bench)
        await sessions.connected(bench)
        created = await sessions.create(bench)
        await sessions.trades(bench)
        await bench.delete_strategy(sessions.NAME)
        await sessions.closes(bench, await bench.a_job(created["metadata"]["uid"]))
        await bench.gone(sessions.path_of(bench, "apis/tradeplane.dev/v1alpha1", "strategies", sessions.NAME))
        assert await sessions.warnings(bench) == {}
    finally:
        operator.end()
    assert _refused(operator) == []


def _refused(operator: OperatorProcess) -> list[str]:
    """Return what was refused in the words of RBAC: that another test's namespace is going is no such matter."""
    return [line for line in operator.log.splitlines() if "is forbidden: User" in line]


async def _told(bench: Bench, about: dict[str, Any]) -> list[Any]:
    listed = await bench.client.get("/apis/events.k8s.io/v1/namespaces/research/events")
    return [event for event in listed["items"] if event["regarding"].get("uid") == about["metadata"]["uid"]]
