"""``control.create_to_job_p99_s``: how long a Strategy waits for its Job while 25 a second are created."""

from __future__ import annotations

from tests.bench.control.contenders import arena, operating
from tests.bench.control.documents import STRATEGIES, strategies
from tests.bench.control.load import create, create_at, percentile, say, seeing
from tests.bench.control.noise import Noise
from tests.bench.records import Record

PER_SECOND = 25.0
STRATEGIES_MADE = 1_000
_WARMING = 50
_PATIENCE = 120.0


async def measure() -> list[Record]:
    """Create Strategies at a steady rate and watch for their Jobs."""
    async with (
        arena() as place,
        operating(place.operator),
        seeing(place.client, "strategies", "jobs") as seen,
    ):
        await create(place.client, STRATEGIES, strategies("warming", _WARMING))
        await seen.until("ready", _WARMING, _PATIENCE)
        noise = Noise()
        asked = await create_at(place.client, strategies("paced", STRATEGIES_MADE), PER_SECOND)
        await seen.until("ready", _WARMING + STRATEGIES_MADE, _PATIENCE)
        others = noise.share()
    delays = [seen.job_of[name] - when for name, when in asked.items()]
    found = f"median {percentile(delays, 50):.3f} s, 99th percentile {percentile(delays, 99):.3f} s"
    say(f"create to Job: {found}; others used {others:.0%} of the machine")
    timed = (
        f"from the request that creates a Strategy to its Job as a watch sees it, 99th percentile of {len(delays):,} "
        f"at {PER_SECOND:g} creations a second, runs of 0.5 s going on and ending meanwhile"
    )
    return [
        Record(
            name="control.create_to_job_p99_s",
            value=percentile(delays, 99),
            unit="s",
            reference="the median of the same",
            reference_value=percentile(delays, 50),
            ratio=None,
            timed=timed,
        )
    ]
