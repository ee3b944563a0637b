"""What a test does to a BrokerConnection: it is created, its probes end, and what is said of it is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradeplane_api.broker_connection import CredentialsState
from tradeplane_api.probe import ProbeOutcome, ProbeReport
from tradeplane_operator.planning.names import API_VERSION, CONNECTION_UID_LABEL

from tests.integration.operator.cluster import eventually, pod_status

if TYPE_CHECKING:
    from tests.integration.operator.cluster import Bench

Json = dict[str, Any]
NAME = "binance"


def path_of(bench: Bench, name: str = "") -> str:
    """Return the path of BrokerConnections, or of one."""
    return f"/apis/{API_VERSION}/namespaces/{bench.namespace}/brokerconnections" + (f"/{name}" if name else "")


async def create(bench: Bench, **spec: Any) -> Json:
    """Create a BrokerConnection to Binance that is probed every ten seconds, with changes to its spec."""
    body = {
        "apiVersion": API_VERSION,
        "kind": "BrokerConnection",
        "metadata": {"name": NAME},
        "spec": {"type": "Binance", "probe": {"intervalSeconds": 10}} | spec,
    }
    created: Json = await bench.client.create(path_of(bench), body)
    return created


async def until(bench: Bench, *reasons: str) -> Json:
    """Wait until ``Ready`` has one of these reasons, if for a moment; return the BrokerConnection as it was then."""
    return await bench.said("brokerconnections", NAME, *reasons)


async def probes(bench: Bench) -> list[Json]:
    """Return the Jobs of probes."""
    query = {"labelSelector": CONNECTION_UID_LABEL}
    listed = await bench.client.get(f"/apis/batch/v1/namespaces/{bench.namespace}/jobs", query)
    return list(listed["items"])


async def a_probe(bench: Bench, besides: frozenset[str] = frozenset()) -> Json:
    """Wait for a probe's Job that has a pod."""

    async def found() -> Json | None:
        return await bench.with_a_pod(await probes(bench), besides)

    return await eventually(found, "a probe")


async def says(bench: Bench, job: Json, outcome: ProbeOutcome, **others: Any) -> str:
    """Have a probe's pod end with a report; return the Job's name."""
    defaults = {"latency_microseconds": 12_340, "clock_skew_microseconds": -700, "credentials": CredentialsState.NONE}
    report = ProbeReport(outcome=outcome, **defaults | others)
    name = str(job["metadata"]["name"])
    await bench.write_pod_status(name, pod_status("Succeeded", 0, "Completed", report.model_dump_json()))
    return name
