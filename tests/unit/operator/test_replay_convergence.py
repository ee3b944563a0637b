"""Whatever is seen late or twice, and wherever the process dies: it converges, and replays nothing twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tradeplane_operator.observing.keys import Key, Kind

from tests.unit.operator.replay_planning import SESSION
from tests.unit.operator.replay_simulation import (
    KEY,
    ReplayServer,
    SessionServer,
    SimulatedReplays,
    finished_strategy,
)
from tests.unit.operator.simulation import NAMESPACE, Crash

if TYPE_CHECKING:
    from collections.abc import Mapping


class Convergence(RuleBasedStateMachine):
    """A user, a Job controller, a watch and an operator, in any order."""

    server_type: ClassVar[type[ReplayServer]] = ReplayServer

    def let_it_begin(self) -> None:
        """Have everything be there that a replay waits for."""

    @initialize()
    def begin(self) -> None:
        self.server = self.server_type()
        self.operator = SimulatedReplays(self.server)
        self.standby = SimulatedReplays(self.server)
        self.operator.lead()
        self.asked = 1

    @rule(repeats=st.integers(1, 2))
    def ask_for_something_else(self, repeats: int) -> None:
        before = self.server.strategy["metadata"]["generation"]
        self.server.change_spec(repeats=repeats)
        self.asked += self.server.strategy["metadata"]["generation"] - before

    @rule()
    def ask_again(self) -> None:
        self.server.change_spec(rerun=self.server.strategy["spec"]["rerun"] + 1)
        self.asked += 1

    @rule(suspend=st.booleans())
    def suspend_or_resume(self, suspend: bool) -> None:
        if self.server.strategy["spec"]["suspend"] and not suspend:
            self.asked += 1
        self.server.change_spec(suspend=suspend)

    @rule(well=st.booleans(), data=st.data())
    def a_job_ends(self, well: bool, data: st.DataObject) -> None:
        if self.server.jobs:
            self.server.end_job(data.draw(st.sampled_from(sorted(self.server.jobs))), well=well)

    @rule(data=st.data())
    def somebody_removes_a_job(self, data: st.DataObject) -> None:
        if self.server.jobs:
            name = data.draw(st.sampled_from(sorted(self.server.jobs)))
            self.server.removed_by_others[name] += 1
            self.server.remove_job(name)

    @rule(twice=st.booleans(), by_standby=st.booleans(), job=st.booleans())
    def something_is_seen(self, twice: bool, by_standby: bool, job: bool) -> None:
        operator = self.standby if by_standby else self.operator
        (operator.see_job if job else operator.see_strategy)(twice=twice)

    @rule(by_standby=st.booleans(), jobs=st.booleans())
    def something_is_listed(self, by_standby: bool, jobs: bool) -> None:
        operator = self.standby if by_standby else self.operator
        (operator.relist_jobs if jobs else operator.relist_strategies)()

    @rule()
    def the_standby_takes_over(self) -> None:
        self.operator, self.standby = self.standby, SimulatedReplays(self.server)
        self.operator.lead()

    @rule()
    def a_pass(self) -> None:
        """Make a pass, and the one that follows a conflict."""
        if not self.operator.reconcile():
            self.operator.reconcile(fresh=True)

    @rule(writes=st.integers(1, 6), before=st.booleans())
    def a_pass_that_dies(self, writes: int, before: bool) -> None:
        self.server.crash_at, self.server.crash_before = self.server.writes + writes, before
        try:
            self.operator.reconcile()
        except Crash:
            self.server.crash_at = None
            self.the_standby_takes_over()
        self.server.crash_at = None

    @rule(seconds=st.integers(1, 120))
    def time_passes(self, seconds: int) -> None:
        self.server.now += timedelta(seconds=seconds)

    @invariant()
    def no_replay_is_made_twice(self) -> None:
        for name, times in self.server.created.items():
            assert times <= 1 + self.server.removed_by_others[name], f"{name} was made {times} times"

    @invariant()
    def no_more_replays_than_were_asked_for(self) -> None:
        most = 2 * 2  # architectures and repeats
        assert len(self.server.created) <= most * self.asked

    @invariant()
    def no_job_goes_that_the_record_says_goes_on(self) -> None:
        assert self.server.removed_unrecorded == []

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        self.server.change_spec(suspend=False)
        self.asked += 1
        self.let_it_begin()
        self.operator.settle()
        while any(not job["status"].get("conditions") for job in self.server.jobs.values()):
            for name in sorted(self.server.jobs):
                self.server.end_job(name, well=True)
            self.operator.settle()
        status = self.server.strategy["status"]
        ready = next(item for item in status["conditions"] if item["type"] == "Ready")
        outcomes = {each["outcome"] for each in status["replays"]}
        assert outcomes <= {"Succeeded", "Failed"}
        assert (ready["status"] == "True") == (outcomes == {"Succeeded"})
        assert status["observedGeneration"] == self.server.strategy["metadata"]["generation"]
        assert self.server.jobs == {}
        self.no_replay_is_made_twice()
        self.no_more_replays_than_were_asked_for()
        self.no_job_goes_that_the_record_says_goes_on()


class SessionConvergence(Convergence):
    """The same of a session, whose Snapshot comes late, is not ready, goes away, or is in a store that is not there."""

    server_type = SessionServer
    server: SessionServer

    def let_it_begin(self) -> None:
        self.server.store_reads = True
        self.server.put_snapshot(ready=True)
        self.operator.relist_snapshots()

    @rule(ready=st.booleans())
    def the_snapshot_is_said_to_be_ready_or_not(self, ready: bool) -> None:
        self.server.put_snapshot(ready=ready)

    @rule()
    def the_snapshot_is_deleted(self) -> None:
        self.server.delete_snapshot()

    @rule(reads=st.booleans())
    def the_store_is_there_or_not(self, reads: bool) -> None:
        self.server.store_reads = reads

    @rule(twice=st.booleans(), by_standby=st.booleans(), listed=st.booleans())
    def the_snapshot_is_seen(self, twice: bool, by_standby: bool, listed: bool) -> None:
        operator = self.standby if by_standby else self.operator
        if listed:
            operator.relist_snapshots()
        else:
            operator.see_snapshot(twice=twice)

    @invariant()
    def every_job_is_told_the_session_that_is_pinned(self) -> None:
        assert {one.session for one in self.server.told.values()} <= {SESSION.digest}
        assert all(one.baseline is None for one in self.server.told.values())

    @invariant()
    def what_is_pinned_stays_pinned(self) -> None:
        status = self.server.strategy["status"]
        if status.get("replays"):
            assert status["pinned"]["session"] == SESSION.digest


_SETTINGS = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestConvergence = Convergence.TestCase
TestConvergence.settings = _SETTINGS
TestSessionConvergence = SessionConvergence.TestCase
TestSessionConvergence.settings = _SETTINGS


def _waiting() -> tuple[SessionServer, SimulatedReplays]:
    """Return a Replay that waits for its Snapshot, with nothing of it asked for yet."""
    server = SessionServer()
    operator = SimulatedReplays(server)
    operator.lead()
    operator.settle()
    assert server.jobs == {}
    operator.woken.clear()
    return server, operator


def test_a_snapshot_that_comes_late_wakes_who_waits_for_it() -> None:
    server, operator = _waiting()
    server.put_snapshot(ready=False)
    operator.see_snapshot()
    assert KEY in operator.woken
    operator.settle()
    assert server.jobs == {}
    operator.woken.clear()
    server.put_snapshot(ready=True)
    operator.see_snapshot(twice=True)
    assert KEY in operator.woken
    operator.settle()
    assert len(server.jobs) == 2


def test_a_store_that_cannot_be_read_is_tried_again_though_nothing_is_seen() -> None:
    server, operator = _waiting()
    server.store_reads = False
    server.put_snapshot(ready=True)
    operator.relist_snapshots()
    operator.settle()
    assert server.jobs == {}
    server.store_reads = True
    assert operator.look_again_at is not None
    server.now = max(server.now, operator.look_again_at)
    operator.settle()
    assert len(server.jobs) == 2


def test_who_has_it_pinned_is_not_woken_by_what_becomes_of_the_snapshot() -> None:
    server, operator = _waiting()
    server.put_snapshot(ready=True)
    operator.relist_snapshots()
    operator.settle()
    made = dict(server.created)
    operator.reconcile()
    operator.feed.index.take_readers(next(iter(operator.index.snapshots)))
    operator.woken.clear()
    server.delete_snapshot()
    operator.reconcile()
    operator.see_snapshot()
    assert KEY not in operator.woken
    operator.settle()
    assert dict(server.created) == made


def _is_ready(server: SessionServer, operator: SimulatedReplays) -> None:
    """Have the session's Snapshot seen as verified, which wakes the Replay, and let it settle."""
    operator.woken.clear()
    server.put_snapshot(ready=True)
    operator.see_snapshot()
    assert KEY in operator.woken
    operator.settle()


def test_an_edited_replay_is_woken_by_the_other_snapshot_it_waits_for() -> None:
    server, operator = _waiting()
    server.put_snapshot(ready=True)
    operator.relist_snapshots()
    operator.settle()
    for name in sorted(server.jobs):
        server.end_job(name, well=True)
    operator.settle()
    server.delete_snapshot()
    while operator.see_snapshot():
        pass
    server.change_spec(repeats=2)
    operator.settle()
    assert server.jobs == {}
    _is_ready(server, operator)
    assert len(server.jobs) == 4


class NewestServer(SessionServer):
    """The same with a Replay that names the Strategy which trades, and no Snapshot."""

    asked: ClassVar[Mapping[str, Any]] = {"strategyRef": {"name": "macd"}}


def _trades(operator: SimulatedReplays, version: int, **session: str) -> None:
    """Have the Strategy seen as one that trades, and had a run before."""
    strategy = finished_strategy()
    strategy["metadata"]["resourceVersion"] = str(version)
    strategy |= {"spec": {"mode": "Paper"}, "status": {**strategy["status"], "session": session}}
    operator.index.strategies.put(strategy, confirmed=True)


def test_the_newest_session_is_waited_for_until_it_is_sealed_and_verified_and_pinned_then() -> None:
    server = NewestServer()
    operator = SimulatedReplays(server)
    operator.lead()
    _trades(operator, 2)
    operator.settle()
    assert server.jobs == {}, "its run of before it traded is not replayed"
    assert KEY in operator.index.take_readers(Key(Kind.STRATEGY, NAMESPACE, "macd"))

    _trades(operator, 3, snapshotName="quoting-1")
    operator.settle()
    assert server.jobs == {}
    _is_ready(server, operator)
    assert {one.session for one in server.told.values()} == {SESSION.digest}
    assert len(server.jobs) == 2

    _trades(operator, 4, snapshotName="quoting-2")
    operator.settle()
    assert len(server.told) == 2, "another session changes nothing of what is pinned"
