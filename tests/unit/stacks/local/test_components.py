"""Command lines and configuration: what is safe stays safe, and each part finds the others."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tradeplane_operator.recording.audit_server import MAX_BODY_BYTES
from tradeplane_stacks.local.component import Component, Placement, flags
from tradeplane_stacks.local.nodes import EMULATED, NodeGroup, cluster_nodes
from tradeplane_stacks.local.probes import HttpProbe, SocketProbe

if TYPE_CHECKING:
    from tradeplane_stacks.local.control_plane import ControlPlane
    from tradeplane_stacks.local.settings import Settings


def _options(component: Component) -> dict[str, str]:
    return dict(argument.removeprefix("--").split("=", 1) for argument in component.argv[1:] if "=" in argument)


def _plane(control_plane: ControlPlane) -> dict[str, Component]:
    stages = (control_plane.stores(), control_plane.servers(), control_plane.controllers())
    return {component.name: component for stage in stages for component in stage}


def _file(group: NodeGroup, name: str) -> str:
    return next(content for path, content in group.files().items() if path.name == name)


def test_api_server_lets_nobody_in_unknown(control_plane: ControlPlane) -> None:
    options = _options(_plane(control_plane)["kube-apiserver"])
    assert options["anonymous-auth"] == "false"
    assert options["authorization-mode"] == "Node,RBAC"
    assert options["client-ca-file"] == "/state/certificates/ca.crt"
    assert "NodeRestriction" in options["enable-admission-plugins"]
    assert "disable-admission-plugins" not in options


def test_api_server_listens_where_pods_reach_it(control_plane: ControlPlane) -> None:
    options = _options(_plane(control_plane)["kube-apiserver"])
    assert options["bind-address"] == options["advertise-address"] == "10.88.0.2"
    assert options["kubelet-preferred-address-types"] == "InternalIP"


def test_etcd_asks_for_certificates_of_clients_and_peers(control_plane: ControlPlane) -> None:
    options = _options(_plane(control_plane)["etcd"])
    assert options["client-cert-auth"] == options["peer-client-cert-auth"] == "true"
    assert all(value.startswith("https://") for name, value in options.items() if name.endswith("-urls"))
    assert options["trusted-ca-file"] == "/state/certificates/etcd-ca.crt"


def test_etcd_keeps_its_promises_except_where_all_is_thrown_away(control_plane: ControlPlane) -> None:
    assert "unsafe-no-fsync" not in _options(_plane(control_plane)["etcd"])
    alone = dataclasses.replace(control_plane.settings, control_plane_only=True)
    assert _options(_plane(dataclasses.replace(control_plane, settings=alone))["etcd"])["unsafe-no-fsync"] == "true"


def test_audit_is_written_only_when_asked_for(control_plane: ControlPlane) -> None:
    assert not [name for name in _options(_plane(control_plane)["kube-apiserver"]) if name.startswith("audit")]
    audited = dataclasses.replace(control_plane, settings=dataclasses.replace(control_plane.settings, audit=True))
    assert _options(_plane(audited)["kube-apiserver"])["audit-log-path"] == "/state/logs/audit.log"


def test_audit_events_are_told_by_the_policy_that_is_named(control_plane: ControlPlane) -> None:
    webhook, policy = Path("/etc/audit/webhook"), Path("/etc/audit/policy.yaml")
    settings = dataclasses.replace(control_plane.settings, audit_webhook=webhook, audit_policy=policy)
    server = _plane(dataclasses.replace(control_plane, settings=settings))["kube-apiserver"]
    options = _options(server)
    assert options["audit-webhook-config-file"] == str(webhook)
    assert options["audit-policy-file"] == str(policy)
    assert options["audit-webhook-mode"] == "batch"
    assert options["audit-webhook-truncate-enabled"] == "true"
    assert "audit-log-path" not in options
    assert {webhook, policy} <= set(server.inputs)
    both = dataclasses.replace(settings, audit=True)
    server = _plane(dataclasses.replace(control_plane, settings=both))["kube-apiserver"]
    assert _options(server)["audit-log-path"] == "/state/logs/audit.log"
    assert _options(server)["audit-policy-file"] == str(policy)


def test_a_batch_of_the_largest_audit_events_is_within_what_the_recorder_reads(control_plane: ControlPlane) -> None:
    settings = dataclasses.replace(control_plane.settings, audit_webhook=Path("/w"), audit_policy=Path("/p"))
    options = _options(_plane(dataclasses.replace(control_plane, settings=settings))["kube-apiserver"])
    largest = int(options["audit-webhook-truncate-max-event-size"])
    assert int(options["audit-webhook-batch-max-size"]) * largest < MAX_BODY_BYTES


def test_no_secret_stands_on_a_command_line(control_plane: ControlPlane, group: NodeGroup) -> None:
    lines = [c.command_line() for c in (*_plane(control_plane).values(), *group.runtimes(), *group.agents())]
    assert not [argument for line in lines for argument in line if "BEGIN" in argument or "token=" in argument]


def test_client_rate_reaches_both_controllers(control_plane: ControlPlane) -> None:
    fast = dataclasses.replace(control_plane, settings=dataclasses.replace(control_plane.settings, client_qps=500))
    for name in ("kube-controller-manager", "kube-scheduler"):
        options = _options(_plane(fast)[name])
        assert (options["kube-api-qps"], options["kube-api-burst"]) == ("500", "1000")


def test_controllers_can_be_left_out(control_plane: ControlPlane) -> None:
    alone = dataclasses.replace(control_plane.settings, controllers=False)
    assert set(_plane(dataclasses.replace(control_plane, settings=alone))) == {"etcd", "kube-apiserver"}


@pytest.mark.parametrize("arm64", [True, False])
def test_arm64_node_can_be_left_out(settings: Settings, arm64: bool) -> None:
    nodes = cluster_nodes(dataclasses.replace(settings, arm64=arm64))
    assert [node.architecture for node in nodes] == (["amd64", "arm64"] if arm64 else ["amd64"])
    assert len({node.address for node in nodes}) == len({node.pod_range for node in nodes}) == len(nodes)
    assert all(node.pod_range.subnet_of(settings.pod_subnet) for node in nodes)


def test_kubelets_let_nobody_in_unknown(group: NodeGroup) -> None:
    for node in group.nodes:
        config = yaml.safe_load(_file(group, f"kubelet-{node.architecture}.yaml"))
        assert config["authentication"]["anonymous"] == {"enabled": False}
        assert config["authorization"] == {"mode": "Webhook"}
        assert config["authentication"]["x509"]["clientCAFile"] == "/state/certificates/ca.crt"


def test_kubelet_leaves_the_machine_s_kernel_alone(group: NodeGroup) -> None:
    config = yaml.safe_load(_file(group, "kubelet-amd64.yaml"))
    assert config["protectKernelDefaults"] is True
    proxy = yaml.safe_load(_file(group, "kube-proxy.yaml"))
    assert (proxy["conntrack"]["maxPerCore"], proxy["conntrack"]["min"]) == (0, 0)


def test_each_node_has_files_sockets_and_cgroups_of_its_own(group: NodeGroup) -> None:
    seen: list[set[str]] = []
    for node in group.nodes:
        kubelet = yaml.safe_load(_file(group, f"kubelet-{node.architecture}.yaml"))
        containerd = tomllib.loads(_file(group, f"containerd-{node.architecture}.toml"))
        own = {kubelet["cgroupRoot"], kubelet["podLogsDir"], kubelet["address"], kubelet["containerRuntimeEndpoint"]}
        seen.append(own | {containerd["root"], containerd["state"], containerd["grpc"]["address"]})
        assert kubelet["containerRuntimeEndpoint"] == f"unix://{containerd['grpc']['address']}"
    assert not seen[0] & seen[1]


def _plugin(config: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = config["plugins"][f"io.containerd.cri.v1.{name}"]
    return found


def test_containerd_finds_registry_network_and_sandbox_image(group: NodeGroup) -> None:
    for node in group.nodes:
        config = tomllib.loads(_file(group, f"containerd-{node.architecture}.toml"))
        images, runtime = _plugin(config, "images"), _plugin(config, "runtime")
        assert images["pinned_images"]["sandbox"] == f"pause:{node.architecture}"
        hosts = Path(images["registry"]["config_path"]) / group.registry() / "hosts.toml"
        assert tomllib.loads(group.files()[hosts])["server"] == "http://10.88.0.2:5000"
        network = Path(runtime["cni"]["conf_dir"]) / "10-tradeplane.conflist"
        addresses = json.loads(group.files()[network])["plugins"][0]
        assert addresses["type"] == "ptp"
        assert addresses["ipam"]["ranges"] == [[{"subnet": str(node.pod_range)}]]
        assert runtime["restrict_oom_score_adj"] is True


def test_pods_wait_for_the_policy_enforcer(group: NodeGroup) -> None:
    files = [content for path, content in group.files().items() if path.name == "10-tradeplane.conflist"]
    assert len(files) == len(group.nodes)
    for content in files:
        assert json.loads(content)["plugins"][-1] == {"type": "tradeplane-policy", "socket": "/state/policy.sock"}


def test_emulated_node_says_so_and_repels_what_may_run_elsewhere(group: NodeGroup) -> None:
    kubelets = {component.name: component for component in group.agents()}
    assert _options(kubelets["kubelet-arm64"])["node-labels"] == f"{EMULATED}=true"
    assert "node-labels" not in _options(kubelets["kubelet-amd64"])
    taints = yaml.safe_load(_file(group, "kubelet-arm64.yaml"))["registerWithTaints"]
    assert taints == [{"key": EMULATED, "value": "true", "effect": "PreferNoSchedule"}]
    assert yaml.safe_load(_file(group, "kubelet-amd64.yaml"))["registerWithTaints"] == []


def test_emulated_node_runs_a_kubelet_that_reports_and_a_containerd_that_chooses_arm64(group: NodeGroup) -> None:
    programs = {component.name: component.argv[0] for component in (*group.agents(), *group.runtimes())}
    assert programs["kubelet-arm64"] == "/programs/kubelet-amd64-overlaid"
    assert programs["containerd-arm64"] == "/programs/containerd-amd64-overlaid"
    assert programs["containerd-amd64"] == "/programs/containerd-amd64"


def test_placement_joins_cgroups_first_and_namespaces_then() -> None:
    files = (Path("/cgroup/a/cgroup.procs"), Path("/cgroup/b/cgroup.procs"))
    line = Placement(Path("/run/netns/x"), Path("/run/mounts"), files).wrap(("/bin/program", "--flag"))
    assert line[0] == "/bin/sh"
    assert line[4:6] == tuple(map(str, files))
    assert line[6:] == (
        "--",
        "/usr/bin/nsenter",
        "--net=/run/netns/x",
        "--mount=/run/mounts",
        "--",
        "/bin/program",
        "--flag",
    )
    assert Placement().wrap(("/bin/program",)) == ("/bin/program",)


def test_flags_are_spelled_as_go_programs_read_them() -> None:
    assert flags({"a": True, "b": False, "c": 3, "d": Path("/x")}) == ("--a=true", "--b=false", "--c=3", "--d=/x")


def test_fingerprint_follows_arguments_environment_and_files(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("one", encoding="ascii")
    component = Component("c", ("/bin/true",), HttpProbe("http://x"), (config,))
    first = component.fingerprint()
    assert component.fingerprint() == first
    assert dataclasses.replace(component, argv=("/bin/true", "-v")).fingerprint() != first
    assert dataclasses.replace(component, environment={}).fingerprint() != first
    assert dataclasses.replace(component, probe=SocketProbe(tmp_path)).fingerprint() == first
    config.write_text("two", encoding="ascii")
    assert component.fingerprint() != first
    config.unlink()
    assert component.fingerprint() != first
