"""A Strategy's life, from apply to a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.operator.cluster import Bench, condition, eventually, specification_of

if TYPE_CHECKING:
    from typing import Any

    from tests.integration.operator.processes import OperatorProcess


pytestmark = pytest.mark.usefixtures("operator")


async def test_a_strategy_runs_to_its_result(bench: Bench) -> None:
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


async def _finished(bench: Bench, name: str = "macd", **spec: Any) -> dict[str, Any]:
    """Have a Strategy run to its result."""
    await bench.create_snapshot("prices", bench.write_snapshot())
    created = await bench.create_strategy(name, **spec)
    await bench.succeed(await bench.a_job(created["metadata"]["uid"]))
    return await bench.until(name, "Succeeded")


async def test_a_snapshot_that_appears_later_is_waited_for(bench: Bench) -> None:
    await bench.create_strategy("macd")
    waiting = await bench.until("macd", "SnapshotNotFound")
    assert "prices" in condition(waiting, "Ready")["message"]
    assert condition(waiting, "Stalled")["status"] == "False"
    digest = bench.write_snapshot()
    bench.store.delete(f"snapshots/{digest.removeprefix('sha256:')}/manifest.json")
    await bench.create_snapshot("prices", digest)
    await bench.until("macd", "SnapshotNotReady")
    assert await bench.jobs() == []
    bench.write_snapshot()
    await bench.a_job()


async def test_a_snapshot_with_other_bytes_is_refused(bench: Bench) -> None:
    digest = bench.write_snapshot()
    path = f"snapshots/{digest.removeprefix('sha256:')}/manifest.json"
    bench.store.put(path, bench.store.get(path).replace(b"SPX", b"SPY"))
    await bench.create_snapshot("prices", digest)
    await bench.create_strategy("macd")
    refused = await bench.until("macd", "SnapshotRefused")
    assert condition(refused, "Stalled")["status"] == "True"
    assert condition(await bench.snapshot("prices"), "Stalled")["status"] == "True"
    assert await bench.jobs() == []


async def test_a_changed_spec_replaces_the_run_in_flight(bench: Bench) -> None:
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    first = (await bench.a_job())["metadata"]["name"]
    await bench.change("macd", capital="5")
    second = await bench.a_job(besides=frozenset({first}))
    assert specification_of(second).simulation.capital == "5"
    await bench.gone(f"/apis/batch/v1/namespaces/{bench.namespace}/jobs/{first}")
    await bench.succeed(second)
    done = await bench.until("macd", "Succeeded")
    assert [run["outcome"] for run in done["status"]["history"]] == ["Cancelled"]
    assert "superseded" in done["status"]["history"][0]["message"]


async def test_rerun_asks_for_the_same_again(bench: Bench) -> None:
    before = (await _finished(bench))["status"]
    await bench.no_jobs()
    await bench.change("macd", rerun=1)
    job = await bench.a_job()
    await bench.succeed(job)

    async def again() -> dict[str, Any] | None:
        status = (await bench.strategy("macd"))["status"]
        return status if len(status["history"]) == 1 and status["latest"]["outcome"] == "Succeeded" else None

    after = await eventually(again, "the second run's result")
    assert after["pinned"] == before["pinned"]
    assert after["latest"]["runDigest"] == before["latest"]["runDigest"]
    assert after["latest"]["name"] != before["latest"]["name"]
    assert after["latest"]["trigger"] == "Rerun"


async def test_changes_that_ask_for_nothing_else_run_nothing(bench: Bench) -> None:
    await _finished(bench)
    await bench.no_jobs()
    await bench.change("macd", ttlSecondsAfterFinished=5, historyLimit=3)

    async def seen() -> bool:
        return bool((await bench.strategy("macd"))["status"]["observedGeneration"] == 2)

    await eventually(seen, "generation 2 to be observed")
    done = await bench.strategy("macd")
    assert condition(done, "Ready")["status"] == "True"
    assert "history" not in done["status"] or done["status"]["history"] == []
    assert await bench.jobs() == []


async def test_suspend_stops_a_run_and_resuming_starts_it(bench: Bench) -> None:
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    first = (await bench.a_job())["metadata"]["name"]
    await bench.change("macd", suspend=True)
    suspended = await bench.until("macd", "Suspended")
    assert suspended["status"]["latest"]["outcome"] == "Cancelled"
    await bench.no_jobs()
    await bench.change("macd", suspend=False)
    second = await bench.a_job()
    assert second["metadata"]["name"] != first
    await bench.succeed(second)
    await bench.until("macd", "Succeeded")


async def test_a_deleted_strategy_takes_its_run_with_it(bench: Bench, operator: OperatorProcess) -> None:
    await bench.create_snapshot("prices", bench.write_snapshot())
    created = await bench.create_strategy("macd")
    await bench.a_job()
    assert "finalizers" not in created["metadata"]
    await bench.delete_strategy("macd")
    await bench.no_jobs()
    assert '"level":"ERROR"' not in operator.log


async def test_a_pod_lost_on_the_way_is_replaced_by_its_job(bench: Bench) -> None:
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    job = await bench.a_job()
    name = job["metadata"]["name"]
    await bench.fail(name, 137, reason="Error")

    async def replaced() -> bool:
        return len(await bench.pods(job)) == 2

    await eventually(replaced, "a second pod")
    await bench.succeed(job)
    done = await bench.until("macd", "Succeeded")
    assert done["status"]["latest"]["name"] == name


async def test_a_job_somebody_deleted_is_made_again(bench: Bench) -> None:
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    before = await bench.a_job()
    await bench.delete_job(before["metadata"]["name"])

    async def another() -> dict[str, Any] | None:
        return next((job for job in await bench.jobs() if job["metadata"]["uid"] != before["metadata"]["uid"]), None)

    job = await eventually(another, "the Job to be made again")
    assert job["metadata"]["name"] == before["metadata"]["name"]
    await bench.succeed(await bench.a_job())
    await bench.until("macd", "Succeeded")
