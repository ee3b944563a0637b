"""Runs in queues of Kueue's own controller: here, where they wait for quota, and sent to two other clusters."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.run import ExitCode, TerminationMessage
from tradeplane_operator.planning.queues import MULTIKUEUE, QUEUE_LABEL
from tradeplane_store import layout
from tradeplane_store.canonical import sha256_digest

from tests.integration.conftest import DEFINITIONS, await_kinds
from tests.integration.operator.cluster import Bench, condition, eventually, pod_status
from tests.integration.operator.test_attestations import evidence
from tests.multikueue import QUEUE, Clusters, multi_cluster
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tradeplane_stacks.local.cluster import EmbeddedCluster

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
ONE_CPU = {"resources": {"requests": {"cpu": "1", "memory": "64Mi"}}}
HERE = "here"
"""A queue of the manager whose runs stay there, one at a time."""


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    """Give a manager and two workers, of which each has room for one run."""
    quotas = {"manager": 2, "worker-1": 1, "worker-2": 1}
    with multi_cluster(tmp_path_factory.mktemp("clusters"), quotas, worker_lost_s=3.0) as found:
        found.manager.client.run("apply", "--server-side", "-k", str(DEFINITIONS))
        await_kinds(found.manager)
        found.manager.client.apply([_queue_here()])
        yield found


@pytest.fixture(scope="module")
def cluster(clusters: Clusters) -> Path:
    """Give the kubeconfig of the cluster that users apply to."""
    return clusters.manager.kubeconfig


def _queue_here() -> Json:
    quotas = [{"name": "cpu", "nominalQuota": "1"}, {"name": "memory", "nominalQuota": "1Gi"}]
    group = {"coveredResources": ["cpu", "memory"], "flavors": [{"name": "tradeplane", "resources": quotas}]}
    spec = {"namespaceSelector": {}, "resourceGroups": [group]}
    version = "kueue.x-k8s.io/v1beta2"
    return {"apiVersion": version, "kind": "ClusterQueue", "metadata": {"name": HERE}, "spec": spec}


def _enrol(clusters: Clusters, namespace: str) -> None:
    clusters.enrol(namespace)
    metadata, version = {"name": HERE, "namespace": namespace}, "kueue.x-k8s.io/v1beta2"
    spec = {"clusterQueue": HERE}
    clusters.manager.client.apply([{"apiVersion": version, "kind": "LocalQueue", "metadata": metadata, "spec": spec}])


def _reason(strategy: Json) -> str:
    return str(condition(strategy, "Ready").get("reason", ""))


async def _reasons(bench: Bench, *names: str) -> dict[str, str]:
    return {name: _reason(await bench.strategy(name)) for name in names}


async def _reached(bench: Bench, wanted: dict[str, int], *names: str) -> dict[str, str]:
    """Wait until so many Strategies have each reason; return the reasons."""

    async def found() -> dict[str, str] | None:
        seen = await _reasons(bench, *names)
        counts = {reason: list(seen.values()).count(reason) for reason in wanted}
        return seen if counts == wanted else None

    return await eventually(found, f"{wanted} of {names}", state=lambda: _reasons(bench, *names))


async def _sent(worker: EmbeddedCluster, namespace: str) -> list[tuple[Json, Json]]:
    """Return the Jobs of a worker that have a pod, each with it."""
    asked = ("jobs,pods", f"--namespace={namespace}")
    items = (await asyncio.to_thread(worker.client.get, *asked))["items"]
    pods = {one["metadata"]["labels"]["job-name"]: one for one in items if one["kind"] == "Pod"}
    jobs = [one for one in items if one["kind"] == "Job"]
    return [(job, pods[job["metadata"]["name"]]) for job in jobs if job["metadata"]["name"] in pods]


async def _only_one(worker: EmbeddedCluster, namespace: str, besides: str = "") -> tuple[Json, Json]:
    """Wait for a worker's Job of another name that goes on, and return it with its pod."""

    async def found() -> tuple[Json, Json] | None:
        going_on = [
            (job, pod)
            for job, pod in await _sent(worker, namespace)
            if job["metadata"]["name"] != besides and "completionTime" not in job["status"]
        ]
        return going_on[0] if going_on else None

    return await eventually(found, f"a Job besides {besides!r} on a worker")


async def _end_there(bench: Bench, worker: EmbeddedCluster, job: Json, pod: Json, code: int = 0) -> None:
    """End the pod of a Job of a worker, as a kubelet there would, its results in the store where it ends well."""
    if code == 0:
        bench.write_results(job)
    said = TerminationMessage(exit_code=ExitCode(code)).model_dump_json(by_alias=True)
    ended = pod_status("Failed" if code else "Succeeded", code, "Error" if code else "Completed", said)
    patch = json.dumps({"status": ended})
    where = (pod["metadata"]["name"], f"--namespace={bench.namespace}", "--subresource=status", "--type=merge")
    await asyncio.to_thread(worker.client.run, "patch", "pod", *where, f"--patch={patch}")


async def _ended(bench: Bench, worker: EmbeddedCluster, wanted: dict[str, int], *names: str, code: int = 0) -> None:
    """End pods of a worker until so many Strategies have each reason.

    Until, because how one ended may be lost: a pod that ends at once does so before Kueue lets its Job go where it came
    from, and is asked for again.
    """

    async def found() -> bool:
        for job, pod in await _sent(worker, bench.namespace):
            if pod["status"]["phase"] == "Pending":
                await _end_there(bench, worker, job, pod, code)
        seen = await _reasons(bench, *names)
        return {reason: list(seen.values()).count(reason) for reason in wanted} == wanted

    await eventually(found, f"{wanted} of {names}", state=lambda: _reasons(bench, *names))


async def test_a_run_beyond_the_quota_waits_and_says_so_until_it_is_admitted(
    clusters: Clusters, bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    _enrol(clusters, bench.namespace)
    await operators().working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    first = await bench.create_strategy("first", queueName=HERE, **ONE_CPU)
    job = await bench.a_job(first["metadata"]["uid"])
    assert "managedBy" not in job["spec"]
    second = await bench.create_strategy("second", queueName=HERE, activeDeadlineSeconds=1000, **ONE_CPU)
    queued = await bench.until("second", "Queued")
    assert condition(queued, "Reconciling")["status"] == "True"
    assert "waits in queue here" in condition(queued, "Ready")["message"]
    (waiting,) = await bench.jobs(second["metadata"]["uid"])
    assert waiting["spec"]["suspend"] is True
    assert "startTime" not in waiting["status"], "the deadline runs from the admission on"
    assert await bench.pods(waiting) == []
    await bench.succeed(job)
    before = await bench.until("first", "Succeeded")
    admitted = await bench.a_job(second["metadata"]["uid"])
    assert admitted["metadata"]["uid"] == waiting["metadata"]["uid"]
    await bench.succeed(admitted)
    done = await bench.until("second", "Succeeded")
    assert done["status"]["latest"]["startTime"] >= before["status"]["latest"]["completionTime"]


async def test_a_queue_that_is_not_there_holds_a_run_back(
    clusters: Clusters, bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    await operators().working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    created = await bench.create_strategy("macd", queueName="nowhere")
    assert "queue nowhere" in condition(await bench.until("macd", "Queued"), "Ready")["message"]
    (job,) = await bench.jobs(created["metadata"]["uid"])
    assert (job["metadata"]["labels"][QUEUE_LABEL], job["spec"]["suspend"]) == ("nowhere", True)


async def test_where_runs_are_attested_a_run_that_is_sent_elsewhere_is_refused_and_stopped_there(
    clusters: Clusters, bench: Bench, operators: Callable[..., OperatorProcess], tmp_path: Path
) -> None:
    _enrol(clusters, bench.namespace)
    key = sample_runs.key_file(tmp_path)
    await operators(**evidence("registry.invalid:5000", key), retention={"failedSeconds": 1_000_000}).working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd", queueName=QUEUE, **ONE_CPU)
    refused = await bench.until("macd", "AttestationNeedsPod")
    assert condition(refused, "Stalled")["status"] == "True"
    assert condition(refused, "Attested")["status"] == "False"
    await bench.no_jobs()

    async def stopped() -> bool:
        found = [await _sent(worker, bench.namespace) for worker in clusters.workers.values()]
        return not any(found)

    await eventually(stopped, "the run to be stopped where it was sent")


async def test_runs_overflow_to_two_clusters_and_each_is_recorded_once_though_one_of_them_dies(
    clusters: Clusters, bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    """The last of its module: it kills a worker."""
    _enrol(clusters, bench.namespace)
    await operators().working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    names = ("one", "two", "three", "bad")
    for seed, name in enumerate(names[:3]):
        await bench.create_strategy(name, queueName=QUEUE, seed=seed, **ONE_CPU)
    await _reached(bench, {"Running": 2, "Queued": 1}, *names[:3])
    assert {job["spec"]["managedBy"] for job in await bench.jobs()} == {MULTIKUEUE}
    there, lost = clusters.workers.values()
    job, pod = await _only_one(there, bench.namespace)
    lost_job, _ = await _only_one(lost, bench.namespace)
    assert job["metadata"]["name"] != lost_job["metadata"]["name"]
    assert "managedBy" not in job["spec"]
    assert "ownerReferences" not in job["metadata"], "no operator of that cluster takes it for its own"

    await _end_there(bench, there, job, pod)
    await _reached(bench, {"Succeeded": 1, "Running": 2}, *names[:3])
    job, pod = await _only_one(there, bench.namespace, besides=job["metadata"]["name"])

    bench.write_results(lost_job)  # it had computed them, and nobody heard of it
    clusters.kill("worker-2")
    await _reached(bench, {"Succeeded": 1, "Running": 1, "Queued": 1}, *names[:3])
    await _end_there(bench, there, job, pod)
    again, _ = await _only_one(there, bench.namespace, besides=job["metadata"]["name"])
    assert again["metadata"]["name"] == lost_job["metadata"]["name"]
    await _ended(bench, there, {"Succeeded": 3}, *names[:3])

    await bench.create_strategy("bad", queueName=QUEUE, seed=9, backoffLimit=0, **ONE_CPU)
    await _ended(bench, there, {"PodFailurePolicy": 1}, "bad", code=int(ExitCode.REFUSED))
    failed = await bench.strategy("bad")
    assert "its pod was in another cluster" in condition(failed, "Stalled")["message"]

    for name in names[:3]:
        status = (await bench.strategy(name))["status"]
        latest = status["latest"]
        assert "history" not in status or status["history"] == []
        assert latest["manifestDigest"] == sha256_digest(bench.store.get(layout.results_manifest(latest["name"])))
