"""A real control plane with twenty fake nodes, on loopback, for one benchmark run.

The nodes are kwok's: they have no machine, only a status, so what is measured is the control of runs and not the runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.local import binaries
from tradeplane_stacks.local.binaries import Binaries
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

NODES = 20
NAMESPACE = "bench"
STAGES, SUCCEEDED, VOUCHED = (
    Path(__file__).with_name(f"{name}.yaml") for name in ("stages", "pod-succeeded", "pod-vouched")
)
REPOSITORY = Path(__file__).resolve().parents[3]
_CLIENT_QPS = 500  # of controller-manager and scheduler each, so that their own limits are not what is measured


@dataclass(frozen=True)
class Fleet:
    """A running control plane, its fake nodes, and a store for results."""

    cluster: EmbeddedCluster
    store: Path
    """Root of the file store; each namespace has a folder in it."""
    scratch: Path
    """Folder for what belongs to the run, removed with it."""
    kubelet: subprocess.Popen[bytes]
    """The fake kubelet of all nodes."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.cluster.kubeconfig

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Stop the fake kubelet for a while, so that no pod ends."""
        self.kubelet.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.kubelet.send_signal(signal.SIGCONT)

    def kubectl(self, *arguments: str, content: str | None = None) -> str:
        """Run kubectl as the administrator."""
        return self.cluster.client.run(*arguments, content=content)


@contextlib.contextmanager
def running_fleet(*, audit: bool = False, vouched: bool = False) -> Iterator[Fleet]:
    """Bring up a control plane with fake nodes, our kinds and a namespace; take it all down afterwards.

    ``vouched``: whether pods say at their end which results they left, which costs another write for each.
    """
    with tempfile.TemporaryDirectory(prefix="tradeplane-bench-") as scratch:
        settings = replace(
            Settings.from_environment(os.environ),
            state=Path(scratch) / "state",
            control_plane_only=True,
            audit=audit,
            client_qps=_CLIENT_QPS,
        )
        cluster = EmbeddedCluster(settings)
        kwok = Binaries(settings.cache).build(binaries.BENCHMARK, cluster.report)[binaries.KWOK]
        store = Path(scratch) / "store"
        (store / NAMESPACE).mkdir(parents=True)
        cluster.up()
        try:
            ends = VOUCHED if vouched else SUCCEEDED
            with _fake_kubelet(kwok, cluster, ends, Path(scratch) / "kwok.log") as kubelet:
                fleet = Fleet(cluster, store, Path(scratch), kubelet)
                _prepare(fleet)
                with _results_writer(fleet, vouched=vouched):
                    yield fleet
        finally:
            cluster.down(purge=True)


@contextlib.contextmanager
def _fake_kubelet(kwok: Path, cluster: EmbeddedCluster, ends: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        str(kwok),
        f"--kubeconfig={cluster.kubeconfig}",
        f"--config={STAGES}",
        f"--config={ends}",
        "--server-address=127.0.0.1:0",
        "--v=WARN",
    ]
    with _beside(command, log) as process:
        yield process


@contextlib.contextmanager
def _results_writer(fleet: Fleet, *, vouched: bool) -> Iterator[None]:
    module = "tests.bench.control.results_writer"
    command = [sys.executable, "-m", module, str(fleet.kubeconfig), str(fleet.store), *(["vouched"] if vouched else [])]
    with _beside(command, fleet.scratch / "results-writer.log"):
        yield


@contextlib.contextmanager
def _beside(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process until the block ends; say so where it ended before."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=REPOSITORY)
        try:
            yield process
        finally:
            ended = process.poll()
            process.terminate()
            process.wait(timeout=20)
            if ended is not None:
                words = log.read_text(encoding="utf-8")[-2000:]
                sys.stderr.write(f"{command[0]} ended early, with {ended}: {words}\n")


def _prepare(fleet: Fleet) -> None:
    definitions = sorted((REPOSITORY / "crds" / "yaml").glob("tradeplane.dev_*.yaml"))
    fleet.kubectl("apply", *(f"--filename={path}" for path in definitions))
    fleet.kubectl(
        "wait", "--for=condition=Established", "--timeout=30s", *(f"--filename={path}" for path in definitions)
    )
    fleet.kubectl("create", "namespace", NAMESPACE)
    fleet.kubectl("create", "serviceaccount", "tradeplane-runner", f"--namespace={NAMESPACE}")
    fleet.kubectl("apply", "--filename=-", content="\n---\n".join([*map(_node, range(NODES)), _VOLUME]))
    fleet.kubectl("wait", "--for=condition=Ready", "--timeout=20s", "node", "--all")
    claim = ("persistentvolumeclaim/tradeplane-store", f"--namespace={NAMESPACE}")
    fleet.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "--timeout=30s", *claim)


def _node(index: int) -> str:
    return f"""\
apiVersion: v1
kind: Node
metadata:
  name: fake-{index}
  annotations: {{kwok.x-k8s.io/node: fake}}
  labels: {{kubernetes.io/arch: amd64, kubernetes.io/os: linux}}
"""


_VOLUME = f"""\
apiVersion: v1
kind: PersistentVolume
metadata: {{name: tradeplane-store}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteMany]
  storageClassName: ""
  hostPath: {{path: /never-mounted}}
  claimRef: {{namespace: {NAMESPACE}, name: tradeplane-store}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: tradeplane-store, namespace: {NAMESPACE}}}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: ""
  volumeName: tradeplane-store
  resources: {{requests: {{storage: 1Gi}}}}
"""
"""What a run's pod asks for, so that the scheduler finds it a node; nothing is mounted."""
