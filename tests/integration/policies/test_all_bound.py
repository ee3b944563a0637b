"""With every policy bound as kustomize renders it: the operator works, and where parameters are missing it still can.

A policy that refuses more than it should is the surest way to lose a cluster: what must never be refused is tried here
as those who do it.
"""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.broker_connection import BrokerConnectionSpec
from tradeplane_operator.planning.probe_jobs import build_probe

from tests.awaiting import until
from tests.integration.policies.applied import applied
from tests.integration.policies.cases import JOB_CONTROLLER, OPERATOR, TENANT_LABEL
from tests.integration.policies.objects import DIGEST, container, named, pod, strategy
from tests.integration.policies.trials import ADMISSION, PARAMETERS, PLURALS
from tests.unit.operator.simulation import NAMESPACE, SETTINGS
from tests.unit.operator.test_paper_pods import _closing, _session, _trader
from tests.unit.operator.test_strategy_plan import _plan, _resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.policies.server import Answer, Json, Server

TENANT, LIVE = "all-tenant", "all-live"
GUARDED = {
    TENANT_LABEL: "acme",
    "pod-security.kubernetes.io/enforce": "restricted",
    "tradeplane.dev/runs": "guarded",
}
NODE = "system:node:node-1"
_LIVE_STRATEGY = strategy("live", mode="Live", snapshotRef=None, connectionRef={"name": "venue"})
_SNAPSHOT = named("Snapshot", "prices", {"digest": DIGEST})


@pytest.fixture(scope="module")
def everything(server: Server, control_plane: EmbeddedCluster) -> Iterator[Server]:
    """Apply all that there is, after two namespaces of tenants and what stands in them."""
    server.make("/api/v1/namespaces", {"metadata": {"name": "tradeplane-system"}})
    for name, labels in ((TENANT, GUARDED), (LIVE, GUARDED | {"tradeplane.dev/live-trading": "guarded"})):
        server.make("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        for account in ("default", SETTINGS.jobs.service_account):
            server.make(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": account}})
    server.make(_path(TENANT, "Strategy"), strategy("standing"))
    server.make(_path(LIVE, "Strategy"), _LIVE_STRATEGY)
    server.make(_path(TENANT, "Snapshot"), _SNAPSHOT)
    finalizers = ["batch.kubernetes.io/job-tracking"]
    ran = pod(name="ran")
    server.make(_path(TENANT, "Pod"), {**ran, "metadata": {**ran["metadata"], "finalizers": finalizers}})
    control_plane.client.run("apply", "--server-side", "-k", str(ADMISSION / "parameters"))
    with applied(control_plane, "all"):
        yield server
    assert _create(server, "default", strategy()).allowed
    freed = {"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": None}}
    server.ask("PATCH", f"{_path(TENANT, 'Pod')}/ran", freed)
    for name in (TENANT, LIVE):
        server.ask("DELETE", f"/api/v1/namespaces/{name}")


def _path(namespace: str, kind: str) -> str:
    group = "/api/v1" if kind in {"Pod", "ConfigMap"} else "/apis/tradeplane.dev/v1alpha1"
    return f"{group}/namespaces/{namespace}/{PLURALS[kind]}"


def _create(server: Server, namespace: str, body: Json, user: str = "alice@example.com") -> Answer:
    return server.ask("POST", f"{_path(namespace, body['kind'])}?dryRun=All", body, user=user)


def _patch(server: Server, path: str, body: Json, user: str = OPERATOR) -> Answer:
    return server.ask("PATCH", f"{path}?dryRun=All", body, user=user)


def _registries(server: Server) -> list[str]:
    """Return the prefix of every image that the operator's own pods have in these tests."""
    images = {one["image"] for made in _made() for one in made["containers"]}
    return sorted({image.partition("@")[0].rpartition("/")[0] + "/" for image in images})


def _made() -> list[Json]:
    """Return the pods of everything that the operator makes run: a run, a trader, a closing and a probe."""
    (run,) = _plan(_resource()).create
    session = _session()
    metadata = {"name": "venue", "namespace": NAMESPACE, "uid": "u"}
    probe = build_probe(metadata, BrokerConnectionSpec.model_validate({"type": "Binance"}), "venue-1", SETTINGS)
    specs = []
    for made in (run, _trader(session), _closing(session), probe):
        spec: Json = copy.deepcopy(made["spec"]["template"]["spec"])
        claims = made["spec"].get("volumeClaimTemplates", [])  # which the controller of a StatefulSet mounts
        spec["volumes"] = [
            *spec.get("volumes", []),
            *({"name": one["metadata"]["name"], "persistentVolumeClaim": {"claimName": "c"}} for one in claims),
        ]
        specs.append(spec)
    return specs


def _of_the_operator(spec: Json) -> Json:
    labels = {"app.kubernetes.io/managed-by": "tradeplane"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "made", "labels": labels}, "spec": spec}


def test_nothing_of_what_the_operator_makes_is_refused(everything: Server) -> None:
    spec = {"imageSources": {"registries": _registries(everything)}}
    body = {"apiVersion": "policies.tradeplane.dev/v1alpha1", "kind": "AdmissionParameters", "spec": spec}
    assert everything.ask("PATCH", f"{PARAMETERS}/tradeplane-image-sources", body).allowed
    pods = [_of_the_operator(spec) for spec in _made()]
    until(lambda: _create(everything, TENANT, pods[0], JOB_CONTROLLER).allowed, "the registry to be taken up")
    assert [_create(everything, TENANT, one, JOB_CONTROLLER).words for one in pods[1:]] == [""] * len(pods[1:])
    assert len(pods) == 4
    taken = copy.deepcopy(pods[0])
    taken["spec"]["hostPID"] = True
    assert "hostPID" in _create(everything, TENANT, taken, JOB_CONTROLLER).words, "that the policies are bound"


def test_a_pod_of_a_tenant_is_held_to_all_of_them(everything: Server) -> None:
    for changed, words in (
        (pod(nodeSelector=None), "must state its processor"),
        (pod(container(resources=None)), "must state resources"),
        (pod(container(image="registry.example/a:1")), "is not named by its digest"),
        (pod(automountServiceAccountToken=False, hostNetwork=True), "hostNetwork"),
        (pod(labels={"tradeplane.dev/run": "x"}), ""),
    ):
        answer = _create(everything, TENANT, changed)
        assert words in answer.words
        assert not answer.allowed or not words
    assert "is of no tenant" in _create(everything, "default", strategy()).words
    assert "lacks the label tradeplane.dev/live-trading" in _create(everything, TENANT, _LIVE_STRATEGY).words


@pytest.fixture
def without_parameters(everything: Server) -> Server:
    """Take every policy's parameters away."""
    assert everything.ask("DELETE", PARAMETERS).allowed
    until(lambda: "no params found" in _create(everything, TENANT, pod()).words, "the parameters to be gone")
    return everything


def _system_pod() -> Json:
    made = pod(
        container(image="registry.k8s.io/kube-proxy:v1.34.4", resources=None, securityContext={"privileged": True}),
        securityContext=None,
        hostNetwork=True,
        nodeSelector=None,
    )
    made["spec"]["volumes"] = [{"name": "node", "hostPath": {"path": "/"}}]
    return made


def test_where_parameters_are_missing_tenants_are_closed_and_nothing_else_is(without_parameters: Server) -> None:
    server = without_parameters
    for account in ("kube-system", "tradeplane-system"):
        server.make(f"/api/v1/namespaces/{account}/serviceaccounts", {"metadata": {"name": "default"}})
        assert _create(server, account, _system_pod(), JOB_CONTROLLER).allowed
    live = _create(server, LIVE, strategy())
    assert not live.allowed
    assert "no params found" in live.words
    assert "is of no tenant" in _create(server, "default", strategy()).words
    # The operator: a status of every namespace, its finalizers of all but live trading, and what it makes.
    status: Json = {"apiVersion": "tradeplane.dev/v1alpha1", "kind": "Strategy", "status": {"observedGeneration": 1}}
    kept: Json = {"apiVersion": status["apiVersion"], "kind": "Strategy", "metadata": {"finalizers": ["a.example/b"]}}
    assert _patch(server, f"{_path(TENANT, 'Strategy')}/standing/status", status).allowed
    assert _patch(server, f"{_path(LIVE, 'Strategy')}/live/status", status).allowed
    assert _patch(server, f"{_path(TENANT, 'Strategy')}/standing", kept).allowed
    assert "no params found" in _patch(server, f"{_path(LIVE, 'Strategy')}/live", kept).words
    snapshot = {**kept, "kind": "Snapshot"}
    assert _patch(server, f"{_path(TENANT, 'Snapshot')}/prices", snapshot).allowed
    assert _create(server, TENANT, {**_SNAPSHOT, "metadata": {"name": "sealed"}}, OPERATOR).allowed
    assert _create(server, "default", _SNAPSHOT, OPERATOR).allowed
    # What ran comes to its end, and is deleted.
    freed = {"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": None}}
    phase: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Succeeded"}}
    assert _patch(server, f"{_path(TENANT, 'Pod')}/ran", freed, JOB_CONTROLLER).allowed
    assert _patch(server, f"{_path(TENANT, 'Pod')}/ran/status", phase, NODE).allowed
    for path in (f"{_path(TENANT, 'Pod')}/ran", f"{_path(LIVE, 'Strategy')}/live", f"/api/v1/namespaces/{TENANT}"):
        assert server.ask("DELETE", f"{path}?dryRun=All", user="alice@example.com").allowed


def test_expressions_are_of_the_types_that_they_meet(everything: Server) -> None:
    """What an API server's controller says of the policies' expressions, of each kind they are for."""
    found = everything.ask("GET", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies").body["items"]
    names = [one["metadata"]["name"] for one in found if one["metadata"].get("labels")]
    assert "tradeplane-live-strategies" in names

    def checked(name: str) -> bool:
        return "typeChecking" in _policy(everything, name).get("status", {})

    for name in names:
        until(partial(checked, name), f"{name} to be checked")
    warned = {name: _policy(everything, name)["status"]["typeChecking"].get("expressionWarnings") for name in names}
    known = {"tradeplane-work"}  # of several kinds at once: that of each is asked for by request.resource first
    assert {name for name, warnings in warned.items() if warnings} <= known


def _policy(server: Server, name: str) -> Json:
    return server.ask("GET", f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{name}").body
