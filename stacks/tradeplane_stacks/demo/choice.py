"""Which cluster the demo runs on: what was asked for, or what this machine can do without touching anyone's cluster.

A cluster that KUBECONFIG happens to name is never taken by default: it may be a real one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum

from tradeplane_stacks.demo.errors import DemoError

_PROBE_TIMEOUT_S = 20


class ClusterKind(StrEnum):
    """The clusters a demo can run on."""

    EMBEDDED = "embedded"
    KIND = "kind"
    CURRENT = "current"


@dataclass(frozen=True)
class Machine:
    """What decides which cluster is possible."""

    linux: bool
    root: bool
    docker: bool
    """Whether a Docker engine answers, not only a client."""
    kind: bool

    @classmethod
    def this(cls) -> Machine:
        """Look at the machine that this runs on."""
        return cls(
            linux=sys.platform == "linux",
            root=os.geteuid() == 0,
            docker=_answers("docker", "version", "--format", "{{.Server.Version}}"),
            kind=shutil.which("kind") is not None,
        )


def choose(asked: str, machine: Machine) -> ClusterKind:
    """Choose a cluster.

    Args:
        asked: value of ``CLUSTER``; empty leaves the choice to us.
        machine: what this machine can do.

    Raises:
        DemoError: the value is none we know, or what it names cannot be had here.

    """
    if not asked:
        return _default(machine)
    if asked not in set(ClusterKind):
        raise DemoError(f"CLUSTER is {asked!r}.", f"Give one of {', '.join(ClusterKind)}.")
    kind = ClusterKind(asked)
    if kind is ClusterKind.EMBEDDED and not (machine.linux and machine.root):
        raise DemoError(_NEEDS_ROOT, _WITHOUT_ROOT)
    if kind is ClusterKind.KIND and not (machine.docker and machine.kind):
        lacking = "no Docker engine answers" if not machine.docker else "there is no program `kind`"
        raise DemoError(f"CLUSTER=kind cannot be had: {lacking}.", "Install Docker and kind, or use CLUSTER=embedded.")
    return kind


_NEEDS_ROOT = (
    "The embedded cluster needs Linux and root: it makes network namespaces, control groups and mounts for its nodes."
)
_WITHOUT_ROOT = (
    "Run it as root on Linux, or use CLUSTER=kind (Docker and kind), or CLUSTER=current for the cluster KUBECONFIG "
    "names."
)


def _default(machine: Machine) -> ClusterKind:
    if machine.linux and machine.root:
        return ClusterKind.EMBEDDED
    if machine.docker and machine.kind:
        return ClusterKind.KIND
    raise DemoError(_NEEDS_ROOT, _WITHOUT_ROOT)


def _answers(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROBE_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
