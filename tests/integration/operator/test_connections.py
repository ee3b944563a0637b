"""A connection's life: tried, ready, tried again, gone. What a probe's pod said is written as its kubelet would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_api.broker_connection import CredentialsState
from tradeplane_api.probe import PROBE_VARIABLE, ProbeOutcome, ProbeSpecification

from tests.integration.operator.cluster import Bench, condition, pod_status
from tests.integration.operator.connections import NAME, Json, a_probe, create, path_of, probes, says, until
from tests.integration.operator.processes import SOON_OVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess


@pytest.fixture
def alone(operators: Callable[..., OperatorProcess]) -> OperatorProcess:
    """Give an operator of the test's namespace."""
    return operators()


def _asked(job: Json) -> ProbeSpecification:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return ProbeSpecification.model_validate_json(
        next(item["value"] for item in container["env"] if item["name"] == PROBE_VARIABLE)
    )


@pytest.mark.usefixtures("alone")
async def test_a_connection_from_apply_to_ready_to_the_next_probe_to_its_end(bench: Bench) -> None:
    created = await create(bench)
    job = await a_probe(bench)
    assert _asked(job).endpoint.rest == "https://api.binance.com"
    assert job["metadata"]["ownerReferences"][0]["uid"] == created["metadata"]["uid"]
    tried = await bench.client.get(path_of(bench, NAME))
    assert condition(tried, "Reconciling")["status"] == "True"

    first = await says(bench, job, ProbeOutcome.CONNECTED)
    ready = await until(bench, "Connected")
    assert condition(ready, "Ready")["status"] == "True"
    assert condition(ready, "Reconciling")["status"] == "False"
    assert ready["status"]["latencyMilliseconds"] == "12.3"
    assert ready["status"]["clockSkewMilliseconds"] == "-0.7"
    assert ready["status"]["observedGeneration"] == 1

    second = await a_probe(bench, besides=frozenset({first}))
    await bench.gone(f"/apis/batch/v1/namespaces/{bench.namespace}/jobs/{first}")
    before = (await bench.client.get(path_of(bench, NAME)))["metadata"]["resourceVersion"]
    await says(bench, second, ProbeOutcome.CONNECTED, latency_microseconds=12_900)
    third = await a_probe(bench, besides=frozenset({first, second["metadata"]["name"]}))
    after = await bench.client.get(path_of(bench, NAME))
    assert after["metadata"]["resourceVersion"] == before, "what is the same to a person is not written again"

    await says(bench, third, ProbeOutcome.ENDPOINT_UNREACHABLE, message="no answer within 5 s")
    lost = await until(bench, "EndpointUnreachable")
    assert condition(lost, "Ready") | {"status": "False", "message": "no answer within 5 s"} == condition(lost, "Ready")
    await bench.client._write("DELETE", path_of(bench, NAME), {"propagationPolicy": "Background"})
    await bench.no_jobs()


@pytest.mark.usefixtures("alone")
async def test_a_secret_that_is_created_later_is_picked_up_by_the_next_probe(bench: Bench) -> None:
    await create(bench, credentialsSecretRef={"name": "keys"})
    job = await a_probe(bench)
    (volume,) = [one for one in job["spec"]["template"]["spec"]["volumes"] if "secret" in one]
    assert volume["secret"]["secretName"] == "keys"
    assert volume["secret"]["optional"] is True, "the probe starts without it, and says so"
    words = "spec.credentialsSecretRef: there is no Secret 'keys'"
    unknown = {"latency_microseconds": None, "clock_skew_microseconds": None, "credentials": CredentialsState.UNKNOWN}
    first = await says(bench, job, ProbeOutcome.SECRET_MISSING, message=words, **unknown)
    missing = await until(bench, "SecretMissing")
    assert condition(missing, "Ready")["message"] == words
    again = await a_probe(bench, besides=frozenset({first}))
    await says(bench, again, ProbeOutcome.CONNECTED, credentials=CredentialsState.ACCEPTED)
    ready = await until(bench, "Connected")
    assert ready["status"]["credentials"] == "Accepted"
    assert ready["metadata"]["generation"] == 1


async def test_an_operator_that_restarts_starts_no_second_probe(
    bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    first = operators(**SOON_OVER)
    await create(bench, probe={"intervalSeconds": 3_600})
    job = await a_probe(bench)
    first.kill()
    again = await operators().working()
    await says(bench, job, ProbeOutcome.CONNECTED)
    await until(bench, "Connected")
    assert [found["metadata"]["uid"] for found in await probes(bench)] == [job["metadata"]["uid"]]
    assert '"level":"ERROR"' not in again.log


@pytest.mark.usefixtures("alone")
async def test_suspended_it_has_no_probe_and_with_another_spec_a_new_one(bench: Bench) -> None:
    await create(bench)
    first = (await a_probe(bench))["metadata"]["name"]
    await bench.client.merge_patch(path_of(bench, NAME), {"spec": {"suspend": True}})
    idle = await until(bench, "Suspended")
    assert {condition(idle, kind)["status"] for kind in ("Ready", "Reconciling", "Stalled")} == {"False"}
    await bench.no_jobs()
    await bench.client.merge_patch(path_of(bench, NAME), {"spec": {"suspend": False, "market": "UsdMargined"}})
    second = await a_probe(bench, besides=frozenset({first}))
    assert _asked(second).endpoint.rest == "https://fapi.binance.com"


@pytest.mark.usefixtures("alone")
async def test_why_a_probe_does_not_start_is_said(bench: Bench) -> None:
    await create(bench)
    said = await until(bench, "Unschedulable")
    assert "finds no node" in condition(said, "Ready")["message"]
    assert condition(said, "Reconciling")["status"] == "True"


@pytest.mark.usefixtures("alone")
async def test_a_probe_that_ends_badly_is_said_and_tried_again(bench: Bench) -> None:
    await create(bench)
    name = (await a_probe(bench))["metadata"]["name"]
    await bench.write_pod_status(name, pod_status("Failed", 137, "OOMKilled", ""))
    said = await until(bench, "ProbeFailed")
    assert "ran out of memory" in condition(said, "Ready")["message"]
    await a_probe(bench, besides=frozenset({name}))
