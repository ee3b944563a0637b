"""The embedded cluster as one object: bring it up, look at it, take it down.

``up`` says what is wanted and makes it so, whatever it finds: nothing, half a cluster, a whole one, one of another
version, or what a reboot left. The order is that of need: programs, ground (namespaces, cgroups, network),
certificates, processes, objects in the API.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import shutil
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tradeplane_stacks.local import binaries, kubeconfig
from tradeplane_stacks.local.binaries import Binaries, Program, Report
from tradeplane_stacks.local.certificates import Certificates, cluster_leaves, write_private
from tradeplane_stacks.local.control_plane import AUDIT_POLICY, ControlPlane, Ports
from tradeplane_stacks.local.kubectl import Kubectl
from tradeplane_stacks.local.layout import Layout
from tradeplane_stacks.local.loopback import remembered_ports
from tradeplane_stacks.local.supervisor import ComponentStatus, Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_stacks.local.component import Component
    from tradeplane_stacks.local.settings import Settings


_STOP_LIMIT_SECONDS = 15.0


def to_standard_error(line: str) -> None:
    """Report progress to a person at a terminal, apart from what a command prints as its result."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


@dataclass(frozen=True)
class EmbeddedCluster:
    """A Kubernetes cluster on this machine, or, with ``settings.control_plane_only``, its API server alone."""

    settings: Settings
    report: Report = field(default=to_standard_error, repr=False)

    @cached_property
    def layout(self) -> Layout:
        """Paths below the state directory."""
        return Layout(self.settings.state)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.layout.kubeconfig

    @cached_property
    def programs(self) -> dict[Program, Path]:
        """Every program the cluster needs, built if it is not yet."""
        return Binaries(self.settings.cache).build(binaries.CONTROL_PLANE, self.report)

    @property
    def kubectl(self) -> Path:
        """The kubectl that belongs to this cluster."""
        return self.programs[binaries.KUBECTL]

    @property
    def client(self) -> Kubectl:
        """Kubectl with the administrator's kubeconfig."""
        return Kubectl(self.kubectl, self.kubeconfig)

    @cached_property
    def control_plane(self) -> ControlPlane:
        """Command lines of the control plane."""
        ports = remembered_ports(self.layout.ports) if self.settings.control_plane_only else Ports()
        return ControlPlane(self.settings, self.layout, self.certificates, self.programs, ports)

    @property
    def certificates(self) -> Certificates:
        """Certificates of this cluster."""
        return Certificates(self.layout.certificates)

    @property
    def supervisor(self) -> Supervisor:
        """Processes of this cluster."""
        return Supervisor(self.layout, self.report)

    def up(self) -> None:
        """Bring the cluster up, or mend what is not; when all is well, only look.

        Raises:
            EmbeddedClusterError: when it cannot; the message says what to do.

        """
        begun = time.monotonic()
        plane = self.control_plane
        with self._locked():
            self._write_files()
            self._start(plane.stores(), "etcd")
            self._start(plane.servers(), "API server")
            self._start(plane.controllers(), "controllers")
        self.report(f"the cluster is up ({time.monotonic() - begun:.1f} s); kubeconfig: {self.kubeconfig}")

    def down(self, *, purge: bool = False) -> None:
        """Stop everything in order; with ``purge`` remove the data as well."""
        with self._locked():
            for component in reversed(self.components()):
                self.supervisor.stop(component.name, component.stop_limit)
            for name in self.supervisor.recorded():
                self.supervisor.stop(name, _STOP_LIMIT_SECONDS)
            shutil.rmtree(self.layout.run, ignore_errors=True)
            for path in self.layout.kept() if purge else ():
                _remove(path)

    def status(self) -> list[ComponentStatus]:
        """Look at every component now."""
        return [self.supervisor.status(component) for component in self.components()]

    def components(self) -> list[Component]:
        """Every component in the order of start."""
        plane = self.control_plane
        return [*plane.stores(), *plane.servers(), *plane.controllers()]

    def _start(self, components: list[Component], stage: str) -> None:
        if started := self.supervisor.start(components):
            self.report(f"starting {stage}: {', '.join(started)}")
        self.supervisor.wait(components)

    def _write_files(self) -> None:
        self.layout.state.mkdir(parents=True, exist_ok=True)
        (self.layout.data / "etcd").mkdir(parents=True, exist_ok=True, mode=0o700)
        self.layout.config.mkdir(parents=True, exist_ok=True)
        leaves = cluster_leaves(self.settings, {})
        if made := self.certificates.ensure(leaves, datetime.datetime.now(datetime.UTC)):
            self.report(f"made {len(made)} certificates")
        clients = {name: name for name in ("admin", "kube-controller-manager", "kube-scheduler")}
        server, name = self.control_plane.server, self.settings.instance
        kubeconfig.write_all(self.layout.kubeconfigs, server, name, self.certificates, clients)
        write_private(self.layout.config / "audit-policy.yaml", AUDIT_POLICY.encode())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one command at a time start or stop this cluster; others wait for it."""
        self.layout.state.mkdir(parents=True, exist_ok=True)
        with self.layout.lock.open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _remove(path: Path) -> None:
    """Remove a file or a directory with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
