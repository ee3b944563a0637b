"""A session that goes on is sealed as often as a capture of it asks: left as it stands, a Snapshot, and traded on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tradeplane_operator.planning.session_snapshots import session_snapshot_name

from tests.unit.operator.paper_simulation import FLAT, KEY, LEFT, NOT_FLAT, UID, Server, SimulatedOperator, trading
from tests.unit.operator.simulation import NAMESPACE, Json

DAY = 86_400


def _capture(name: str = "daily", *, deleting: bool = False, **spec: object) -> Json:
    gone = {"deletionTimestamp": "2026-01-06T00:00:00Z"} if deleting else {}
    return {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "SnapshotCapture",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": "2026-01-05T00:00:00Z",
            **gone,
        },
        "spec": {"source": {"strategyRef": {"name": KEY.name}}, **spec},
    }


def _captured(*captures: Json) -> tuple[Server, SimulatedOperator]:
    server, operator = trading()
    for one in captures:
        operator.index.captures.put(one, confirmed=True)
    operator.step()
    return server, operator


def _closings(server: Server) -> int:
    closing = server.session.get("closing")
    return closing["number"] if closing else 0


@pytest.mark.parametrize("said", [LEFT, FLAT])
def test_it_is_sealed_when_it_is_due_and_goes_on(said: str) -> None:
    server, operator = _captured(_capture(cadenceSeconds=DAY))
    operator.wait(DAY - 60)
    assert (server.condition()["reason"], _closings(server)) == ("Trading", 0)

    operator.wait(60)
    assert (server.condition()["reason"], server.session["closing"]["way"]) == ("Closing", "Leave")
    assert "it is sealed every 86400 s for SnapshotCapture daily" in server.condition()["message"]
    operator.close(said)
    assert list(server.snapshots) == [session_snapshot_name(KEY.name, UID, 1)]

    server.trader_ready()
    operator.step()
    assert server.condition()["reason"] == "Trading"
    assert server.session["state"] == "Trading"


def test_the_next_time_is_counted_from_the_last() -> None:
    server, operator = _captured(_capture(cadenceSeconds=DAY))
    for number in (1, 2, 3):
        operator.wait(DAY - 60)
        assert (server.condition()["reason"], _closings(server)) == ("Trading", number - 1)
        operator.wait(60)
        operator.close(LEFT)
        server.trader_ready()
        operator.step()
        assert (server.condition()["reason"], _closings(server)) == ("Trading", number)
        closed = datetime.fromisoformat(server.session["closing"]["completionTime"])
        assert operator.look_again_at == closed + timedelta(seconds=DAY)
    assert list(server.snapshots) == [session_snapshot_name(KEY.name, UID, number) for number in (1, 2, 3)]


def test_what_could_not_be_taken_back_in_time_is_told_and_trading_goes_on() -> None:
    server, operator = _captured(_capture(cadenceSeconds=DAY))
    operator.wait(DAY)
    operator.close(NOT_FLAT, well=False)
    server.trader_ready()
    operator.step()
    assert server.condition()["reason"] == "Trading"
    assert [notice.reason for notice in server.notices].count("NotFlat") == 1


@pytest.mark.parametrize(
    "capture",
    [
        _capture(),
        _capture(cadenceSeconds=DAY, suspend=True),
        _capture(source={"strategyRef": {"name": "another"}}, cadenceSeconds=DAY),
        _capture(deleting=True, cadenceSeconds=DAY),
    ],
)
def test_no_capture_that_asks_for_it_has_it_sealed(capture: Json) -> None:
    server, operator = _captured(capture)
    operator.wait(3 * DAY)
    assert (server.condition()["reason"], _closings(server)) == ("Trading", 0)


def test_of_several_captures_the_most_frequent_counts() -> None:
    server, operator = _captured(_capture("weekly", cadenceSeconds=7 * DAY), _capture("daily", cadenceSeconds=DAY))
    operator.wait(DAY)
    assert "SnapshotCapture daily" in server.condition()["message"]


def test_a_trader_that_does_not_trade_is_not_stopped_for_it() -> None:
    server, operator = _captured(_capture(cadenceSeconds=DAY))
    server.trader_ready(ready=False)
    operator.wait(2 * DAY)
    assert _closings(server) == 0
    server.trader_ready()
    operator.step()
    assert server.condition()["reason"] == "Closing"


def test_one_that_is_suspended_meanwhile_is_closed_as_it_asks() -> None:
    server, operator = _captured(_capture(cadenceSeconds=DAY))
    operator.wait(DAY)
    server.change_spec(suspend=True)
    operator.close(LEFT)
    assert (server.session["closing"]["number"], server.session["closing"]["way"]) == (2, "Flatten")
    operator.close(FLAT)
    assert server.condition()["reason"] == "Suspended"


def test_a_name_as_long_as_names_may_be_can_be_told() -> None:
    server, operator = _captured(_capture("c" * 253, cadenceSeconds=DAY))
    operator.wait(DAY)
    assert server.condition()["reason"] == "Closing"
