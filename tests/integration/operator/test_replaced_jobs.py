"""Who may create and delete Jobs in a namespace makes none that the operator takes for its own, and no result by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.strategy import Architecture, Trigger
from tradeplane_operator.planning.names import STRATEGY_UID_LABEL, run_name
from tradeplane_store import layout

from tests.integration.operator.cluster import Bench, condition, eventually, pod_status
from tests.integration.operator.processes import SOON_OVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
OTHER = "registry.example/other@sha256:" + "9" * 64


def _jobs(bench: Bench) -> str:
    return f"/apis/batch/v1/namespaces/{bench.namespace}/jobs"


def _like(job: Json, **container: Any) -> Json:
    """Return the manifest of a Job like another one, down to its labels and owner, whose container is changed."""
    metadata = {name: job["metadata"][name] for name in ("name", "labels", "ownerReferences")}
    added = ("batch.kubernetes.io/", "controller-uid", "job-name")
    metadata["labels"] = {name: text for name, text in metadata["labels"].items() if not name.startswith(added)}
    pod = job["spec"]["template"]["spec"]
    template = {
        "metadata": {"labels": metadata["labels"]},
        "spec": {**pod, "containers": [{**pod["containers"][0], **container}]},
    }
    return {"metadata": metadata, "spec": {"backoffLimit": 0, "template": template}}


async def _next_run(bench: Bench, name: str) -> tuple[Json, str]:
    """Return a Strategy that is suspended, and what its run will be called once it is not."""
    found = await bench.create_strategy(name, suspend=True)
    uid = found["metadata"]["uid"]
    return found, run_name(name, uid, 2, Trigger.GENERATION, "", Architecture.ANY)


async def test_a_job_that_was_made_under_the_name_of_the_next_run_is_not_taken_for_it(
    bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    await operators().working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    strategy, run = await _next_run(bench, "macd")
    container = {"name": "runner", "image": OTHER}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    metadata = {"name": run, "labels": {STRATEGY_UID_LABEL: strategy["metadata"]["uid"]}}
    await bench.client.create(_jobs(bench), {"metadata": metadata, "spec": {"suspend": True, "template": template}})
    await bench.change("macd", suspend=False)
    refused = await bench.until("macd", "JobRefused")
    assert f"there is a Job {run} that does something else than was asked for" in condition(refused, "Ready")["message"]
    await bench.delete_job(run)

    async def ours() -> Json | None:
        made = await bench.with_a_pod(await bench.jobs())
        return made if made and made["spec"]["template"]["spec"]["containers"][0]["image"] != OTHER else None

    await bench.succeed(await eventually(ours, "a Job of the operator's"))
    done = await bench.until("macd", "Succeeded")
    assert done["status"]["latest"]["name"] == run


@pytest.mark.parametrize("change", [{"image": OTHER}, {"command": ["/usr/bin/python3", "-c", "pass"]}])
async def test_a_job_that_was_put_in_the_place_of_the_operators_vouches_for_nothing(
    bench: Bench, operators: Callable[..., OperatorProcess], change: Json
) -> None:
    """While no operator looks, the Job is replaced by one that is like it but for what it does, and forges results."""
    first = await operators(**SOON_OVER).working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    asked = await bench.a_job()
    first.kill()
    name = asked["metadata"]["name"]
    await bench.delete_job(name)
    await bench.gone(f"{_jobs(bench)}/{name}")
    await bench.client.create(_jobs(bench), _like(asked, **change))
    forged = await bench.a_job()
    assert forged["metadata"]["uid"] != asked["metadata"]["uid"]
    await bench.succeed(forged)
    await operators().working()
    failed = await bench.until("macd", "JobReplaced")
    assert condition(failed, "Stalled")["status"] == "True"
    latest = failed["status"]["latest"]
    assert (latest["outcome"], "resultDigest" in latest) == ("Failed", False)


async def test_results_of_a_job_that_was_deleted_are_not_taken_until_it_has_run_again(
    bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    await operators().working()
    await bench.create_snapshot("prices", bench.write_snapshot())
    await bench.create_strategy("macd")
    before = await bench.a_job()
    bench.write_results(before)
    await bench.delete_job(before["metadata"]["name"])

    async def another() -> Json | None:
        return next((job for job in await bench.jobs() if job["metadata"]["uid"] != before["metadata"]["uid"]), None)

    await eventually(another, "the Job to be made again")
    again = await bench.strategy("macd")
    assert again["status"]["latest"]["outcome"] == "Running"
    job = await bench.a_job()
    assert bench.store.exists(layout.results_manifest(job["metadata"]["name"]))
    await bench.write_pod_status(job["metadata"]["name"], pod_status("Succeeded", 0, "Completed", ""))
    done = await bench.until("macd", "Succeeded")
    assert done["status"]["latest"]["jobUid"] == job["metadata"]["uid"]
