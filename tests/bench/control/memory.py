"""``control.rss_10k_mb`` and ``control.restart_10k_s``: 10,000 finished Strategies known, and learnt anew.

The Strategies were not run one by one: they are created while no operator runs, and given the status of one that was,
with names and digests of their own. An operator that starts has to find that there is nothing to do for any of them.
Then each is changed once by somebody else, so that memory is measured of a process that has worked on all of them.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson
from tradeplane_api.run import Outcome
from tradeplane_api.strategy import Architecture, PinnedInputs, StrategySpec, Trigger
from tradeplane_operator.planning.asking import asked_digest, run_specification
from tradeplane_operator.planning.names import run_name
from tradeplane_store.canonical import run_digest

from tests.bench.control.client import MERGE_PATCH
from tests.bench.control.contenders import Arena, arena, operating
from tests.bench.control.documents import STRATEGIES, strategies, strategy
from tests.bench.control.load import AT_ONCE, create, eventually, removed, say, seeing
from tests.bench.control.operator_process import processor_seconds
from tests.bench.control.writes import record_writes
from tests.bench.records import Record

if TYPE_CHECKING:
    from tests.bench.control.client import ApiClient
    from tests.bench.control.documents import Json
    from tests.bench.control.operator_process import MeasuredOperator

STRATEGIES_KNOWN = 10_000
_PATIENCE = 180.0
_WRITTEN = 'tradeplane_api_writes_total{{verb="{}"}}'
_RECONCILED = 'tradeplane_reconcile_seconds_count{kind="Strategy",result="ok"}'


async def measure() -> list[Record]:
    """Fill a cluster with finished Strategies, start an operator, change them all, and look at its memory."""
    async with arena() as place:
        async with operating(place.operator):
            await record_writes(place.client, place.operator.settings)
            finished = (await place.client.request("GET", STRATEGIES))["items"][0]
            await removed(place.client)
            place.operator.kill()
        await _fill(place.client, finished)
        async with seeing(place.client, "strategies", "jobs") as seen:
            started = time.perf_counter()
            place.operator.start()
            await _passed(place.operator, STRATEGIES_KNOWN)
            seconds = time.perf_counter() - started
            say(f"started anew after {seconds:.1f} s, {processor_seconds(place.operator.pid):.1f} s of processor")
            learnt = place.operator.resident_mebibytes()
            counted = place.operator.metrics()
            written = {verb: counted.get(_WRITTEN.format(verb), 0) for verb in ("POST", "PATCH", "DELETECOLLECTION")}
            assert not any(written.values()), f"writes for Strategies that were finished: {written}"
            await _change_all(place)
            await create(place.client, STRATEGIES, [strategy("one-more", 1)])
            await seen.until("ready", STRATEGIES_KNOWN + 1, _PATIENCE)
        assert set(seen.jobs.values()) == {"one-more"}, f"Jobs were started: {len(seen.jobs)}"
        now, highest = (place.operator.resident_mebibytes(field) for field in ("VmRSS", "VmHWM"))
    say(f"resident: {learnt:.0f} MiB after the start, {now:.0f} after a change of each, {highest:.0f} at the highest")
    return [_memory(now, highest), _restart(seconds)]


def _memory(now: float, highest: float) -> Record:
    timed = (
        f"resident memory (VmRSS, MiB) of the operator with {STRATEGIES_KNOWN:,} finished Strategies, after it started "
        "with them there and then recorded one change of each; their statuses were patched in, not run"
    )
    return Record("control.rss_10k_mb", now, "MiB", "its highest (VmHWM)", highest, None, timed)


def _restart(seconds: float) -> Record:
    timed = (
        f"from the start of an operator, right after the last one was killed (its Lease of 15 s has yet to run out), "
        f"until it has looked at each of {STRATEGIES_KNOWN:,} finished Strategies; it started and wrote nothing"
    )
    return Record("control.restart_10k_s", seconds, "s", None, None, None, timed)


async def _fill(client: ApiClient, finished: Json) -> None:
    """Create Strategies that are finished."""
    began = time.perf_counter()
    left = iter(strategies("finished", STRATEGIES_KNOWN - 1))

    async def work() -> None:
        for body in left:
            created = await client.request("POST", STRATEGIES, body)
            status = {"status": _status_like(finished["status"], created)}
            await client.request("PATCH", f"{STRATEGIES}/{body['metadata']['name']}/status", status, MERGE_PATCH)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    say(f"{STRATEGIES_KNOWN:,} Strategies made after {time.perf_counter() - began:.0f} s")


def _status_like(status: Json, resource: Json) -> Json:
    """Return a finished Strategy's status as another one would have it."""
    metadata, spec = resource["metadata"], StrategySpec.model_validate(resource["spec"])
    run = run_name(metadata["name"], metadata["uid"], 1, Trigger.GENERATION, "", Architecture.ANY)
    assert status["latest"]["outcome"] == Outcome.SUCCEEDED.value
    renamed: Json = orjson.loads(orjson.dumps(status).replace(status["latest"]["name"].encode(), run.encode()))
    renamed["pinned"]["asked"] = asked_digest(spec)
    specification = run_specification(run, spec, PinnedInputs.model_validate(renamed["pinned"]))
    renamed["latest"]["runDigest"] = run_digest(specification)
    return renamed


async def _change_all(place: Arena) -> None:
    """Change what asks for no run in each Strategy, and wait until the operator has recorded each change."""
    before = place.operator.metrics().get(_RECONCILED, 0.0)
    names = iter([body["metadata"]["name"] for body in strategies("finished", STRATEGIES_KNOWN - 1)])
    changed = {"spec": {"historyLimit": 9}}

    async def work() -> None:
        for name in names:
            await place.client.request("PATCH", f"{STRATEGIES}/{name}", changed, MERGE_PATCH)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    await _passed(place.operator, before + STRATEGIES_KNOWN - 1)


async def _passed(operator: MeasuredOperator, passes: float) -> None:
    """Wait until the operator has made so many passes and has nothing left to do."""

    async def reached() -> bool:
        try:
            metrics = await asyncio.to_thread(operator.metrics)
        except OSError:  # it does not listen yet
            return False
        return metrics.get(_RECONCILED, 0.0) >= passes and metrics["tradeplane_queue_depth"] == 0

    await eventually(reached, f"the operator to make {passes:,.0f} passes", _PATIENCE)
