"""What a component of the cluster is: data, so that the list of them can be read, compared and tested."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_stacks.local.certificates import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tradeplane_stacks.local.probes import Probe

BASE_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
"""All that components see of the environment: proxies and credentials of the caller's shell are not for them."""

_JOIN_CGROUPS = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit 70; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class Placement:
    """Namespaces and cgroups that a process is started in; the default is the caller's own."""

    network: Path | None = None
    mounts: Path | None = None
    cgroup_files: tuple[Path, ...] = ()
    """The ``cgroup.procs`` files, one a hierarchy, that the process writes itself to."""
    nsenter: str = "/usr/bin/nsenter"

    def processes(self) -> list[int]:
        """Ids of the processes in the cgroup; none when there is no cgroup."""
        found: set[int] = set()
        for file in self.cgroup_files:
            if file.exists():
                found.update(map(int, file.read_text(encoding="ascii").split()))
        return sorted(found)

    def wrap(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Command line that enters the placement and then becomes the program, keeping its process id."""
        namespaces = [f"--net={self.network}"] if self.network else []
        namespaces += [f"--mount={self.mounts}"] if self.mounts else []
        if namespaces:
            argv = (self.nsenter, *namespaces, "--", *argv)
        if self.cgroup_files:
            argv = ("/bin/sh", "-c", _JOIN_CGROUPS, "join", *map(str, self.cgroup_files), "--", *argv)
        return argv


@dataclass(frozen=True)
class Component:
    """One long-running program of the cluster."""

    name: str
    argv: tuple[str, ...]
    probe: Probe
    inputs: tuple[Path, ...] = ()
    """Files read at start: when one changes, the running process is out of date."""
    environment: Mapping[str, str] = field(default_factory=lambda: BASE_ENVIRONMENT)
    placement: Placement = Placement()
    start_limit: float = 60.0
    """Seconds until the probe must have been answered well."""
    stop_limit: float = 15.0
    """Seconds from being asked to end until it is ended by force."""
    stop_signal: str = "SIGTERM"
    """By which it is asked to end."""
    leaves_children: bool = False
    """Whether what it starts is meant to outlive it, as containers outlive containerd."""

    def command_line(self) -> tuple[str, ...]:
        """All that is executed, placement included."""
        return self.placement.wrap(self.argv)

    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that decides how the process runs."""
        digest = hashlib.sha256()
        for part in (*self.command_line(), *(f"{name}={value}" for name, value in sorted(self.environment.items()))):
            digest.update(part.encode() + b"\0")
        digest.update(fingerprint(self.inputs).encode())
        return digest.hexdigest()


def flags(values: Mapping[str, object]) -> tuple[str, ...]:
    """Command-line flags, ``--name=value`` each, in the order given."""
    return tuple(
        f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in values.items()
    )
