"""How much a tenant's namespace may hold, as a real API server counts it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.awaiting import until
from tests.integration.policies.objects import DIGEST, container, named, pod, strategy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.policies.server import Json, Server

QUOTAS = Path(__file__).parents[3] / "policies" / "quotas"
CLAIM: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
ONE = {
    "pods": pod(container(resources={"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}})),
    "persistentvolumeclaims": named("PersistentVolumeClaim", "one", CLAIM, "v1"),
    "services": named("Service", "one", {"type": "LoadBalancer", "ports": [{"port": 80}]}, "v1"),
    "jobs": named("Job", "one", {"template": {"spec": pod()["spec"]}}, "batch/v1"),
    "cronjobs": named(
        "CronJob",
        "one",
        {"schedule": "@daily", "jobTemplate": {"spec": {"template": {"spec": pod()["spec"]}}}},
        "batch/v1",
    ),
    "configmaps": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}},
    "secrets": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one"}},
    "strategies": strategy(),
    "replays": named("Replay", "one", {"strategyRef": {"name": "macd"}}),
    "snapshots": named("Snapshot", "one", {"digest": DIGEST}),
    "snapshotcaptures": named(
        "SnapshotCapture", "one", {"source": {"connectionRef": {"name": "sim"}, "instruments": ["SYNUSDT"]}}
    ),
    "brokerconnections": named("BrokerConnection", "one", {"type": "Binance"}),
    "approvals": named(
        "Approval", "one", {"strategyRef": {"name": "a"}, "configuration": DIGEST, "user": "alice", "bundle": "{}"}
    ),
}
"""One more of each, by the names that the API server has for them."""
LINES = {
    "pods": ("pods", 100, 1000, ""),
    "requests.cpu": ("pods", 16, 256, ""),
    "requests.memory": ("pods", 64, 1024, "Gi"),
    "limits.memory": ("pods", 128, 2048, "Gi"),
    "persistentvolumeclaims": ("persistentvolumeclaims", 20, 200, ""),
    "requests.storage": ("persistentvolumeclaims", 200, 10240, "Gi"),
    "services.nodeports": ("services", 0, 0, ""),
    "services.loadbalancers": ("services", 0, 0, ""),
    "count/jobs.batch": ("jobs", 500, 5000, ""),
    "count/cronjobs.batch": ("cronjobs", 20, 20, ""),
    "count/configmaps": ("configmaps", 200, 200, ""),
    "count/secrets": ("secrets", 200, 200, ""),
    "count/strategies.tradeplane.dev": ("strategies", 500, 5000, ""),
    "count/replays.tradeplane.dev": ("replays", 500, 500, ""),
    "count/snapshots.tradeplane.dev": ("snapshots", 5000, 5000, ""),
    "count/snapshotcaptures.tradeplane.dev": ("snapshotcaptures", 20, 20, ""),
    "count/brokerconnections.tradeplane.dev": ("brokerconnections", 20, 20, ""),
    "count/approvals.tradeplane.dev": ("approvals", 1000, 1000, ""),
}
"""What each line counts, up to how much where it is small and large, and in which unit: one of ``ONE`` is one."""
SIZES = {"small": ("16", "17", "33Gi"), "large": ("256", "257", "129Gi")}


@pytest.fixture(scope="module", params=sorted(SIZES))
def tenant(request: pytest.FixtureRequest, server: Server, control_plane: EmbeddedCluster) -> Iterator[tuple[str, str]]:
    """Make a namespace that is held to a size, and wait until what it holds is counted."""
    name = f"quota-{uuid.uuid4().hex[:8]}"
    server.make("/api/v1/namespaces", {"metadata": {"name": name}})
    server.make(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
    control_plane.client.run("apply", "--server-side", "-n", name, "-k", str(QUOTAS / request.param))
    quota = f"/api/v1/namespaces/{name}/resourcequotas/tradeplane-tenant"

    def counted() -> bool:
        return "pods" in server.ask("GET", quota).body.get("status", {}).get("used", {})

    until(counted, "the quota to be counted")
    yield request.param, name
    server.ask("DELETE", f"/api/v1/namespaces/{name}")


def _pods(cpu: str, memory: str) -> Json:
    stated = {"requests": {"cpu": cpu, "memory": "1Mi"}, "limits": {"memory": memory}}
    return pod(
        container(resources=stated), container("b", resources=stated | {"requests": {"cpu": "0", "memory": "0"}})
    )


def test_pods_are_let_in_up_to_it(server: Server, tenant: tuple[str, str]) -> None:
    size, namespace = tenant
    most, above, _ = SIZES[size]
    path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    assert server.ask("POST", path, _pods(most, "1Gi")).words == ""
    assert "exceeded quota: tradeplane-tenant" in server.ask("POST", path, _pods(above, "1Gi")).words


def test_a_volume_is_bounded(server: Server, tenant: tuple[str, str]) -> None:
    most = {"small": 100, "large": 1024}[tenant[0]]
    path = f"/api/v1/namespaces/{tenant[1]}/persistentvolumeclaims?dryRun=All"

    def claimed(gib: int) -> str:
        asked = CLAIM | {"resources": {"requests": {"storage": f"{gib}Gi"}}}
        return server.ask("POST", path, named("PersistentVolumeClaim", "a", asked, "v1")).words

    assert claimed(most) == ""
    assert "maximum storage usage per PersistentVolumeClaim" in claimed(most + 1)


def test_a_container_that_states_nothing_gets_a_little(server: Server, tenant: tuple[str, str]) -> None:
    made = server.ask("POST", f"/api/v1/namespaces/{tenant[1]}/pods?dryRun=All", pod(container(resources=None))).body
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"memory": "1Gi", "ephemeral-storage": "1Gi"},
        "requests": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "64Mi"},
    }


def test_a_pod_is_bounded_as_a_whole(server: Server, tenant: tuple[str, str]) -> None:
    size, namespace = tenant
    *_, above = SIZES[size]
    each = f"{int(above.removesuffix('Gi')) // 2 + 1}Gi"  # two containers, either of which would do
    answer = server.ask("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", _pods("1", each))
    assert "maximum memory usage per Pod" in answer.words


def _asked(server: Server, namespace: str, kind: str) -> str:
    body = ONE[kind]
    group = "/api/v1" if body["apiVersion"] == "v1" else f"/apis/{body['apiVersion']}"
    return server.ask("POST", f"{group}/namespaces/{namespace}/{kind}?dryRun=All", body).words


def _used(server: Server, tenant: tuple[str, str], less: int) -> None:
    """Have the namespace hold all that it may, less so many of each, without making hundreds of objects."""
    size, namespace = tenant
    amounts = {line: (large if size == "large" else small, unit) for line, (_, small, large, unit) in LINES.items()}
    used = {line: f"{max(most - less, 0)}{unit}" for line, (most, unit) in amounts.items()}
    path = f"/api/v1/namespaces/{namespace}/resourcequotas/tradeplane-tenant/status"
    assert server.ask("PATCH", path, {"kind": "ResourceQuota", "status": {"used": used}}).allowed


def _over(words: str) -> set[str]:
    """Return the lines that a refusal says there is no room in."""
    return {one.strip().partition("=")[0] for one in words.rpartition("limited: ")[2].split(",")} if words else set()


def test_every_line_of_it_lets_in_the_last_and_refuses_what_comes_after(
    server: Server, tenant: tuple[str, str]
) -> None:
    quota = server.ask("GET", f"/api/v1/namespaces/{tenant[1]}/resourcequotas/tradeplane-tenant").body
    assert quota["spec"]["hard"].keys() == LINES.keys()
    lines = {kind: {line for line, (of, *_) in LINES.items() if of == kind} for kind in ONE}
    refused_always = {"services": lines["services"]}  # none is let in: their bound is nought

    def over(less: int) -> dict[str, set[str]]:
        _used(server, tenant, less)  # each time, as the controller of quotas counts again when it learns of kinds
        return {kind: _over(_asked(server, tenant[1], kind)) for kind in ONE}

    until(lambda: over(0) == lines, "a full namespace to be refused more, by every line")
    until(lambda: over(1) == {kind: refused_always.get(kind, set()) for kind in ONE}, "one more of each to be let in")


def test_what_a_large_one_changes_it_changes_whole(control_plane: EmbeddedCluster) -> None:
    """A patch replaces the list of limits: nothing of the base may be lost by it."""

    def rendered(size: str) -> dict[str, Any]:
        documents = yaml.safe_load_all(control_plane.client.run("kustomize", str(QUOTAS / size)))
        return {one["kind"]: one["spec"] for one in documents}

    small, large = rendered("small"), rendered("large")
    assert small["ResourceQuota"]["hard"].keys() == large["ResourceQuota"]["hard"].keys()
    shapes = [
        [(one["type"], sorted(one), json.dumps(one.get("defaultRequest"))) for one in each["LimitRange"]["limits"]]
        for each in (small, large)
    ]
    assert shapes[0] == shapes[1]
