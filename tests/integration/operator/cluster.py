"""What a test does to a cluster: objects in and out, pods that end, results that appear.

There are no nodes: the Job controller creates pods, nobody schedules them, and the tests write the status a kubelet
would write. Everything else is the real thing.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from tradeplane_api.run import (
    SPECIFICATION_VARIABLE,
    ExitCode,
    Part,
    ResultsManifest,
    RunSpecification,
    Summary,
    TerminationMessage,
)
from tradeplane_api.snapshot_manifest import SnapshotInstrument, SnapshotManifest
from tradeplane_evidence.results_artifact import digest_over
from tradeplane_operator.acting.errors import NotFound
from tradeplane_operator.planning.names import API_VERSION, STRATEGY_UID_LABEL
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, document_digest, result_digest, run_digest, sha256_digest
from tradeplane_store.records import arrow_bytes

from tests.integration.operator.states import MarkingClient, States
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    import pyarrow as pa
    from tradeplane_operator.acting.access import Access
    from tradeplane_store.objects import ObjectStore

T = TypeVar("T")
Json = dict[str, Any]
PATIENCE = 120.0
"""For what takes a second: a machine of CI may be many times slower for a while."""
COLLECTOR_PATIENCE = 180.0
"""Kubernetes' garbage collector learns of new kinds every 30 s, and then lists them."""
_REQUEST_S = 30.0
SOME_DIGEST = "sha256:" + "1" * 64
EQUITY = sample_runs.tables()["equity"]
SUMMARY = Summary(
    start="2000-01-03T00:00:00Z",
    end="2000-12-29T00:00:00Z",
    bars=252,
    trades=7,
    final_equity="110000",
    total_return="0.1",
    annual_return="0.1",
    volatility="0.2",
    sharpe="0.5",
    sortino=None,
    calmar=None,
    max_drawdown="0.05",
    max_drawdown_start=None,
    max_drawdown_end=None,
    turnover=None,
    exposure="0.5",
    hit_rate="0.6",
)


async def eventually(
    found: Callable[[], Awaitable[T | None]],
    what: str,
    patience: float = PATIENCE,
    state: Callable[[], Awaitable[object]] | None = None,
) -> T:
    """Wait until a look-up finds something, and return it; fail with the state it was in at the end."""
    deadline = time.monotonic() + patience
    while not (result := await found()):
        if time.monotonic() >= deadline:
            seen = "" if state is None else f"; in the end: {json.dumps(await state(), default=str)}"
            pytest.fail(f"waited {patience:g} s for {what}{seen}")
        await asyncio.sleep(0.05)
    return result


def snapshot_manifest(records: int = 10) -> tuple[str, bytes]:
    """Return the id and the bytes of a snapshot's manifest."""
    manifest = SnapshotManifest(
        instruments=(SnapshotInstrument(symbol="SPX", price_exponent=-2, quantity_exponent=0),),
        start=SUMMARY.start,
        end=SUMMARY.end,
        records=records,
        sources=(),
        parts=(Part(name="bars-0", rows=records, digest=SOME_DIGEST),),
    )
    data = canonical_json(manifest)
    return sha256_digest(data), data


def results_manifest(
    specification: RunSpecification, summary: Summary = SUMMARY, equity: pa.Table = EQUITY
) -> ResultsManifest:
    """Return the manifest a runner would leave."""
    parts = (sample_runs.part_of("equity", equity),)
    return ResultsManifest(
        specification=specification,
        run_digest=run_digest(specification),
        result_digest=result_digest(parts, summary),
        parts=parts,
        summary=summary,
        environment={"architecture": "x86_64"},
    )


def results_files(manifest: ResultsManifest, equity: pa.Table = EQUITY) -> dict[str, bytes]:
    """Return the files a runner would leave beside a manifest, by name, and the manifest last."""
    return {
        "equity.arrow": arrow_bytes(equity).to_pybytes(),
        "summary.json": canonical_json(manifest.summary),
        "manifest.json": canonical_json(manifest),
    }


def specification_of(job: Mapping[str, Any]) -> RunSpecification:
    """Return what a Job tells its runner."""
    variables = {item["name"]: item.get("value", "") for item in _container(job)["env"]}
    return RunSpecification.model_validate_json(variables[SPECIFICATION_VARIABLE].replace("$$(", "$("))


def _container(job: Mapping[str, Any]) -> Json:
    container: Json = job["spec"]["template"]["spec"]["containers"][0]
    return container


def condition(resource: Mapping[str, Any], kind: str) -> Json:
    """Return one condition of an object."""
    found = [item for item in resource.get("status", {}).get("conditions", ()) if item["type"] == kind]
    return found[0] if found else {}


@dataclass
class Bench:
    """One namespace of a cluster, and its folder in the store."""

    client: MarkingClient
    namespace: str
    store: ObjectStore
    states: States

    def _path(self, plural: str, name: str = "") -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def write_snapshot(self, records: int = 10) -> str:
        """Put a snapshot into the store and return its id."""
        digest, data = snapshot_manifest(records)
        self.store.put(layout.snapshot_part(digest, "bars-0"), b"bars")
        self.store.put(layout.snapshot_manifest(digest), data)
        return digest

    async def create_snapshot(self, name: str, digest: str, **spec: Any) -> Json:
        """Create a Snapshot object."""
        return await self._create("snapshots", "Snapshot", name, {"digest": digest, **spec})

    async def create_strategy(self, name: str, **spec: Any) -> Json:
        """Create a Strategy that buys and holds, with changes to its spec."""
        defaults = {
            "algorithm": {"name": "buy-and-hold"},
            "capital": "100000",
            "snapshotRef": {"name": "prices"},
        }
        return await self._create("strategies", "Strategy", name, defaults | spec)

    async def _create(self, plural: str, kind: str, name: str, spec: Mapping[str, Any]) -> Json:
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        created: Json = await self.client.create(self._path(plural), body)
        return created

    async def change(self, name: str, **spec: Any) -> Json:
        """Change the spec of a Strategy."""
        changed: Json = await self.client.merge_patch(self._path("strategies", name), {"spec": spec})
        return changed

    async def delete_strategy(self, name: str) -> None:
        """Delete a Strategy, its Jobs by garbage collection."""
        await self.client._write("DELETE", self._path("strategies", name), {"propagationPolicy": "Background"})

    async def delete_job(self, name: str) -> None:
        """Delete a Job, as somebody might who does not know whose it is."""
        path = f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{name}"
        await self.client._write("DELETE", path, {"propagationPolicy": "Background"})

    async def strategy(self, name: str) -> Json:
        """Return a Strategy."""
        found: Json = await self.client.get(self._path("strategies", name))
        return found

    async def snapshot(self, name: str) -> Json:
        """Return a Snapshot."""
        found: Json = await self.client.get(self._path("snapshots", name))
        return found

    async def jobs(self, uid: str = "") -> list[Json]:
        """Return the Jobs of the namespace, or of one Strategy."""
        query = {"labelSelector": f"{STRATEGY_UID_LABEL}={uid}"} if uid else None
        listed = await self.client.get(f"/apis/batch/v1/namespaces/{self.namespace}/jobs", query)
        return list(listed["items"])

    async def pods(self, job: Mapping[str, Any]) -> list[Json]:
        """Return the pods of a Job; one of its name that was removed may have left others."""
        query = {"labelSelector": f"batch.kubernetes.io/controller-uid={job['metadata']['uid']}"}
        listed = await self.client.get(f"/api/v1/namespaces/{self.namespace}/pods", query)
        return list(listed["items"])

    async def a_job(self, uid: str = "", besides: frozenset[str] = frozenset()) -> Json:
        """Wait for a Job that has a pod, and return it."""

        async def found() -> Json | None:
            return await self.with_a_pod(await self.jobs(uid), besides)

        return await eventually(found, f"a Job of {uid or self.namespace}")

    async def with_a_pod(self, jobs: Iterable[Json], besides: frozenset[str] = frozenset()) -> Json | None:
        """Return one of these Jobs that has a pod."""
        for job in jobs:
            if job["metadata"]["name"] not in besides and await self.pods(job):
                return job
        return None

    async def bind(self, metadata: Mapping[str, Any], node: str) -> None:
        """Have a pod be a node's, as the scheduler would: it is asked for that pod no more."""
        named = {key: metadata[key] for key in ("name", "uid")}
        body = {"metadata": named, "target": {"apiVersion": "v1", "kind": "Node", "name": node}}
        await self.client.create(f"/api/v1/namespaces/{self.namespace}/pods/{named['name']}/binding", body)

    @asynccontextmanager
    async def on_a_silent_node(self, pod: Mapping[str, Any]) -> AsyncIterator[None]:
        """Have a pod be a node's that never says anything: the API server leaves the pod's end to that node then."""
        node = f"silent-node-of-{self.namespace}"
        await self.client.create("/api/v1/nodes", {"metadata": {"name": node}, "spec": {"unschedulable": True}})
        try:
            await self.bind(pod["metadata"], node)
            yield
        finally:
            await self.client._write("DELETE", f"/api/v1/nodes/{node}", {})

    async def write_pod_status(self, name: str, status: Mapping[str, Any]) -> None:
        """Write the status of a Job's newest pod, as its kubelet would."""
        job = await self.client.get(f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{name}")
        pod = max(await self.pods(job), key=lambda item: item["metadata"]["creationTimestamp"])
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}/status"
        await self.client.merge_patch(path, {"status": status})

    async def succeed(self, job: Mapping[str, Any], *, with_results: bool = True) -> ResultsManifest:
        """Have a run end well, its results in the store."""
        if with_results:
            self.write_results(job)
        manifest = results_manifest(specification_of(job))
        said = TerminationMessage(
            exit_code=ExitCode.OK,
            manifest_digest=document_digest(manifest),
            result_digest=manifest.result_digest,
            files_digest=digest_over(results_files(manifest)),
        ).model_dump_json(by_alias=True)
        await self.write_pod_status(job["metadata"]["name"], pod_status("Succeeded", 0, "Completed", said))
        return manifest

    def write_results(self, job: Mapping[str, Any]) -> None:
        """Put all that a run leaves into the store."""
        for name, data in results_files(results_manifest(specification_of(job))).items():
            self.store.put(f"results/{job['metadata']['name']}/{name}", data)

    async def fail(self, job: str, exit_code: int, message: str = "", reason: str = "Error") -> None:
        """Have a Job's newest pod end badly, with a runner's words or without."""
        said = (
            TerminationMessage(exit_code=exit_code, message=message).model_dump_json(by_alias=True) if message else ""
        )
        await self.write_pod_status(job, pod_status("Failed", exit_code, reason, said))

    async def until(self, name: str, reason: str) -> Json:
        """Wait until a Strategy is said to be something, and return it as it was then."""
        return await self.said("strategies", name, reason)

    async def said(self, plural: str, name: str, *reasons: str) -> Json:
        """Wait until ``Ready`` of an object of ours has one of these reasons, if for a moment; return it as it was.

        States from before the test last wrote anything do not count, but for the one that held then.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.states.reached(
                    plural, name, lambda state: condition(state, "Ready").get("reason") in reasons
                )
        except TimeoutError:
            seen = {"states": self.states.seen(plural, name), "jobs": await self._job_states()}
            words = f"waited {PATIENCE:g} s for {plural} {name} to be {' or '.join(reasons)}"
            pytest.fail(f"{words}; seen: {json.dumps(seen, default=str)}")

    async def no_jobs(self) -> None:
        """Wait until there are no Jobs; those of deleted Strategies go when the garbage collector knows the kind."""

        async def none() -> bool:
            return not await self.jobs()

        await eventually(none, "all Jobs to be removed", COLLECTOR_PATIENCE, self._job_states)

    async def _job_states(self) -> Json:
        jobs = await self.jobs()
        return {job["metadata"]["name"]: {**job["metadata"], **job.get("status", {})} for job in jobs}

    async def gone(self, path: str) -> None:
        """Wait until there is nothing at a path."""

        async def missing() -> bool:
            try:
                await self.client.get(path)
            except NotFound:
                return True
            return False

        await eventually(missing, f"{path} to be gone")


@asynccontextmanager
async def opened(access: Access, namespace: str, store: ObjectStore) -> AsyncIterator[Bench]:
    """Give a namespace that is there to a test; what its objects go through is seen from now on."""
    client = MarkingClient(access, _REQUEST_S)
    states = States(client, namespace)
    await states.begin()
    try:
        yield Bench(client, namespace, store, states)
    finally:
        await states.end()


def pod_status(phase: str, exit_code: int, reason: str, message: str) -> Json:
    """Return the status of a pod whose container ended."""
    ended = {"exitCode": exit_code, "reason": reason, "message": message}
    container = {
        "name": "runner",
        "image": "x",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    return {"phase": phase, "containerStatuses": [container]}
