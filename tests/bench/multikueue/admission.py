"""``multikueue.admission_vs_kueue``: how fast runs are admitted, beside the same Jobs created without an operator."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from tradeplane_api.strategy import PinnedInputs, RunStatus, StrategySpec
from tradeplane_operator.planning.jobs import build_job
from tradeplane_operator.planning.names import RUN_LABEL
from tradeplane_operator.settings import Settings

from tests.bench.control.client import LISTED, MERGE_PATCH
from tests.bench.control.documents import JOBS, STRATEGIES, is_true
from tests.bench.control.fleet import NAMESPACE
from tests.bench.control.load import clear, create, eventually, say
from tests.bench.multikueue.arena import Arena, arena, queued
from tests.bench.records import Record
from tests.multikueue import WORKERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from tests.bench.control.client import ApiClient

Json = dict[str, Any]
WORKLOADS = f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{NAMESPACE}/workloads"
"""What Kueue makes of each Job, and admits."""
_QUEUE = "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/tradeplane-runs"
RUNS = 50
ORDER = ("kueue", "operator", "operator", "kueue", "kueue", "operator")
_CPUS = 1_000
_SECONDS_A_RUN = 1_800.0
"""Longer than a round. A run that ends on a worker before Kueue has recorded here that it was admitted is made again by
the operator (docs/multi-cluster.md), and Kueue has little left for the others meanwhile."""
_PATIENCE = 600.0


async def measure() -> list[Record]:
    """Let the operator, and a client that creates its Jobs and no more, take turns."""
    quotas = {"manager": 2 * _CPUS, **dict.fromkeys(WORKERS, _CPUS)}
    rates: dict[str, list[float]] = {name: [] for name in ORDER}
    async with arena(quotas, Counter(), _SECONDS_A_RUN) as place:
        job = await _one_job(place)
        for index, contender in enumerate(ORDER):
            await _cleared(place)
            prefix = f"{contender}-{index}"
            bodies: Sequence[Json | bytes] = queued(prefix, RUNS) if contender == "operator" else _bare(job, prefix)
            rate = await _round(place.client, STRATEGIES if contender == "operator" else JOBS, bodies)
            say(f"{contender}: {rate:,.1f} admitted a second")
            rates[contender].append(rate)
    operator, kueue = (statistics.median(rates[name]) for name in ("operator", "kueue"))
    timed = (
        f"{RUNS} runs, from the first create to the last Workload that waits, and from when the queue is opened to the "
        f"last that is admitted, as a watch of the manager shows; two workers with room for all; in turns "
        f"({', '.join(ORDER)}), medians"
    )
    reference = "the same Jobs, created without an operator"
    return [Record("multikueue.admission_vs_kueue", operator, "runs/s", reference, kueue, operator / kueue, timed)]


async def _round(client: ApiClient, path: str, bodies: Sequence[Json | bytes]) -> float:
    """Create objects, and return how many of their runs were admitted a second.

    The queue is held until all of them wait in it, so that Kueue begins with the same for both: it asks workers for a
    few things a second, and how many of these are for nothing depends on how Jobs come (the same ones, without an
    operator, were admitted at 0.7 to 1.0 a second). What an operator takes until they wait is counted whole, although
    it could take it while Kueue is at work.
    """
    await _let(client, "Hold")
    async with _watched(client) as seen:
        started = time.perf_counter()
        await create(client, path, bodies)
        await _all_in(seen.waiting, "to wait")
        opened = time.perf_counter()
        await _let(client, "None")
        await _all_in(seen.admitted, "to be admitted")
    return RUNS / (max(seen.waiting.values()) - started + max(seen.admitted.values()) - opened)


async def _let(client: ApiClient, stop: str) -> None:
    """Have the queue of all runs hold what waits in it (``Hold``), or admit it (``None``)."""
    await client.request("PATCH", _QUEUE, {"spec": {"stopPolicy": stop}}, MERGE_PATCH)


async def _all_in(found: Mapping[str, float], what: str) -> None:
    async def all_of_them() -> bool:
        return len(found) >= RUNS

    await eventually(all_of_them, f"{RUNS} Workloads {what}", _PATIENCE)


@dataclass(frozen=True)
class _Workloads:
    """When each Workload was first seen, and when it was seen to be admitted, by its UID."""

    waiting: dict[str, float] = field(default_factory=dict)
    admitted: dict[str, float] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def _watched(client: ApiClient) -> AsyncIterator[_Workloads]:
    """Watch Workloads, of which there are none before, while the block runs."""
    seen = _Workloads()
    watching = asyncio.Event()

    async def follow() -> None:
        async for event, workload in client.watch(WORKLOADS):
            if event == LISTED:
                watching.set()
                continue
            uid, now = workload["metadata"]["uid"], time.perf_counter()
            seen.waiting.setdefault(uid, now)
            if is_true(workload, "Admitted"):
                seen.admitted.setdefault(uid, now)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow())
        await watching.wait()
        yield seen
        task.cancel()


async def _cleared(place: Arena) -> None:
    """Remove what there is, and wait until the workers have nothing of it left either."""
    await clear(place.client)

    async def gone() -> bool:
        clusters = (place.clusters.manager, *place.clusters.workers.values())
        return not any(one.client.get("workloads", f"--namespace={NAMESPACE}")["items"] for one in clusters)

    await eventually(gone, "all Workloads to be gone", _PATIENCE)


async def _one_job(place: Arena) -> bytes:
    """Return the Job that the operator makes for a run, without an owner."""
    (asked,) = queued("pattern", 1)
    await place.client.request("POST", STRATEGIES, asked)
    found: list[Json] = []

    async def started() -> bool:
        found[:] = [await place.client.request("GET", f"{STRATEGIES}/{asked['metadata']['name']}")]
        return "latest" in (found[0].get("status") or {})

    await eventually(started, "a run to be recorded", _PATIENCE)
    (resource,) = found
    status = resource["status"]
    job = build_job(
        resource["metadata"],
        StrategySpec.model_validate(resource["spec"]),
        PinnedInputs.model_validate(status["pinned"]),
        RunStatus.model_validate(status["latest"]),
        Settings.model_validate(place.operator.settings),
    )
    del job["metadata"]["ownerReferences"]
    return orjson.dumps(job)


def _bare(job: bytes, prefix: str) -> list[Json | bytes]:
    """Return Jobs like one, each of its own name and run."""
    name = orjson.loads(job)["metadata"]["labels"][RUN_LABEL].encode()
    return [job.replace(name, f"{prefix}-{index:05}".encode()) for index in range(RUNS)]
