"""How much a tenant's namespace may hold, as a real API server counts it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.policies.objects import container, pod
from tests.integration.policies.trials import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.policies.server import Json, Server

QUOTAS = Path(__file__).parents[3] / "policies" / "quotas"
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


def test_a_pod_is_bounded_as_a_whole(server: Server, tenant: tuple[str, str]) -> None:
    size, namespace = tenant
    *_, above = SIZES[size]
    each = f"{int(above.removesuffix('Gi')) // 2 + 1}Gi"  # two containers, either of which would do
    answer = server.ask("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", _pods("1", each))
    assert "maximum memory usage per Pod" in answer.words


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
