"""A Replay's life on a real API server: it waits for a run, replays it on two processors, and says how they compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.parity import ReplayRecord
from tradeplane_store.canonical import canonical_json

from tests.integration.operator import replays
from tests.integration.operator.cluster import Bench, condition
from tests.integration.operator.replays import DIVERGED, EXACT, NAME, Json

if TYPE_CHECKING:
    from tradeplane_api.run import ResultsManifest

pytestmark = pytest.mark.usefixtures("operator")


async def _create(bench: Bench, **spec: Any) -> Json:
    return await replays.create(bench, strategyRef={"name": "macd"}, **spec)


async def _finished_strategy(bench: Bench) -> ResultsManifest:
    await bench.create_snapshot("prices", bench.write_snapshot())
    created = await bench.create_strategy("macd")
    manifest = await bench.succeed(await bench.a_job(created["metadata"]["uid"]))
    await bench.until("macd", "Succeeded")
    return manifest


async def test_a_replay_waits_for_a_run_and_is_exact_on_both_processors(bench: Bench) -> None:
    await _create(bench)
    await replays.until(bench, "StrategyNotFound")
    manifest = await _finished_strategy(bench)
    jobs = await replays.jobs(bench, 2)
    selected = {job["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/arch"] for job in jobs}
    assert selected == {"amd64", "arm64"}
    baselines = [replays.told(job).baseline for job in jobs]
    assert {None if one is None else one.run for one in baselines} == {manifest.specification.run}
    for job in jobs:
        await replays.ends(bench, job, EXACT, manifest.result_digest)
    done = await replays.until(bench, "Exact")
    assert condition(done, "Ready")["status"] == condition(done, "Parity")["status"] == "True"
    assert done["status"]["summary"]["fills"] == "7/7"
    assert {each["resultDigest"] for each in done["status"]["replays"]} == {manifest.result_digest}
    await bench.no_jobs()


async def test_one_that_differs_is_named_with_its_processor(bench: Bench) -> None:
    manifest = await _finished_strategy(bench)
    await _create(bench, architectures=["arm64"])
    (job,) = await replays.jobs(bench, 1)
    await replays.ends(bench, job, DIVERGED, manifest.result_digest)
    done = await replays.until(bench, "Diverged")
    assert condition(done, "Stalled")["status"] == "True"
    assert condition(done, "Parity")["status"] == "False"
    assert "on arm64 differs" in condition(done, "Ready")["message"]
    assert done["status"]["summary"]["divergence"] == "trades[6].price"


async def test_a_record_that_disagrees_with_its_digests_is_not_believed(bench: Bench) -> None:
    manifest = await _finished_strategy(bench)
    await _create(bench, architectures=["amd64"])
    (job,) = await replays.jobs(bench, 1)
    told = replays.told(job)
    lie = ReplayRecord(
        specification=told,
        baseline_digest=manifest.result_digest,
        result_digest="sha256:" + "e" * 64,
        verdict=EXACT,
        environment={},
    )
    await replays.leaves(bench, told.replay, canonical_json(lie))
    done = await replays.until(bench, "ResultsRefused")
    assert "verdict is not that of its digests" in condition(done, "Ready")["message"]


async def test_a_replay_that_is_deleted_takes_its_jobs_along(bench: Bench) -> None:
    await _finished_strategy(bench)
    await _create(bench)
    await replays.jobs(bench, 2)
    await bench.client._write("DELETE", replays.path_of(bench, NAME), {"propagationPolicy": "Background"})
    await bench.no_jobs()
