"""A cluster that users apply to, and clusters that its runs are sent to: control planes on loopback, each with Kueue.

Queues, and the account by which one cluster sends to another, are those of ``operator/deploy/components``, but for
quotas. There are no nodes: a test, or a stand-in, ends the pods that the workers' Job controllers make.
"""

from __future__ import annotations

import base64
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings

from tests.kueue import SYSTEM, queueing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = dict[str, Any]
QUEUE = "runs"
"""The LocalQueue of each enrolled namespace."""
WORKERS = ("worker-1", "worker-2")
_COMPONENTS = Path(__file__).parents[1] / "operator" / "deploy" / "components"
_ACCOUNT = "tradeplane-multikueue"


@dataclass(frozen=True)
class Clusters:
    """Clusters that run. ``folder`` is theirs."""

    folder: Path
    manager: EmbeddedCluster
    workers: Mapping[str, EmbeddedCluster]

    def enrol(self, namespace: str) -> None:
        """Give a namespace of the manager its queue, and the workers the same namespace with one."""
        account: Json = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tradeplane-runner"}}
        account["metadata"]["namespace"] = namespace
        there = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        queue = _rendered(self.manager, self.folder, "local-queue", namespace=namespace)
        self.manager.client.apply([there, *queue])
        for worker in self.workers.values():
            worker.client.apply([there, account, *queue])

    def kill(self, worker: str) -> None:
        """End a worker's API server, with no chance to say goodbye; nothing starts it again."""
        record = self.workers[worker].supervisor.record("kube-apiserver")
        assert record is not None
        os.kill(record.pid, signal.SIGKILL)


@contextmanager
def multi_cluster(
    root: Path, quotas: Mapping[str, int], worker_lost_s: float, client_qps: int = 100
) -> Iterator[Clusters]:
    """Bring up a manager and its workers; take them down afterwards.

    ``quotas``: CPUs of the queue of ``manager`` and of each worker. ``worker_lost_s``: after how long a worker that is
    not reached counts as lost.
    """
    settings = replace(Settings.from_environment(os.environ), control_plane_only=True, client_qps=client_qps)
    planes = {name: EmbeddedCluster(replace(settings, state=root / name)) for name in ("manager", *WORKERS)}
    with ExitStack() as stack:
        for plane in planes.values():
            stack.callback(plane.down, purge=True)
        kueues = {name: queueing(plane, root / f"kueue-{name}", worker_lost_s) for name, plane in planes.items()}

        def begin(name: str) -> None:
            planes[name].up()
            kueues[name].__enter__()
            stack.callback(kueues[name].__exit__, None, None, None)
            components = ["queues", "multikueue" if name == "manager" else "multikueue-worker"]
            planes[name].client.apply(_with_quota(_rendered(planes[name], root, *components), quotas[name]))

        with ThreadPoolExecutor() as pool:
            list(pool.map(begin, planes))
        clusters = Clusters(root, planes["manager"], {name: planes[name] for name in WORKERS})
        clusters.manager.client.apply([_access(name, plane) for name, plane in clusters.workers.items()])
        wait = ("wait", "--for=condition=Active", "--timeout=60s")
        clusters.manager.client.run(*wait, "multikueuecluster", "--all", within_seconds=90.0)
        clusters.manager.client.run(*wait, "clusterqueue", "--all", within_seconds=90.0)
        yield clusters


def _rendered(cluster: EmbeddedCluster, folder: Path, *components: str, namespace: str = "") -> list[Json]:
    """Return the objects of components, as kustomize makes them."""
    place = folder / "-".join(("rendered", cluster.layout.state.name, *components, namespace))
    place.mkdir(exist_ok=True)
    paths = [os.path.relpath(_COMPONENTS / one, place.resolve()) for one in components]
    kustomization = {"components": paths} | ({"namespace": namespace} if namespace else {})
    (place / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return list(yaml.safe_load_all(cluster.client.run("kustomize", str(place))))


def _with_quota(objects: list[Json], cpus: int) -> list[Json]:
    for one in objects:
        if one["kind"] == "ClusterQueue":
            (group,) = one["spec"]["resourceGroups"]
            group["flavors"][0]["resources"][0]["nominalQuota"] = str(cpus)
    return objects


def _access(name: str, worker: EmbeddedCluster) -> Json:
    """Return the Secret by which the manager reaches a worker, as the account that sends work there."""
    token = worker.client.run("create", "token", _ACCOUNT, f"--namespace={SYSTEM}", "--duration=4h").strip()
    document = yaml.safe_load(worker.kubeconfig.read_text(encoding="utf-8"))
    document["users"][0]["user"] = {"token": token}
    data = {"kubeconfig": base64.b64encode(yaml.safe_dump(document).encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SYSTEM}, "data": data}
