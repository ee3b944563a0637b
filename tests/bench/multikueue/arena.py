"""Clusters for one measurement, the operator of the first, and a stand-in for the nodes of the others."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from tradeplane_api.run import ExitCode, TerminationMessage
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json

from tests.bench.control.client import MERGE_PATCH, ApiClient, ApiError
from tests.bench.control.documents import OURS, PODS, SNAPSHOTS, put_snapshot, strategy
from tests.bench.control.fleet import NAMESPACE, REPOSITORY
from tests.bench.control.operator_process import SYSTEM_NAMESPACE, MeasuredOperator, operator_of
from tests.integration.conftest import await_kinds
from tests.integration.operator.cluster import pod_status, results_manifest, specification_of
from tests.integration.operator.processes import LEASE
from tests.multikueue import QUEUE, Clusters, multi_cluster

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Mapping

    from tradeplane_stacks.local.cluster import EmbeddedCluster

Json = dict[str, Any]
_PATIENT = {"lease": LEASE | {"namespace": SYSTEM_NAMESPACE}, "client": {"requestSeconds": 15.0}}
_QPS = 500
_KILLED = (aiohttp.ClientError, ConnectionError, TimeoutError)
"""What a client raises whose API server was killed."""


@dataclass(frozen=True)
class Place:
    """The cluster that users apply to, as an operator of it is started, and a store that all clusters reach."""

    cluster: EmbeddedCluster
    store: Path
    scratch: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.cluster.kubeconfig

    def kubectl(self, *arguments: str, content: str | None = None) -> str:
        """Run kubectl as the administrator."""
        return self.cluster.client.run(*arguments, content=content)


@dataclass
class Nodes:
    """Stands in for a worker's nodes: a pod ends well so many seconds after it was made, its results in the store.

    ``computed`` counts, over all workers, how often each run was.
    """

    cluster: EmbeddedCluster
    store: Path
    computed: Counter[str]
    seconds: float
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self) -> None:
        """End pods until the worker dies."""
        async with ApiClient(self.cluster.kubeconfig) as client:
            with contextlib.suppress(*_KILLED):
                async for event, pod in client.watch(PODS, OURS):
                    if event == "ADDED" and pod["status"].get("phase") == "Pending":
                        task = asyncio.create_task(self._run(client, pod))
                        self._tasks.add(task)
                        task.add_done_callback(self._tasks.discard)
            await asyncio.gather(*self._tasks)

    async def _run(self, client: ApiClient, pod: Json) -> None:
        await asyncio.sleep(self.seconds)
        specification = specification_of({"spec": {"template": pod}})
        manifest = self.store / NAMESPACE / layout.results_manifest(specification.run)
        manifest.parent.mkdir(parents=True, exist_ok=True)
        self.computed[specification.run] += 1
        with contextlib.suppress(FileExistsError), manifest.open("xb") as out:  # written once, as a runner does
            out.write(canonical_json(results_manifest(specification)))
        said = TerminationMessage(exit_code=ExitCode.OK).model_dump_json(by_alias=True)
        status = {"status": pod_status("Succeeded", 0, "Completed", said)}
        with contextlib.suppress(ApiError, *_KILLED):  # its Job may have been taken away, or its API server killed
            await client.request("PATCH", f"{PODS}/{pod['metadata']['name']}/status", status, MERGE_PATCH)


@dataclass(frozen=True)
class Arena:
    """Clusters that run, with a Snapshot that Strategies can name, and an operator that works."""

    clusters: Clusters
    client: ApiClient
    operator: MeasuredOperator


def queued(prefix: str, count: int) -> list[Json]:
    """Return Strategies with distinct names and seeds whose runs go to the workers."""
    made = [strategy(f"{prefix}-{index:05}", index) for index in range(1, count + 1)]
    for one in made:
        one["spec"]["queueName"] = QUEUE
    return made


@contextlib.asynccontextmanager
async def arena(quotas: Mapping[str, int], computed: Counter[str], seconds: float) -> AsyncIterator[Arena]:
    """Bring up clusters with room for so many CPUs each, and take them down afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="tradeplane-bench-") as scratch,
        multi_cluster(Path(scratch), quotas, worker_lost_s=5.0, client_qps=_QPS) as clusters,
    ):
        store = Path(scratch) / "store"
        (store / NAMESPACE).mkdir(parents=True)
        place = Place(clusters.manager, store, Path(scratch))
        place.kubectl("apply", "--server-side", "-k", str(REPOSITORY / "crds" / "yaml"))
        await_kinds(clusters.manager)
        clusters.enrol(NAMESPACE)
        operator = operator_of(place)
        operator.settings |= _PATIENT  # three control planes on one machine may keep it waiting, and nobody takes over
        async with ApiClient(place.kubeconfig) as client, asyncio.TaskGroup() as group:
            await client.request("POST", SNAPSHOTS, put_snapshot(store))
            nodes = [Nodes(worker, store, computed, seconds) for worker in clusters.workers.values()]
            serving = [group.create_task(one.serve()) for one in nodes]
            try:
                await operator.start().working()
                yield Arena(clusters, client, operator)
            finally:
                operator.end()
                for task in serving:
                    task.cancel()
