"""A connection's exchange on a real API server: made, rolled, suspended, refused, and gone with its volume."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.exchange import EXCHANGE_VARIABLE, ExchangeSpecification
from tradeplane_api.probe import PROBE_VARIABLE, ProbeOutcome
from tradeplane_operator.acting.errors import Refused
from tradeplane_operator.planning.names import EXCHANGE_LABEL

from tests.integration.operator import connections, exchanges
from tests.integration.operator.cluster import COLLECTOR_PATIENCE, Bench, condition, eventually
from tests.integration.operator.exchanges import NAME, SPEC, Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess


@pytest.fixture
def alone(operators: Callable[..., OperatorProcess]) -> OperatorProcess:
    """Give an operator of the test's namespace."""
    return operators()


def _container(stateful_set: Json) -> Json:
    (container,) = stateful_set["spec"]["template"]["spec"]["containers"]
    found: Json = container
    return found


def _told(stateful_set: Json) -> ExchangeSpecification:
    values = {one["name"]: one.get("value", "") for one in _container(stateful_set)["env"]}
    return ExchangeSpecification.model_validate_json(values[EXCHANGE_VARIABLE])


def _record(stateful_set: Json) -> str:
    command = _container(stateful_set)["command"]
    return str(command[command.index("--record") + 1])


async def _change(bench: Bench, **spec: object) -> None:
    await bench.client.merge_patch(connections.path_of(bench, connections.NAME), {"spec": spec})


async def _connected(bench: Bench, besides: frozenset[str] = frozenset()) -> str:
    """Have the exchange run and a probe find it; return the probe's name."""
    await exchanges.runs(bench)
    probe = await connections.a_probe(bench, besides)
    await connections.says(bench, probe, ProbeOutcome.CONNECTED)
    await connections.until(bench, "Connected")
    return str(probe["metadata"]["name"])


@pytest.mark.usefixtures("alone")
async def test_an_exchange_is_made_and_tried_once_it_answers_and_not_before(bench: Bench) -> None:
    created = await connections.create(bench, **SPEC, credentialsSecretRef={"name": "keys"})
    uid = created["metadata"]["uid"]
    made = await exchanges.wait_for(bench, "statefulsets")
    service = await exchanges.wait_for(bench, "services")
    assert made["metadata"]["ownerReferences"][0]["uid"] == uid
    assert service["spec"]["selector"] == {EXCHANGE_LABEL: uid}
    assert made["spec"]["template"]["metadata"]["labels"][EXCHANGE_LABEL] == uid
    assert _told(made).synthetic is not None
    assert "--keys" in _container(made)["command"]
    claim = await exchanges.wait_for(bench, "persistentvolumeclaims", f"record-{NAME}-0")
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"

    said = await connections.until(bench, "ExchangeUnschedulable")
    assert "the exchange: pod binance-exchange-0 finds no node" in condition(said, "Ready")["message"]
    assert await connections.probes(bench) == []

    await exchanges.runs(bench)
    await connections.until(bench, "Probing")
    probe = await connections.a_probe(bench)
    (container,) = probe["spec"]["template"]["spec"]["containers"]
    asked = json.loads(next(one["value"] for one in container["env"] if one["name"] == PROBE_VARIABLE))
    assert asked["endpoint"] == {
        "rest": f"http://{NAME}.{bench.namespace}.svc:9090",
        "stream": f"ws://{NAME}.{bench.namespace}.svc:9090",
    }
    await connections.says(bench, probe, ProbeOutcome.CONNECTED)
    ready = await connections.until(bench, "Connected")
    assert ready["status"]["exchange"]["record"] == _record(made).rpartition("/")[2]

    version = (await exchanges.wait_for(bench, "statefulsets"))["metadata"]["generation"]
    await connections.a_probe(bench, besides=frozenset({probe["metadata"]["name"]}))
    assert (await exchanges.wait_for(bench, "statefulsets"))["metadata"]["generation"] == version == 1


@pytest.mark.usefixtures("alone")
async def test_a_change_rolls_the_pod_and_only_another_market_begins_another_record(bench: Bench) -> None:
    await connections.create(bench, **SPEC)
    await _connected(bench)
    before = await exchanges.wait_for(bench, "statefulsets")
    first = await exchanges.a_pod(bench)

    await _change(bench, simulated={"speed": "10"})
    # It starts; where the first look at its pod comes late, that has waited for a node, as there is none here.
    await connections.until(bench, "ExchangeStarting", "ExchangeUnschedulable")
    await exchanges.ends(bench, first)
    await exchanges.a_pod(bench, besides=first["metadata"]["uid"])
    faster = await exchanges.wait_for(bench, "statefulsets")
    assert _told(faster).speed == "10"
    assert _record(faster) == _record(before)
    assert faster["metadata"]["uid"] == before["metadata"]["uid"]

    await _change(bench, simulated={"synthetic": {"seed": 8}})

    async def another() -> bool:
        return _record(await exchanges.wait_for(bench, "statefulsets")) != _record(before)

    await eventually(another, "another record")


@pytest.mark.usefixtures("alone")
async def test_suspended_its_pod_goes_and_its_volume_stays(bench: Bench) -> None:
    await connections.create(bench, **SPEC)
    probe = await _connected(bench)
    pod = await exchanges.a_pod(bench)
    await _change(bench, suspend=True)
    await connections.until(bench, "Suspending")
    await exchanges.ends(bench, pod)
    idle = await connections.until(bench, "Suspended")
    assert {condition(idle, kind)["status"] for kind in ("Ready", "Reconciling", "Stalled")} == {"False"}
    assert "its record is kept" in condition(idle, "Ready")["message"]
    assert await exchanges.find(bench, "persistentvolumeclaims", f"record-{NAME}-0") is not None
    await bench.no_jobs()

    await _change(bench, suspend=False)
    await exchanges.a_pod(bench, besides=pod["metadata"]["uid"])
    await _connected(bench, besides=frozenset({probe}))


@pytest.mark.usefixtures("alone")
async def test_an_exchange_that_ends_is_said_in_its_own_words_and_probes_wait(bench: Bench) -> None:
    await connections.create(bench, **SPEC)
    await exchanges.a_pod(bench)
    ended = {"exitCode": 3, "reason": "Error", "message": "the tapes cannot be played: import the recording again"}
    loop = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    await exchanges.write_pod(bench, ready=False, state=loop, lastState={"terminated": ended})
    said = await connections.until(bench, "ExchangeFailed")
    assert condition(said, "Stalled")["status"] == "True"
    assert "exit code 3: the tapes cannot be played" in condition(said, "Ready")["message"]
    assert await connections.probes(bench) == []


@pytest.mark.usefixtures("alone")
async def test_a_stateful_set_of_somebody_else_is_said_and_left_alone(bench: Bench) -> None:
    labels = {"app": "theirs"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "example.test/c"}]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": NAME},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "serviceName": "x", "template": template},
    }
    await bench.client.create(f"/apis/apps/v1/namespaces/{bench.namespace}/statefulsets", body)
    await connections.create(bench, **SPEC)
    said = await connections.until(bench, "ExchangeRefused")
    assert f"there is a StatefulSet {NAME} that is not of this BrokerConnection" in condition(said, "Ready")["message"]
    there = await exchanges.wait_for(bench, "statefulsets")
    assert there["spec"]["selector"]["matchLabels"] == labels
    assert "ownerReferences" not in there["metadata"]

    await bench.client.delete(exchanges.path_of(bench, "statefulsets"), there["metadata"]["uid"])
    await exchanges.a_pod(bench)


@pytest.mark.usefixtures("alone")
async def test_a_recording_is_played_once_its_snapshot_is_ready(bench: Bench) -> None:
    await connections.create(bench, **SPEC | {"simulated": {"snapshotRef": {"name": "tapes"}}})
    said = await connections.until(bench, "SnapshotNotFound")
    assert "there is no Snapshot 'tapes' in this namespace" in condition(said, "Ready")["message"]
    assert await exchanges.find(bench, "statefulsets") is None
    digest = bench.write_snapshot()
    await bench.create_snapshot("tapes", digest)
    made = await exchanges.wait_for(bench, "statefulsets")
    assert _told(made).snapshot == digest
    volumes = {one["name"]: one for one in made["spec"]["template"]["spec"]["volumes"]}
    assert volumes["store"]["persistentVolumeClaim"] == {"claimName": "tradeplane-store", "readOnly": True}


@pytest.mark.usefixtures("alone")
async def test_with_an_endpoint_instead_it_goes_and_with_the_connection_too(bench: Bench) -> None:
    await connections.create(bench, **SPEC)
    await _connected(bench)
    place = {"rest": "http://elsewhere:9090", "stream": "ws://elsewhere:9090"}
    await _change(bench, simulated=None, endpoint=place)
    await bench.gone(exchanges.path_of(bench, "statefulsets"))
    await bench.gone(exchanges.path_of(bench, "services"))
    await _change(bench, simulated=SPEC["simulated"], endpoint=None)
    await exchanges.wait_for(bench, "statefulsets")
    await bench.client._write(
        "DELETE", connections.path_of(bench, connections.NAME), {"propagationPolicy": "Background"}
    )

    async def gone() -> bool:
        return await exchanges.find(bench, "statefulsets") is None and await exchanges.find(bench, "services") is None

    await eventually(gone, "the children to be collected", COLLECTOR_PATIENCE)


async def test_a_service_that_somebody_deleted_is_made_again(bench: Bench, alone: OperatorProcess) -> None:
    await connections.create(bench, **SPEC)
    await _connected(bench)
    service = await exchanges.wait_for(bench, "services")
    await bench.client.delete(exchanges.path_of(bench, "services"), service["metadata"]["uid"])
    again = await exchanges.wait_for(bench, "services")
    assert again["metadata"]["uid"] != service["metadata"]["uid"]
    await connections.until(bench, "Probing")
    assert '"level":"ERROR"' not in alone.log


async def test_a_volume_is_not_changed_in_words(bench: Bench) -> None:
    await connections.create(bench, **SPEC)
    with pytest.raises(Refused, match="volume cannot be changed, a volume that is there keeps its size"):
        await _change(bench, simulated={"volume": {"size": "2Gi"}})
