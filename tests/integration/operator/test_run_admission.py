"""Where a namespace is guarded, who may edit all in it makes no pod that passes for a run's, and enters none."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_stacks.local.errors import CommandError

from tests.integration.operator.cluster import eventually
from tests.integration.policies.applied import applied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_stacks.local.cluster import EmbeddedCluster

Json = dict[str, Any]
TENANT = "mallory"
OPERATOR = "system:serviceaccount:tradeplane-system:tradeplane-operator"
OURS = {"app.kubernetes.io/managed-by": "tradeplane"}
CLAIM = [{"name": "store", "persistentVolumeClaim": {"claimName": "tradeplane-store"}}]
SESSIONS = [{"name": "s", "persistentVolumeClaim": {"claimName": "sessions-0f0f0f0f-macd-trader-0"}}]
PLAIN: Json = {"restartPolicy": "Never", "automountServiceAccountToken": False}
OWNER = {"apiVersion": "batch/v1", "kind": "Job", "name": "macd-1", "uid": str(uuid.UUID(int=1)), "controller": True}
SELECTED = {"matchLabels": {"app": "x"}}


@pytest.fixture(scope="module")
def policy(control_plane: EmbeddedCluster, kinds: None) -> Iterator[EmbeddedCluster]:
    """Apply the policy that is checked in."""
    with applied(control_plane, "runs"):
        yield control_plane


def _namespace(cluster: EmbeddedCluster, *labels: str) -> str:
    """Make a namespace in which a tenant may edit everything that Kubernetes lets editors edit."""
    name = f"guarded-{uuid.uuid4().hex[:8]}"
    cluster.client.run("create", "namespace", name)
    cluster.client.run("create", "rolebinding", "edit", "-n", name, "--clusterrole=edit", f"--user={TENANT}")
    for label in labels:
        cluster.client.run("label", "namespace", name, label)
    return name


@pytest.fixture(scope="module")
def guarded(policy: EmbeddedCluster) -> Iterator[str]:
    """Make a namespace that is guarded."""
    name = _namespace(policy, "tradeplane.dev/runs=guarded")
    yield name
    policy.client.run("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def unguarded(policy: EmbeddedCluster) -> Iterator[str]:
    """Make a namespace that is not."""
    name = _namespace(policy)
    yield name
    policy.client.run("delete", "namespace", name, "--wait=false")


def _pod(labels: dict[str, str] | None = None, **spec: Any) -> Json:
    """Return what is common to a pod and to the template of one."""
    containers = [{"name": "work", "image": "registry.example/mine@sha256:" + "a" * 64}]
    return {"metadata": {"labels": {"app": "x"} | (labels or {})}, "spec": PLAIN | {"containers": containers} | spec}


def _object(kind: str, body: Json, version: str = "v1") -> Json:
    name = f"x-{uuid.uuid4().hex[:8]}"
    return {"apiVersion": version, "kind": kind, **body, "metadata": {"name": name} | body.get("metadata", {})}


def _of(kind: str, pod: Json) -> Json:
    """Return an object of a kind whose pods are this one."""
    always = {**pod, "spec": {**pod["spec"], "restartPolicy": "Always"}}
    match kind:
        case "Pod":
            return _object("Pod", pod)
        case "Job":
            return _object("Job", {"spec": {"template": pod}}, "batch/v1")
        case "CronJob":
            job = {"spec": {"template": pod}}
            return _object("CronJob", {"spec": {"schedule": "0 0 * * *", "jobTemplate": job}}, "batch/v1")
        case "ReplicationController":
            return _object(kind, {"spec": {"selector": {"app": "x"}, "template": always}})
        case "StatefulSet":
            return _object(kind, {"spec": {"serviceName": "x", "selector": SELECTED, "template": always}}, "apps/v1")
        case _:
            return _object(kind, {"spec": {"selector": SELECTED, "template": always}}, "apps/v1")


KINDS = (
    "Pod",
    "Job",
    "CronJob",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "ReplicationController",
)


def _refusal(cluster: EmbeddedCluster, namespace: str, body: Json, user: str = TENANT) -> str:
    """Ask for an object without making it; return why that is refused, or ""."""
    arguments = ("create", "-n", namespace, "--dry-run=server", f"--as={user}", "-f", "-")
    try:
        cluster.client.run(*arguments, content=json.dumps(body))
    except CommandError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def tenant(policy: EmbeddedCluster, guarded: str, unguarded: str) -> str:
    """Wait until the policy is enforced, which the API server learns of by watching, and the tenant may edit."""

    async def enforced() -> bool:
        free = _refusal(policy, unguarded, _of("Pod", _pod(OURS)))
        return not free and "labels" in _refusal(policy, guarded, _of("Pod", _pod(OURS)))

    asyncio.run(eventually(enforced, "the policy to be enforced"))
    return guarded


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (_pod(OURS), "are of what the tradeplane operator makes"),
        (_pod({"tradeplane.dev/role": "broker-probe"}), "are of what the tradeplane operator makes"),
        (_pod(volumes=CLAIM), "are mounted by pods of the tradeplane operator alone"),
        (_pod(volumes=SESSIONS), "are mounted by pods of the tradeplane operator alone"),
    ],
)
def test_nothing_a_tenant_makes_passes_for_a_run(
    policy: EmbeddedCluster, tenant: str, kind: str, pod: Json, words: str
) -> None:
    assert words in _refusal(policy, tenant, _of(kind, pod))
    assert _refusal(policy, tenant, _of(kind, _pod())) == "", "what has nothing to do with runs is left alone"


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_label_of_the_namespace_the_same_is_made(
    policy: EmbeddedCluster, tenant: str, unguarded: str, kind: str
) -> None:
    assert _refusal(policy, unguarded, _of(kind, _pod(OURS, volumes=CLAIM))) == ""


@pytest.mark.parametrize("user", [OPERATOR, "system:serviceaccount:kube-system:job-controller"])
def test_those_who_make_them_do(policy: EmbeddedCluster, tenant: str, user: str) -> None:
    binding = f"edit-{uuid.uuid4().hex[:6]}"
    policy.client.run("create", "rolebinding", binding, "-n", tenant, "--clusterrole=edit", f"--user={user}")
    for kind in ("Pod", "Job", "StatefulSet"):
        assert _refusal(policy, tenant, _of(kind, _pod(OURS, volumes=CLAIM)), user) == ""


def test_no_pod_is_counted_as_one_of_a_job_s(policy: EmbeddedCluster, tenant: str) -> None:
    adopted = _of("Pod", _pod())
    adopted["metadata"]["ownerReferences"] = [OWNER]
    selected = _of("Pod", _pod({"batch.kubernetes.io/controller-uid": str(OWNER["uid"])}))
    for pod in (adopted, selected):
        assert "are made by their controllers alone" in _refusal(policy, tenant, pod)


def test_a_set_whose_claim_would_be_a_trader_s_is_refused(policy: EmbeddedCluster, tenant: str) -> None:
    forged = _of("StatefulSet", _pod())
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    forged["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "sessions-0f0f0f0f"}, "spec": claim}]
    assert "are mounted by pods of the tradeplane operator alone" in _refusal(policy, tenant, forged)


@pytest.fixture(scope="module")
def run_pod(policy: EmbeddedCluster, tenant: str) -> str:
    """Make a pod as a run's is."""
    pod = _of("Pod", _pod(OURS))
    policy.client.run("create", "-n", tenant, "-f", "-", content=json.dumps(pod))
    return str(pod["metadata"]["name"])


def _as_tenant(cluster: EmbeddedCluster, namespace: str, *arguments: str) -> str:
    """Do something as the tenant; return why that is refused, or ""."""
    try:
        cluster.client.run("-n", namespace, f"--as={TENANT}", *arguments)
    except CommandError as error:
        return str(error)
    return ""


def test_a_pod_of_a_run_is_not_given_another_image(policy: EmbeddedCluster, tenant: str, run_pod: str) -> None:
    another = '{"spec":{"containers":[{"name":"work","image":"registry.example/evil@sha256:%s"}]}}' % ("b" * 64)
    assert "leave it as it is" in _as_tenant(policy, tenant, "patch", "pod", run_pod, "-p", another)
    assert "leave it as it is" in _as_tenant(policy, tenant, "label", "pod", run_pod, "tradeplane.dev/role=capture")
    assert _as_tenant(policy, tenant, "annotate", "pod", run_pod, "team=quant") == ""


def test_a_pod_of_the_tenant_s_does_not_become_one(policy: EmbeddedCluster, tenant: str) -> None:
    pod = _of("Pod", _pod())
    policy.client.run("create", "-n", tenant, f"--as={TENANT}", "-f", "-", content=json.dumps(pod))
    ours = _as_tenant(
        policy, tenant, "label", "pod", pod["metadata"]["name"], "app.kubernetes.io/managed-by=tradeplane"
    )
    assert "are of what the tradeplane operator makes" in ours


@pytest.mark.parametrize("way", [("exec", "POD", "--", "true"), ("attach", "POD")], ids=lambda way: way[0])
def test_no_pod_is_entered(policy: EmbeddedCluster, tenant: str, run_pod: str, way: tuple[str, ...]) -> None:
    arguments = [run_pod if one == "POD" else one for one in way]
    assert "are entered by nobody but" in _as_tenant(policy, tenant, *arguments)


@pytest.mark.parametrize("way", ["portforward?ports=9", "proxy/"])
def test_no_port_of_a_pod_is_reached_through_the_api_server(
    policy: EmbeddedCluster, tenant: str, run_pod: str, way: str
) -> None:
    path = f"/api/v1/namespaces/{tenant}/pods/{run_pod}/{way}"
    assert "are entered by nobody but" in _as_tenant(policy, tenant, "get", "--raw", path)


def test_the_network_policies_stay(policy: EmbeddedCluster, tenant: str, unguarded: str) -> None:
    denied = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "default-deny"}}
    denied["spec"] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for namespace in (tenant, unguarded):
        policy.client.run("create", "-n", namespace, "-f", "-", content=json.dumps(denied))
    opened = {**denied, "metadata": {"name": "open"}, "spec": {"podSelector": {}, "egress": [{}]}}
    words = "are changed by who administers the cluster"
    assert words in _refusal(policy, tenant, opened)
    assert words in _as_tenant(policy, tenant, "delete", "networkpolicy", "default-deny")
    assert words in _as_tenant(
        policy, tenant, "patch", "networkpolicy", "default-deny", "-p", '{"spec":{"egress":[{}]}}'
    )
    assert _as_tenant(policy, unguarded, "delete", "networkpolicy", "default-deny") == "", "where it is not guarded"


def test_a_guarded_namespace_can_be_removed(policy: EmbeddedCluster, tenant: str) -> None:
    """Its controller deletes the policies in it, as nobody's administrator."""
    name = _namespace(policy, "tradeplane.dev/runs=guarded")
    denied = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "d"}}
    denied["spec"] = {"podSelector": {}}
    policy.client.run("create", "-n", name, "-f", "-", content=json.dumps(denied))
    policy.client.run("delete", "namespace", name, "--timeout=60s")
