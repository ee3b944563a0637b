"""A Replay's life on a real API server: it waits for a run, replays it on two processors, and says how they compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.parity import (
    REPLAY_VARIABLE,
    FirstDivergence,
    Parity,
    ReplayRecord,
    ReplaySpecification,
    Verdict,
)
from tradeplane_operator.planning.names import API_VERSION, REPLAY_UID_LABEL
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json

from tests.integration.operator.cluster import Bench, condition, eventually, pod_status

if TYPE_CHECKING:
    from tradeplane_api.run import ResultsManifest

pytestmark = pytest.mark.usefixtures("operator")

Json = dict[str, Any]
NAME = "again"
EXACT = Verdict(decisions=Parity.EXACT, execution=Parity.EXACT, fills=7, fills_matched=7, pnl_difference="0.000000000")
DIVERGED = EXACT.model_copy(
    update={
        "execution": Parity.DIVERGED,
        "fills_matched": 6,
        "divergence": FirstDivergence(part="trades", sequence=6, field="price", expected="5", got="6"),
    }
)


def _path(bench: Bench, name: str = "") -> str:
    return f"/apis/{API_VERSION}/namespaces/{bench.namespace}/replays" + (f"/{name}" if name else "")


async def _create(bench: Bench, **spec: Any) -> Json:
    body = {
        "apiVersion": API_VERSION,
        "kind": "Replay",
        "metadata": {"name": NAME},
        "spec": {"strategyRef": {"name": "macd"}} | spec,
    }
    created: Json = await bench.client.create(_path(bench), body)
    return created


async def _until(bench: Bench, reason: str) -> Json:
    return await bench.said("replays", NAME, reason)


async def _jobs(bench: Bench, count: int) -> list[Json]:
    """Wait for so many Jobs of replays that have a pod each."""

    async def found() -> list[Json] | None:
        query = {"labelSelector": REPLAY_UID_LABEL}
        listed = await bench.client.get(f"/apis/batch/v1/namespaces/{bench.namespace}/jobs", query)
        ready = [job for job in listed["items"] if await bench.pods(job)]
        return ready if len(ready) == count else None

    return await eventually(found, f"{count} Jobs of replays")


def _told(job: Json) -> ReplaySpecification:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    variables = {item["name"]: item.get("value", "") for item in container["env"]}
    return ReplaySpecification.model_validate_json(variables[REPLAY_VARIABLE])


async def _ends(bench: Bench, job: Json, verdict: Verdict, baseline: str) -> None:
    """Have a replay end as its pod would: its record in the store, exit code 0."""
    told = _told(job)
    record = ReplayRecord(
        specification=told,
        baseline_digest=baseline,
        result_digest=baseline if verdict.exact else "sha256:" + "e" * 64,
        verdict=verdict,
        environment={},
    )
    bench.store.put(layout.replay_record(told.replay), canonical_json(record))
    await bench.write_pod_status(told.replay, pod_status("Succeeded", 0, "Completed", ""))


async def _finished_strategy(bench: Bench) -> ResultsManifest:
    await bench.create_snapshot("prices", bench.write_snapshot())
    created = await bench.create_strategy("macd")
    manifest = await bench.succeed(await bench.a_job(created["metadata"]["uid"]))
    await bench.until("macd", "Succeeded")
    return manifest


async def test_a_replay_waits_for_a_run_and_is_exact_on_both_processors(bench: Bench) -> None:
    await _create(bench)
    await _until(bench, "StrategyNotFound")
    manifest = await _finished_strategy(bench)
    jobs = await _jobs(bench, 2)
    selected = {job["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/arch"] for job in jobs}
    assert selected == {"amd64", "arm64"}
    assert {_told(job).baseline.run for job in jobs} == {manifest.specification.run}
    for job in jobs:
        await _ends(bench, job, EXACT, manifest.result_digest)
    done = await _until(bench, "Exact")
    assert condition(done, "Ready")["status"] == condition(done, "Parity")["status"] == "True"
    assert done["status"]["summary"]["fills"] == "7/7"
    assert {each["resultDigest"] for each in done["status"]["replays"]} == {manifest.result_digest}
    await bench.no_jobs()


async def test_one_that_differs_is_named_with_its_processor(bench: Bench) -> None:
    manifest = await _finished_strategy(bench)
    await _create(bench, architectures=["arm64"])
    (job,) = await _jobs(bench, 1)
    await _ends(bench, job, DIVERGED, manifest.result_digest)
    done = await _until(bench, "Diverged")
    assert condition(done, "Stalled")["status"] == "True"
    assert condition(done, "Parity")["status"] == "False"
    assert "on arm64 differs" in condition(done, "Ready")["message"]
    assert done["status"]["summary"]["divergence"] == "trades[6].price"


async def test_a_record_that_disagrees_with_its_digests_is_not_believed(bench: Bench) -> None:
    manifest = await _finished_strategy(bench)
    await _create(bench, architectures=["amd64"])
    (job,) = await _jobs(bench, 1)
    told = _told(job)
    lie = ReplayRecord(
        specification=told,
        baseline_digest=manifest.result_digest,
        result_digest="sha256:" + "e" * 64,
        verdict=EXACT,
        environment={},
    )
    bench.store.put(layout.replay_record(told.replay), canonical_json(lie))
    await bench.write_pod_status(told.replay, pod_status("Succeeded", 0, "Completed", ""))
    done = await _until(bench, "ResultsRefused")
    assert "verdict is not that of its digests" in condition(done, "Ready")["message"]


async def test_a_replay_that_is_deleted_takes_its_jobs_along(bench: Bench) -> None:
    await _finished_strategy(bench)
    await _create(bench)
    await _jobs(bench, 2)
    await bench.client._write("DELETE", _path(bench, NAME), {"propagationPolicy": "Background"})
    await bench.no_jobs()
