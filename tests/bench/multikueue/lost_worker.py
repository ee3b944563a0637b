"""``multikueue.recorded_fraction`` and ``double_recorded``: 500 runs over two workers, of which one is killed."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

from tests.bench.control.documents import STRATEGIES
from tests.bench.control.load import create, say, seeing
from tests.bench.multikueue.arena import Arena, arena, queued
from tests.bench.records import Record
from tests.multikueue import WORKERS

RUNS = 500
KILLED_AT = 150
"""Runs recorded by when a worker is killed, with others on it."""
_CPUS_A_WORKER = 4  # of which a run asks for a tenth: forty at once
_SECONDS_A_RUN = 3.0
_PATIENCE = 900.0
_REFERENCE = "every run that was asked for, once"


async def measure() -> list[Record]:
    """Kill a worker in the midst of it, and count what was recorded in the end."""
    computed: Counter[str] = Counter()
    quotas = {"manager": 2 * _CPUS_A_WORKER, **dict.fromkeys(WORKERS, _CPUS_A_WORKER)}
    async with arena(quotas, computed, _SECONDS_A_RUN) as place:
        async with seeing(place.client, "strategies") as seen:
            started = time.perf_counter()
            await create(place.client, STRATEGIES, queued("run", RUNS))
            await seen.until("ready", KILLED_AT, _PATIENCE)
            lost = await _going_on(place)
            place.clusters.kill(WORKERS[1])
            say(f"{WORKERS[1]} is killed after {time.perf_counter() - started:.0f} s, with {lost} runs on it")
            ended = await seen.until("ready", RUNS, _PATIENCE)
        recorded = await _recorded(place)
    once = sum(1 for runs in recorded.values() if len(runs) == 1)
    double = sum(len(runs) - 1 for runs in recorded.values() if len(runs) > 1)
    twice = sum(1 for times in computed.values() if times > 1)
    say(f"{once} runs recorded once, {double} more than that, after {ended - started:.0f} s; {twice} computed twice")
    timed = (
        f"{RUNS} Strategies, {_CPUS_A_WORKER * 10} runs of {_SECONDS_A_RUN:g} s at once on each of two workers; the "
        f"API server of one killed after {KILLED_AT} were recorded, with {lost} runs on it; {twice} were computed twice"
    )
    return [
        Record("multikueue.recorded_fraction", once / RUNS, "of all", _REFERENCE, 1.0, once / RUNS, timed),
        Record("multikueue.double_recorded", double, "runs", _REFERENCE, 0.0, None, timed),
    ]


async def _going_on(place: Arena) -> int:
    """Return how many Jobs the worker has that is about to be killed."""
    listed = place.clusters.workers[WORKERS[1]].client.get("jobs", "--namespace=bench")
    return len(listed["items"])


async def _recorded(place: Arena) -> dict[str, list[str]]:
    """Return the manifests of the results that were recorded of each Strategy."""
    found: dict[str, list[str]] = defaultdict(list)
    async for page in place.client.pages(STRATEGIES):
        for one in page["items"]:
            runs = [one["status"]["latest"], *one["status"].get("history", ())]
            found[one["metadata"]["name"]] += [run["manifestDigest"] for run in runs if run["outcome"] == "Succeeded"]
    return found
