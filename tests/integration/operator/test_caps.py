"""Caps on runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.cluster import Bench
    from tests.integration.operator.processes import OperatorProcess


async def test_runs_beyond_the_cap_wait_their_turn(bench: Bench, operators: Callable[..., OperatorProcess]) -> None:
    await operators(limits={"runs": 1}).working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    first = await bench.create_strategy("first")
    job = await bench.a_job(first["metadata"]["uid"])
    second = await bench.create_strategy("second")
    waiting = await bench.until("second", "WaitingForSlot")
    assert waiting["status"]["latest"]["outcome"] == "Pending"
    assert len(await bench.jobs()) == 1
    await bench.succeed(job)
    await bench.succeed(await bench.a_job(second["metadata"]["uid"]))
    await bench.until("second", "Succeeded")
