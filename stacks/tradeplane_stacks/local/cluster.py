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

from tradeplane_stacks.local import binaries, kubeconfig, ledger_audit, requirements, storage
from tradeplane_stacks.local.binaries import Binaries, Program, Report
from tradeplane_stacks.local.certificates import Certificates, cluster_leaves, write_private
from tradeplane_stacks.local.cgroups import CgroupTree
from tradeplane_stacks.local.control_plane import AUDIT_POLICY, ControlPlane, Ports, unplaced
from tradeplane_stacks.local.isolation import Isolation
from tradeplane_stacks.local.kubectl import Kubectl
from tradeplane_stacks.local.layout import Layout
from tradeplane_stacks.local.ledger_audit import LedgerAudit
from tradeplane_stacks.local.loopback import remembered_ports
from tradeplane_stacks.local.postgres import Postgres
from tradeplane_stacks.local.processes import boot_id
from tradeplane_stacks.local.supervisor import ComponentStatus, Supervisor
from tradeplane_stacks.local.worker_nodes import WorkerNodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from ipaddress import IPv4Address
    from pathlib import Path

    from tradeplane_stacks.local.component import Component, Placement
    from tradeplane_stacks.local.settings import Settings


_STOP_LIMIT_SECONDS = 20.0
_STOPPED_LAST = {
    name: order
    for order, name in enumerate(
        ("kube-apiserver", "containerd-arm64", "containerd-amd64", "registry", "postgres", "etcd")
    )
}
"""Components that others use until their own end, in the order in which they are stopped."""


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

    @property
    def registry(self) -> str:
        """Host and port of the OCI registry: plain HTTP, reachable from the machine and from both nodes."""
        return f"{self.settings.address}:{self.settings.registry_port}"

    @cached_property
    def programs(self) -> dict[Program, Path]:
        """Where every program of the cluster lies once it is built."""
        return Binaries(self.settings.cache).locate(self._wanted_programs())

    def _wanted_programs(self) -> tuple[Program, ...]:
        if self.settings.control_plane_only:
            return binaries.CONTROL_PLANE
        return (*binaries.CONTROL_PLANE, *binaries.NODE, *(binaries.ARM64_NODE if self.settings.arm64 else ()))

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
        ports = remembered_ports(self.layout.ports) if self.workers is None else Ports()
        place: Callable[[str], Placement] = unplaced if self.workers is None else self.workers.isolation.placement
        settings = self.settings if self.audit is None else self.audit.settings_with_webhook()
        return ControlPlane(settings, self.layout, self.certificates, self.programs, ports, place)

    @cached_property
    def workers(self) -> WorkerNodes | None:
        """The nodes; None where there is only a control plane."""
        if self.settings.control_plane_only:
            return None
        return WorkerNodes(
            self.settings, self.layout, self.certificates, self.programs, self.supervisor, self.isolation
        )

    @cached_property
    def postgres(self) -> Postgres | None:
        """The audit ledger's database; None where there is none."""
        if self.settings.control_plane_only or not self.settings.postgres:
            return None
        return Postgres(self.settings, self.layout, self.certificates, self.isolation.placement)

    @cached_property
    def audit(self) -> LedgerAudit | None:
        """How the API server tells the ledger's recorder who did what; None where nobody is told, or somebody else."""
        if self.postgres is None or self.settings.audit_webhook is not None or not ledger_audit.POLICY.exists():
            return None
        return LedgerAudit(self.settings, self.layout, self.certificates)

    @cached_property
    def isolation(self) -> Isolation:
        """Namespaces and cgroups of a cluster with nodes."""
        return Isolation(self.settings, self.layout, CgroupTree.of_machine(self.settings.instance))

    @property
    def certificates(self) -> Certificates:
        """Certificates of this cluster."""
        return Certificates(self.layout.certificates)

    @property
    def supervisor(self) -> Supervisor:
        """Processes of this cluster."""
        return Supervisor(self.layout, self.report)

    def build(self) -> None:
        """Build every program of the cluster that is not built yet, and start nothing."""
        Binaries(self.settings.cache).build(self._wanted_programs(), self.report)

    def up(self) -> None:
        """Bring the cluster up, or mend what is not; when all is well, only look.

        Raises:
            EmbeddedClusterError: when it cannot; the message says what to do.

        """
        if not self.settings.control_plane_only:
            requirements.check(self.settings, requirements.Machine.this())
        self.build()
        begun = time.monotonic()
        with self._locked():
            self._forget_earlier_boot()
            self._end_unwanted()
            self._prepare()
            self._start()
        self.report(f"the cluster is up ({time.monotonic() - begun:.1f} s); kubeconfig: {self.kubeconfig}")

    def down(self, *, purge: bool = False) -> None:
        """Stop everything in order; with ``purge`` remove the data as well."""
        if not self.settings.control_plane_only:
            requirements.check_root(requirements.Machine.this())
        with self._locked():
            self._stop()
            shutil.rmtree(self.layout.run, ignore_errors=True)
            for path in self.layout.kept() if purge else ():
                _remove(path)

    def status(self) -> list[ComponentStatus]:
        """Look at every component now."""
        return [self.supervisor.status(component) for component in self.components()]

    def provide_store(self, namespace: str, *, of_all: bool = False) -> Path:
        """Make a namespace's file store and the claim ``tradeplane-store`` there; return the directory on the machine.

        With ``of_all`` the claim mounts the stores of all namespaces, which is the operator's view.

        Raises:
            CommandError: when the API server refuses, for instance because the namespace does not exist.

        """
        directory = storage.make_store(self.layout, None if of_all else namespace)
        manifests = storage.operator_store_volume if of_all else storage.store_volume
        volume, claim = manifests(self.layout, namespace)
        self._release(volume["metadata"]["name"])
        self.client.apply([volume, claim])
        return directory

    def _release(self, volume: str) -> None:
        """Make a volume whose claim was deleted, with its namespace for instance, free for the claim of that name.

        Under the reclaim policy Retain it goes on naming the UID of the claim that is gone, and binds to no other.
        """
        phase = self.client.run("get", "pv", volume, "--ignore-not-found", "--output=jsonpath={.status.phase}")
        if phase == "Released":
            forget = '[{"op": "remove", "path": "/spec/claimRef/uid"}]'
            self.client.run("patch", "pv", volume, "--type=json", f"--patch={forget}")

    def components(self) -> list[Component]:
        """Every component in the order of start."""
        return [component for stage in self._stages().values() for component in stage]

    def _stages(self) -> dict[str, list[Component]]:
        """Components in the order of need; those of one stage start at once."""
        plane, workers = self.control_plane, self.workers
        return {
            "stores": [
                *plane.stores(),
                *([self.postgres.component()] if self.postgres else ()),
                *(workers.stores() if workers else ()),
            ],
            "API server": plane.servers(),
            "controllers and agents": [*plane.controllers(), *(workers.agents() if workers else ())],
        }

    def _start(self) -> None:
        stores, servers, rest = self._stages().items()
        self._launch(*stores)
        self.supervisor.wait(stores[1])
        self._launch(*servers)
        if self.workers is not None:
            self.workers.import_images()  # while the API server starts
        if self.postgres is not None:
            self.postgres.provide()
        self.supervisor.wait(servers[1])
        if self.workers is not None:
            self.workers.grant_access(self.client)
        self._launch(*rest)
        if self.workers is not None:
            self.workers.install(self.client)
        self.supervisor.wait(rest[1])
        if self.workers is not None:
            self.workers.wait(self.client)

    def _launch(self, stage: str, components: list[Component]) -> None:
        if started := self.supervisor.start(components):
            self.report(f"starting {stage}: {', '.join(started)}")

    def _stop(self) -> None:
        """Stop what is recorded, whatever settings and programs are by now: users of a service before the service."""
        names = sorted(self.supervisor.recorded(), key=lambda name: _STOPPED_LAST.get(name, -1))
        pods_ended = self.settings.control_plane_only
        for name in names:
            if name in _STOPPED_LAST and not pods_ended:
                self.isolation.end_processes("nodes")  # their kubelets have ended, so nobody starts them again
                pods_ended = True
            self.supervisor.stop(name, _STOP_LIMIT_SECONDS)
        if not self.settings.control_plane_only:
            self.isolation.remove()

    def _end_unwanted(self) -> None:
        """Stop what an earlier start with other settings left running, its pods included."""
        wanted = {component.name for component in self.components()}
        for name in sorted(set(self.supervisor.recorded()) - wanted, key=lambda name: _STOPPED_LAST.get(name, -1)):
            self.report(f"stopping {name}: the settings no longer ask for it")
            self.supervisor.stop(name, _STOP_LIMIT_SECONDS)
            if self.workers is not None:
                self.isolation.end_processes(f"components/{name}")
        if self.workers is not None and not self.settings.arm64:
            self.isolation.end_processes("nodes/arm64")

    def _forget_earlier_boot(self) -> None:
        """Remove sockets, records and namespaces of before a reboot: nothing of them means anything now."""
        boot = self.layout.run / "boot"
        if boot.exists() and boot.read_text(encoding="ascii") != boot_id():
            self.report("the machine was restarted since: starting everything anew")
            shutil.rmtree(self.layout.run)
        self.layout.run.mkdir(parents=True, exist_ok=True)
        boot.write_text(boot_id(), encoding="ascii")

    def _prepare(self) -> None:
        for directory in (self.layout.config, self.layout.logs):
            directory.mkdir(parents=True, exist_ok=True)
        (self.layout.data / "etcd").mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self.layout.config / "audit-policy.yaml", AUDIT_POLICY.encode())
        nodes = () if self.workers is None else self.workers.nodes
        self._write_certificates({node.name: (node.architecture, node.address) for node in nodes})
        if self.audit is not None:
            self.audit.prepare()
        if self.workers is not None:
            self.workers.prepare([component.name for component in self.components()])
        if self.postgres is not None:
            self.postgres.prepare()

    def _write_certificates(self, nodes: dict[str, tuple[str, IPv4Address]]) -> None:
        leaves = cluster_leaves(self.settings, nodes)
        if self.postgres is not None:
            leaves.append(self.postgres.leaf())
        if self.audit is not None:
            leaves += self.audit.leaves()
        if made := self.certificates.ensure(leaves, datetime.datetime.now(datetime.UTC)):
            self.report(f"made {len(made)} certificates")
        clients = ["admin", "kube-controller-manager", "kube-scheduler"]
        if nodes:
            clients += ["kube-proxy", "network-policy", *(f"kubelet-{short}" for short, _ in nodes.values())]
        server, name = self.control_plane.server, self.settings.instance
        kubeconfig.write_all(self.layout.kubeconfigs, server, name, self.certificates, clients)

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
