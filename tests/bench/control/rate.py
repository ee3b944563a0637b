"""``control.rate_*``: how many runs a minute, beside a client that only makes the same writes and beside bare Jobs."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.control.contenders import Arena, arena, bare_jobs, minimal_client, operating
from tests.bench.control.documents import JOBS, STRATEGIES, strategies
from tests.bench.control.load import clear, create, say, seeing
from tests.bench.control.noise import Noise
from tests.bench.control.operator_process import RETENTION_SECONDS, processor_seconds
from tests.bench.control.writes import Writes, record_writes
from tests.bench.records import Record

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

STRATEGIES_A_ROUND = 2_000
ORDER = ("minimal", "operator", "bare", "operator", "minimal")
_PATIENCE = 300.0


@dataclass(frozen=True)
class Round:
    """One contender, once."""

    contender: str
    per_minute: float
    processor_milliseconds: float
    """Of the contender's own process, for each run."""
    others: float
    """Share of the machine that processes which are not ours used meanwhile."""


async def measure() -> list[Record]:
    """Let the contenders take turns on one cluster."""
    async with arena() as place:
        async with operating(place.operator):
            writes = await record_writes(place.client, place.operator.settings)
        rounds = [await _round(place, writes, index, contender) for index, contender in enumerate(ORDER)]
    rates = {name: statistics.median(r.per_minute for r in rounds if r.contender == name) for name in ORDER}
    timed = (
        f"{STRATEGIES_A_ROUND:,} Strategies with distinct seeds, from the first create to the last Ready as a watch "
        f"sees it; 20 fake nodes, pods of 0.5 s, Jobs removed {RETENTION_SECONDS} s after their end; "
    )
    return [
        _record("control.rate_vs_minimal", rates, "minimal", "asyncio client making the same writes", timed),
        _record("control.rate_vs_bare_jobs", rates, "bare", "bare Jobs (to Complete)", timed),
    ]


def _record(name: str, rates: dict[str, float], peer: str, reference: str, timed: str) -> Record:
    return Record(
        name=name,
        value=rates["operator"],
        unit="runs/min",
        reference=reference,
        reference_value=rates[peer],
        ratio=rates["operator"] / rates[peer],
        timed=f"{timed}in turns on one cluster ({', '.join(ORDER)}), medians",
    )


async def _round(place: Arena, writes: Writes, index: int, contender: str) -> Round:
    await clear(place.client)
    if contender == "bare":
        done = await _bare_round(place, writes, f"bare-{index}")
    else:
        done = await _contended_round(place, writes, index, contender)
    used = f"{done.processor_milliseconds:.1f} ms of processor a run in its own process"
    say(f"{done.contender}: {done.per_minute:,.0f} runs/min, {used}; others used {done.others:.0%} of the machine")
    return done


async def _contended_round(place: Arena, writes: Writes, index: int, contender: str) -> Round:
    kept = place.fleet.scratch / "writes.json"
    writes.write(kept)
    work: AbstractAsyncContextManager[int] = (
        operating(place.operator) if contender == "operator" else minimal_client(place.operator.kubeconfig, kept)
    )
    async with work as pid, seeing(place.client, "strategies") as seen:
        noise, before, started = Noise(), processor_seconds(pid), time.perf_counter()
        await create(place.client, STRATEGIES, strategies(f"round-{index}", STRATEGIES_A_ROUND))
        say(f"{contender}: all created after {time.perf_counter() - started:.1f} s")
        ended = await seen.until("ready", STRATEGIES_A_ROUND, _PATIENCE)
        used, others = processor_seconds(pid) - before, noise.share()  # while the contender is there to be counted
    return Round(contender, _rate(ended - started), 1_000 * used / STRATEGIES_A_ROUND, others)


async def _bare_round(place: Arena, writes: Writes, prefix: str) -> Round:
    bodies = bare_jobs(writes, prefix, STRATEGIES_A_ROUND)
    async with seeing(place.client, "jobs") as seen:
        noise, started = Noise(), time.perf_counter()
        await create(place.client, JOBS, bodies)
        ended = await seen.until("complete", STRATEGIES_A_ROUND, _PATIENCE)
        others = noise.share()
    return Round("bare", _rate(ended - started), 0.0, others)


def _rate(seconds: float) -> float:
    return STRATEGIES_A_ROUND / seconds * 60
