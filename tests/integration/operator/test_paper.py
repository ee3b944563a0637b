"""A trader's life: it waits for its connection, trades, is closed, goes. Pods end as their kubelet would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_api.paper import PAPER_VARIABLE, PaperOutcome, PaperSpecification
from tradeplane_operator.planning.paper_names import CLOSING_FINALIZER, claim_name
from tradeplane_operator.planning.session_snapshots import session_snapshot_name

from tests.integration.operator import sessions
from tests.integration.operator.cluster import COLLECTOR_PATIENCE, Bench, condition, eventually
from tests.integration.operator.processes import SOON_OVER
from tests.integration.operator.sessions import NAME, POD, TRADER, Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.operator.processes import OperatorProcess


@pytest.fixture
def alone(operators: Callable[..., OperatorProcess]) -> OperatorProcess:
    """Give an operator of the test's namespace."""
    return operators()


def _told(made: Json) -> PaperSpecification:
    (container,) = made["spec"]["template"]["spec"]["containers"]
    text = next(item["value"] for item in container["env"] if item["name"] == PAPER_VARIABLE)
    return PaperSpecification.model_validate_json(text)


async def _trading(bench: Bench, **session: object) -> Json:
    await sessions.connect(bench)
    await sessions.connected(bench)
    await sessions.create(bench, **session)
    return await sessions.trades(bench)


async def _gone(bench: Bench, group: str, plural: str, name: str) -> None:
    async def gone() -> bool:
        return await sessions.found(bench, group, plural, name) is None

    await eventually(gone, f"{plural}/{name} to be gone", COLLECTOR_PATIENCE)


@pytest.mark.usefixtures("alone")
async def test_it_waits_for_its_connection_trades_and_is_flat_when_suspended(bench: Bench) -> None:
    created = await sessions.create(bench)
    waits = await bench.until(NAME, "WaitingForConnection")
    assert "there is no BrokerConnection" in condition(waits, "Ready")["message"]
    await sessions.connect(bench)
    await sessions.connected(bench)
    made = await sessions.a_trader(bench)
    told = _told(made)
    assert (told.trader, told.endpoint.rest) == (created["metadata"]["uid"], "http://exchange:9090")
    assert made["metadata"]["ownerReferences"][0]["uid"] == created["metadata"]["uid"]
    trading = await sessions.trades(bench)
    assert condition(trading, "Ready")["status"] == "True"
    assert trading["metadata"]["finalizers"] == [CLOSING_FINALIZER]
    assert trading["status"]["session"]["pod"] == POD

    await bench.change(NAME, suspend=True)
    job = await bench.a_job(created["metadata"]["uid"])
    assert await sessions.found(bench, "api/v1", "pods", POD) is None, "it is stopped before it is closed"
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[-4:] == ["--close", "Flatten", "--within", "120"]
    await sessions.closes(bench, job)
    idle = await bench.until(NAME, "Suspended")
    assert {condition(idle, kind)["status"] for kind in ("Ready", "Reconciling", "Stalled")} == {"False"}
    assert condition(idle, "Ready")["message"].startswith("spec.suspend is true: flat: 4 orders, 2 fills, sealed as")
    assert idle["status"]["session"] | {"outcome": "Flat", "orders": 4} == idle["status"]["session"]
    await _gone(bench, "apis/batch/v1", "jobs", job["metadata"]["name"])
    made = await bench.snapshot(idle["status"]["session"]["snapshotName"])
    assert made["spec"] | {"digest": sessions.SEALED, "store": "default"} == made["spec"]
    assert made["metadata"]["labels"]["tradeplane.dev/strategy"] == NAME
    assert "ownerReferences" not in made["metadata"]

    await bench.change(NAME, suspend=False)
    again = await sessions.trades(bench)
    assert again["status"]["session"]["generation"] == 3


@pytest.mark.usefixtures("alone")
async def test_another_spec_is_traded_once_the_session_is_closed(bench: Bench) -> None:
    strategy = await _trading(bench, onSuspend="Leave")
    await bench.change(NAME, capital="200000")
    job = await bench.a_job(strategy["metadata"]["uid"])
    assert "Flatten" in job["spec"]["template"]["spec"]["containers"][0]["command"]
    await sessions.closes(bench, job)
    await sessions.trades(bench)
    made = await sessions.a_trader(bench)
    assert _told(made).simulation.capital == "200000"


@pytest.mark.usefixtures("alone")
async def test_a_deleted_strategy_is_closed_first_and_its_volume_goes_with_it(bench: Bench) -> None:
    strategy = await _trading(bench)
    claim = claim_name(NAME, strategy["metadata"]["uid"])
    assert await sessions.found(bench, "api/v1", "persistentvolumeclaims", claim) is not None
    await bench.delete_strategy(NAME)
    closing = await bench.until(NAME, "Closing")
    assert closing["metadata"]["deletionTimestamp"]
    await sessions.closes(bench, await bench.a_job(strategy["metadata"]["uid"]))
    await _gone(bench, "apis/tradeplane.dev/v1alpha1", "strategies", NAME)
    await _gone(bench, "api/v1", "persistentvolumeclaims", claim)
    await _gone(bench, "apis/apps/v1", "statefulsets", TRADER)
    assert await sessions.warnings(bench) == {}
    left = await bench.snapshot(session_snapshot_name(NAME, strategy["metadata"]["uid"], 1))
    assert left["spec"]["digest"] == sessions.SEALED, "it outlives its Strategy"


@pytest.mark.usefixtures("alone")
async def test_what_could_not_be_closed_is_said_and_keeps_its_volume(bench: Bench) -> None:
    strategy = await _trading(bench)
    claim = claim_name(NAME, strategy["metadata"]["uid"])
    await bench.change(NAME, suspend=True)
    job = await bench.a_job(strategy["metadata"]["uid"])
    held = ({"symbol": "BTCUSDT", "quantity": "0.5"},)
    await bench.client.merge_patch(
        sessions.path_of(bench, "apis/batch/v1", "jobs", job["metadata"]["name"]), {"spec": {"backoffLimit": 0}}
    )
    await sessions.closes(bench, job, PaperOutcome.NOT_FLAT, message="the broker is away", positions=held)
    idle = await bench.until(NAME, "Suspended")
    assert "NOT FLAT: the broker is away (left: 0.5 BTCUSDT, 0 open orders)" in condition(idle, "Ready")["message"]
    assert condition(idle, "Stalled")["status"] == "False"
    assert list(await sessions.warnings(bench)) == ["NotFlat"]

    await bench.delete_strategy(NAME)
    again = await bench.a_job(strategy["metadata"]["uid"], besides=frozenset({job["metadata"]["name"]}))
    await sessions.closes(bench, again, PaperOutcome.FLAT, snapshot=None)
    await _gone(bench, "apis/tradeplane.dev/v1alpha1", "strategies", NAME)
    assert f"{claim} has the record of the session and is kept" in (await sessions.warnings(bench))["VolumeKept"]
    assert await sessions.found(bench, "api/v1", "persistentvolumeclaims", claim) is not None


async def test_a_deletion_waits_for_the_closing_so_long_and_no_longer(
    bench: Bench, operators: Callable[..., OperatorProcess], settings: Json
) -> None:
    operators(pace=settings["pace"] | {"closingGraceSeconds": 2})
    await _trading(bench, closingSeconds=40)  # long enough for what is looked at meanwhile
    await bench.delete_strategy(NAME)
    said = await bench.until(NAME, "Unschedulable")
    assert "finds no node" in condition(said, "Ready")["message"]
    await _gone(bench, "apis/tradeplane.dev/v1alpha1", "strategies", NAME)
    given_up = (await sessions.warnings(bench))["ClosingGivenUp"]
    assert "the session could not be closed in time; last: " in given_up
    assert "orders and positions may be left at the broker" in given_up


async def test_a_trader_whose_node_is_away_is_said_and_neither_doubled_nor_closed_before_it_has_ended(
    bench: Bench, operators: Callable[..., OperatorProcess], settings: Json
) -> None:
    operators(pace=settings["pace"] | {"closingGraceSeconds": 1})
    strategy = await _trading(bench)
    before = await sessions.found(bench, "api/v1", "pods", POD)
    assert before is not None
    async with bench.on_a_silent_node(before):
        await sessions.lose_its_node(bench)
        away = await bench.until(NAME, "NodeAway")
        assert {kind: condition(away, kind)["status"] for kind in ("Ready", "Reconciling", "Stalled")} == {
            "Ready": "False",
            "Reconciling": "True",
            "Stalled": "False",
        }
        assert f"the node of pod {POD} does not report" in condition(away, "Ready")["message"]
        await sessions.remove_pod(bench)
        stays = await bench.until(NAME, "PodTerminating")
        assert "remove the pod by force once it surely runs no more" in condition(stays, "Ready")["message"]

        await bench.change(NAME, suspend=True)
        waits = await bench.until(NAME, "TraderDoesNotEnd")
        assert f"pod {POD} does not end" in condition(waits, "Ready")["message"]
        assert await sessions.closings(bench, strategy) == [], "its trader may trade yet"
        still = await sessions.found(bench, "api/v1", "pods", POD)
        assert before is not None
        assert still is not None
        assert still["metadata"]["uid"] == before["metadata"]["uid"], "there is no second one"

        await sessions.remove_pod(bench, gracePeriodSeconds=0)  # as its kubelet does once the node is back
        await sessions.closes(bench, await bench.a_job(strategy["metadata"]["uid"]))
        idle = await bench.until(NAME, "Suspended")
        assert idle["status"]["session"]["outcome"] == "Flat"


async def test_an_operator_that_dies_while_a_session_is_closed_starts_no_second_closing(
    bench: Bench, operators: Callable[..., OperatorProcess]
) -> None:
    first = operators(**SOON_OVER)
    strategy = await _trading(bench)
    await bench.change(NAME, suspend=True)
    job = await bench.a_job(strategy["metadata"]["uid"])
    first.kill()
    again = await operators().working()
    await sessions.closes(bench, job)
    idle = await bench.until(NAME, "Suspended")
    assert (await bench.snapshot(idle["status"]["session"]["snapshotName"]))["spec"]["digest"] == sessions.SEALED
    others = [
        found
        for found in await sessions.closings(bench, strategy)
        if found["metadata"]["uid"] != job["metadata"]["uid"]
    ]
    assert others == []
    assert '"level":"ERROR"' not in again.log


@pytest.mark.usefixtures("alone")
async def test_another_snapshot_of_the_name_is_left_alone_and_said(bench: Bench) -> None:
    strategy = await _trading(bench)
    name = session_snapshot_name(NAME, strategy["metadata"]["uid"], 1)
    theirs = await bench.create_snapshot(name, bench.write_snapshot())
    await bench.change(NAME, suspend=True)
    await sessions.closes(bench, await bench.a_job(strategy["metadata"]["uid"]))
    said = await bench.until(NAME, "SnapshotNameTaken")
    assert condition(said, "Stalled")["status"] == "True"
    assert (await bench.snapshot(name))["spec"] == theirs["spec"]
    path = sessions.path_of(bench, "apis/tradeplane.dev/v1alpha1", "snapshots", name)
    await bench.client.delete(path, theirs["metadata"]["uid"])
    idle = await bench.until(NAME, "Suspended")
    assert idle["status"]["session"]["snapshotName"] == name
    assert (await bench.snapshot(name))["spec"]["digest"] == sessions.SEALED


@pytest.mark.usefixtures("alone")
async def test_a_stateful_set_of_somebody_else_is_left_alone_and_said(bench: Bench) -> None:
    labels = {"app": "somebody-else"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    theirs = {
        "metadata": {"name": TRADER},
        "spec": {"replicas": 0, "serviceName": "x", "selector": {"matchLabels": labels}, "template": pod},
    }
    await bench.client.create(sessions.path_of(bench, "apis/apps/v1", "statefulsets"), theirs)
    await sessions.connect(bench)
    await sessions.connected(bench)
    await sessions.create(bench)
    said = await bench.until(NAME, "TraderRefused")
    assert condition(said, "Stalled")["status"] == "True"
    assert f"there is a StatefulSet {TRADER} that is not of this Strategy" in condition(said, "Ready")["message"]
    made = await sessions.found(bench, "apis/apps/v1", "statefulsets", TRADER)
    assert made is not None
    assert "ownerReferences" not in made["metadata"]
    await bench.client.delete(sessions.path_of(bench, "apis/apps/v1", "statefulsets", TRADER), made["metadata"]["uid"])
    await sessions.trades(bench)


@pytest.mark.usefixtures("alone")
async def test_a_trader_that_fails_says_why(bench: Bench) -> None:
    await _trading(bench)
    ended = {
        "exitCode": 2,
        "reason": "Error",
        "message": '{"exitCode":2,"outcome":"Failed","message":"there is no BTCUSDT"}',
    }
    container = {"name": "trader", "image": "x", "imageID": "", "ready": False, "restartCount": 3}
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}
    conditions = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": [container | waiting]}
    await bench.client.merge_patch(sessions.path_of(bench, "api/v1", "pods", f"{POD}/status"), {"status": status})
    failed = await bench.until(NAME, "TraderFailed")
    assert condition(failed, "Stalled")["status"] == "True"
    assert "the trader cannot trade: there is no BTCUSDT" in condition(failed, "Ready")["message"]
