"""The ground that a cluster stands on: a network namespace, a mount namespace for each node, and cgroups.

The network namespace is joined to the machine by one veth pair, so the machine's firewall, ports and interfaces stay as
they are, and deleting it takes every route and rule along. The mount namespaces hold what containerd and kubelet
mount, so nothing stays mounted when they are gone; in them, the few paths that kubelet and containerd do not let one
choose (``/var/lib/kubelet`` for device plugins, ``/run/containerd`` for shims) are directories of the node's own, and
the kernel settings that kubelet insists on changing already read as it wants, so that the machine's are left alone.
"""

from __future__ import annotations

import contextlib
import json
import shlex
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.local import processes
from tradeplane_stacks.local.component import Placement
from tradeplane_stacks.local.errors import SettingsError
from tradeplane_stacks.local.execution import execute, find_program
from tradeplane_stacks.local.mount_namespaces import is_mounted, make_mount_namespace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_stacks.local.cgroups import CgroupTree
    from tradeplane_stacks.local.layout import Layout
    from tradeplane_stacks.local.nodes import Node
    from tradeplane_stacks.local.settings import Settings

_STOP_SECONDS = 5.0
INTERFACE = "eth0"
"""Name of the veth's end inside the network namespace."""
FIXED_PATHS = ("/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/run/containerd")
"""Directories whose place kubelet and containerd do not let one choose; each node sees its own there."""
KERNEL_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}
"""What kubelet would write to ``/proc/sys`` of the whole machine, and is shown instead."""
NETWORK_SETTINGS = {"ipv4/ip_forward": 1, "ipv4/icmp_ratelimit": 0}
"""Settings of the cluster's network below ``/proc/sys/net``: pods are routed, and every refusal of a policy is told."""


@dataclass(frozen=True)
class Isolation:
    """Namespaces and cgroups of one cluster."""

    settings: Settings
    layout: Layout
    cgroups: CgroupTree

    @property
    def network(self) -> Path:
        """The network namespace, where ``ip netns`` finds it."""
        return Path("/run/netns") / self.settings.instance

    @property
    def interface(self) -> str:
        """Name of the veth's end on the machine."""
        return f"{self.settings.instance}0"

    def mounts(self, node: Node) -> Path:
        """Return the mount namespace of a node."""
        return self._namespaces / f"mounts-{node.architecture}"

    def placement(self, component: str, node: Node | None = None) -> Placement:
        """Where a component is started: the cluster's network, a cgroup of its own, and a node's mounts."""
        return Placement(
            network=self.network,
            mounts=None if node is None else self.mounts(node),
            cgroup_files=self.cgroups.procs_files(f"components/{component}"),
            nsenter=find_program("nsenter") or "/usr/bin/nsenter",
        )

    def prepare(self, components: Sequence[str], nodes: Sequence[Node]) -> None:
        """Make what is not there yet: cgroups, network, mounts. Doing it twice changes nothing.

        Raises:
            SettingsError: when the machine already uses one of the subnets, or another cluster this name.
            CommandError: when the kernel refuses something.

        """
        if self.network.exists() and not self._is_ours():
            self._remove_what_another_left()
        for component in components:
            self.cgroups.create(f"components/{component}")
        for node in nodes:
            self.cgroups.create(f"nodes/{node.architecture}")
        self._prepare_network(nodes)
        for node in nodes:
            self._prepare_mounts(node)

    def end_processes(self, relative: str = "") -> None:
        """End whatever runs in a cgroup of the cluster or below it: pods, shims, what a crash left behind."""
        processes.stop_all(self.cgroups.processes(relative), _STOP_SECONDS)

    def remove(self) -> None:
        """End what still runs in the cluster's cgroups, then remove its namespaces and cgroups."""
        self.end_processes()
        self._remove_network()
        for namespace in sorted(self._namespaces.glob("mounts-*")):
            if is_mounted(namespace):
                execute("umount", str(namespace))
        if is_mounted(self._namespaces):
            execute("umount", str(self._namespaces))
        self.cgroups.remove()
        self._remove_made_directories()

    @property
    def _namespaces(self) -> Path:
        return self.layout.run / "namespaces"

    def _is_ours(self) -> bool:
        """Whether what has our name was made from our state directory: its mount namespaces are kept there."""
        return any(is_mounted(namespace) for namespace in self._namespaces.glob("mounts-*"))

    def _remove_what_another_left(self) -> None:
        """Remove the network of a cluster of this name and of another state directory that ended unasked.

        Its pods' ends of the network outlive them, and answer for addresses that ours are about to be given.

        Raises:
            SettingsError: when that cluster still runs.

        """
        if running := self.cgroups.processes():
            raise SettingsError(
                f"A cluster named {self.settings.instance} already runs from another state directory"
                f" ({len(running)} processes, the first is {running[0]}): take that one down,"
                " or set TRADEPLANE_INSTANCE and the subnets to have another beside it."
            )
        self._remove_network()
        self.cgroups.remove()

    def _remove_network(self) -> None:
        """Remove the network namespace, and the machine's end of what joins it, which the kernel would do later."""
        if Path("/sys/class/net", self.interface).exists():
            execute("ip", "link", "delete", self.interface)
        if is_mounted(self.network):
            execute("ip", "netns", "delete", self.settings.instance)
        self.network.unlink(missing_ok=True)

    def _prepare_network(self, nodes: Sequence[Node]) -> None:
        name, settings = self.settings.instance, self.settings
        if self.network.exists() and not is_mounted(self.network):
            self.network.unlink()  # left by a reboot where /run is kept on disk
        if not self.network.exists():
            execute("ip", "netns", "add", name)
        if not Path("/sys/class/net", self.interface).exists():
            routes = json.loads(execute("ip", "-json", "route", "show", "table", "all"))
            refuse_taken_subnets(settings, [route.get("dst", "") for route in routes])
            execute("ip", "link", "add", self.interface, "type", "veth", "peer", "name", INTERFACE, "netns", name)
        execute("ip", "-batch", "-", content=machine_network(settings, self.interface))
        execute("ip", "-netns", name, "-batch", "-", content=cluster_network(settings, nodes))
        for setting, value in NETWORK_SETTINGS.items():
            execute("nsenter", f"--net={self.network}", "--", "sh", "-c", f"echo {value} >/proc/sys/net/{setting}")

    def _prepare_mounts(self, node: Node) -> None:
        namespace = self.mounts(node)
        if is_mounted(namespace):
            return
        self._namespaces.mkdir(parents=True, exist_ok=True)
        if not is_mounted(self._namespaces):  # a mount namespace can only be kept below a private mount
            execute("mount", "--bind", str(self._namespaces), str(self._namespaces))
            execute("mount", "--make-private", str(self._namespaces))
        binds = [*self._fixed_directories(node), *self._kernel_settings()]
        namespace.touch()
        make_mount_namespace(namespace, mount_script(binds))

    def _fixed_directories(self, node: Node) -> list[tuple[Path, Path]]:
        binds = []
        for target in map(Path, FIXED_PATHS):
            own = self.layout.run / f"node-{node.architecture}" / target.name
            own.mkdir(parents=True, exist_ok=True)
            self._make_directory(target)
            binds.append((own, target))
        return binds

    def _kernel_settings(self) -> list[tuple[Path, Path]]:
        directory = self.layout.run / "kernel-settings"
        directory.mkdir(parents=True, exist_ok=True)
        binds = []
        for name, value in KERNEL_SETTINGS.items():
            shown, target = directory / name.replace("/", "."), Path("/proc/sys") / name
            shown.write_text(f"{value}\n", encoding="ascii")
            if target.exists():
                binds.append((shown, target))
        return binds

    def _make_directory(self, target: Path) -> None:
        """Make a directory of the machine to mount upon, and remember it so that it can go again."""
        if target.exists():
            return
        target.mkdir(parents=True)
        with self._made_directories.open("a", encoding="utf-8") as made:
            made.write(f"{target}\n")

    def _remove_made_directories(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            for line in self._made_directories.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(OSError):  # somebody else uses it by now
                    Path(line).rmdir()

    @property
    def _made_directories(self) -> Path:
        return self.layout.run / "made-directories"


def refuse_taken_subnets(settings: Settings, routes: Sequence[str]) -> None:
    """Refuse subnets that overlap a route of the machine.

    Raises:
        SettingsError: naming the route and the variable that moves the subnet.

    """
    ours = {
        "TRADEPLANE_NODE_SUBNET": settings.node_subnet,
        "TRADEPLANE_POD_SUBNET": settings.pod_subnet,
        "TRADEPLANE_SERVICE_SUBNET": settings.service_subnet,
    }
    for route in routes:
        with contextlib.suppress(ValueError):  # "default", IPv6
            taken = IPv4Network(route)
            for variable, subnet in ours.items():
                if taken.prefixlen > 0 and taken.overlaps(subnet):
                    raise SettingsError(
                        f"The machine already has a route to {taken}, which overlaps {subnet}: "
                        f"set {variable} to a private subnet that is free here."
                    )


def machine_network(settings: Settings, interface: str) -> str:
    """Batch for ``ip`` on the machine's side: an address, and the way to pods and Services."""
    return "\n".join(
        (
            f"address replace {settings.machine_address}/{settings.node_subnet.prefixlen} dev {interface}",
            f"link set {interface} up",
            f"route replace {settings.pod_subnet} via {settings.address} dev {interface}",
            f"route replace {settings.service_subnet} via {settings.address} dev {interface}",
            "",
        )
    )


def cluster_network(settings: Settings, nodes: Sequence[Node]) -> str:
    """Batch for ``ip`` inside the namespace: an address for each node, and a route to the Service addresses.

    A connection to a Service needs a route before its address is rewritten. There is no default route: what the cluster
    does not know, it cannot reach.
    """
    addresses = dict.fromkeys((settings.address, *(node.address for node in nodes)))
    length = settings.node_subnet.prefixlen
    return "\n".join(
        (
            "link set lo up",
            *(f"address replace {address}/{length} dev {INTERFACE}" for address in addresses),
            f"link set {INTERFACE} up",
            f"route replace {settings.service_subnet} dev lo src {settings.address}",
            "",
        )
    )


def mount_script(binds: Sequence[tuple[Path, Path]]) -> str:
    """Shell script that mounts what a node sees in place of the machine's own, then shares it with its containers."""
    lines = [f"mount --bind {shlex.quote(str(own))} {shlex.quote(str(target))}" for own, target in binds]
    return "\n".join([*lines, "mount --make-rshared /"])
