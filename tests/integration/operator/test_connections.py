"""A connection's life: tried, ready, tried again, gone. What a probe's pod said is written as its kubelet would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.broker_connection import CredentialsState
from tradeplane_api.probe import PROBE_VARIABLE, ProbeOutcome, ProbeReport, ProbeSpecification
from tradeplane_operator.planning.names import API_VERSION, CONNECTION_UID_LABEL

from tests.integration.operator.cluster import Bench, condition, eventually, pod_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess

Json = dict[str, Any]
NAME = "binance"


@pytest.fixture
def alone(operators: Callable[..., OperatorProcess]) -> OperatorProcess:
    """Give an operator of the test's namespace."""
    return operators()


def _path(bench: Bench, name: str = "") -> str:
    return f"/apis/{API_VERSION}/namespaces/{bench.namespace}/brokerconnections" + (f"/{name}" if name else "")


async def _create(bench: Bench, **spec: Any) -> Json:
    body = {
        "apiVersion": API_VERSION,
        "kind": "BrokerConnection",
        "metadata": {"name": NAME},
        "spec": {"type": "Binance", "probe": {"intervalSeconds": 10}} | spec,
    }
    created: Json = await bench.client.create(_path(bench), body)
    return created


async def _until(bench: Bench, reason: str) -> Json:
    async def found() -> Json | None:
        resource: Json = await bench.client.get(_path(bench, NAME))
        return resource if condition(resource, "Ready").get("reason") == reason else None

    async def state() -> Any:
        return (await bench.client.get(_path(bench, NAME))).get("status")

    return await eventually(found, f"BrokerConnection {NAME} to be {reason}", state=state)


async def _probes(bench: Bench) -> list[Json]:
    query = {"labelSelector": CONNECTION_UID_LABEL}
    listed = await bench.client.get(f"/apis/batch/v1/namespaces/{bench.namespace}/jobs", query)
    return list(listed["items"])


async def _a_probe(bench: Bench, besides: frozenset[str] = frozenset()) -> Json:
    """Wait for a probe's Job that has a pod."""

    async def found() -> Json | None:
        for job in await _probes(bench):
            name = job["metadata"]["name"]
            if name not in besides and await bench.pods(name):
                return job
        return None

    return await eventually(found, "a probe")


async def _says(bench: Bench, job: Json, outcome: ProbeOutcome, **others: Any) -> str:
    """Have a probe's pod end with a report; return the Job's name."""
    defaults = {"latency_microseconds": 12_340, "clock_skew_microseconds": -700, "credentials": CredentialsState.NONE}
    report = ProbeReport(outcome=outcome, **defaults | others)
    name = str(job["metadata"]["name"])
    await bench.write_pod_status(name, pod_status("Succeeded", 0, "Completed", report.model_dump_json()))
    return name


def _asked(job: Json) -> ProbeSpecification:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return ProbeSpecification.model_validate_json(
        next(item["value"] for item in container["env"] if item["name"] == PROBE_VARIABLE)
    )


@pytest.mark.usefixtures("alone")
async def test_a_connection_from_apply_to_ready_to_the_next_probe_to_its_end(bench: Bench) -> None:
    created = await _create(bench)
    job = await _a_probe(bench)
    assert _asked(job).endpoint.rest == "https://api.binance.com"
    assert job["metadata"]["ownerReferences"][0]["uid"] == created["metadata"]["uid"]
    tried = await bench.client.get(_path(bench, NAME))
    assert condition(tried, "Reconciling")["status"] == "True"

    first = await _says(bench, job, ProbeOutcome.CONNECTED)
    ready = await _until(bench, "Connected")
    assert condition(ready, "Ready")["status"] == "True"
    assert condition(ready, "Reconciling")["status"] == "False"
    assert ready["status"]["latencyMilliseconds"] == "12.3"
    assert ready["status"]["clockSkewMilliseconds"] == "-0.7"
    assert ready["status"]["observedGeneration"] == 1

    second = await _a_probe(bench, besides=frozenset({first}))
    await bench.gone(f"/apis/batch/v1/namespaces/{bench.namespace}/jobs/{first}")
    before = (await bench.client.get(_path(bench, NAME)))["metadata"]["resourceVersion"]
    await _says(bench, second, ProbeOutcome.CONNECTED, latency_microseconds=12_900)
    third = await _a_probe(bench, besides=frozenset({first, second["metadata"]["name"]}))
    after = await bench.client.get(_path(bench, NAME))
    assert after["metadata"]["resourceVersion"] == before, "what is the same to a person is not written again"

    await _says(bench, third, ProbeOutcome.ENDPOINT_UNREACHABLE, message="no answer within 5 s")
    lost = await _until(bench, "EndpointUnreachable")
    assert condition(lost, "Ready") | {"status": "False", "message": "no answer within 5 s"} == condition(lost, "Ready")
    await bench.client._write("DELETE", _path(bench, NAME), {"propagationPolicy": "Background"})
    await bench.no_jobs()


@pytest.mark.usefixtures("alone")
async def test_a_secret_that_is_created_later_is_picked_up_by_the_next_probe(bench: Bench) -> None:
    await _create(bench, credentialsSecretRef={"name": "keys"})
    job = await _a_probe(bench)
    (volume,) = [one for one in job["spec"]["template"]["spec"]["volumes"] if "secret" in one]
    assert volume["secret"]["secretName"] == "keys"
    assert volume["secret"]["optional"] is True, "the probe starts without it, and says so"
    words = "spec.credentialsSecretRef: there is no Secret 'keys'"
    unknown = {"latency_microseconds": None, "clock_skew_microseconds": None, "credentials": CredentialsState.UNKNOWN}
    first = await _says(bench, job, ProbeOutcome.SECRET_MISSING, message=words, **unknown)
    missing = await _until(bench, "SecretMissing")
    assert condition(missing, "Ready")["message"] == words
    again = await _a_probe(bench, besides=frozenset({first}))
    await _says(bench, again, ProbeOutcome.CONNECTED, credentials=CredentialsState.ACCEPTED)
    ready = await _until(bench, "Connected")
    assert ready["status"]["credentials"] == "Accepted"
    assert ready["metadata"]["generation"] == 1


async def test_an_operator_that_restarts_starts_no_second_probe(
    bench: Bench, alone: OperatorProcess, operators: Callable[..., OperatorProcess]
) -> None:
    await _create(bench, probe={"intervalSeconds": 3_600})
    job = await _a_probe(bench)
    alone.kill()
    again = await operators().working()
    await _says(bench, job, ProbeOutcome.CONNECTED)
    await _until(bench, "Connected")
    assert [found["metadata"]["uid"] for found in await _probes(bench)] == [job["metadata"]["uid"]]
    assert '"level":"ERROR"' not in again.log


@pytest.mark.usefixtures("alone")
async def test_suspended_it_has_no_probe_and_with_another_spec_a_new_one(bench: Bench) -> None:
    await _create(bench)
    first = (await _a_probe(bench))["metadata"]["name"]
    await bench.client.merge_patch(_path(bench, NAME), {"spec": {"suspend": True}})
    idle = await _until(bench, "Suspended")
    assert {condition(idle, kind)["status"] for kind in ("Ready", "Reconciling", "Stalled")} == {"False"}
    await bench.no_jobs()
    await bench.client.merge_patch(_path(bench, NAME), {"spec": {"suspend": False, "market": "UsdMargined"}})
    second = await _a_probe(bench, besides=frozenset({first}))
    assert _asked(second).endpoint.rest == "https://fapi.binance.com"


@pytest.mark.usefixtures("alone")
async def test_why_a_probe_does_not_start_is_said(bench: Bench) -> None:
    await _create(bench)
    said = await _until(bench, "Unschedulable")
    assert "finds no node" in condition(said, "Ready")["message"]
    assert condition(said, "Reconciling")["status"] == "True"


@pytest.mark.usefixtures("alone")
async def test_a_probe_that_ends_badly_is_said_and_tried_again(bench: Bench) -> None:
    await _create(bench)
    name = (await _a_probe(bench))["metadata"]["name"]
    await bench.write_pod_status(name, pod_status("Failed", 137, "OOMKilled", ""))
    said = await _until(bench, "ProbeFailed")
    assert "ran out of memory" in condition(said, "Ready")["message"]
    await _a_probe(bench, besides=frozenset({name}))
