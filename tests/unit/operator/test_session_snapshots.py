"""A session that was closed becomes a Snapshot: once, whatever ends in between, and what stands in the way is said."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.session import SessionState
from tradeplane_operator.planning.session_snapshots import due_name, session_snapshot_name
from tradeplane_operator.planning.wanted import EventType
from tradeplane_operator.settings import Store

from tests.unit.operator.paper_simulation import (
    CLAIM,
    FLAT,
    KEY,
    LEFT,
    NOT_FLAT,
    POD,
    SEALED,
    UID,
    Crash,
    Server,
    SimulatedOperator,
    trading,
)
from tests.unit.operator.simulation import SETTINGS

FIRST = session_snapshot_name(KEY.name, UID, 1)
LEAVE = {"symbols": ["BTCUSDT"], "onSuspend": "Leave"}


def _suspended(said: str = FLAT, **spec: Any) -> tuple[Server, SimulatedOperator]:
    server, operator = trading(**spec)
    server.change_spec(suspend=True)
    operator.close(said)
    return server, operator


def _warnings(server: Server) -> list[str]:
    return [notice.reason for notice in server.notices if notice.type is EventType.WARNING]


def test_a_closed_session_is_a_snapshot_that_says_whose_it_is_and_belongs_to_nobody() -> None:
    server, _ = _suspended()
    assert server.session["snapshotName"] == FIRST
    made = server.snapshots[FIRST]
    assert made["spec"] == {"store": "default", "digest": SEALED}
    assert made["metadata"]["labels"] == {
        "tradeplane.dev/strategy-uid": UID,
        "tradeplane.dev/strategy": KEY.name,
        "tradeplane.dev/session": "a" * 32,
        "tradeplane.dev/closing": "1",
    }
    assert "ownerReferences" not in made["metadata"]
    assert server.condition()["reason"] == "Suspended"
    assert _warnings(server) == []


def test_it_costs_one_write_more() -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.step()
    (name,) = server.jobs
    before = server.writes
    server.end_job(name, FLAT)
    operator.step()
    assert server.writes - before == 4, "that it is closed, the Snapshot, its name, the Job that goes"


def test_each_closing_of_a_session_that_goes_on_is_a_snapshot_of_its_own() -> None:
    server, operator = _suspended(LEFT, session=LEAVE)
    server.change_spec(suspend=False)
    operator.step()
    assert "snapshotName" not in server.session, "what goes on is not closed"
    server.change_spec(suspend=True)
    operator.close(LEFT)
    assert sorted(server.snapshots) == [FIRST, session_snapshot_name(KEY.name, UID, 2)]


def test_what_was_not_sealed_is_no_snapshot() -> None:
    server, _ = _suspended(NOT_FLAT)
    assert (server.snapshots, server.condition()["reason"]) == ({}, "Suspended")


def test_a_strategy_that_is_deleted_leaves_its_snapshot() -> None:
    server, operator = trading()
    server.delete_strategy()
    operator.close()
    assert (server.gone, list(server.snapshots), server.claims, server.never) == (True, [FIRST], set(), [])


def test_a_session_that_an_older_operator_closed_becomes_a_snapshot() -> None:
    server, operator = _suspended()
    server.snapshots.clear()
    server.made.clear()
    del server.session["snapshotName"]
    server.metadata["resourceVersion"] = server.bump()
    operator.relist()
    operator.step()
    assert (list(server.snapshots), server.session["snapshotName"]) == ([FIRST], FIRST)


def test_one_that_a_person_deletes_is_not_made_again() -> None:
    server, operator = _suspended()
    server.snapshots.clear()
    SimulatedOperator(server).step()
    server.change_spec(historyLimit=3)
    operator.step()
    server.delete_strategy()
    operator.step()
    assert (server.gone, server.snapshots) == (True, {})


def test_an_operator_that_is_behind_does_not_make_anew_what_was_recorded_and_deleted_since() -> None:
    server, _ = _suspended()
    server.snapshots.clear()
    behind = SimulatedOperator(server)
    sessions = [(body, body["status"].get("session") or {}) for body in server.strategy_events]
    closed = [body for body, said in sessions if said.get("state") == "Closed" and "snapshotName" not in said]
    behind.index.strategies.remove(KEY, UID)
    behind.index.strategies.put(copy.deepcopy(closed[-1]), confirmed=True)
    behind.reconcile()
    assert (server.snapshots, server.made[FIRST]) == ({}, 1)


def test_one_that_is_there_and_was_not_seen_is_taken_for_made() -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.step()
    server.snapshots[FIRST] = _snapshot()
    operator.close()
    assert (server.session["snapshotName"], server.made[FIRST]) == (FIRST, 0)


@pytest.mark.parametrize("spec", [{"digest": "sha256:" + "8" * 64}, {"store": "elsewhere"}])
def test_another_one_of_its_name_is_left_as_it_is_and_said(spec: dict[str, str]) -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.step()
    server.snapshots[FIRST] = _snapshot(**spec)
    operator.close()
    said = server.condition()
    assert (said["reason"], server.condition("Stalled")["status"]) == ("SnapshotNameTaken", "True")
    assert (
        f"there is a Snapshot {FIRST} that is not the session of this closing ({SEALED}); delete it" in said["message"]
    )
    assert server.snapshots[FIRST]["spec"] == _snapshot(**spec)["spec"]
    server.change_spec(suspend=False)
    operator.step()
    assert POD not in server.pods, "another session would put this one out of the record"
    assert _warnings(server) == ["SnapshotNameTaken"]
    server.snapshots.clear()
    operator.relist_snapshots()
    operator.step()
    assert (server.snapshots[FIRST]["spec"]["digest"], list(server.pods)) == (SEALED, [POD])


def test_what_the_api_server_refuses_is_said_and_asked_for_again() -> None:
    server, operator = trading()
    server.refuse["snapshots"] = "exceeded quota"
    server.change_spec(suspend=True)
    operator.close()
    assert (server.condition()["reason"], server.condition("Stalled")["status"]) == ("SnapshotRefused", "False")
    assert f"the API server refused Snapshot {FIRST}: exceeded quota" in server.condition()["message"]
    del server.refuse["snapshots"]
    operator.wait(SETTINGS.pace.pod_again_seconds)
    assert (server.condition()["reason"], list(server.snapshots)) == ("Suspended", [FIRST])


def test_a_session_with_positions_goes_on_though_its_snapshot_is_refused() -> None:
    server, operator = trading(session=LEAVE)
    server.refuse["snapshots"] = "exceeded quota"
    server.change_spec(suspend=True)
    operator.close(LEFT)
    server.change_spec(suspend=False)
    operator.step()
    assert list(server.pods) == [POD]
    assert _warnings(server) == ["SnapshotNotMade"]
    assert f"the session lies in store 'default' as {SEALED}: create a Snapshot" in server.notices[-1].message
    assert "exceeded quota" in server.notices[-1].message


@pytest.mark.parametrize("way", ["refused", "taken"])
def test_a_deletion_waits_for_the_snapshot_so_long_and_no_longer(way: str) -> None:
    server, operator = trading(session={"symbols": ["BTCUSDT"], "closingSeconds": 30})
    server.refuse["snapshots"] = "exceeded quota"
    if way == "taken":
        server.snapshots[FIRST] = _snapshot(digest="sha256:" + "8" * 64)
        operator.relist_snapshots()
    server.delete_strategy()
    operator.close()
    assert not server.gone
    operator.wait(30 + SETTINGS.pace.closing_grace_seconds - 1)
    assert not server.gone
    operator.wait(1)
    assert (server.gone, server.claims, _warnings(server)[-1]) == (True, set(), "SnapshotNotMade")
    assert SEALED in server.notices[-1].message


def test_a_deletion_that_is_late_makes_the_snapshot_before_it_gives_up() -> None:
    server, operator = trading(session={"symbols": ["BTCUSDT"], "closingSeconds": 30})
    server.delete_strategy()
    operator.step()
    (name,) = server.jobs
    server.end_job(name, FLAT)
    operator.relist()
    assert operator.reconcile()
    server.now = server.limit
    operator.step()
    assert (server.gone, list(server.snapshots), CLAIM in server.claims) == (True, [FIRST], False)


def test_a_session_that_was_sealed_elsewhere_says_where() -> None:
    server, operator = trading()
    stores = {"cold": Store(url="file:///cold", claim="cold")}
    operator.strategies.settings = SETTINGS.model_copy(update={"stores": stores})
    server.change_spec(suspend=True, store="cold")
    operator.close()
    assert server.snapshots[FIRST]["spec"]["store"] == server.session["store"] == "cold"


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("write", range(1, 5))
@pytest.mark.parametrize("deleted", [True, False])
def test_whichever_write_is_the_last_of_a_process_the_next_one_makes_it_once(
    write: int, before: bool, deleted: bool
) -> None:
    server, operator = trading()
    if deleted:
        server.delete_strategy()
    else:
        server.change_spec(suspend=True)
    operator.step()
    (name,) = server.jobs
    server.end_job(name, FLAT)
    server.crash_at, server.crash_before = server.writes + write, before
    with pytest.raises(Crash):
        operator.step()
    server.crash_at = None
    SimulatedOperator(server).step()
    assert (server.made, server.never, server.gone) == ({FIRST: 1}, [], deleted)
    assert list(server.snapshots) == [FIRST]


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", fullmatch=True)


@given(NAMES, st.uuids(), st.integers(1, 2**31 - 1))
def test_names_are_short_and_say_whose_closing_it_was(strategy: str, uid: Any, number: int) -> None:
    name = session_snapshot_name(strategy, str(uid), number)
    assert len(name) <= 63
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)
    assert name != session_snapshot_name(strategy, str(uid), number + 1)
    assert name != session_snapshot_name(strategy, f"{uid}x", number), "one made anew under the name"


@pytest.mark.parametrize(
    "session",
    [
        None,
        "none",
        {"state": "Trading", "snapshot": SEALED, "closing": {"number": 1}},
        {"state": "Closed", "closing": {"number": 1}},
        {"state": "Closed", "snapshot": SEALED, "closing": {"number": "1"}},
        {"state": "Closed", "snapshot": SEALED, "closing": "first"},
        {"state": "Closed", "snapshot": SEALED, "closing": {"number": 1}, "snapshotName": "there"},
    ],
)
def test_nothing_is_due_where_nothing_is_sealed_or_it_is_there(session: Any) -> None:
    resource = {"metadata": {"name": KEY.name, "uid": UID}, "status": {"session": session}}
    assert due_name(resource) == ""
    closed = {"state": SessionState.CLOSED.value, "snapshot": SEALED, "closing": {"number": 1}}
    assert due_name(resource | {"status": {"session": closed}}) == FIRST


def _snapshot(**spec: str) -> dict[str, Any]:
    metadata = {
        "name": FIRST,
        "namespace": KEY.namespace,
        "uid": "uid-theirs",
        "generation": 1,
        "resourceVersion": "3",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": metadata, "spec": {"store": "default", "digest": SEALED} | spec}
