"""``control.duplicate_runs``: an operator killed with 2,000 runs in flight, twice, starts none again and loses none.

The first kill comes while it starts runs, half of them recorded; the second while all of them run, and they end while
nobody looks.
"""

from __future__ import annotations

import asyncio

from tests.bench.control.contenders import arena
from tests.bench.control.documents import STRATEGIES, strategies
from tests.bench.control.load import create, say, seeing
from tests.bench.records import Record

RUNS = 2_000
_PATIENCE = 300.0


async def measure() -> list[Record]:
    """Kill the operator at two moments, let everything finish, and count what was ever started."""
    async with arena() as place, seeing(place.client, "strategies", "jobs", "pods") as seen:
        await place.operator.start().working()
        with place.fleet.held():
            creating = asyncio.create_task(create(place.client, STRATEGIES, strategies("killed", RUNS)))
            await seen.until("jobs", RUNS // 2, _PATIENCE)
            place.operator.kill()
            say(f"killed with {len(seen.jobs):,} Jobs made")
            await creating
            await place.operator.start().working()
            await seen.until("pods", RUNS, _PATIENCE)
            place.operator.kill()
            say(f"killed with {len(seen.jobs):,} Jobs made, {len(seen.ready):,} Strategies Ready")
        await seen.until("complete", RUNS // 2, _PATIENCE)
        await place.operator.start().working()
        await seen.until("ready", RUNS, _PATIENCE)
    jobs, pods = len(seen.jobs), len(seen.pods)
    say(f"{jobs:,} Jobs and {pods:,} pods for {RUNS:,} Strategies, all Ready")
    timed = (
        f"Jobs and pods beyond one for each of {RUNS:,} Strategies, after kill -9 of the operator while it started "
        "them and again while all were running; all finished"
    )
    return [Record("control.duplicate_runs", float(max(jobs, pods) - RUNS), "runs", None, None, None, timed)]
