"""Each way a run can fail ends in a condition that says what happened, and an Event where somebody should look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.operator.cluster import Bench, condition, eventually

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("operator")


async def _started(bench: Bench, **spec: Any) -> str:
    """Have a Strategy started, and return the name of its Job."""
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd", **spec)
    return str((await bench.a_job())["metadata"]["name"])


@pytest.mark.parametrize(
    ("exit_code", "reason", "said"),
    [
        (2, "InvalidSpecification", "spec.algorithm.parameters.fast: 0 is out of range; use 1 to 10000"),
        (3, "DataRefused", "part bars-0 is not what its digest says"),
    ],
)
async def test_the_runners_own_words_are_told(bench: Bench, exit_code: int, reason: str, said: str) -> None:
    job = await _started(bench)
    await bench.fail(job, exit_code, said)
    failed = await bench.until("macd", reason)
    assert condition(failed, "Stalled")["status"] == "True"
    assert said in condition(failed, "Ready")["message"]
    assert failed["status"]["latest"]["outcome"] == "Failed"
    await bench.no_jobs()

    async def told() -> list[dict[str, Any]]:
        path = f"/apis/events.k8s.io/v1/namespaces/{bench.namespace}/events"
        listed = await bench.client.get(path, {"fieldSelector": "regarding.kind=Strategy"})
        return [item for item in listed["items"] if item["reason"] == reason]

    events = await eventually(told, "an Event")
    assert events[0]["type"] == "Warning"
    assert said in events[0]["note"]


async def test_out_of_memory_is_named(bench: Bench) -> None:
    job = await _started(bench, backoffLimit=0)
    await bench.fail(job, 137, reason="OOMKilled")
    failed = await bench.until("macd", "OutOfMemory")
    assert "spec.resources.limits.memory" in condition(failed, "Ready")["message"]


async def test_more_memory_after_running_out_of_it_is_another_run(bench: Bench) -> None:
    job = await _started(bench, backoffLimit=0)
    await bench.fail(job, 137, reason="OOMKilled")
    await bench.until("macd", "OutOfMemory")
    await bench.change("macd", resources={"limits": {"memory": "2Gi"}})
    again = await bench.a_job(besides=frozenset({job}))
    container = again["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "2Gi"


async def test_an_image_that_cannot_be_pulled_is_said_while_it_is_tried(bench: Bench) -> None:
    job = await _started(bench)
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "registry.example/x"'}
    container = {
        "name": "runner",
        "image": "x",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting},
    }
    scheduled = {"type": "PodScheduled", "status": "True"}
    status = {"phase": "Pending", "conditions": [scheduled], "containerStatuses": [container]}
    (pod,) = await bench.pods((await bench.jobs())[0])
    async with bench.on_a_silent_node(pod):  # else the scheduler writes over what is said of where the pod is
        await bench.write_pod_status(job, status)
        said = await bench.until("macd", "ImagePullFailed")
    assert condition(said, "Reconciling")["status"] == "True"
    assert "Back-off pulling image" in condition(said, "Ready")["message"]
    gone = f"/api/v1/namespaces/{bench.namespace}/pods/{pod['metadata']['name']}"
    await bench.client._write("DELETE", gone, {"gracePeriodSeconds": 0})
    path = f"/apis/batch/v1/namespaces/{bench.namespace}/jobs/{job}"
    await bench.client.merge_patch(path, {"spec": {"activeDeadlineSeconds": 1}})  # which has passed by now
    failed = await bench.until("macd", "DeadlineExceeded")
    assert condition(failed, "Stalled")["status"] == "True"


async def test_no_node_of_the_architecture_is_said(bench: Bench) -> None:
    await _started(bench, architecture="arm64")
    said = await bench.until("macd", "Unschedulable")
    assert "arm64" in condition(said, "Ready")["message"]


async def _counted(bench: Bench, resource: str) -> None:
    """Wait until a quota knows what there is: what is made before may pass it, or is refused in other words."""
    path = f"/api/v1/namespaces/{bench.namespace}/resourcequotas/none"

    async def counted() -> bool:
        return resource in ((await bench.client.get(path)).get("status", {}).get("used") or {})

    await eventually(counted, "the quota to be counted")


async def test_a_quota_that_lets_no_job_be_made_is_said_and_waited_for(bench: Bench) -> None:
    quotas = f"/api/v1/namespaces/{bench.namespace}/resourcequotas"
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    await bench.client.create(quotas, quota)
    await _counted(bench, "count/jobs.batch")
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    said = await bench.until("macd", "JobRefused")
    assert "exceeded quota" in condition(said, "Ready")["message"]
    await bench.client.merge_patch(f"{quotas}/none", {"spec": {"hard": {"count/jobs.batch": "1"}}})
    await bench.succeed(await bench.a_job())
    await bench.until("macd", "Succeeded")


async def test_pods_that_policy_refuses_are_explained(bench: Bench) -> None:
    quotas = f"/api/v1/namespaces/{bench.namespace}/resourcequotas"
    await bench.client.create(quotas, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
    await _counted(bench, "pods")
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    said = await bench.until("macd", "PodRefused")
    assert "exceeded quota" in condition(said, "Ready")["message"]


async def test_success_without_results_is_a_failure(bench: Bench) -> None:
    await _started(bench)
    await bench.succeed(await bench.a_job(), with_results=False)
    failed = await bench.until("macd", "ResultsMissing")
    assert failed["status"]["latest"]["outcome"] == "Failed"
    assert "resultDigest" not in failed["status"]["latest"]


async def test_a_store_that_cannot_be_reached_is_said_and_tried_again(bench: Bench, store_root: Path) -> None:
    await _started(bench)
    job = await bench.a_job()
    away = store_root.with_name("away")
    bench.write_results(job)
    store_root.rename(away)
    await bench.succeed(job, with_results=False)
    try:
        said = await bench.until("macd", "StoreUnavailable")
        assert condition(said, "Reconciling")["status"] == "True"
        assert said["status"]["latest"]["outcome"] == "Running"
    finally:
        away.rename(store_root)
    await bench.until("macd", "Succeeded")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"store": "nowhere"}, "StoreUnknown"),
        ({"image": "registry.example/mine:latest"}, "ImageWithoutDigest"),
    ],
)
async def test_what_the_administrator_does_not_offer_is_refused(
    bench: Bench, spec: dict[str, Any], reason: str
) -> None:
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd", **spec)
    refused = await bench.until("macd", reason)
    assert condition(refused, "Stalled")["status"] == "True"
    assert await bench.jobs() == []
