"""``stacks/local`` on Pulumi's real engine and a real API server: made, changed, compared, repaired and removed."""

from __future__ import annotations

import contextlib
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_stacks.kustomize import locate_kubectl

from tests.integration.stacks.conftest import STANDS_IN, path_without
from tests.integration.stacks.own_cluster import cluster_environment, local_project, own_cluster, own_server
from tests.integration.stacks.pods import running_pods
from tests.integration.stacks.test_engine import command, done, failed, operations, refused
from tests.unit.stacks.components.platforms import private_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.policies.server import Server
    from tests.integration.stacks.own_cluster import LocalProject
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["cluster_environment", "local_project", "own_cluster", "own_server"]

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

Json = dict[str, Any]
SYSTEM = "tradeplane-system"
NAME = "tradeplane-dev-platform"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/tradeplane-operator"
DENY = f"/apis/networking.k8s.io/v1/namespaces/{SYSTEM}/networkpolicies/default-deny"
RESEARCH = "/api/v1/namespaces/research"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
LEFT = (
    "/api/v1/namespaces",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    BINDINGS,
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
)
_HEEDED_WITHIN_S = 60


@contextlib.contextmanager
def without_network_policies(server: Server) -> Iterator[None]:
    """Have the API server refuse network policies."""
    base, name = "/apis/admissionregistration.k8s.io/v1", "of-a-test"
    rule = {
        "apiGroups": ["networking.k8s.io"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["networkpolicies"],
    }
    spec: Json = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "a test refuses it"}],
    }
    server.make(f"{base}/validatingadmissionpolicies", {"metadata": {"name": name}, "spec": spec})
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    server.make(BINDINGS, binding)
    try:
        _await_answer(server, allowed=False)
        yield
    finally:
        server.ask("DELETE", f"{BINDINGS}/{name}")
        server.ask("DELETE", f"{base}/validatingadmissionpolicies/{name}")
        _await_answer(server, allowed=True)


def _await_answer(server: Server, *, allowed: bool) -> None:
    """Wait until network policies are allowed, or not: a policy is heeded some moments after it is made."""
    asked = {"metadata": {"name": "of-a-test"}, "spec": {"podSelector": {}}}
    path = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies?dryRun=All"
    ends = time.monotonic() + _HEEDED_WITHIN_S
    while server.ask("POST", path, asked).allowed is not allowed:
        assert time.monotonic() < ends, "the API server does not heed a policy"


def left(server: Server) -> list[str]:
    """Return the names of what there is of tradeplane."""
    found = [one["metadata"]["name"] for path in LEFT for one in server.ask("GET", path).body["items"]]
    return sorted(name for name in found if name == "research" or "tradeplane" in name)


def settings(server: Server) -> Json:
    """Return the settings of the operator that is deployed."""
    (volume,) = (
        volume["configMap"]["name"]
        for volume in server.ask("GET", DEPLOYMENT).body["spec"]["template"]["spec"]["volumes"]
        if volume["name"] == "settings"
    )
    data = server.ask("GET", f"/api/v1/namespaces/{SYSTEM}/configmaps/{volume}").body["data"]
    found = yaml.safe_load(data["settings.yaml"])
    assert isinstance(found, dict)
    return found


def test_life_of_a_platform(local_project: LocalProject, own_server: Server, tradeplane: Command) -> None:
    done(tradeplane, "init", "dev")
    key = private_key()
    place = ("config", "set", "--stack", "dev", "--path", "tradeplane-local:platform.evidence.signing_key", "--secret")
    local_project.run(*place, "--", key)
    assert "PRIVATE KEY" not in (local_project.folder / "Pulumi.dev.yaml").read_text(encoding="utf-8")

    wanted = operations(done(tradeplane, "preview", "dev"))
    assert set(wanted) == {"create"}
    assert left(own_server) == []

    with running_pods(own_server, SYSTEM):
        made = done(tradeplane, "up", "dev", "--yes")
        assert operations(made) == wanted
        # Of a plugin on PATH the engine warns, whichever it is.
        assert made["warnings"] == [] or shutil.which("pulumi-resource-kubernetes") is not None
        again = done(tradeplane, "up", "dev", "--yes")
        assert (again["changes"], again["unchanged"]) == ([], len(wanted["create"]))

        secret = own_server.ask("GET", f"/api/v1/namespaces/{SYSTEM}/secrets/tradeplane-signing-key").body
        assert set(secret["data"]) == {"key.pem"}
        states = list((local_project.programs.parent / "state").rglob("*.json*"))
        assert states
        for file in states:
            assert secret["data"]["key.pem"] not in file.read_text(encoding="utf-8"), file
        outputs = done(tradeplane, "outputs", "dev")["outputs"]["platform"]
        assert outputs["namespaces"] == ["research"]
        assert "strategies.tradeplane.dev" in outputs["kinds"]
        # What is installed holds: a pod that is not restricted is refused.
        pod = {"metadata": {"name": "a"}, "spec": {"hostNetwork": True, "containers": [{"name": "a", "image": "b"}]}}
        assert "PodSecurity" in own_server.ask("POST", f"{RESEARCH}/pods?dryRun=All", pod).words

        # The operator's settings change: it is rolled out anew, and the settings of before go.
        assert settings(own_server)["limits"]["runs"] == 1000
        local_project.change(limits={"runs": 7})
        changed = operations(done(tradeplane, "up", "dev", "--yes"))
        assert changed["update"] == [f"{NAME}-deployment-{SYSTEM}-tradeplane-operator"]
        assert {len(changed["create"]), len(changed["delete"])} == {1}
        assert settings(own_server)["limits"]["runs"] == 7

        # Somebody opens the network, lowers the standard of a namespace, unbinds a policy and pins another image.
        assert own_server.ask("PATCH", DENY, {"spec": {"policyTypes": ["Ingress"]}}).allowed
        label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
        assert own_server.ask("PATCH", RESEARCH, label).allowed
        assert own_server.ask("DELETE", f"{BINDINGS}/tradeplane-restricted-pods").allowed
        drifted = operations(done(tradeplane, "drift", "dev", code=10))
        assert drifted == {
            "update": [f"{NAME}-namespace-research", f"{NAME}-networkpolicy-{SYSTEM}-default-deny"],
            "delete": [f"{NAME}-validatingadmissionpolicybinding-tradeplane-restricted-pods"],
        }
        repaired = operations(done(tradeplane, "up", "dev", "--yes"))
        assert repaired == {"update": drifted["update"], "create": drifted["delete"]}
        assert own_server.ask("GET", DENY).body["spec"]["policyTypes"] == ["Ingress", "Egress"]
        labels = own_server.ask("GET", RESEARCH).body["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert own_server.ask("GET", f"{BINDINGS}/tradeplane-restricted-pods").allowed
        assert done(tradeplane, "drift", "dev")["changes"] == []

        assert set(operations(done(tradeplane, "destroy", "dev", "--yes"))) == {"delete"}
    assert left(own_server) == []
    assert done(tradeplane, "preview", "dev")["unchanged"] == 0


def test_an_up_that_failed_half_way_is_finished_by_the_next(
    local_project: LocalProject, own_server: Server, tradeplane: Command
) -> None:
    done(tradeplane, "init", "dev")
    with without_network_policies(own_server):
        error = failed("up", "dev", "--yes", code=4)
    assert "a test refuses it" in error["message"]
    assert "run `up` again" in error["remedy"]
    # What needs them is not there: the operator is never without what shuts its network off.
    assert own_server.ask("GET", DEPLOYMENT).code == 404

    local_project.change(rollout_seconds=10)
    error = failed("up", "dev", "--yes", code=4)
    assert "tradeplane-operator" in error["message"]
    assert "Minimum number of live Pods was not attained" in error["message"]
    with running_pods(own_server, SYSTEM):
        done(tradeplane, "up", "dev", "--yes")
        assert own_server.ask("GET", DEPLOYMENT).body["status"]["availableReplicas"] == 2
        assert done(tradeplane, "up", "dev", "--yes")["changes"] == []
    done(tradeplane, "destroy", "dev", "--yes")
    assert left(own_server) == []


def test_what_holds_everything_is_not_destroyed_unasked(
    local_project: LocalProject, own_server: Server, tradeplane: Command
) -> None:
    local_project.change(protected=True)
    done(tradeplane, "init", "dev")
    with running_pods(own_server, SYSTEM):
        done(tradeplane, "up", "dev", "--yes")
        before = left(own_server)
        error = refused(tradeplane, "destroy", "dev", "--yes", code=3)
        assert f"{NAME}-customresourcedefinition-strategies.tradeplane.dev" in error["message"]
        assert f"{NAME}-namespace-research" in error["message"]
        assert left(own_server) == before
        local_project.run("state", "unprotect", "--all", "--yes", "--stack", "dev")
        done(tradeplane, "destroy", "dev", "--yes")
    assert left(own_server) == []


def test_what_is_wrong_is_told_before_anything_is_made(
    local_project: LocalProject, own_server: Server, tradeplane: Command
) -> None:
    done(tradeplane, "init", "dev")
    local_project.change(store={"kind": "nfs"}, images=None, namespaces=[{"name": "kube-system"}])
    error = failed("up", "dev", "--yes", code=2)
    start = "tradeplane-local:platform"
    assert [(one["file"], one["field"]) for one in error["problems"]] == [
        ("Pulumi.dev.yaml", f"{start}.images"),
        ("Pulumi.dev.yaml", f"{start}.store"),
        ("Pulumi.dev.yaml", f"{start}.namespaces.0.name"),
    ]
    assert left(own_server) == []


def test_a_missing_plugin_is_told_with_what_to_do(
    local_project: LocalProject, tradeplane: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done(tradeplane, "init", "dev")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "of-nobody"))  # that of before has what was built here
    (tmp_path / "kubectl").symlink_to(locate_kubectl())
    monkeypatch.setenv("PATH", path_without("pulumi-resource-kubernetes", local_project.pulumi.parent, tmp_path))
    monkeypatch.delenv(STANDS_IN, raising=False)
    monkeypatch.setenv("TRADEPLANE_CACHE", str(tmp_path / "nothing-built"))
    ended = command("preview", "dev")
    assert ended.returncode == 2, ended.stderr
    assert "pulumi-resource-kubernetes" in ended.stderr
    assert "pulumi plugin install resource kubernetes" in ended.stderr
