"""``multikueue.admission_vs_kueue``: how fast runs are admitted, beside the same Jobs created without an operator."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
from tradeplane_api.strategy import PinnedInputs, RunStatus, StrategySpec
from tradeplane_operator.planning.jobs import build_job
from tradeplane_operator.planning.names import RUN_LABEL
from tradeplane_operator.settings import Settings

from tests.bench.control.client import LISTED
from tests.bench.control.documents import JOBS, OURS, STRATEGIES
from tests.bench.control.load import clear, create, eventually, say
from tests.bench.multikueue.arena import Arena, arena, queued
from tests.bench.records import Record
from tests.multikueue import WORKERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.bench.control.client import ApiClient

Json = dict[str, Any]
RUNS = 200
ORDER = ("kueue", "operator", "operator", "kueue", "kueue", "operator")
_CPUS = 1_000
_SECONDS_A_RUN = 0.5
_PATIENCE = 300.0


async def measure() -> list[Record]:
    """Let the operator, and a client that creates its Jobs and no more, take turns."""
    quotas = {"manager": 2 * _CPUS, **dict.fromkeys(WORKERS, _CPUS)}
    rates: dict[str, list[float]] = {name: [] for name in ORDER}
    async with arena(quotas, Counter(), _SECONDS_A_RUN) as place:
        job = await _one_job(place)
        for index, contender in enumerate(ORDER):
            await clear(place.client)
            prefix = f"{contender}-{index}"
            bodies: Sequence[Json | bytes] = queued(prefix, RUNS) if contender == "operator" else _bare(job, prefix)
            rate = await _round(place.client, STRATEGIES if contender == "operator" else JOBS, bodies)
            say(f"{contender}: {rate:,.1f} admitted a second")
            rates[contender].append(rate)
    operator, kueue = (statistics.median(rates[name]) for name in ("operator", "kueue"))
    timed = (
        f"{RUNS} runs, from the first create to the last Job that is admitted in the manager, as a watch sees it; two "
        f"workers with room for all; in turns ({', '.join(ORDER)}), medians"
    )
    reference = "the same Jobs, created without an operator"
    return [Record("multikueue.admission_vs_kueue", operator, "runs/s", reference, kueue, operator / kueue, timed)]


async def _round(client: ApiClient, path: str, bodies: Sequence[Json | bytes]) -> float:
    """Create objects, and return how many of their Jobs were admitted a second."""
    async with _admissions(client) as admitted:
        started = time.perf_counter()
        await create(client, path, bodies)

        async def all_of_them() -> bool:
            return len(admitted) >= RUNS

        await eventually(all_of_them, f"{RUNS} Jobs to be admitted", _PATIENCE)
    return RUNS / (max(admitted.values()) - started)


@contextlib.asynccontextmanager
async def _admissions(client: ApiClient) -> AsyncIterator[dict[str, float]]:
    """Give when each Job was first seen not to be suspended, by its UID, while the block runs."""
    admitted: dict[str, float] = {}
    watching = asyncio.Event()

    async def follow() -> None:
        async for event, job in client.watch(JOBS, OURS):
            if event == LISTED:
                watching.set()
            elif event != "DELETED" and not job["spec"].get("suspend"):
                admitted.setdefault(job["metadata"]["uid"], time.perf_counter())

    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow())
        await watching.wait()
        yield admitted
        task.cancel()


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
