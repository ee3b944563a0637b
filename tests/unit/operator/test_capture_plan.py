"""A capture from its beginning to its end, each way it can go wrong, and what is said then."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.broker_connection import RateLimits
from tradeplane_api.capture import CaptureSpecification
from tradeplane_operator.planning.bundles import BundleFacts
from tradeplane_operator.planning.capture_names import SEALING_FINALIZER, agent_name, claim_of, snapshot_prefix
from tradeplane_operator.planning.observed import PodFacts, ResultState
from tradeplane_operator.planning.wanted import EventType

from tests.unit.operator.capture_simulation import (
    AGENT,
    KEY,
    UID,
    Server,
    SimulatedOperator,
    capturing,
    connection,
    digest_of,
)

if TYPE_CHECKING:
    from tests.unit.operator.simulation import Json


def _container(server: Server) -> Json:
    (container,) = server.sets[AGENT]["spec"]["template"]["spec"]["containers"]
    return dict(container)


def _told(server: Server) -> CaptureSpecification:
    environment = {each["name"]: each["value"] for each in _container(server)["env"]}
    return CaptureSpecification.model_validate_json(environment["TRADEPLANE_CAPTURE"])


def _standing(server: Server) -> Json:
    assert server.capture is not None
    return {each["type"]: each["status"] for each in server.capture["status"]["conditions"]}


@pytest.mark.parametrize(
    ("view", "words"),
    [(None, "is not in this namespace"), (connection(ready=False), "is not ready: Refused: as it is")],
)
def test_it_waits_for_its_connection_and_is_woken_by_it(view: Json | None, words: str) -> None:
    server = Server()
    server.create()
    operator = SimulatedOperator(server, view)
    operator.settle(2)
    assert (server.ready()["reason"], server.sets) == ("WaitingForConnection", {})
    assert words in server.ready()["message"]
    operator.index.connections.put(connection(), confirmed=True)
    assert KEY in operator.index.take_readers(operator.index.connections.key_of(connection()))
    operator.settle(2)
    assert server.ready()["reason"] == "Capturing"


def test_its_agent_is_told_what_to_capture_and_may_nothing_else() -> None:
    server, _ = capturing(rotation={"seconds": 60})
    told = _told(server)
    assert (told.capture, told.pointers, told.rotation.seconds) == (KEY.name, UID, 60)
    assert (told.feed.stream, told.feed.symbols) == ("ws://exchange:9090", ("SYNUSDT",))
    assert told.feed.weight_per_minute == RateLimits().weight_per_minute
    pod = server.sets[AGENT]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert (pod["terminationGracePeriodSeconds"], pod["securityContext"]["runAsNonRoot"]) == (60, True)
    assert _container(server)["securityContext"]["readOnlyRootFilesystem"] is True
    assert len(_container(server)["volumeMounts"]) == 3, "its own, its spool and its namespace's folder of the store"
    assert server.sets[AGENT]["spec"]["template"]["metadata"]["labels"]["tradeplane.dev/role"] == "capture"
    assert _standing(server) == {"Ready": "True", "Reconciling": "False", "Stalled": "False"}


def test_bundles_become_snapshots_and_are_counted() -> None:
    server, operator = capturing()
    for empty in (False, True, False, False, False):
        server.seal(empty=empty)
    operator.settle(4)
    assert sorted(server.snapshots) == [f"tape-{number:06}" for number in (1, 3, 4, 5)]
    made = server.snapshots["tape-000003"]
    assert made["spec"] == {"store": "default", "digest": digest_of(3)}
    assert "finalizers" not in made["metadata"]
    assert made["metadata"]["labels"]["tradeplane.dev/capture"] == "tape"
    assert "ownerReferences" not in made["metadata"], "it outlives its capture"
    facts = {"prefix": "tape", "count": 4, "lastNumber": 5, "records": 40, "gaps": 4}
    assert server.bundles == facts | {"lastTime": "2026-01-05T00:00:05Z"}
    assert server.notices == []


def test_a_policy_is_that_of_the_snapshots_made_from_then_on_and_guards_them_from_the_first() -> None:
    server, operator = capturing()
    server.seal()
    operator.settle(2)
    server.change(deletionPolicy="Delete")
    server.seal()
    operator.settle(2)
    policies = {name: made["spec"].get("deletionPolicy") for name, made in server.snapshots.items()}
    assert policies == {"tape-000001": None, "tape-000002": "Delete"}
    assert server.snapshots["tape-000002"]["metadata"]["finalizers"] == ["tradeplane.dev/payload"]
    assert len(server.sets) == 1
    assert server.ready()["reason"] == "Capturing", "the agent is left alone"


def test_the_oldest_snapshots_beyond_a_count_go() -> None:
    server, operator = capturing(retention={"count": 2})
    for _ in range(7):
        server.seal()
    operator.settle()
    assert server.numbers() == [6, 7]
    assert set(server.made.values()) == {1}
    assert server.bundles["count"] == 7


@pytest.mark.parametrize(("bytes_kept", "left"), [(65_536, [3, 4]), (90_000, [2, 3, 4])])
def test_the_oldest_beyond_so_many_bytes_go(bytes_kept: int, left: list[int]) -> None:
    server, operator = capturing(retention={"bytes": bytes_kept})
    for _ in range(4):
        server.seal(size=30_000)
    operator.settle()
    assert server.numbers() == left


def test_those_that_are_too_old_go_but_never_the_newest() -> None:
    server, operator = capturing(retention={"ageSeconds": 600})
    server.seal()
    server.seal()
    operator.settle(3)
    assert server.numbers() == [1, 2]
    server.now += timedelta(hours=1)
    operator.settle(3)
    assert server.numbers() == [2]


@pytest.mark.parametrize(("outcome", "left"), [("Running", [1, 4]), ("Succeeded", [4])])
def test_what_a_run_reads_is_kept_until_it_is_over(outcome: str, left: list[int]) -> None:
    server, operator = capturing(retention={"count": 1})
    metadata = {"name": "s", "namespace": KEY.namespace, "uid": "u", "generation": 1, "resourceVersion": "1"}
    status = {"pinned": {"snapshots": [digest_of(1)]}, "latest": {"name": "r", "outcome": outcome}}
    operator.index.strategies.put({"metadata": metadata, "spec": {}, "status": status}, confirmed=True)
    for _ in range(4):
        server.seal()
    operator.settle()
    assert server.numbers() == left


def test_a_snapshot_that_somebody_deleted_is_not_made_again() -> None:
    server, operator = capturing()
    server.seal()
    operator.settle(3)
    server.delete_snapshot("tape-000001")
    server.seal()
    operator.settle(3)
    assert (server.numbers(), server.made["tape-000001"]) == ([2], 1)


def test_names_that_older_snapshots_have_are_not_used() -> None:
    server, operator = capturing()
    server.seal()
    operator.settle(3)
    server.capture, server.sets, server.pointers = None, {}, {}
    server.create()
    again = SimulatedOperator(server, connection())
    server.seal()
    again.settle(4)
    prefix = snapshot_prefix("tape", UID, taken=True)
    assert sorted(server.snapshots) == sorted(["tape-000001", f"{prefix}-000001"])


def test_a_snapshot_in_the_way_is_said_and_no_bundle_left_out() -> None:
    server, operator = capturing()
    metadata = {"name": "tape-000002", "namespace": KEY.namespace, "uid": "u", "resourceVersion": "5", "generation": 1}
    labels = {"labels": {"tradeplane.dev/bundle": "000002"}, "creationTimestamp": "2026-01-01T00:00:00Z"}
    server.snapshots["tape-000002"] = {"metadata": metadata | labels, "spec": {"digest": digest_of(9)}}
    for _ in range(3):
        server.seal()
    operator.settle(4)
    assert (server.ready()["reason"], server.bundles["lastNumber"]) == ("SnapshotNameTaken", 1)
    assert "delete it, and that bundle and those after it become Snapshots" in server.ready()["message"]
    server.delete_snapshot("tape-000002")
    operator.settle(4)
    assert (server.ready()["reason"], server.numbers()) == ("Capturing", [1, 2, 3])


@pytest.mark.parametrize(
    ("state", "reason", "standing"),
    [(ResultState.UNAVAILABLE, "StoreUnavailable", "False"), (ResultState.REFUSED, "BundleRefused", "True")],
)
def test_a_store_that_cannot_be_read_is_said(state: ResultState, reason: str, standing: str) -> None:
    server, operator = capturing()
    server.seal()
    server.store = BundleFacts(state=state, message="as it is")
    operator.settle(2)
    assert (server.ready()["reason"], _standing(server)["Stalled"]) == (reason, standing)
    assert operator.again is not None
    server.store = BundleFacts()
    operator.settle(3)
    assert (server.ready()["reason"], server.numbers()) == ("Capturing", [1])


def test_a_snapshot_that_the_api_server_refuses_is_said_and_asked_for_again() -> None:
    server, operator = capturing()
    server.refuse["tape-000001"] = "exceeded quota"
    server.seal()
    operator.step()
    operator.step()
    assert server.ready()["reason"] == "SnapshotRefused"
    assert "exceeded quota" in server.ready()["message"]
    server.refuse.clear()
    operator.settle(4)
    assert (server.ready()["reason"], server.numbers()) == ("Capturing", [1])


def test_suspended_it_seals_what_is_there_and_says_so_until_that_is_a_snapshot() -> None:
    server, operator = capturing()
    said = []
    server.change(suspend=True)
    operator.deliver()
    operator.step()
    operator.step()
    assert server.ready()["reason"] == "Sealing"
    assert server.sets[AGENT]["spec"]["replicas"] == 0
    server.seal()
    server.control()
    for _ in range(5):
        operator.settle(1)
        said.append((server.ready()["reason"], server.bundles["count"]))
    assert set(said) == {("Sealing", 0), ("Suspended", 1)}, "what is suspended is all Snapshots"
    assert server.numbers() == [1]
    assert _standing(server) == {"Ready": "False", "Reconciling": "False", "Stalled": "False"}
    assert operator.again is None, "nothing will come"
    server.change(suspend=False)
    operator.settle(3)
    assert server.ready()["reason"] == "Capturing"


def test_a_deleted_capture_goes_once_its_last_bundle_is_a_snapshot() -> None:
    server, operator = capturing()
    assert server.capture is not None
    assert server.capture["metadata"]["finalizers"] == [SEALING_FINALIZER]
    server.remove()
    operator.deliver()
    operator.step()
    assert server.capture["metadata"]["finalizers"], "its agent seals"
    server.seal()
    operator.settle(5)
    assert server.gone
    assert server.numbers() == [1]
    assert server.claims_removed == [claim_of(KEY.name, UID)]
    assert server.notices == []


def test_a_deleted_capture_waits_for_a_store_so_long_and_keeps_its_volume() -> None:
    server, operator = capturing()
    server.store = BundleFacts(state=ResultState.UNAVAILABLE, message="away")
    server.remove()
    operator.settle(3)
    assert server.capture is not None
    server.now += timedelta(minutes=3)
    operator.settle(2)
    assert server.gone
    assert server.claims_removed == []
    (told,) = [notice for notice in server.notices if notice.type is EventType.WARNING]
    assert (told.reason, claim_of(KEY.name, UID) in told.message) == ("VolumeKept", True)


def test_one_that_never_captured_goes_at_once() -> None:
    server = Server()
    server.create()
    operator = SimulatedOperator(server)
    operator.settle(2)
    server.remove()
    assert server.capture is None


_NO_SYMBOL = json.dumps({"exitCode": 2, "message": "no symbol"})
_OF_A_NEWER = json.dumps({"exitCode": 2, "message": "no symbol", "field": "of a newer agent"})


def _pod(**facts: Any) -> PodFacts:
    return PodFacts(name=f"{AGENT}-0", created="2026-01-05T00:00:00Z", phase="Running", **facts)


@pytest.mark.parametrize(
    ("pod", "reason", "words"),
    [
        (_pod(last_exit_code=2, last_message=_NO_SYMBOL), "AgentFailed", "no symbol"),
        (_pod(last_exit_code=2, last_message=_OF_A_NEWER), "AgentFailed", "cannot capture: no symbol (exit code 2)"),
        (_pod(last_exit_code=4, last_message="the disk is full"), "AgentCrashed", "the disk is full"),
        (_pod(exit_code=137, terminated_reason="OOMKilled"), "AgentCrashed", "raise it, or lower spec.rotation.bytes"),
        (_pod(unschedulable="no node has room"), "Unschedulable", "no node has room"),
        (_pod(unreported=True, last_exit_code=2), "NodeAway", "bring the node back"),
        (_pod(removing="evicted", last_exit_code=2), "PodTerminating", "is being removed (evicted)"),
        (_pod(waiting_reason="ErrImagePull"), "ImagePullFailed", "cannot be pulled"),
        (_pod(last_exit_code=0), "Starting", "goes on from what is in its volume"),
    ],
)  # fmt: skip
def test_an_agent_that_does_not_run_says_why(pod: PodFacts, reason: str, words: str) -> None:
    server, operator = capturing()
    server.sets[AGENT]["status"]["readyReplicas"] = 0
    server.sets[AGENT]["metadata"]["resourceVersion"] = server.bump()
    server.pods = (pod,)
    again = SimulatedOperator(server, connection())
    again.step()
    assert server.ready()["reason"] == reason
    assert words in server.ready()["message"]
    assert _standing(server)["Stalled"] == ("True" if reason == "AgentFailed" else "False")
    assert operator is not again


def test_a_connection_that_moved_is_said_and_captured_where_it_was() -> None:
    server, _ = capturing()
    again = SimulatedOperator(server, connection(host="elsewhere"))
    again.settle(2)
    assert server.ready()["reason"] == "ConnectionChanged"
    assert _told(server).feed.stream == "ws://exchange:9090"


def test_another_rotation_is_told_to_the_agent_of_the_same_feed() -> None:
    server, operator = capturing()
    feed = _told(server).feed
    server.change(rotation={"seconds": 30})
    operator.settle(2)
    assert (_told(server).rotation.seconds, _told(server).feed) == (30, feed)


def test_a_refused_agent_is_said() -> None:
    server = Server()
    server.create()
    server.refuse[AGENT] = "exceeded quota"
    operator = SimulatedOperator(server, connection())
    operator.step()
    operator.step()
    assert server.ready()["reason"] == "AgentRefused"
    server.refuse.clear()
    server.now += timedelta(minutes=1)
    operator.settle(3)
    assert server.ready()["reason"] == "Capturing"


@pytest.mark.parametrize(
    ("spec", "reason"), [({"store": "other"}, "StoreUnknown"), ({"rotation": {"seconds": 0}}, "InvalidSpec")]
)
def test_what_cannot_be_done_is_said_and_nothing_made(spec: Json, reason: str) -> None:
    server = Server()
    server.create()
    server.change(**spec)
    operator = SimulatedOperator(server, connection())
    operator.settle(2)
    assert (server.ready()["reason"], server.sets) == (reason, {})


def test_a_record_that_cannot_be_read_is_kept() -> None:
    server, _ = capturing()
    server.seal()
    assert server.capture is not None
    server.capture["status"]["bundles"]["lastNumber"] = "many"
    SimulatedOperator(server, connection()).settle(2)
    assert (server.ready()["reason"], server.snapshots) == ("StatusUnreadable", {})
    assert server.bundles["lastNumber"] == "many"


@pytest.mark.parametrize("name", ["a" * 63, "a.b", "a" * 250])
def test_names_fit_whatever_a_capture_is_called(name: str) -> None:
    assert len(agent_name(name, UID)) <= 52
    assert "." not in agent_name(name, UID)
    assert agent_name(name, UID) != agent_name(name, "another")
    assert len(snapshot_prefix(name, UID, taken=False)) + 7 < 253


@pytest.mark.parametrize("behind", range(1, 8))
def test_one_that_takes_over_and_is_behind_makes_nothing_again(behind: int) -> None:
    server, operator = capturing(retention={"count": 1})
    for _ in range(3):
        server.seal()
        operator.settle(3)
    assert server.numbers() == [3]
    SimulatedOperator(server, connection(), behind=behind).settle(2)
    assert (set(server.made.values()), server.numbers()) == ({1}, [3])
