"""The enforcer against a real API server, with the real `nft` in a network namespace that is thrown away."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.network_policy import cni_plugin

from tests.awaiting import until

Json = dict[str, Any]

_WAIT_S = 120.0
SPACE = "policed"


@pytest.fixture
def network() -> Iterator[str]:
    name = f"tradeplane-api-test-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True, timeout=30)
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True, timeout=30)


@pytest.fixture
def enforcer(api_server: Path, network: str, tmp_path: Path) -> Iterator[Path]:
    """Start the process as its supervisor does; its `nft` alone is in the namespace. Give its socket."""
    nft, socket, log = tmp_path / "nft", tmp_path / "socket", tmp_path / "log"
    nft.write_text(f'#!/bin/sh\nexec ip netns exec {network} nft "$@"\n')
    nft.chmod(0o755)
    options = ["--kubeconfig", str(api_server), "--socket", str(socket), "--nft", str(nft)]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tradeplane_stacks.local.network_policy", *options], stderr=output
        )
    try:
        until(lambda: healthy(socket), f"the enforcer is healthy: {log}")
        yield socket
    finally:
        process.terminate()
        assert process.wait(timeout=_WAIT_S) == 0, log.read_text()
    assert not socket.exists()
    assert "type ipv4_addr : verdict" in isolated(network, "egress"), "the table went with the process"


def healthy(socket: Path) -> bool:
    try:
        cni_plugin.ask(str(socket), {"command": "health"})
    except cni_plugin.PluginError:
        return False
    return True


def isolated(network: str, direction: str) -> str:
    """Give what the kernel has, as nft prints it."""
    command = ["ip", "netns", "exec", network, "nft", "list", "map", "inet", "tradeplane_policy", f"{direction}_pods"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def pod(name: str, labels: Json) -> Json:
    container = {"name": "main", "image": "none.invalid/none:1"}
    metadata = {"name": name, "namespace": SPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def test_what_is_applied_reaches_the_kernel(control_plane: EmbeddedCluster, network: str, enforcer: Path) -> None:
    client = control_plane.client
    client.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}])
    until(lambda: "default" in client.run("get", "serviceaccounts", "-n", SPACE), "pods can be created")
    spec: Json = {"podSelector": {"matchLabels": {"app": "runner"}}, "egress": [{"ports": [{"port": 443}]}]}
    metadata = {"name": "runner", "namespace": SPACE}
    client.apply(
        [
            {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec},
            pod("runner", {"app": "runner"}),
            pod("other", {"app": "other"}),
        ]
    )
    for name, address in (("runner", "10.244.7.1"), ("other", "10.244.7.2")):
        status = f'{{"status": {{"phase": "Running", "podIP": "{address}", "podIPs": [{{"ip": "{address}"}}]}}}}'
        client.run("patch", "pod", name, "-n", SPACE, "--subresource=status", "--type=merge", "-p", status)
    until(lambda: "10.244.7.1" in isolated(network, "egress"), "the runner's egress is restricted")
    assert "10.244.7.1" in isolated(network, "ingress"), "policyTypes absent and egress rules present restrict both"
    assert "10.244.7.2" not in isolated(network, "egress")

    uid = client.run("get", "pod", "other", "-n", SPACE, "-o", "jsonpath={.metadata.uid}")
    client.run("label", "pod", "other", "-n", SPACE, "app=runner", "--overwrite")
    until(lambda: "10.244.7.2" in isolated(network, "egress"), "a changed label brings a pod under the policy")
    request = {"command": "attach", "uid": uid, "container": "c1", "address": "10.244.7.3"}
    cni_plugin.ask(str(enforcer), request)
    assert "10.244.7.3" in isolated(network, "egress"), "what the plugin announced is in the kernel when it is let on"

    client.run("delete", "networkpolicy", "runner", "-n", SPACE)
    until(lambda: "10.244.7" not in isolated(network, "ingress"), "the policy's end opens everything again")


async def test_a_user_without_a_role_is_told_so(control_plane: EmbeddedCluster, tmp_path: Path) -> None:
    client = control_plane.client
    token = client.run("create", "token", "default", "-n", "default", "--duration=10m").strip()
    content = client.run("config", "view", "--raw", "--flatten", "-o", "json")
    (tmp_path / "kubeconfig").write_text(_with_token(content, token), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tradeplane_stacks.local.network_policy",
        "--kubeconfig",
        str(tmp_path / "kubeconfig"),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_WAIT_S):
        _, said = await process.communicate()
    assert process.returncode == 1
    refusal = re.search(r"the API server refuses GET /apis?/\S+: 403 Forbidden", said.decode())
    assert refusal, f"any of the lists asked for at once may be the first refused; said: {said.decode()}"


def _with_token(content: str, token: str) -> str:
    document = json.loads(content)
    document["users"][0]["user"] = {"token": token}
    return json.dumps(document)
