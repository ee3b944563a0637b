"""The stand-in for Pulumi's provider of Kubernetes does what that does, on a real API server, and refuses the rest."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import struct_pb2
from google.protobuf.json_format import ParseDict
from pulumi.runtime.proto import provider_pb2 as protocol

from tests.integration.stacks.inline_programs import Aborted, Asked, Call, refused, stack_of, up
from tests.integration.stacks.own_cluster import cluster_environment, local_project, own_cluster, own_server
from tests.integration.stacks.pods import running_pods
from tests.integration.stacks.providers.frame import Refused
from tests.integration.stacks.providers.kubernetes import FORCES, Kinds, KubernetesProvider, projected
from tests.integration.stacks.providers.kubernetes_readiness import SKIPS_WAITING, unready

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.policies.server import Server
    from tests.integration.stacks.conftest import Project

__all__ = ["cluster_environment", "local_project", "own_cluster", "own_server"]

# Pulumi's SDK asks for an event loop in each of its threads, and closes none.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <{what}:pytest.PytestUnraisableExceptionWarning")
    for what in ("socket.socket", "function BaseEventLoop.__del__")
]

_GONE_WITHIN_S = 60
NAMESPACE = "stand-in"
DEFINITION = "desks.example.test"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"


def applied(kind: str, name: str, after: list[Any] | None = None, **fields: Any) -> Asked:
    """Ask for an object of a kind, as ``apps/v1:Deployment``."""
    version, _, its_kind = kind.partition(":")
    within = {} if its_kind in ("Namespace", "CustomResourceDefinition") else {"namespace": NAMESPACE}
    metadata = {"name": name, **within, **fields.pop("metadata", {})}
    limit = fields.pop("within_s", None)
    stated = {"apiVersion": version.removeprefix("core/"), "kind": its_kind, "metadata": metadata, **fields}
    return Asked(f"kubernetes:{kind}", name, after, limit, **stated)


def namespace() -> Asked:
    return applied("core/v1:Namespace", NAMESPACE)


def config_map(value: str = "a", *, forces: bool = False) -> None:
    """Make a ConfigMap with a label of this value."""
    metadata: dict[str, Any] = {"labels": {"value": value}}
    if forces:
        metadata["annotations"] = {FORCES: "true"}
    applied("core/v1:ConfigMap", "settings", [namespace()], metadata=metadata, data={"kept": "so"})


def deployment(app: str = "app", within_s: int = 60) -> None:
    """Make a Deployment, selected by a label of this value."""
    pod = {"containers": [{"name": "only", "image": "example.test/only"}]}
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": {"app": app}},
        "template": {"metadata": {"labels": {"app": app}}, "spec": pod},
    }
    applied("apps/v1:Deployment", "work", [namespace()], within_s=within_s, spec=spec)


def own_kind(*, served_first: bool) -> None:
    """Make an object of a kind, and where it is to be served first the kind."""
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Desk", "plural": "desks", "singular": "desk", "listKind": "DeskList"}
    spec = {"group": "example.test", "scope": "Namespaced", "names": names, "versions": [version]}
    after = [namespace()]
    if served_first:
        after.append(applied("apiextensions.k8s.io/v1:CustomResourceDefinition", DEFINITION, spec=spec))
    applied("example.test/v1:Desk", "one", after, spec={"size": 7})


def namespace_alone() -> None:
    """Make the namespace."""
    namespace()


def gone(server: Server) -> bool:
    return server.ask("GET", f"/api/v1/namespaces/{NAMESPACE}").code == 404


def test_a_kind_is_served_before_an_object_of_it_is_asked_for(local_project: Project, own_server: Server) -> None:
    before = partial(own_kind, served_first=False)
    assert "the API server serves no Desk of example.test/v1" in refused(local_project, before)
    stack = stack_of(local_project, partial(own_kind, served_first=True))
    assert up(stack) == {DEFINITION: "create", "one": "create"}
    desk = own_server.ask("GET", f"/apis/example.test/v1/namespaces/{NAMESPACE}/desks/one").body
    assert desk["spec"] == {"size": 7}
    assert up(stack) == {}
    stack.destroy(run_program=False)
    assert gone(own_server)
    assert own_server.ask("GET", "/apis/example.test/v1").code == 404


def test_what_somebody_changed_is_found_and_taken_back_only_by_force(
    local_project: Project, own_server: Server
) -> None:
    stack = stack_of(local_project, config_map)
    assert set(up(stack).values()) == {"create"}
    by_hand = {"metadata": {"labels": {"value": "by-hand", "others": "theirs"}}}
    assert own_server.ask("PATCH", f"{MAPS}/settings?fieldManager=somebody", by_hand).allowed
    assert 'conflict with "somebody"' in refused(local_project, config_map)
    stack.workspace.program = partial(config_map, forces=True)
    assert up(stack) == {"settings": "update"}
    labels = own_server.ask("GET", f"{MAPS}/settings").body["metadata"]["labels"]
    # What nobody here asked for is theirs to keep.
    assert labels == {"value": "a", "others": "theirs"}
    assert own_server.ask("DELETE", f"{MAPS}/settings").allowed
    assert up(stack) == {"settings": "create"}
    assert up(stack) == {}
    stack.destroy(run_program=False)
    assert gone(own_server)


def test_what_is_there_already_is_not_taken_over(local_project: Project, own_server: Server) -> None:
    own_server.make("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    assert f"Namespace '{NAMESPACE}' already exists" in refused(local_project, namespace_alone)
    stack_of(local_project, namespace_alone).destroy(run_program=False)
    assert own_server.ask("GET", f"/api/v1/namespaces/{NAMESPACE}").allowed
    own_server.ask("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    ends = time.monotonic() + _GONE_WITHIN_S
    while not gone(own_server):
        assert time.monotonic() < ends, "the namespace does not go"


def test_what_cannot_be_changed_is_replaced(local_project: Project, own_server: Server) -> None:
    stack = stack_of(local_project, config_map)
    up(stack)
    uid = own_server.ask("GET", f"{MAPS}/settings").body["metadata"]["uid"]
    stack.workspace.program = partial(config_map, "b")
    assert up(stack) == {"settings": "update"}
    assert own_server.ask("GET", f"{MAPS}/settings").body["metadata"]["uid"] == uid

    stack.workspace.program = deployment
    with running_pods(own_server, NAMESPACE):
        assert up(stack) == {"work": "create", "settings": "delete"}
        uid = own_server.ask("GET", f"{DEPLOYMENTS}/work").body["metadata"]["uid"]
        stack.workspace.program = partial(deployment, "other")
        assert up(stack) == {"work": "replace"}
        found = own_server.ask("GET", f"{DEPLOYMENTS}/work").body
    assert found["metadata"]["uid"] != uid
    assert found["spec"]["selector"] == {"matchLabels": {"app": "other"}}
    stack.destroy(run_program=False)
    assert gone(own_server)


def test_a_deployment_that_is_not_available_is_recorded_and_waited_for_again(
    local_project: Project, own_server: Server
) -> None:
    never = refused(local_project, partial(deployment, within_s=1))
    assert f"{NAMESPACE}/work was made, and is not ready: 0 of 2 replicas" in never
    with running_pods(own_server, NAMESPACE):
        stack = stack_of(local_project, deployment)
        up(stack)
        status = own_server.ask("GET", f"{DEPLOYMENTS}/work").body["status"]
        assert status["availableReplicas"] == 2
        assert up(stack) == {}
    stack.destroy(run_program=False)
    assert gone(own_server)


OBJECT: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:yaml:ConfigGroup",
        "kubernetes:yaml/v2:ConfigGroup",
        "kubernetes:kustomize/v2:Directory",
        "kubernetes:core/v1:ConfigMapPatch",
        "kubernetes:core/v1:ConfigMapList",
        "aws:s3/bucket:Bucket",
    ],
)
def test_a_type_that_is_no_object_is_refused_by_its_name(token: str) -> None:
    provider = KubernetesProvider("1.0.0", Kinds(), {})
    with pytest.raises(Aborted, match=rf"UNIMPLEMENTED: the type {token} is not implemented by this stand-in"):
        provider.Create(protocol.CreateRequest(urn=f"urn:pulumi:dev::project::{token}::name"), Call())


@pytest.mark.parametrize(
    ("token", "changes", "message"),
    [
        ("core/v1:ConfigMap", {"metadata": {}}, r"metadata\.name is not there"),
        ("core/v1:ConfigMap", {"kind": "Secret"}, r"\('v1', 'Secret'\), not those of the type"),
        ("apps/v1:ConfigMap", {}, r"\('v1', 'ConfigMap'\), not those of the type"),
        (
            "core/v1:ConfigMap",
            {"metadata": {"name": "a", "annotations": {"pulumi.com/waitFor": "condition=Ready"}}},
            r"pulumi\.com/waitFor is not implemented",
        ),
        ("apps/v1:StatefulSet", {"apiVersion": "apps/v1", "kind": "StatefulSet"}, "what it is waited for"),
        ("core/v1:PersistentVolumeClaim", {"kind": "PersistentVolumeClaim"}, "what it is waited for"),
        ("core/v1:Service", {"kind": "Service", "spec": {"selector": {"a": "b"}}}, "what it is waited for"),
    ],
)
def test_what_is_not_implemented_is_refused(token: str, changes: Mapping[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message):
        Kinds()[f"kubernetes:{token}"].check({**OBJECT, **changes})


@pytest.mark.parametrize(
    ("token", "changes"),
    [
        ("core/v1:ConfigMap", {}),
        ("core/v1:Service", {"kind": "Service", "spec": {"clusterIP": "None", "selector": {"a": "b"}}}),
        (
            "apps/v1:StatefulSet",
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "metadata": {"name": "a", "annotations": {SKIPS_WAITING: "true"}},
            },
        ),
    ],
)
def test_what_is_implemented_is_taken(token: str, changes: Mapping[str, Any]) -> None:
    Kinds()[f"kubernetes:{token}"].check({**OBJECT, **changes})


@pytest.mark.parametrize(
    ("given", "failures"),
    [
        ({}, []),
        ({"version": "4.0.0"}, []),
        ({"context": "tradeplane"}, []),
        ({"context": "production"}, ["this stand-in knows the context tradeplane, and not production"]),
        ({"namespace": "a"}, ["namespace is not implemented by this stand-in"]),
    ],
)
def test_another_cluster_is_refused(
    given: dict[str, str], failures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubeconfig").write_text("current-context: tradeplane", encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    request = protocol.CheckRequest(news=ParseDict(given, struct_pb2.Struct()))
    found = KubernetesProvider("1.0.0", Kinds(), {}).CheckConfig(request, Call())
    assert [failure.reason for failure in found.failures] == failures


@pytest.mark.parametrize(
    ("live", "asked", "back"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, {"a": 1}),
        ({"a": 2}, {"a": 1}, {"a": 2}),
        ({}, {"a": 1}, {}),
        ({"a": [{"b": 1, "default": 2}]}, {"a": [{"b": 1}]}, {"a": [{"b": 1}]}),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 2}]}),
        ({"a": []}, {"a": [1]}, {"a": []}),
        ({"a": "text"}, {"a": {"b": 1}}, {"a": "text"}),
    ],
)
def test_an_object_is_read_in_the_fields_that_were_asked_for(live: Any, asked: Any, back: Any) -> None:
    assert projected(live, asked) == back


@pytest.mark.parametrize(
    ("kind", "live", "reasons"),
    [
        ("apiextensions.k8s.io/v1:CustomResourceDefinition", {}, ["the kind a is not established"]),
        ("v1:ResourceQuota", {"spec": {"hard": {"pods": "1"}}}, ["nothing is counted by the ResourceQuota yet"]),
        ("v1:ResourceQuota", {"spec": {"hard": {"pods": "1"}}, "status": {"hard": {"pods": "1"}}}, []),
        ("apps/v1:Deployment", {"spec": {}, "status": {}}, ["the Deployment was not looked at yet"]),
        (
            "apps/v1:Deployment",
            {"spec": {"replicas": 1}, "status": {"observedGeneration": 1, "replicas": 2, "availableReplicas": 1}},
            ["1 of 1 replicas are available: "],
        ),
        ("v1:ConfigMap", {}, []),
    ],
)
def test_why_an_object_is_not_ready_is_told(kind: str, live: dict[str, Any], reasons: list[str]) -> None:
    version, _, its_kind = kind.partition(":")
    inputs = {"apiVersion": version, "kind": its_kind}
    assert unready(inputs, {"metadata": {"name": "a", "generation": 1}, **live}) == reasons
