"""The charts on a real API server: installed in order, upgraded, taken back, uninstalled, and installed once more.

Without nodes: no pod runs, so that Helm is told to wait for kinds alone.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import running_control_plane
from tests.integration.policies.server import Server
from tests.integration.stacks.helm import NAMES, Helm, packed, written
from tests.unit.stacks.components.platforms import LOCAL, changed
from tests.unit.stacks.components.platforms import OPERATOR as OPERATOR_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]
SYSTEM = "tradeplane-system"
CRDS, POLICIES, OPERATOR = NAMES
DEPLOYMENT = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/tradeplane-operator"
SETTINGS = f"/api/v1/namespaces/{SYSTEM}/configmaps/tradeplane-settings"
STRATEGIES = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/strategies.tradeplane.dev"
TENANT = "/api/v1/namespaces/desk"
NETWORK = "/apis/networking.k8s.io/v1/namespaces/desk/networkpolicies"
ALL_POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
_GONE_WITHIN_S = 60
CONFIG: Json = {**LOCAL, "namespaces": [{"name": "desk", "tenant": "desk", "brokers": True}]}


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory, renderings: Path) -> Iterator[Helm]:
    """Give Helm on a cluster of its own, which it may take everything from."""
    charts = packed(tmp_path_factory.mktemp("charts"), renderings)
    with running_control_plane(tmp_path_factory.mktemp("chart-cluster")) as cluster:
        yield replace(charts, kubeconfig=cluster.kubeconfig)


@pytest.fixture
def server(helm: Helm) -> Iterator[Server]:
    assert helm.kubeconfig is not None
    found = Server.of(helm.kubeconfig)
    yield found
    found.close()


def install(helm: Helm, chart: str, values: Path) -> None:
    """Install or upgrade a chart as docs/stacks/helm.md says, but that nobody waits for pods."""
    waits = ["--wait"] if chart == CRDS else []
    helm.done("upgrade", "--install", chart, helm.chart(chart), "--values", values, *waits)


def install_all(helm: Helm, values: Path) -> None:
    for chart in NAMES:
        install(helm, chart, values)


def there(server: Server, path: str) -> bool:
    return server.ask("GET", path).code == 200


def await_gone(server: Server, path: str) -> None:
    deadline = time.monotonic() + _GONE_WITHIN_S
    while there(server, path):
        assert time.monotonic() < deadline, f"{path} is still there"
        time.sleep(0.1)


def rolls_by(server: Server) -> Json:
    found: Json = server.ask("GET", DEPLOYMENT).body["spec"]["template"]["metadata"]["annotations"]
    return found


def test_policies_are_refused_before_their_kind_is_there(helm: Helm, tmp_path: Path) -> None:
    ended = helm.asked("install", POLICIES, helm.chart(POLICIES), "--values", written(CONFIG, tmp_path))
    assert ended.returncode != 0
    assert "AdmissionParameters" in ended.stderr
    helm.asked("uninstall", POLICIES)


def test_all_is_installed_and_installed_again_without_a_change(helm: Helm, server: Server, tmp_path: Path) -> None:
    values = written(CONFIG, tmp_path)
    install_all(helm, values)
    assert there(server, STRATEGIES)
    assert len(server.ask("GET", ALL_POLICIES).body["items"]) > 0
    before = server.ask("GET", DEPLOYMENT).body["metadata"]
    assert server.ask("GET", DEPLOYMENT).body["spec"]["template"]["spec"]["containers"][0]["image"] == OPERATOR_IMAGE
    install_all(helm, values)
    assert server.ask("GET", DEPLOYMENT).body["metadata"]["generation"] == before["generation"]


def test_a_policy_that_is_installed_holds_who_installs_to_it(helm: Helm, server: Server, tmp_path: Path) -> None:
    install_all(helm, written(CONFIG, tmp_path))
    ended = helm.asked(
        *("upgrade", OPERATOR, helm.chart(OPERATOR)),
        *("--values", written({**CONFIG, "namespaces": [{"name": "desk", "tenant": "another"}]}, tmp_path)),
    )
    assert ended.returncode != 0
    assert "the namespace is of the tenant desk for good" in ended.stderr
    assert server.ask("GET", TENANT).body["metadata"]["labels"]["tradeplane.dev/tenant"] == "desk"


def test_an_upgrade_rolls_the_operator_and_a_rollback_takes_it_back(helm: Helm, server: Server, tmp_path: Path) -> None:
    install_all(helm, written(CONFIG, tmp_path))
    settings, rolled = server.ask("GET", SETTINGS).body["data"], rolls_by(server)
    install(helm, OPERATOR, written({**CONFIG, "limits": {"runs": 7}}, tmp_path))
    assert "runs: 7\n" in server.ask("GET", SETTINGS).body["data"]["settings.yaml"]
    assert rolls_by(server) != rolled
    helm.done("rollback", OPERATOR)
    assert server.ask("GET", SETTINGS).body["data"] == settings
    assert rolls_by(server) == rolled


def test_what_opened_a_namespace_goes_with_the_value_and_the_namespace_stays_shut(
    helm: Helm, server: Server, tmp_path: Path
) -> None:
    install_all(helm, written(CONFIG, tmp_path))
    assert there(server, f"{NETWORK}/tradeplane-probes-to-brokers")
    install(helm, OPERATOR, written({**CONFIG, "namespaces": []}, tmp_path))
    assert not there(server, f"{NETWORK}/tradeplane-probes-to-brokers")
    assert there(server, TENANT)
    assert there(server, f"{NETWORK}/default-deny")


def test_a_kind_is_upgraded_and_survives_its_chart(helm: Helm, server: Server, tmp_path: Path) -> None:
    values = written(CONFIG, tmp_path)
    install(helm, CRDS, values)
    versions = server.ask("GET", STRATEGIES).body["spec"]["versions"]
    columns = versions[0]["additionalPrinterColumns"]
    older = [{**versions[0], "additionalPrinterColumns": columns[:1]}, *versions[1:]]
    assert server.ask("PATCH", STRATEGIES, {"spec": {"versions": older}}).code == 200
    helm.done("upgrade", CRDS, helm.chart(CRDS), "--force-conflicts", "--server-side=true", "--wait")
    assert server.ask("GET", STRATEGIES).body["spec"]["versions"][0]["additionalPrinterColumns"] == columns
    helm.done("uninstall", CRDS)
    assert there(server, STRATEGIES)


def test_uninstalled_the_operator_goes_and_all_that_tenants_have_stays(
    helm: Helm, server: Server, tmp_path: Path
) -> None:
    values = written(CONFIG, tmp_path)
    install_all(helm, values)
    for chart in reversed(NAMES):
        helm.done("uninstall", chart)
    assert not there(server, DEPLOYMENT)
    assert server.ask("GET", ALL_POLICIES).body["items"] == []
    for path in (STRATEGIES, TENANT, f"{NETWORK}/default-deny", f"/api/v1/namespaces/{SYSTEM}"):
        assert there(server, path)
    install_all(helm, values)
    assert there(server, DEPLOYMENT)


def test_unprotected_nothing_is_left(helm: Helm, server: Server, tmp_path: Path) -> None:
    install_all(helm, written(changed(CONFIG, "protected", False), tmp_path))
    for chart in reversed(NAMES):
        helm.done("uninstall", chart)
    for path in (STRATEGIES, TENANT, f"/api/v1/namespaces/{SYSTEM}"):
        await_gone(server, path)
    assert helm.done("list", "--all-namespaces", "--short") == ""
