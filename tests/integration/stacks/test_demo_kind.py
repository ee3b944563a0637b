"""``CLUSTER=kind``, as far as it goes without kind: what is asked of kind and docker, what is told when they refuse.

Neither is on the machines this is tested on, so that stand-ins note how they are called and answer as their pages say;
no cluster is behind them. The manifests of this overlay are applied elsewhere as those of every overlay are.
"""

from __future__ import annotations

import io
import os
import stat
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_stacks.demo import clusters
from tradeplane_stacks.demo.choice import ClusterKind
from tradeplane_stacks.demo.clusters import DEPLOY, STORE_GROUP, Kind, cluster_of
from tradeplane_stacks.demo.configuration import platform_of
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

OVERLAY = DEPLOY / "overlays" / "kind"
NODES = ("tradeplane-control-plane", "tradeplane-worker")
_KIND = f"""\
case "$1 $2" in
"get clusters") [ ! -e {{there}} ] || echo tradeplane;;
"create cluster") touch {{there}};;
"delete cluster") rm -f {{there}};;
"get nodes") printf '%s\\n' {" ".join(NODES)};;
"get kubeconfig") echo 'kind: Config';;
esac
"""
_DOCKER = """\
case "$1" in
ps) [ ! -e {there} ] || echo 0123456789ab;;
run) touch {there};;
rm) rm -f {there};;
esac
"""


class Machine:
    """Stand-ins for kind and docker, and what they were asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.programs, self.calls = folder, folder / "bin", folder / "calls"
        self.programs.mkdir()
        self.program("kind", _KIND.format(there=folder / "cluster"))
        self.program("docker", _DOCKER.format(there=folder / "registry"))
        self.program("kubectl", "")

    def program(self, name: str, body: str) -> None:
        path = self.programs / name
        noted = f"""echo "{name} $(echo "$*" | tr '\\n' ' ')" >> {self.calls}"""  # a call is a line
        path.write_text(f"#!/bin/sh\n{noted}\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def asked(self) -> list[str]:
        """Return the calls since this was last asked for."""
        calls = [call.strip() for call in self.calls.read_text("utf-8").splitlines()] if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return calls


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Give a machine with kind and docker, whose checkout and store are the test's own."""
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", f"{made.programs}:{os.defpath}")
    monkeypatch.setattr(clusters, "CHECKOUT", tmp_path)
    monkeypatch.setattr(clusters, "GENERATED", tmp_path / "build" / "demo")
    monkeypatch.setattr(clusters, "_KIND_STORE", tmp_path / "store")
    return made


@pytest.fixture
def kind(machine: Machine) -> Kind:
    """Give the demo's cluster of that kind."""
    made = cluster_of(ClusterKind.KIND, {}, print)
    assert isinstance(made, Kind)
    assert machine.asked() == []
    return made


def _documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _registries_of_nodes() -> str:
    """Return the folder in which the nodes' containerd looks for registries."""
    (cluster,) = _documents(OVERLAY / "cluster.yaml")
    (patch,) = (tomllib.loads(text) for text in cluster["containerdConfigPatches"])
    folder: str = patch["plugins"]["io.containerd.grpc.v1.cri"]["registry"]["config_path"]
    return folder


def test_a_cluster_and_a_registry_that_its_nodes_pull_from_are_made_once(kind: Kind, machine: Machine) -> None:
    kind.start(print)
    asked = machine.asked()
    create = f"kind create cluster --config {OVERLAY / 'cluster.yaml'} --wait 120s"
    assert asked.count(create) == 1
    (run,) = (call for call in asked if call.startswith("docker run "))
    assert "--publish=127.0.0.1:5001:5000" in run.split(), "the registry is for this machine alone"
    assert "--network=kind" in run.split()
    name = next(word.removeprefix("--name=") for word in run.split() if word.startswith("--name="))
    told = [call for call in asked if "hosts.toml" in call]
    assert [call.split()[2] for call in told] == list(NODES)
    assert all(f'[host."http://{name}:5000"]' in call for call in told)
    assert all(f"{_registries_of_nodes()}/{kind.registry}/hosts.toml" in call for call in told)

    kind.start(print)
    again = machine.asked()
    assert create not in again
    assert not [call for call in again if call.startswith("docker run ")]
    assert [call.split()[2] for call in again if "hosts.toml" in call] == list(NODES), "nodes may have been made anew"


def test_its_kubeconfig_is_the_user_s_alone_and_no_other_is_touched(kind: Kind, machine: Machine) -> None:
    kind.start(print)
    kubeconfig = kind.kubectl.kubeconfig
    assert kubeconfig is not None
    assert kubeconfig.is_relative_to(machine.folder)
    assert kubeconfig.read_text(encoding="utf-8") == "kind: Config\n"
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600


def test_down_takes_away_the_cluster_and_the_registry_and_leaves_results(kind: Kind, machine: Machine) -> None:
    kind.start(print)
    kind.provide_store("research")
    machine.asked()
    said = io.StringIO()
    kind.remove(Progress(said, 1, terminal=False))
    assert machine.asked() == [
        "kind delete cluster --name tradeplane",
        "docker rm --force --volumes tradeplane-registry",
    ]
    assert (machine.folder / "store" / "research").is_dir()
    assert str(machine.folder / "store") in said.getvalue().splitlines()[-1]


def test_a_namespace_has_a_folder_that_its_pods_may_write(
    kind: Kind, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: dict[Path, tuple[int, int]] = {}
    monkeypatch.setattr(
        "tradeplane_stacks.demo.clusters.os.chown", lambda path, user, group: owners.update({path: (user, group)})
    )
    kind.provide_store("research")
    kind.provide_store("tradeplane-system", of_all=True)
    store = machine.folder / "store"
    assert owners == {store / "research": (STORE_GROUP, STORE_GROUP), store: (STORE_GROUP, STORE_GROUP)}
    assert kind.store_url("research") == (store / "research").as_uri()


def test_who_may_not_make_the_store_is_told_the_command_that_does(
    kind: Kind, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("tradeplane_stacks.demo.clusters.os.chown", refused)
    with pytest.raises(DemoError) as told:
        kind.provide_store("research")
    folder = machine.folder / "store" / "research"
    assert str(folder) in told.value.cause
    assert told.value.remedy == f"sudo install -d -m 2770 -o {STORE_GROUP} -g {STORE_GROUP} {folder}"


@pytest.mark.parametrize(
    ("program", "remedy"),
    [("kind", "See `kind get clusters` and `docker ps`."), ("docker", "whether Docker can reach")],
)
def test_what_they_say_when_they_fail_is_told_with_a_remedy(
    kind: Kind, machine: Machine, program: str, remedy: str
) -> None:
    machine.program(program, "echo 'no space left on device' >&2; exit 1")
    with pytest.raises(DemoError) as told:
        kind.start(print)
    assert f"`{program} " in told.value.cause
    assert "no space left on device" in told.value.cause
    assert remedy in told.value.remedy


def test_without_kubectl_it_is_said_to_be_missing(
    kind: Kind, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(machine.folder))
    with pytest.raises(DemoError, match="There is no program kubectl"):
        _ = kind.kubectl


def test_volumes_are_of_the_folder_that_kind_mounts() -> None:
    """The same folder stands in the demo, in what kind mounts into its node, and in what the stack makes volumes of."""
    (cluster,) = _documents(OVERLAY / "cluster.yaml")
    (mount,) = cluster["nodes"][0]["extraMounts"]
    assert cluster["name"] == clusters._KIND_NAME
    assert mount["hostPath"] == str(clusters._KIND_STORE)
    assert platform_of(Kind().configuration)["store"] == {"kind": "volume", "directory": mount["containerPath"]}
