"""The embedded cluster as its users meet it: nodes, pods, names, Services, images, volumes, and mending."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_stacks.local.errors import CommandError
from tradeplane_stacks.local.nodes import cluster_nodes

if TYPE_CHECKING:
    from tradeplane_stacks.local.cluster import EmbeddedCluster

_LIMIT_S = 240
_RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def _pod(image: str, arguments: list[str], architecture: str, **container: Any) -> dict[str, Any]:
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    return {
        "restartPolicy": "Never",
        "nodeSelector": {"kubernetes.io/arch": architecture},
        "automountServiceAccountToken": False,
        "securityContext": _RESTRICTED,
        "containers": [
            {"name": "probe", "image": image, "args": arguments, "securityContext": own, **container},
        ],
    }


def _create(cluster: EmbeddedCluster, namespace: str, name: str, spec: dict[str, Any]) -> None:
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    cluster.client.run("create", "-f", "-", content=json.dumps(pod))


def _await(cluster: EmbeddedCluster, *what: str) -> None:
    cluster.client.run("wait", *what, f"--timeout={_LIMIT_S}s", within_seconds=2 * _LIMIT_S)


def _output(cluster: EmbeddedCluster, namespace: str, name: str, spec: dict[str, Any]) -> str:
    """Run a pod to its good end and return what it printed."""
    _create(cluster, namespace, name, spec)
    _await(cluster, "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", "-n", namespace)
    return cluster.client.run("logs", name, "-n", namespace).strip()


def _serve(cluster: EmbeddedCluster, namespace: str, name: str, image: str, architecture: str) -> None:
    ready = {"readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}}
    _create(cluster, namespace, name, _pod(image, ["serve", f"from {name}"], architecture, **ready))
    cluster.client.run("expose", "pod", name, "-n", namespace, "--port=80", "--target-port=8080")
    _await(cluster, "--for=condition=Ready", f"pod/{name}", "-n", namespace)


def _architectures(cluster: EmbeddedCluster) -> list[str]:
    return [node.architecture for node in cluster_nodes(cluster.settings)]


def test_every_node_is_ready_with_its_architecture(cluster: EmbeddedCluster) -> None:
    nodes = cluster.client.get("nodes")["items"]
    ready = {
        node["metadata"]["labels"]["kubernetes.io/arch"]: condition["status"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    }
    assert ready == dict.fromkeys(_architectures(cluster), "True")
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {"v1.34.4"}


def test_pods_run_on_the_processor_of_their_node(cluster: EmbeddedCluster, namespace: str, probe_image: str) -> None:
    for architecture in _architectures(cluster):
        spec = _pod(probe_image, ["machine"], architecture)
        assert _output(cluster, namespace, f"machine-{architecture}", spec) == MACHINES[architecture]


def test_names_of_services_resolve_on_every_node(cluster: EmbeddedCluster, namespace: str, probe_image: str) -> None:
    expected = str(cluster.settings.api_service_address)
    for architecture in _architectures(cluster):
        spec = _pod(probe_image, ["lookup", "kubernetes.default.svc"], architecture)
        assert _output(cluster, namespace, f"lookup-{architecture}", spec) == expected


def test_unknown_name_is_refused_at_once(cluster: EmbeddedCluster, namespace: str, probe_image: str) -> None:
    spec = _pod(probe_image, ["lookup", "example.invalid"], "amd64")
    _create(cluster, namespace, "unknown", spec)
    failed = "--for=jsonpath={.status.phase}=Failed"
    _await(cluster, failed, "pod/unknown", "-n", namespace)
    assert "no such host" in cluster.client.run("logs", "unknown", "-n", namespace)


def test_service_reaches_pods_across_nodes(cluster: EmbeddedCluster, namespace: str, probe_image: str) -> None:
    architectures = _architectures(cluster)
    for architecture in architectures:
        _serve(cluster, namespace, f"server-{architecture}", probe_image, architecture)
    for server in architectures:
        for client in architectures:
            spec = _pod(probe_image, ["get", f"http://server-{server}/"], client)
            assert _output(cluster, namespace, f"get-{server}-{client}", spec) == f"from server-{server}"


def test_store_is_shared_by_nodes_and_readable_by_the_machine(
    cluster: EmbeddedCluster, namespace: str, probe_image: str
) -> None:
    directory = cluster.provide_store(namespace)
    mount = {"volumeMounts": [{"name": "store", "mountPath": "/store"}]}
    volume = [{"name": "store", "persistentVolumeClaim": {"claimName": "tradeplane-store"}}]
    for architecture in _architectures(cluster):
        arguments = ["write", f"/store/{architecture}", "kept"]
        spec = {**_pod(probe_image, arguments, architecture, **mount), "volumes": volume}
        assert _output(cluster, namespace, f"write-{architecture}", spec) == f"/store/{architecture}"
    written = {path.name: (path.read_text(encoding="utf-8"), path.stat().st_uid) for path in directory.iterdir()}
    assert written == dict.fromkeys(_architectures(cluster), ("kept", 65532))


def test_a_claim_of_no_class_gets_a_volume_on_every_node_which_is_emptied_when_its_claim_is_gone(
    cluster: EmbeddedCluster, namespace: str, probe_image: str
) -> None:
    claimed = []
    for architecture in _architectures(cluster):
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": architecture, "namespace": namespace},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        cluster.client.run("create", "-f", "-", content=json.dumps(claim))
        mount = {"volumeMounts": [{"name": "own", "mountPath": "/own"}]}
        spec = _pod(probe_image, ["write", "/own/record", "kept"], architecture, **mount)
        spec |= {"volumes": [{"name": "own", "persistentVolumeClaim": {"claimName": architecture}}]}
        spec["securityContext"] = _RESTRICTED | {"fsGroup": 65532}
        assert _output(cluster, namespace, f"own-{architecture}", spec) == "/own/record"
        found = cluster.client.get("pvc", architecture, "-n", namespace)
        claimed.append(cluster.client.get("pv", found["spec"]["volumeName"]))
    directories = [Path(volume["spec"]["local"]["path"]) for volume in claimed]
    assert [(each / "record").read_text(encoding="utf-8") for each in directories] == ["kept"] * len(claimed)

    cluster.client.run("delete", "pods,pvc", "--all", "-n", namespace, "--wait=true")
    for volume in claimed:
        released = "--for=jsonpath={.status.phase}=Released"
        _await(cluster, released, f"pv/{volume['metadata']['name']}")
    cluster.up()
    assert [list(each.iterdir()) for each in directories] == [[]] * len(claimed)
    for volume in claimed:
        free = "--for=jsonpath={.status.phase}=Available"
        _await(cluster, free, f"pv/{volume['metadata']['name']}")


def test_store_needs_its_namespace(cluster: EmbeddedCluster) -> None:
    with pytest.raises(CommandError, match="not found"):
        cluster.provide_store("no-such-namespace")


def test_privileged_pod_is_refused_where_pods_are_restricted(
    cluster: EmbeddedCluster, namespace: str, probe_image: str
) -> None:
    spec = _pod(probe_image, ["machine"], "amd64")
    spec["containers"][0]["securityContext"] = {"privileged": True}
    with pytest.raises(CommandError, match="violates PodSecurity"):
        _create(cluster, namespace, "privileged", spec)


def test_image_that_is_not_in_the_registry_is_reported(cluster: EmbeddedCluster, namespace: str) -> None:
    missing = f"{cluster.registry}/tests/none@sha256:{'0' * 64}"
    _create(cluster, namespace, "missing", _pod(missing, ["machine"], "amd64"))
    reason = "{.status.containerStatuses[0].state.waiting.reason}"
    deadline = time.monotonic() + 180
    seen: set[str] = set()
    while time.monotonic() < deadline and not seen & {"ErrImagePull", "ImagePullBackOff"}:
        seen.add(cluster.client.run("get", "pod/missing", "-n", namespace, f"--output=jsonpath={reason}"))
    assert seen & {"ErrImagePull", "ImagePullBackOff"}


def test_up_again_changes_nothing(cluster: EmbeddedCluster) -> None:
    before = [(state.name, state.pid, state.healthy) for state in cluster.status()]
    cluster.up()
    assert [(state.name, state.pid, state.healthy) for state in cluster.status()] == before


@pytest.mark.parametrize("victim", ["containerd-amd64", "kubelet-amd64", "kube-apiserver", "registry"])
def test_killed_component_is_reported_and_mended_while_pods_go_on(
    cluster: EmbeddedCluster, namespace: str, probe_image: str, victim: str
) -> None:
    _serve(cluster, namespace, "survivor", probe_image, "amd64")
    before = {state.name: state.pid for state in cluster.status()}
    pid = before[victim]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _await_death(cluster, victim)

    cluster.up()

    after = {state.name: state for state in cluster.status()}
    assert [state for state in after.values() if not state.healthy] == []
    assert {name for name in before if before[name] != after[name].pid} == {victim}
    pod = cluster.client.get("pod/survivor", "-n", namespace)
    assert [status["restartCount"] for status in pod["status"]["containerStatuses"]] == [0]
    # A kubelet that was started anew takes its pods for not ready until it has probed them: for that moment the Service
    # has none, and a client has to try again.
    spec = _pod(probe_image, ["get", "http://survivor/"], "amd64") | {"restartPolicy": "OnFailure"}
    assert _output(cluster, namespace, "after", spec) == "from survivor"


def _await_death(cluster: EmbeddedCluster, victim: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if [state.detail for state in cluster.status() if state.name == victim] == ["died"]:
            return
    pytest.fail(f"{victim} was killed, and status does not say so after 60 s")
