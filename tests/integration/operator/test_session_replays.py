"""Replays of sessions on a real API server: what they wait for, what their pods are told, and what they come to."""

from __future__ import annotations

from typing import Any

import pytest
from tradeplane_api.parity import Compared, Parity, ReplayRecord
from tradeplane_operator.planning.names import API_VERSION
from tradeplane_store.canonical import canonical_json

from tests.integration.operator import replays
from tests.integration.operator.cluster import Bench, condition, eventually
from tests.integration.operator.processes import IMAGE
from tests.integration.operator.replays import ANOTHER, DIVERGED, EXACT, SAME, Json

pytestmark = pytest.mark.usefixtures("operator")

SNAPSHOT = "quoting-1"
WITHIN = EXACT.model_copy(update={"execution": Parity.WITHIN, "pnl_difference": "0.25"})
UNJUDGED = EXACT.model_copy(update={"execution": Parity.UNJUDGED})
WHAT_IF = UNJUDGED.model_copy(update={"decisions": Parity.UNJUDGED})
TOLERANCE: dict[str, Any] = {"parity": "Tolerance", "tolerance": {"pnl": "1", "fillPrice": "0.01"}}


async def _create(bench: Bench, **spec: Any) -> Json:
    return await replays.create(bench, snapshotRef={"name": SNAPSHOT}, **spec)


async def _session(bench: Bench) -> str:
    """Have the Snapshot of a session in the namespace, and return its id."""
    digest = replays.write_session(bench)
    await bench.create_snapshot(SNAPSHOT, digest)
    return digest


async def _one(bench: Bench, **spec: Any) -> Json:
    """Have a session replayed once, and return the Job."""
    await _session(bench)
    await _create(bench, architectures=["arm64"], **spec)
    (job,) = await replays.jobs(bench, 1)
    return job


async def test_a_session_is_waited_for_and_replayed_on_both_processors(bench: Bench) -> None:
    await _create(bench)
    await replays.until(bench, "SnapshotNotFound")
    digest = replays.write_session(bench)
    await bench.create_snapshot(SNAPSHOT, digest)
    jobs = await replays.jobs(bench, 2)
    assert {(told.session, told.baseline, told.format_version) for told in map(replays.told, jobs)} == {
        (digest, None, 2)
    }
    assert {job["spec"]["template"]["spec"]["containers"][0]["image"] for job in jobs} == {IMAGE}
    for job in jobs:
        await replays.ends(bench, job, EXACT)
    done = await replays.until(bench, "Exact")
    assert condition(done, "Ready")["status"] == condition(done, "Parity")["status"] == "True"
    assert done["status"]["pinned"]["session"] == digest
    assert done["status"]["summary"] == {
        "decisions": "Exact",
        "execution": "Exact",
        "fills": "7/7",
        "pnlDifference": "0.000000000",
        "divergence": "<none>",
    }
    await bench.no_jobs()


async def test_a_snapshot_that_is_not_in_the_store_yet_is_waited_for(bench: Bench) -> None:
    digest = replays.write_session(bench)
    await bench.create_snapshot(SNAPSHOT, "sha256:" + "1" * 64)
    await _create(bench)
    waits = await replays.until(bench, "SnapshotNotReady")
    assert condition(waits, "Stalled")["status"] == "False"
    path = f"/apis/{API_VERSION}/namespaces/{bench.namespace}/snapshots"
    await bench.client.delete(f"{path}/{SNAPSHOT}", (await bench.snapshot(SNAPSHOT))["metadata"]["uid"])
    await bench.gone(f"{path}/{SNAPSHOT}")
    await bench.create_snapshot(SNAPSHOT, digest)
    assert {replays.told(job).session for job in await replays.jobs(bench, 2)} == {digest}


async def test_a_snapshot_that_is_deleted_once_it_is_pinned_changes_nothing(bench: Bench) -> None:
    job = await _one(bench)
    path = f"/apis/{API_VERSION}/namespaces/{bench.namespace}/snapshots/{SNAPSHOT}"
    await bench.client.delete(path, (await bench.snapshot(SNAPSHOT))["metadata"]["uid"])
    await bench.gone(path)
    await replays.ends(bench, job, EXACT)
    await replays.until(bench, "Exact")


async def test_what_is_no_session_is_refused(bench: Bench) -> None:
    await bench.create_snapshot(SNAPSHOT, bench.write_snapshot())
    await _create(bench)
    refused = await replays.until(bench, "NotASession")
    stalled = condition(refused, "Stalled")
    assert stalled["status"] == "True"
    assert "bars of SPX" in stalled["message"]
    assert await bench.jobs() == []


async def test_within_a_tolerance_is_ready(bench: Bench) -> None:
    job = await _one(bench, **TOLERANCE)
    tolerance = replays.told(job).tolerance
    assert tolerance is not None
    assert (tolerance.pnl, tolerance.fill_price, tolerance.fill_quantity) == ("1", "0.01", "0")
    await replays.ends(bench, job, WITHIN)
    done = await replays.until(bench, "Within")
    assert condition(done, "Ready")["status"] == condition(done, "Parity")["status"] == "True"
    assert done["status"]["summary"]["execution"] == "Within"


async def test_within_without_a_tolerance_is_not_believed(bench: Bench) -> None:
    await replays.ends(bench, await _one(bench), WITHIN)
    done = await replays.until(bench, "ResultsRefused")
    assert "without a tolerance" in condition(done, "Stalled")["message"]
    assert "verdict" not in done["status"]["replays"][0]


async def test_exact_with_other_digests_is_not_believed(bench: Bench) -> None:
    job = await _one(bench)
    told = replays.told(job)
    lie = ReplayRecord(
        schema_version=2,
        specification=told,
        baseline_digest=SAME,
        result_digest=ANOTHER,
        verdict=EXACT,
        environment={},
    )
    await replays.leaves(bench, told.replay, canonical_json(lie))
    await replays.until(bench, "ResultsRefused")


async def test_a_what_if_is_compared_in_figures(bench: Bench) -> None:
    job = await _one(bench, whatIf={"parameters": {"halfSpreadTicks": 2}})
    what_if = replays.told(job).what_if
    assert what_if is not None
    assert what_if.parameters == {"halfSpreadTicks": 2}
    compared = Compared(expected=replays.figures(7, "1.5"), got=replays.figures(5, "2.5"))
    await replays.ends(bench, job, WHAT_IF, compared=compared)
    done = await replays.until(bench, "Compared")
    assert condition(done, "Ready")["status"] == "True"
    assert (condition(done, "Parity")["status"], condition(done, "Parity")["reason"]) == ("Unknown", "Compared")
    assert "fills 7 -> 5, P&L 1.5 -> 2.5" in condition(done, "Ready")["message"]
    assert done["status"]["replays"][0]["compared"]["got"]["pnl"] == "2.5"


async def test_one_that_differs_is_named(bench: Bench) -> None:
    await replays.ends(bench, await _one(bench), DIVERGED)
    done = await replays.until(bench, "Diverged")
    assert condition(done, "Stalled")["status"] == "True"
    assert condition(done, "Parity")["status"] == "False"
    assert "first at trades[6].price" in condition(done, "Ready")["message"]


async def test_a_session_with_no_record_of_its_exchange_is_not_judged_and_says_what_to_do(bench: Bench) -> None:
    await replays.ends(bench, await _one(bench), UNJUDGED)
    done = await replays.until(bench, "ExecutionUnjudged")
    assert condition(done, "Stalled")["status"] == "True"
    assert "set spec.parity to Tolerance" in condition(done, "Stalled")["message"]
    assert condition(done, "Parity")["status"] == "Unknown"
    await bench.client.merge_patch(replays.path_of(bench, replays.NAME), {"spec": TOLERANCE})

    async def anew() -> Json | None:
        (job,) = await replays.jobs(bench, 1)
        return job if replays.told(job).tolerance is not None else None

    await replays.ends(bench, await eventually(anew, "a Job with the tolerance"), WITHIN)
    await replays.until(bench, "Within")


async def test_an_image_that_is_too_old_is_said_with_its_remedy(bench: Bench) -> None:
    job = await _one(bench)
    said = "formatVersion: this runner reads version 1, not 2; use a runner image of the operator's version"
    await bench.fail(job["metadata"]["name"], 2, said)
    done = await replays.until(bench, "ImageTooOld")
    assert "set spec.image" in condition(done, "Stalled")["message"]


async def test_a_strategy_decides_in_the_place_of_what_is_recorded(bench: Bench) -> None:
    await _session(bench)
    await _create(bench, architectures=["amd64"], strategyRef={"name": "macd"})
    await replays.until(bench, "StrategyNotFound")
    await bench.create_strategy("macd", suspend=True, capital="123")
    (job,) = await replays.jobs(bench, 1)
    simulation = replays.told(job).simulation
    assert simulation is not None
    assert (simulation.algorithm.name, simulation.capital) == ("buy-and-hold", "123")


async def test_a_run_is_compared_with_another_run(bench: Bench) -> None:
    await bench.create_snapshot("prices", bench.write_snapshot())
    created = await bench.create_strategy("macd")
    uid = created["metadata"]["uid"]
    first = await bench.succeed(await bench.a_job(uid))
    await bench.until("macd", "Succeeded")
    await bench.change("macd", capital="200000")
    besides = frozenset({first.specification.run})
    second = await bench.succeed(await bench.a_job(uid, besides))

    async def both() -> bool:
        status = (await bench.strategy("macd"))["status"]
        return status["latest"].get("outcome") == "Succeeded" and len(status.get("history", ())) == 1

    await eventually(both, "both runs to have succeeded")
    await replays.create(
        bench,
        strategyRef={"name": "macd"},
        baseline={"run": first.specification.run},
        architectures=["amd64"],
    )
    (job,) = await replays.jobs(bench, 1)
    told = replays.told(job)
    assert told.baseline is not None
    assert told.against is not None
    assert (told.baseline.run, told.against.run) == (second.specification.run, first.specification.run)
