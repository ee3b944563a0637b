"""Two replicas, one leader, and processes that stop, die and come back: nothing is done twice."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from tests.integration.operator.cluster import COLLECTOR_PATIENCE, Bench, eventually
from tests.integration.operator.processes import SOON_OVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess


async def _holder(bench: Bench) -> str:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{bench.namespace}/leases/tradeplane-operator"
    return str((await bench.client.get(path))["spec"]["holderIdentity"])


async def _finish_all(bench: Bench, names: list[str]) -> None:
    """Let every run end well, and wait for it to be recorded."""
    ended: set[str] = set()

    async def done() -> bool:
        for job in await bench.jobs():
            name = job["metadata"]["name"]
            if name not in ended and await bench.pods(job):
                await bench.succeed(job)
                ended.add(name)
        resources = [await bench.strategy(name) for name in names]
        return all((item["status"].get("latest") or {}).get("outcome") == "Succeeded" for item in resources)

    await eventually(done, "all runs to succeed", COLLECTOR_PATIENCE)
    assert len(ended) == len(names), "more Jobs were made than runs were asked for"


async def test_a_leader_that_was_stopped_writes_nothing_when_it_goes_on(
    bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    first = await operators(**SOON_OVER).working()
    old = await _holder(bench)
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("before")
    await bench.a_job()
    second = operators()
    first.signal(signal.SIGSTOP)
    await second.working()
    assert await _holder(bench) != old
    await bench.create_strategy("after")
    await bench.change("before", capital="7")
    await _finish_all_of(bench)
    recorded = await _versions(bench)

    first.signal(signal.SIGCONT)
    assert await asyncio.to_thread(first.wait) == 4
    assert "no longer holds Lease" in first.log or "does not hold Lease" in first.log
    assert await _versions(bench) == recorded
    assert await _holder(bench) != old


async def _finish_all_of(bench: Bench) -> None:
    """Let the runs of both Strategies end, superseded ones aside."""
    ended: set[str] = set()

    async def done() -> bool:
        for name in ("before", "after"):
            status = (await bench.strategy(name))["status"]
            run = (status.get("latest") or {}).get("name", "")
            for job in await bench.jobs():
                here = job["metadata"]["name"]
                if here == run and here not in ended and await bench.pods(job):
                    await bench.succeed(job)
                    ended.add(here)
        resources = [await bench.strategy(name) for name in ("before", "after")]
        return all(
            item["status"].get("observedGeneration") == item["metadata"]["generation"]
            and (item["status"].get("latest") or {}).get("outcome") == "Succeeded"
            for item in resources
        )

    await eventually(done, "both runs to succeed")
    await bench.no_jobs()


async def _versions(bench: Bench) -> list[Any]:
    """Return what the old leader could have changed."""
    resources = [await bench.strategy(name) for name in ("before", "after")]
    return [(item["metadata"]["resourceVersion"], item["status"]) for item in resources] + [await bench.jobs()]


async def test_the_lease_is_given_back_at_the_end(bench: Bench, operators: Callable[..., OperatorProcess]) -> None:
    first = await operators().working()
    second = operators()
    assert first.end() == 0
    await second.working()
    assert await _holder(bench)


async def test_killed_in_flight_nothing_runs_twice(bench: Bench, operators: Callable[..., OperatorProcess]) -> None:
    first = await operators(**SOON_OVER).working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    names = [f"run-{number}" for number in range(30)]
    creating = asyncio.gather(*(bench.create_strategy(name) for name in names))
    await bench.a_job()
    first.kill()
    await creating
    killed_with = {job["metadata"]["uid"] for job in await bench.jobs()}
    assert killed_with
    second = await operators().working()
    await _finish_all(bench, names)
    assert '"level":"ERROR"' not in second.log


async def test_a_restart_with_everything_finished_starts_nothing(
    bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    first = await operators().working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    await bench.succeed(await bench.a_job())
    await bench.until("macd", "Succeeded")
    await bench.no_jobs()
    before = (await bench.strategy("macd"))["metadata"]["resourceVersion"]
    first.end()
    newer = {"default": "registry.example/tradeplane/workloads@sha256:" + "9" * 64}
    second = await operators(images=newer).working()
    await bench.change("macd", historyLimit=4)

    async def seen() -> bool:
        return bool((await bench.strategy("macd"))["status"]["observedGeneration"] == 2)

    await eventually(seen, "the new operator to have looked")
    status = (await bench.strategy("macd"))["status"]
    assert before != (await bench.strategy("macd"))["metadata"]["resourceVersion"]
    assert status["pinned"]["image"].endswith("0" * 64)
    assert status["latest"]["outcome"] == "Succeeded"
    assert await bench.jobs() == []
    assert '"level":"ERROR"' not in second.log
