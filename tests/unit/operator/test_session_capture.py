"""A capture of a Strategy's sessions: what it waits for, what it counts, what it deletes, and when it does nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.snapshot import DeletionPolicy
from tradeplane_api.snapshot_capture import SnapshotCaptureSpec
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.session_capture import sealing_terms
from tradeplane_operator.planning.session_snapshots import session_snapshot_name
from tradeplane_operator.planning.snapshot_capture import _TOLD
from tradeplane_store.canonical import document_digest

from tests.unit.operator.capture_simulation import KEY, SPEC, Server, SimulatedOperator, digest_of

if TYPE_CHECKING:
    from tests.unit.operator.simulation import Json

NAMESPACE = KEY.namespace
STRATEGY, STRATEGY_UID = "maker", "uid-of-maker"
SOURCE = {"source": {"strategyRef": {"name": STRATEGY}}}


class Sessions:
    """A capture of sessions, the Strategy that trades them, and what its closings sealed."""

    def __init__(self, mode: str | None = "Paper", **spec: Any) -> None:
        self.server = Server()
        self.server.create(**SOURCE, **spec)
        self.operator = SimulatedOperator(self.server)
        self.uid = STRATEGY_UID
        if mode is not None:
            self.strategy(mode)

    def strategy(self, mode: str = "Paper", uid: str = STRATEGY_UID) -> None:
        """Have the Strategy there, or another one of its name."""
        self.uid = uid
        metadata = {"name": STRATEGY, "namespace": NAMESPACE, "uid": uid, "generation": 1}
        body = {"metadata": metadata | {"resourceVersion": self.server.bump()}, "spec": {"mode": mode}, "status": {}}
        self.operator.index.strategies.put(body, confirmed=True)

    def close(self, number: int, *, verified: bool = True, records: int = 10) -> str:
        """Have a closing sealed, and its Snapshot made; return its name."""
        name = session_snapshot_name(STRATEGY, self.uid, number)
        labels = {"tradeplane.dev/strategy-uid": self.uid, "tradeplane.dev/closing": str(number)}
        metadata = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{self.uid}-{number}", "generation": 1}
        metadata |= {"labels": labels, "creationTimestamp": "2026-01-05T00:00:00Z"}
        self._put({"metadata": metadata, "spec": {"digest": digest_of(number)}, "status": {}}, name)
        if verified:
            self.verify(name, number, records)
        return name

    def verify(self, name: str, number: int, records: int = 10) -> None:
        """Have the Snapshot of a closing verified."""
        said = [{"type": "Ready", "status": "True", "reason": "Verified", "message": ""}]
        facts = {
            "observedGeneration": 1,
            "records": records,
            "end": f"2026-01-05T00:00:{number:02}Z",
            "conditions": said,
        }
        self._put({**self.server.snapshots[name], "status": facts}, name)

    def _put(self, body: Json, name: str) -> None:
        body = {**body, "metadata": body["metadata"] | {"resourceVersion": self.server.bump()}}
        self.server.snapshots[name] = body
        self.server.tell("snapshot", "MODIFIED", body)

    def settle(self) -> Json:
        """Have everything seen and done, and return what ``Ready`` says."""
        self.operator.settle(4)
        assert self.server.sets == {}, "no agent runs"
        return self.server.ready()

    @property
    def closings(self) -> list[int]:
        """Numbers of the closings whose Snapshots are there, of any Strategy."""
        return sorted(
            int(one["metadata"]["labels"]["tradeplane.dev/closing"]) for one in self.server.snapshots.values()
        )


@pytest.mark.parametrize(
    ("mode", "words"), [(None, "is not in this namespace"), ("Backtest", "is of mode Backtest, which has no sessions")]
)
def test_it_waits_for_its_strategy_and_is_woken_by_it(mode: str | None, words: str) -> None:
    sessions = Sessions(mode)
    said = sessions.settle()
    assert (said["reason"], said["status"]) == ("WaitingForStrategy", "False")
    assert words in said["message"]
    assert KEY in sessions.operator.index.take_readers(Key(Kind.STRATEGY, NAMESPACE, STRATEGY))
    sessions.strategy()
    said = sessions.settle()
    assert (said["reason"], said["status"]) == ("Capturing", "True")
    assert "none so far" in said["message"]


def test_closings_are_counted_once_each_in_their_order_once_they_are_verified() -> None:
    sessions = Sessions()
    sessions.close(1)
    second = sessions.close(2, verified=False)
    sessions.close(3)
    sessions.settle()
    assert (sessions.server.bundles["count"], sessions.server.bundles["lastNumber"]) == (1, 1)
    sessions.verify(second, 2)
    sessions.settle()
    bundles = sessions.server.bundles
    assert bundles == {
        "prefix": second.removesuffix("-2"),
        "count": 3,
        "lastNumber": 3,
        "lastTime": "2026-01-05T00:00:03Z",
        "records": 30,
    }
    assert "3 so far" in sessions.server.ready()["message"]
    sessions.server.delete_snapshot(second)
    sessions.settle()
    assert sessions.server.bundles == bundles, "what somebody deletes was counted"


def test_one_that_is_never_verified_and_deleted_is_not_waited_for() -> None:
    sessions = Sessions()
    first = sessions.close(1, verified=False)
    sessions.close(2)
    sessions.settle()
    assert sessions.server.bundles["count"] == 0
    sessions.server.delete_snapshot(first)
    sessions.settle()
    assert (sessions.server.bundles["count"], sessions.server.bundles["lastNumber"]) == (1, 2)


def test_the_oldest_go_beyond_a_count_and_never_the_newest() -> None:
    sessions = Sessions(retention={"count": 2})
    for number in range(1, 6):
        sessions.close(number)
    sessions.settle()
    assert sessions.closings == [4, 5]
    assert sessions.server.bundles["count"] == 5


def test_those_that_are_too_old_go_but_never_the_newest() -> None:
    sessions = Sessions(retention={"ageSeconds": 600})
    sessions.close(1)
    sessions.close(2)
    sessions.settle()
    assert sessions.closings == [1, 2]
    sessions.server.now += timedelta(hours=1)
    sessions.settle()
    assert sessions.closings == [2]


def test_what_is_not_recorded_yet_is_not_deleted() -> None:
    sessions = Sessions(retention={"count": 1})
    sessions.close(1, verified=False)
    sessions.close(2)
    sessions.close(3)
    sessions.settle()
    assert sessions.closings == [1, 2, 3]


@pytest.mark.parametrize(("outcome", "left"), [("Running", [1, 3]), ("Succeeded", [3])])
def test_what_something_reads_is_kept_until_it_is_over(outcome: str, left: list[int]) -> None:
    sessions = Sessions(retention={"count": 1})
    metadata = {"name": "s", "namespace": NAMESPACE, "uid": "u", "generation": 1, "resourceVersion": "1"}
    status = {"pinned": {"snapshots": [digest_of(1)]}, "latest": {"name": "r", "outcome": outcome}}
    sessions.operator.index.strategies.put({"metadata": metadata, "spec": {}, "status": status}, confirmed=True)
    for number in (1, 2, 3):
        sessions.close(number)
    sessions.settle()
    assert sessions.closings == left


def test_suspended_it_counts_and_deletes_nothing_and_goes_on_with_all_of_it() -> None:
    sessions = Sessions(suspend=True, retention={"count": 1})
    for number in (1, 2):
        sessions.close(number)
    said = sessions.settle()
    assert (said["reason"], said["status"]) == ("Suspended", "False")
    assert (sessions.closings, sessions.operator.again) == ([1, 2], None)
    assert sessions.server.capture is not None
    assert "bundles" not in sessions.server.capture["status"]
    sessions.server.change(suspend=False)
    assert sessions.settle()["reason"] == "Capturing"
    assert (sessions.closings, sessions.server.bundles["count"]) == ([2], 2)


def test_another_strategy_of_the_name_is_followed_and_what_was_before_is_left_alone() -> None:
    sessions = Sessions(retention={"count": 1})
    sessions.close(1)
    sessions.settle()
    sessions.strategy(uid="uid-of-another")
    sessions.close(1)
    sessions.close(2)
    sessions.settle()
    assert (sessions.server.bundles["count"], sessions.server.bundles["lastNumber"]) == (3, 2)
    assert sessions.closings == [1, 2], "the one of the Strategy that is gone, and the newest of this one"


def test_snapshots_of_other_strategies_are_none_of_it() -> None:
    sessions = Sessions(retention={"count": 1})
    sessions.close(1)
    sessions.uid = "uid-of-a-stranger"
    sessions.close(1)
    sessions.settle()
    assert (sessions.server.bundles["count"], len(sessions.server.snapshots)) == (1, 2)


def test_deleted_it_goes_at_once_and_its_snapshots_stay() -> None:
    sessions = Sessions(retention={"count": 1})
    sessions.close(1)
    sessions.settle()
    sessions.server.remove()
    assert sessions.server.gone
    assert sessions.closings == [1]


def test_a_label_that_somebody_changed_stops_nothing() -> None:
    sessions = Sessions()
    name = sessions.close(1)
    sessions.server.snapshots[name]["metadata"]["labels"]["tradeplane.dev/closing"] = "first"
    sessions.verify(name, 1)
    sessions.close(2)
    assert sessions.settle()["reason"] == "Capturing"
    assert sessions.server.bundles["lastNumber"] == 2


def _capture(name: str, policy: str | None, *, deleting: bool = False) -> Json:
    said = {} if policy is None else {"deletionPolicy": policy}
    gone = {"deletionTimestamp": "2026-01-05T00:00:00Z"} if deleting else {}
    return {"metadata": {"name": "c"} | gone, "spec": {"source": {"strategyRef": {"name": name}}, **said}}


@pytest.mark.parametrize(
    ("captures", "policy"),
    [
        ([], None),
        ([_capture(STRATEGY, None)], None),
        ([_capture(STRATEGY, "Delete")], DeletionPolicy.DELETE),
        ([_capture(STRATEGY, "Retain")], DeletionPolicy.RETAIN),
        ([_capture(STRATEGY, "Delete"), _capture(STRATEGY, "Retain")], DeletionPolicy.RETAIN),
        ([_capture(STRATEGY, "Delete"), _capture(STRATEGY, None)], None),
        ([_capture("another", "Delete")], None),
        ([_capture(STRATEGY, "Delete", deleting=True)], None),
        ([{"metadata": {"name": "c"}, "spec": SPEC | {"deletionPolicy": "Delete"}}], None),
    ],
)
def test_what_a_session_is_sealed_with_is_what_its_captures_agree_on(
    captures: list[Json], policy: DeletionPolicy | None
) -> None:
    assert sealing_terms(captures, STRATEGY).policy is policy


def test_what_an_agent_was_told_is_not_another_for_the_field_there_is_now() -> None:
    source = {"connectionRef": {"name": "sim"}, "instruments": ["SYNUSDT"]}
    spec = SnapshotCaptureSpec.model_validate({"source": source})
    # As captures that run have it in their status since before sessions were a source: of this document.
    document = {
        "source": {**source, "channels": ["Depth", "Trade"]},
        "rotation": {"seconds": 3600, "bytes": 268435456},
    }
    assert document_digest(spec.model_dump(mode="json", include=_TOLD)) == document_digest(document)
