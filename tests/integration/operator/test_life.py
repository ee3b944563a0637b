"""A Strategy's life, from apply to a result and through everything that can go wrong on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.operator.cluster import Bench, condition, specification_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess

Operators = "Callable[..., OperatorProcess]"


async def test_a_strategy_runs_to_its_result(bench: Bench, operators: Callable[..., OperatorProcess]) -> None:
    await operators().working()
    digest = bench.write_snapshot()
    await bench.create_snapshot("prices", digest)
    created = await bench.create_strategy("macd", seed=7)

    job = await bench.a_job()
    specification = specification_of(job)
    assert specification.snapshots == (digest,)
    assert specification.simulation.seed == 7
    assert job["metadata"]["ownerReferences"][0]["uid"] == created["metadata"]["uid"]
    running = await bench.strategy("macd")
    assert condition(running, "Reconciling")["status"] == "True"
    assert running["status"]["latest"]["outcome"] == "Running"

    manifest = await bench.succeed(job)
    done = await bench.until("macd", "Succeeded")
    assert condition(done, "Ready")["status"] == "True"
    assert condition(done, "Reconciling")["status"] == "False"
    assert done["status"]["observedGeneration"] == 1
    latest = done["status"]["latest"]
    assert latest["outcome"] == "Succeeded"
    assert latest["resultDigest"] == manifest.result_digest
    assert latest["runDigest"] == manifest.run_digest
    assert latest["totalReturn"] == manifest.summary.total_return
    await bench.no_jobs()
