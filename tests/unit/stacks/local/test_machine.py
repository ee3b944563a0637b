"""The machine: what is missing is said at once, and nothing of it is disturbed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.local import emulation, requirements
from tradeplane_stacks.local.cgroups import CgroupTree, Hierarchy, parse_mounts
from tradeplane_stacks.local.control_plane import Ports
from tradeplane_stacks.local.errors import MissingProgramsError, SettingsError
from tradeplane_stacks.local.isolation import (
    FIXED_PATHS,
    KERNEL_SETTINGS,
    Isolation,
    cluster_network,
    machine_network,
    mount_script,
    refuse_taken_subnets,
)
from tradeplane_stacks.local.loopback import free_ports, remembered_ports
from tradeplane_stacks.local.nodes import cluster_nodes
from tradeplane_stacks.local.requirements import Machine
from tradeplane_stacks.local.settings import Settings

GOOD = Machine(0, "x86_64", lambda name: f"/bin/{name}", lambda _: True, lambda: True)


def test_good_machine_misses_nothing(settings: Settings) -> None:
    assert requirements.missing(settings, GOOD) == []
    requirements.check(settings, GOOD)


def test_everything_missing_is_said_at_once_with_its_package(settings: Settings) -> None:
    bare = Machine(0, "x86_64", lambda _: None, lambda _: False, lambda: False)
    with pytest.raises(MissingProgramsError) as refused:
        requirements.check(settings, bare)
    message = str(refused.value)
    for program, package in requirements.PROGRAMS.items():
        assert f"{program}: package {package}" in message
    for package in ("containernetworking-plugins", "qemu-user-static", "binfmt-support"):
        assert package in message
    assert "apt-get install" in message
    assert "ARM64=0" in message


def test_emulation_is_needed_by_the_emulated_node_alone(settings: Settings) -> None:
    without = dataclasses.replace(
        GOOD, emulates=lambda: False, find=lambda name: None if "qemu" in name or "binfmts" in name else "/bin/x"
    )
    assert any("qemu-user-static" in line for line in requirements.missing(settings, without))
    assert requirements.missing(dataclasses.replace(settings, arm64=False), without) == []
    registered = dataclasses.replace(without, emulates=lambda: True)
    assert requirements.missing(settings, registered) == []


def test_other_users_learn_what_root_is_for_and_what_needs_none(settings: Settings) -> None:
    with pytest.raises(MissingProgramsError, match=r"root: for .*namespaces") as refused:
        requirements.check(settings, dataclasses.replace(GOOD, user=1000))
    assert "CLUSTER=kind" in str(refused.value)
    assert "CLUSTER=current" in str(refused.value)


def test_only_root_may_stop_the_cluster() -> None:
    requirements.check_root(GOOD)
    with pytest.raises(MissingProgramsError, match="run this as root"):
        requirements.check_root(dataclasses.replace(GOOD, user=1000))


def test_other_processors_are_refused(settings: Settings) -> None:
    lines = requirements.missing(settings, dataclasses.replace(GOOD, architecture="aarch64"))
    assert lines == ["an x86-64 processor: this one is aarch64"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("enabled\ninterpreter /usr/bin/qemu\nflags: PF\noffset 0\n", None),
        ("enabled\ninterpreter /usr/bin/qemu\nflags: F\n", None),
        ("enabled\ninterpreter /usr/bin/qemu\nflags: P\n", "without F"),
        ("enabled\ninterpreter /usr/bin/qemu\nflags: \n", "without F"),
        ("disabled\nflags: F\n", "disabled"),
        ("", "disabled"),
    ],
)
def test_registration_of_qemu_is_judged_by_what_containers_need(text: str, fault: str | None) -> None:
    said = emulation.registration(text)
    assert said == fault if fault is None else fault in str(said)


@pytest.mark.parametrize(
    ("route", "variable"),
    [
        ("10.88.0.0/16", "TRADEPLANE_NODE_SUBNET"),
        ("10.0.0.0/8", "TRADEPLANE_NODE_SUBNET"),
        ("10.89.3.4", "TRADEPLANE_POD_SUBNET"),
        ("10.96.0.0/12", "TRADEPLANE_SERVICE_SUBNET"),
    ],
)
def test_subnet_that_the_machine_uses_is_refused(settings: Settings, route: str, variable: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        refuse_taken_subnets(settings, [route])


def test_other_routes_do_not_matter(settings: Settings) -> None:
    others = ["default", "0.0.0.0/0", "192.168.0.0/16", "fe80::/64", "127.0.0.0/8", "", "10.87.255.255"]
    refuse_taken_subnets(settings, others)


@given(third=st.integers(0, 255), fourth=st.integers(0, 255))
def test_every_address_of_a_pod_is_ours(third: int, fourth: int) -> None:
    with pytest.raises(SettingsError, match="TRADEPLANE_POD_SUBNET"):
        refuse_taken_subnets(Settings(Path("/s"), Path("/c")), [f"10.89.{third}.{fourth}"])


def test_network_has_no_way_out_and_each_node_its_address(settings: Settings) -> None:
    inside = cluster_network(settings, cluster_nodes(settings))
    assert "default" not in inside
    assert "address replace 10.88.0.2/24 dev eth0" in inside
    assert "address replace 10.88.0.3/24 dev eth0" in inside
    outside = machine_network(settings, "tradeplane0")
    assert all("tradeplane0" in line for line in outside.splitlines())


def test_mounts_are_made_in_order_and_shared_at_the_end() -> None:
    script = mount_script([(Path("/a b"), Path("/var/lib/kubelet")), (Path("/c"), Path("/run/containerd"))])
    assert script.splitlines() == [
        "mount --bind '/a b' /var/lib/kubelet",
        "mount --bind /c /run/containerd",
        "mount --make-rshared /",
    ]


def test_nothing_that_kubelet_changes_is_the_machine_s() -> None:
    assert {"vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"} <= set(KERNEL_SETTINGS)
    assert "/var/lib/kubelet" in FIXED_PATHS
    assert "/run/containerd" in FIXED_PATHS


def test_placement_is_in_the_cluster_s_namespaces_and_cgroup(isolation: Isolation, settings: Settings) -> None:
    node = cluster_nodes(settings)[1]
    placement = isolation.placement("kubelet-arm64", node)
    assert placement.network == Path("/run/netns/tradeplane")
    assert placement.mounts == Path("/state/run/namespaces/mounts-arm64")
    assert placement.cgroup_files == (Path("/cgroup/tradeplane/components/kubelet-arm64/cgroup.procs"),)
    assert isolation.placement("etcd").mounts is None


MIXED = """\
proc /proc proc rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
"""


def test_hierarchies_are_read_from_mounts() -> None:
    assert parse_mounts(MIXED) == (
        Hierarchy(Path("/sys/fs/cgroup/memory"), unified=False),
        Hierarchy(Path("/sys/fs/cgroup/unified"), unified=True),
    )
    assert parse_mounts("") == ()


def _unified(root: Path) -> CgroupTree:
    (root / "cgroup.controllers").write_text("cpu memory\n", encoding="ascii")
    (root / "cgroup.subtree_control").write_text("", encoding="ascii")
    return CgroupTree("tp", (Hierarchy(root, unified=True),))


def test_v2_cgroups_pass_controllers_down(tmp_path: Path) -> None:
    tree = _unified(tmp_path)
    (tmp_path / "tp").mkdir()
    for name in ("cgroup.controllers", "cgroup.subtree_control"):  # a real kernel makes these itself
        (tmp_path / "tp" / name).write_text("cpu memory\n" if "controllers" in name else "cpu", encoding="ascii")
    tree.create("components")
    assert (tmp_path / "tp" / "cgroup.subtree_control").read_text(encoding="ascii") == "+memory"
    assert (tmp_path / "tp" / "components").is_dir()


def test_v1_cpusets_inherit_processors(tmp_path: Path) -> None:
    for directory, content in ((tmp_path, "0-1\n"), (tmp_path / "tp", "\n")):
        directory.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            (directory / name).write_text(content, encoding="ascii")
    CgroupTree("tp", (Hierarchy(tmp_path, unified=False),)).create("")
    assert (tmp_path / "tp" / "cpuset.cpus").read_text(encoding="ascii") == "0-1\n"


def test_processes_are_found_at_every_depth(tmp_path: Path) -> None:
    deep = tmp_path / "tp" / "nodes" / "amd64" / "pod"
    deep.mkdir(parents=True)
    (deep / "cgroup.procs").write_text("12\n7\n", encoding="ascii")
    (tmp_path / "tp" / "nodes" / "cgroup.procs").write_text("3\n0\n", encoding="ascii")
    tree = CgroupTree("tp", (Hierarchy(tmp_path, unified=True),))
    assert tree.processes() == [3, 7, 12]
    assert tree.processes("nodes/amd64") == [7, 12]
    assert tree.processes("components") == []


def test_tree_is_removed_from_the_leaves_up(tmp_path: Path) -> None:
    (tmp_path / "tp" / "nodes" / "amd64").mkdir(parents=True)
    tree = CgroupTree("tp", (Hierarchy(tmp_path, unified=True),))
    tree.remove()
    assert not (tmp_path / "tp").exists()
    tree.remove()


def test_cgroups_that_others_made_under_the_name_go_too(tmp_path: Path) -> None:
    used, other = tmp_path / "memory", tmp_path / "unified"
    (used / "tp").mkdir(parents=True)
    (other / "tp" / "nodes").mkdir(parents=True)
    CgroupTree("tp", (Hierarchy(used, unified=False),), (Hierarchy(other, unified=True),)).remove()
    assert not (other / "tp").exists()


def test_ports_are_distinct_and_remembered(tmp_path: Path) -> None:
    ports = remembered_ports(tmp_path / "ports.json")
    assert len(set(dataclasses.astuple(ports))) == len(dataclasses.astuple(ports))
    assert remembered_ports(tmp_path / "ports.json") == ports
    assert free_ports() != ports


@pytest.mark.parametrize("content", ["", "{}x", "{}", "[1]", '{"etcd": 1, "unknown": 2}', '{"etcd": "x"}'])
def test_damaged_ports_are_chosen_again(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ports.json"
    path.write_text(content, encoding="utf-8")
    chosen = remembered_ports(path)
    assert chosen != Ports()
    assert remembered_ports(path) == chosen
