"""The manifests of operator/deploy on a real API server: what they allow, what they refuse, what removal leaves."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_api.base import API_VERSION
from tradeplane_api.kinds import APPROVAL, KINDS
from tradeplane_stacks.deployment import DeployedImages, write_overlay

from tests.integration.conftest import await_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.crds.conftest import Api

DEPLOY = Path(__file__).parents[3] / "operator" / "deploy"
OPERATOR = "system:serviceaccount:tradeplane-system:tradeplane-operator"
RUNNER = "system:serviceaccount:research:tradeplane-runner"
STRATEGY = {
    "apiVersion": API_VERSION,
    "kind": "Strategy",
    "metadata": {"name": "kept"},
    "spec": {"algorithm": {"name": "buy-and-hold"}, "snapshotRef": {"name": "sp500"}, "capital": "1"},
}
_DIGEST = "sha256:" + "1" * 64
_LIMIT_SECONDS = 120


@pytest.fixture(scope="module")
def installed(control_plane: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the embedded overlay with images, and enrol the namespace research."""
    images = DeployedImages(f"registry.invalid/operator@{_DIGEST}", f"registry.invalid/workloads@{_DIGEST}")
    overlay = write_overlay(tmp_path_factory.mktemp("deploy"), DEPLOY / "overlays" / "embedded", images)
    for directory in (overlay, DEPLOY / "namespace"):
        control_plane.client.run(
            "apply", "--server-side", "--force-conflicts", "--validate=strict", "-k", str(directory)
        )
    await_kinds(control_plane)
    yield overlay
    for directory in (DEPLOY / "base", DEPLOY / "namespace"):
        control_plane.client.run("delete", "--ignore-not-found", "--wait=false", "-k", str(directory))
    names = ("clusterrole/tradeplane-operator", "clusterrolebinding/tradeplane-operator")
    control_plane.client.run("delete", "--ignore-not-found", *names)


def _until(met: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline:
        found = met()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"after {_LIMIT_SECONDS} s still not: {what}")


def _allowed(api: Api, user: str, verb: str, resource: str, namespace: str = "research", name: str = "") -> bool:
    """Ask the API server's authorizer; ``resource`` is ``<group>/<plural>`` or ``<group>/<plural>/<subresource>``."""
    group, plural, *subresource = resource.split("/")
    attributes = {
        "group": group,
        "resource": plural,
        "subresource": "".join(subresource),
        "verb": verb,
        "namespace": namespace,
        "name": name,
    }
    review = {"spec": {"user": user, "groups": ["system:authenticated"], "resourceAttributes": attributes}}
    answer = api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    assert answer.code == 201, answer.message
    return bool(answer.body["status"]["allowed"])


@pytest.mark.parametrize(
    ("verb", "resource", "namespace"),
    [
        ("list", "tradeplane.dev/strategies", ""),
        ("watch", "tradeplane.dev/snapshots", ""),
        ("list", "tradeplane.dev/brokerconnections", ""),
        ("list", "tradeplane.dev/replays", ""),
        ("patch", "tradeplane.dev/replays/status", "research"),
        ("patch", "tradeplane.dev/brokerconnections/status", "research"),
        ("patch", "tradeplane.dev/strategies/status", "research"),
        ("patch", "tradeplane.dev/strategies", "research"),
        ("patch", "tradeplane.dev/replays", "research"),
        ("get", "/persistentvolumeclaims", "research"),
        ("delete", "/persistentvolumeclaims", "research"),
        ("patch", "tradeplane.dev/snapshots/status", "research"),
        ("create", "tradeplane.dev/snapshots", "research"),
        ("delete", "tradeplane.dev/snapshots", "research"),
        ("patch", "tradeplane.dev/snapshots", "research"),
        ("patch", "tradeplane.dev/snapshotcaptures/status", "research"),
        ("create", "batch/jobs", "research"),
        ("watch", "batch/jobs", ""),
        ("deletecollection", "batch/jobs", "research"),
        ("list", "/pods", "research"),
        ("list", "/events", "research"),
        ("create", "events.k8s.io/events", "research"),
        ("create", "coordination.k8s.io/leases", "tradeplane-system"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_the_operator_may(api: Api, verb: str, resource: str, namespace: str) -> None:
    assert _until(lambda: _allowed(api, OPERATOR, verb, resource, namespace), f"{verb} {resource} allowed")


@pytest.mark.parametrize(
    ("verb", "resource", "namespace"),
    [
        ("get", "/secrets", "research"),
        ("list", "/secrets", "tradeplane-system"),
        ("get", "/configmaps", "tradeplane-system"),
        ("get", "/pods/log", "research"),
        ("create", "/pods/exec", "research"),
        ("create", "/pods", "research"),
        ("delete", "/pods", "research"),
        ("create", "/serviceaccounts/token", "research"),
        ("delete", "tradeplane.dev/strategies", "research"),
        ("update", "tradeplane.dev/snapshots", "research"),
        ("deletecollection", "tradeplane.dev/snapshots", "research"),
        ("create", "tradeplane.dev/snapshotcaptures", "research"),
        ("delete", "tradeplane.dev/snapshotcaptures", "research"),
        ("update", "tradeplane.dev/strategies", "research"),
        ("create", "/persistentvolumeclaims", "research"),
        ("deletecollection", "/persistentvolumeclaims", "research"),
        ("patch", "tradeplane.dev/brokerconnections", "research"),
        ("create", "networking.k8s.io/networkpolicies", "research"),
        ("patch", "batch/jobs", "research"),
        ("create", "coordination.k8s.io/leases", "research"),
        ("create", "rbac.authorization.k8s.io/rolebindings", "research"),
        ("list", "apiextensions.k8s.io/customresourcedefinitions", ""),
        ("list", "/namespaces", ""),
        ("list", "/nodes", ""),
    ],
)
@pytest.mark.usefixtures("installed")
def test_the_operator_may_not(api: Api, verb: str, resource: str, namespace: str) -> None:
    assert not _allowed(api, OPERATOR, verb, resource, namespace)


@pytest.mark.usefixtures("installed")
def test_the_operator_holds_its_own_lease_and_no_other(api: Api) -> None:
    lease = "coordination.k8s.io/leases"
    for verb in ("get", "update"):
        assert _allowed(api, OPERATOR, verb, lease, "tradeplane-system", "tradeplane-operator")
        assert not _allowed(api, OPERATOR, verb, lease, "tradeplane-system", "another")
    assert not _allowed(api, OPERATOR, "delete", lease, "tradeplane-system", "tradeplane-operator")


@pytest.mark.usefixtures("installed")
def test_the_operator_is_refused_a_secret(api: Api) -> None:
    answer = api.request("GET", "/api/v1/namespaces/research/secrets", user=OPERATOR)
    assert answer.code == 403
    assert "secrets is forbidden" in answer.message


@pytest.mark.parametrize("resource", ["/secrets", "/pods", "tradeplane.dev/strategies", "batch/jobs", "/configmaps"])
@pytest.mark.usefixtures("installed")
def test_a_run_s_account_may_do_nothing(api: Api, resource: str) -> None:
    assert not any(_allowed(api, RUNNER, verb, resource) for verb in ("get", "list", "create", "patch", "delete"))


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("view", ["get", "list", "watch"], ["create", "update", "patch", "delete"]),
        ("edit", ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"], []),
        ("admin", ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"], []),
    ],
)
@pytest.mark.usefixtures("installed")
def test_people_s_roles_reach_the_kinds_of_their_namespace(
    api: Api, control_plane: EmbeddedCluster, role: str, may: list[str], may_not: list[str]
) -> None:
    user = f"person-who-may-{role}"
    binding = ("create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}", "-n", "research")
    control_plane.client.run(*binding)
    for resource in (f"tradeplane.dev/{kind.plural}" for kind in KINDS if kind is not APPROVAL):
        for verb in may:
            assert _until(partial(_allowed, api, user, verb, resource), f"{role}: {verb} {resource}")
        for verb in may_not:
            assert not _allowed(api, user, verb, resource)
        assert not _allowed(api, user, "patch", f"{resource}/status")
        assert not _allowed(api, user, "get", resource, "tradeplane-system")
    assert _until(partial(_allowed, api, user, "list", "tradeplane.dev/approvals"), f"{role}: list approvals")
    for verb in ("create", "update", "patch", "delete", "deletecollection"):
        assert not _allowed(api, user, verb, "tradeplane.dev/approvals")


@pytest.mark.usefixtures("installed")
def test_an_approver_approves_and_withdraws_and_changes_nothing_else(api: Api, control_plane: EmbeddedCluster) -> None:
    user = "person-who-approves"
    binding = ("create", "rolebinding", user, "--clusterrole=tradeplane-approver", f"--user={user}", "-n", "research")
    control_plane.client.run(*binding)
    for verb in ("get", "list", "watch", "create", "delete"):
        assert _until(partial(_allowed, api, user, verb, "tradeplane.dev/approvals"), f"{verb} approvals")
    for verb in ("update", "patch", "deletecollection"):
        assert not _allowed(api, user, verb, "tradeplane.dev/approvals")
    assert not _allowed(api, user, "patch", "tradeplane.dev/approvals/status")
    assert not _allowed(api, user, "create", "tradeplane.dev/approvals", "tradeplane-system")
    for verb in ("create", "update", "patch", "delete"):
        assert not _allowed(api, user, verb, "tradeplane.dev/strategies")


def _pod(api: Api) -> dict[str, Any]:
    path = "/apis/apps/v1/namespaces/tradeplane-system/deployments/tradeplane-operator"
    template = api.request("GET", path).body["spec"]["template"]
    return {"metadata": {"name": "as-deployed"}, "spec": template["spec"]}


@pytest.mark.usefixtures("installed")
def test_the_operator_s_pod_meets_the_restricted_standard(api: Api) -> None:
    pod = _pod(api)
    answer = api.request("POST", "/api/v1/namespaces/tradeplane-system/pods?dryRun=All", pod)
    assert answer.code == 201, answer.message
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    answer = api.request("POST", "/api/v1/namespaces/tradeplane-system/pods?dryRun=All", pod)
    assert answer.code == 403
    assert 'violates PodSecurity "restricted' in answer.message


@pytest.mark.usefixtures("installed")
def test_the_operator_s_pod_has_its_image_its_settings_and_its_token(api: Api) -> None:
    spec = _pod(api)["spec"]
    assert spec["containers"][0]["image"] == f"registry.invalid/operator@{_DIGEST}"
    (name,) = [volume["configMap"]["name"] for volume in spec["volumes"] if volume["name"] == "settings"]
    settings = api.request("GET", f"/api/v1/namespaces/tradeplane-system/configmaps/{name}").body["data"]
    assert yaml.safe_load(settings["settings.yaml"])["images"]["default"] == f"registry.invalid/workloads@{_DIGEST}"
    created = api.request("POST", "/api/v1/namespaces/tradeplane-system/pods?dryRun=All", _pod(api)).body
    mounts = [mount["mountPath"] for mount in created["spec"]["containers"][0]["volumeMounts"]]
    assert "/var/run/secrets/kubernetes.io/serviceaccount" in mounts


@pytest.mark.usefixtures("installed")
def test_an_enrolled_namespace_takes_no_pod_that_is_not_restricted(api: Api) -> None:
    pod = {
        "metadata": {"name": "loose"},
        "spec": {"serviceAccountName": "tradeplane-runner", "containers": [{"name": "c", "image": "x"}]},
    }
    answer = api.request("POST", "/api/v1/namespaces/research/pods?dryRun=All", pod)
    assert answer.code == 403
    assert "violates PodSecurity" in answer.message


@pytest.mark.usefixtures("installed")
def test_a_run_s_pod_gets_limits_and_no_token(api: Api) -> None:
    pod = _pod(api)
    pod["spec"] = {
        "serviceAccountName": "tradeplane-runner",
        "securityContext": pod["spec"]["securityContext"],
        "containers": [
            {"name": "runner", "image": "x", "securityContext": pod["spec"]["containers"][0]["securityContext"]}
        ],
    }
    answer = api.request("POST", "/api/v1/namespaces/research/pods?dryRun=All", pod)
    assert answer.code == 201, answer.message
    container = answer.body["spec"]["containers"][0]
    assert container["resources"]["limits"] == {"memory": "1Gi", "ephemeral-storage": "1Gi"}
    assert container.get("volumeMounts", []) == []


@pytest.mark.parametrize("overlay", ["kind", "single-namespace"])
def test_the_other_overlays_are_valid_too(control_plane: EmbeddedCluster, installed: Path, overlay: str) -> None:
    said = control_plane.client.run(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-k",
        str(DEPLOY / "overlays" / overlay),
    )
    assert "deployment.apps/tradeplane-operator" in said


@pytest.mark.parametrize(("component", "objects"), [("s3-egress", 1), ("broker-egress", 3), ("quota", 1)])
def test_components_of_a_namespace_are_valid_too(
    control_plane: EmbeddedCluster, installed: Path, tmp_path: Path, component: str, objects: int
) -> None:
    kustomization = {
        "namespace": "research",
        "resources": [_relative(tmp_path, DEPLOY / "namespace")],
        "components": [_relative(tmp_path, DEPLOY / "components" / component)],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    said = control_plane.client.run(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-k", str(tmp_path)
    )
    assert len(said.splitlines()) == 5 + objects


def test_a_namespace_is_enrolled_under_its_own_name(control_plane: EmbeddedCluster, tmp_path: Path) -> None:
    kustomization = {"namespace": "desk-7", "resources": [_relative(tmp_path, DEPLOY / "namespace")]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    rendered = list(yaml.safe_load_all(control_plane.client.run("kustomize", str(tmp_path))))
    assert {document["metadata"]["name"] for document in rendered if document["kind"] == "Namespace"} == {"desk-7"}
    assert {document["metadata"].get("namespace", "desk-7") for document in rendered} == {"desk-7"}


def _relative(directory: Path, target: Path) -> str:
    return os.path.relpath(target.resolve(), directory.resolve())


def test_removing_the_operator_leaves_strategies_and_their_namespace(
    api: Api, control_plane: EmbeddedCluster, installed: Path
) -> None:
    strategies = f"/apis/{API_VERSION}/namespaces/research/strategies"
    assert api.request("POST", strategies, STRATEGY).code == 201
    status = {"status": {"observedGeneration": 1, "observedRerun": 0}}
    merge = "application/merge-patch+json"
    assert api.request("PATCH", f"{strategies}/kept/status", status, content_type=merge).code == 200

    control_plane.client.run("delete", "--wait=false", "-k", str(DEPLOY / "base"))
    deployments = "/apis/apps/v1/namespaces/tradeplane-system/deployments/tradeplane-operator"
    _until(lambda: api.request("GET", deployments).code == 404, "the operator gone")
    kept = api.request("GET", f"{strategies}/kept").body
    assert kept["status"]["observedGeneration"] == 1
    assert api.request("GET", "/api/v1/namespaces/research").body["status"]["phase"] == "Active"

    _until(lambda: api.request("GET", "/api/v1/namespaces/tradeplane-system").code == 404, "its namespace gone")
    control_plane.client.run("apply", "--server-side", "--force-conflicts", "-k", str(installed))
    assert api.request("GET", deployments).code == 200
    assert api.request("GET", f"{strategies}/kept").body["metadata"]["uid"] == kept["metadata"]["uid"]
