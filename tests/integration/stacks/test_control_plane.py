"""The control plane without nodes: who is let in, and that it comes back after a crash."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import ssl
import time
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_stacks.local import kubeconfig
from tradeplane_stacks.local.certificates import CLUSTER, Leaf
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.errors import CommandError
from tradeplane_stacks.local.kubectl import Kubectl
from tradeplane_stacks.local.processes import boot_id

if TYPE_CHECKING:
    from pathlib import Path


def test_request_without_certificate_is_refused(control_plane: EmbeddedCluster) -> None:
    authority = control_plane.certificates.certificate(CLUSTER)
    context = ssl.create_default_context(cafile=str(authority))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(control_plane.control_plane.server + "/api", context=context, timeout=60)  # noqa: S310
    with refused.value as answer:
        assert answer.code == 401


def test_certificate_of_another_authority_is_refused(control_plane: EmbeddedCluster, tmp_path: Path) -> None:
    stranger = type(control_plane.certificates)(tmp_path)
    leaf = Leaf("admin", CLUSTER, "tradeplane-admin", ("system:masters",), client=True)
    stranger.ensure([leaf], datetime.datetime.now(datetime.UTC))
    content = yaml.safe_load(kubeconfig.render(control_plane.control_plane.server, "stranger", stranger, "admin"))
    genuine = yaml.safe_load(control_plane.kubeconfig.read_text(encoding="utf-8"))
    content["clusters"] = genuine["clusters"]
    content["contexts"][0]["context"]["cluster"] = genuine["clusters"][0]["name"]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CommandError, match=r"certificate|Unauthorized|logged in"):
        Kubectl(control_plane.kubectl, tmp_path / "kubeconfig").get("namespaces")


def test_user_without_role_is_forbidden_until_bound(control_plane: EmbeddedCluster) -> None:
    client = control_plane.client
    with pytest.raises(CommandError, match=r'forbidden.*User "researcher"'):
        client.run("get", "pods", "--as=researcher", "--namespace=default")
    client.run("create", "rolebinding", "researcher-view", "--clusterrole=view", "--user=researcher", "-n", "default")
    assert _allowed_within(60, client, "get", "pods", "--as=researcher", "--namespace=default")
    with pytest.raises(CommandError, match="forbidden"):
        client.run("get", "secrets", "--as=researcher", "--namespace=default")


@pytest.mark.parametrize("victim", ["etcd", "kube-apiserver"])
def test_killed_component_is_reported_and_mended_without_loss(control_plane: EmbeddedCluster, victim: str) -> None:
    name = f"kept-{victim}"
    control_plane.client.run("create", "configmap", name, "--from-literal=is=kept", "-n", "default")
    before = {state.name: state.pid for state in control_plane.status()}
    pid = before[victim]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    dead = {state.name: state.detail for state in control_plane.status() if state.name == victim}
    assert dead == {victim: "died"}

    control_plane.up()

    after = {state.name: state for state in control_plane.status()}
    assert all(state.healthy for state in after.values()), after
    assert after[victim].pid != pid
    assert {other for other in before if after[other].pid != before[other]} == {victim}
    assert control_plane.client.get("configmap", name, "-n", "default")["data"] == {"is": "kept"}


def test_after_a_reboot_everything_is_started_anew_on_what_was_kept(control_plane: EmbeddedCluster) -> None:
    """As a machine without power leaves it: no process, and records of those of another boot."""
    control_plane.client.run("create", "configmap", "kept-reboot", "--from-literal=is=kept", "-n", "default")
    before = {state.name: state.pid for state in control_plane.status()}
    for pid in before.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    another = str(uuid.UUID(int=0))
    marked = [path for path in control_plane.layout.run.rglob("*") if path.is_file() and boot_id() in path.read_text()]
    assert len(marked) > len(before), "a record of each process, and one of the boot"
    for path in marked:
        path.write_text(path.read_text().replace(boot_id(), another))

    said: list[str] = []
    EmbeddedCluster(control_plane.settings, said.append).up()

    assert "the machine was restarted since: starting everything anew" in said
    after = {state.name: state for state in control_plane.status()}
    assert set(after) == set(before)
    assert all(state.healthy for state in after.values()), after
    assert control_plane.client.get("configmap", "kept-reboot", "-n", "default")["data"] == {"is": "kept"}


def test_up_again_leaves_processes_alone(control_plane: EmbeddedCluster) -> None:
    before = [(state.name, state.pid) for state in control_plane.status()]
    control_plane.up()
    assert [(state.name, state.pid) for state in control_plane.status()] == before


def test_job_controller_works(control_plane: EmbeddedCluster) -> None:
    client = control_plane.client
    client.run("create", "job", "counted", "--image=none.invalid/none", "-n", "default")
    client.run("wait", "--for=jsonpath={.status.active}=1", "job/counted", "-n", "default", "--timeout=120s")
    client.run("delete", "job", "counted", "-n", "default", "--wait=false")


def _allowed_within(seconds: float, client: Kubectl, *arguments: str) -> bool:
    """Ask until it is allowed: the authorizer learns of a new binding by a watch."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(CommandError):
            client.run(*arguments)
            return True
    return False
