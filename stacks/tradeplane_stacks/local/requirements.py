"""What the machine must have: root, and a few programs.

All that is missing is said at once, each program with the package that holds it.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.local import emulation, postgres
from tradeplane_stacks.local.errors import MissingProgramsError
from tradeplane_stacks.local.execution import find_program
from tradeplane_stacks.local.nodes import CNI_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_stacks.local.settings import Settings

PROGRAMS = {
    "ip": "iproute2",
    "iptables": "iptables",
    "mount": "mount",
    "nft": "nftables",
    "nsenter": "util-linux",
    "runc": "runc",
    "taskset": "util-linux",
    "umount": "mount",
    "unshare": "util-linux",
}
"""Programs and the Debian package of each."""
CNI_PLUGINS = ("host-local", "portmap", "ptp")
_ALTERNATIVES = (
    "Other clusters need no root: CLUSTER=kind makes one in Docker, CLUSTER=current uses the one that KUBECONFIG names."
)


@dataclass(frozen=True)
class Machine:
    """What is looked at, so that a test can show another machine."""

    user: int
    architecture: str
    find: Callable[[str], str | None]
    exists: Callable[[Path], bool]
    emulates: Callable[[], bool]
    has_postgres: Callable[[], bool] = postgres.is_installed

    @classmethod
    def this(cls) -> Machine:
        """Look at the machine that this runs on."""
        return cls(os.geteuid(), platform.machine(), find_program, Path.exists, emulation.is_ready)


def missing(settings: Settings, machine: Machine) -> list[str]:
    """List what is missing, one line each; empty when all is there."""
    lines = []
    if machine.architecture != "x86_64":
        lines.append(f"an x86-64 processor: this one is {machine.architecture}")
    if machine.user != 0:
        lines.append("root: for network and mount namespaces, cgroups and containers")
    packages = {name: package for name, package in PROGRAMS.items() if machine.find(name) is None}
    plugins = [name for name in CNI_PLUGINS if not machine.exists(Path(CNI_DIRECTORY) / name)]
    packages |= {f"{CNI_DIRECTORY}/{name}": "containernetworking-plugins" for name in plugins}
    if settings.postgres and not machine.has_postgres():
        packages["initdb, and the user postgres"] = "postgresql"
    if settings.arm64 and not machine.emulates():
        wanted = {"qemu-aarch64-static": "qemu-user-static", "update-binfmts": "binfmt-support"}
        packages |= {name: package for name, package in wanted.items() if machine.find(name) is None}
    lines += [f"{name}: package {package}" for name, package in sorted(packages.items())]
    if packages:
        names = sorted(set(packages.values()))
        lines.append(f"Install them: apt-get install --no-install-recommends {' '.join(names)}")
        if "postgresql" in names:
            lines.append("Or leave the audit ledger's database out: TRADEPLANE_POSTGRES=0.")
        if {"qemu-user-static", "binfmt-support"} & set(names):
            lines.append("Or leave the emulated arm64 node out: ARM64=0.")
    return lines


def check_root(machine: Machine) -> None:
    """Check that the caller may touch what the cluster is made of.

    Raises:
        MissingProgramsError: when the caller is not root.

    """
    if machine.user != 0:
        raise MissingProgramsError(f"The embedded cluster belongs to root: run this as root. {_ALTERNATIVES}")


def check(settings: Settings, machine: Machine) -> None:
    """Check that the machine can run an embedded cluster.

    Raises:
        MissingProgramsError: naming everything that is missing, and what would do without.

    """
    if lines := missing(settings, machine):
        listing = "\n".join(f"  {line}" for line in lines)
        raise MissingProgramsError(f"The embedded cluster cannot run here. It needs:\n{listing}\n{_ALTERNATIVES}")
