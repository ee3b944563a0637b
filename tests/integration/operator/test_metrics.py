"""What an operator tells Prometheus of the runs it made, and of what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.operator.cluster import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.cluster import Bench
    from tests.integration.operator.processes import OperatorProcess


async def test_runs_passes_and_writes_are_counted(bench: Bench, operators: Callable[..., OperatorProcess]) -> None:
    operator = await operators().working()
    before = operator.metrics()
    assert before["tradeplane_leader"] == 1
    assert before | _NOTHING_YET == before, "Prometheus takes a counter that appears for no increase"
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.said("snapshots", "prices", "Verified")
    well, badly = [await bench.create_strategy(name) for name in ("well", "badly")]
    await bench.succeed(await bench.a_job(well["metadata"]["uid"]))
    job = await bench.a_job(badly["metadata"]["uid"])
    await bench.fail(job["metadata"]["name"], 2, "spec.algorithm.parameters.fast: 0 is out of range; use 1 to 10000")
    await bench.until("well", "Succeeded")
    await bench.until("badly", "InvalidSpecification")
    await bench.no_jobs()

    async def at_rest() -> dict[str, float] | None:
        found = operator.metrics()
        return found if found["tradeplane_queue_depth"] == 0 else None

    found = await eventually(at_rest, "nothing to wait in the queue")
    assert found['tradeplane_runs_started_total{trigger="Generation"}'] == 2
    ends = {name: value for name, value in found.items() if name.startswith("tradeplane_runs_finished_total{")}
    assert ends == {
        'tradeplane_runs_finished_total{outcome="Succeeded"}': 1,
        'tradeplane_runs_finished_total{outcome="Failed"}': 1,
        'tradeplane_runs_finished_total{outcome="Cancelled"}': 0,
    }
    passes = 'tradeplane_reconcile_seconds_count{kind="Strategy",result="ok"}'
    assert found[passes] >= 4, "each was begun and ended"
    assert 0 < found[passes.replace("_count", "_sum")] < found[passes] * 60
    assert found["tradeplane_queue_seconds_count"] >= found[passes]
    since = {verb: found[name] - before.get(name, 0) for verb, name in _WRITES.items() if name in found}
    assert since["PATCH"] >= 5, "the Snapshot's status, and a start and an end of each run"
    told = await _told(bench)
    assert "InvalidSpecification" in told
    assert since["POST"] == 2 + len(told), f"two Jobs, and these Events: {told}"
    assert since["DELETECOLLECTION"] >= 1
    assert "DELETE" not in since


async def _told(bench: Bench) -> list[str]:
    """Return why each Event was told: of the run that failed, and of a Snapshot that was not yet seen as verified."""
    listed = await bench.client.get(f"/apis/events.k8s.io/v1/namespaces/{bench.namespace}/events")
    return [str(event["reason"]) for event in listed["items"] if event["regarding"]["kind"] in {"Strategy", "Snapshot"}]


_NOTHING_YET = {
    f'{counter}{{{label}="{value}"}}': 0.0
    for counter, label, value in (
        ("tradeplane_runs_finished_total", "outcome", "Succeeded"),
        ("tradeplane_runs_finished_total", "outcome", "Failed"),
        ("tradeplane_attestations_total", "end", "Done"),
        ("tradeplane_attestations_total", "end", "Unavailable"),
        ("tradeplane_attestations_total", "end", "Refused"),
        ("tradeplane_image_checks_total", "end", "Refused"),
        ("tradeplane_replays_judged_total", "parity", "Diverged"),
        ("tradeplane_reconcile_retries_total", "cause", "refused"),
        ("tradeplane_reconcile_retries_total", "cause", "fault"),
    )
}
_WRITES = {
    verb: f'tradeplane_api_writes_total{{verb="{verb}"}}' for verb in ("POST", "PATCH", "DELETE", "DELETECOLLECTION")
}
