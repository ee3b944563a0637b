"""Whatever is seen late, twice or not at all, and wherever the process dies: one trader or one closing, and an end."""

from __future__ import annotations

from datetime import timedelta

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.operator.paper_simulation import (
    BACKTEST,
    CLOSES,
    FLAT,
    LEFT,
    NOT_FLAT,
    POD,
    SPEC,
    Crash,
    Server,
    SimulatedOperator,
    connection,
)

SAID = st.sampled_from(["", "no report at all", FLAT, FLAT, LEFT, NOT_FLAT])


class Convergence(RuleBasedStateMachine):
    """A user, controllers, pods, watches and an operator, in any order."""

    @initialize(trades=st.booleans())
    def begin(self, trades: bool) -> None:
        self.server = Server()
        self.operator = SimulatedOperator(self.server)
        self.standby = SimulatedOperator(self.server)
        self.operator.strategies.seed()
        if trades:
            self.all_goes_its_way(FLAT)

    @rule(capital=st.integers(1, 3), way=st.sampled_from(["Flatten", "Leave"]))
    def ask_for_something_else(self, capital: int, way: str) -> None:
        session = {"symbols": ["BTCUSDT"], "onSuspend": way}
        self.server.set_spec({**SPEC, "capital": str(capital), "session": session})

    @rule(suspend=st.booleans())
    def suspend_or_resume(self, suspend: bool) -> None:
        self.server.change_spec(suspend=suspend)

    @rule()
    def run_a_backtest_instead(self) -> None:
        self.server.set_spec(BACKTEST)

    @rule(sure=st.integers(1, 8))
    def delete_it(self, sure: int) -> None:
        if sure == 1:
            self.server.delete_strategy()

    @rule(ready=st.booleans())
    def the_connection_changes(self, ready: bool) -> None:
        self.server.version += 1
        body = connection(ready=ready, version=self.server.version)
        for one in (self.operator, self.standby):
            one.index.connections.put(body, confirmed=True)

    @rule()
    def controllers_act(self) -> None:
        self.server.controllers_act()

    @rule(ready=st.booleans())
    def the_trader_is_ready_or_not(self, ready: bool) -> None:
        self.server.trader_ready(ready=ready)

    @rule()
    def pods_end_that_are_to_end(self) -> None:
        self.server.ending_pods_end()

    @rule()
    def the_trader_s_pod_is_lost(self) -> None:
        self.server.pods.pop(POD, None)

    @rule(said=SAID, data=st.data())
    def a_closing_ends(self, said: str, data: st.DataObject) -> None:
        closings = sorted(name for name in self.server.jobs if CLOSES in name)
        if closings:
            self.server.end_job(data.draw(st.sampled_from(closings)), said)

    @rule(data=st.data())
    def somebody_removes_a_job(self, data: st.DataObject) -> None:
        if self.server.jobs:
            name = data.draw(st.sampled_from(sorted(self.server.jobs)))
            self.server.removed_by_others[name] += 1
            self.server.remove_job(name)

    @rule(data=st.data())
    def somebody_deletes_a_snapshot(self, data: st.DataObject) -> None:
        """Delete a Snapshot whose name is recorded: it is not made again."""
        recorded = sorted(set(self.server.snapshots) & {self.server.session.get("snapshotName")})
        if recorded:
            del self.server.snapshots[data.draw(st.sampled_from(recorded))]

    @rule()
    def somebody_removes_the_stateful_set(self) -> None:
        """Remove it and its pod; no watch tells before the next list."""
        self.server.sets.clear()
        self.server.pods.pop(POD, None)

    @rule(said=SAID)
    def all_goes_its_way(self, said: str) -> None:
        """Have everything seen and done, and a closing end: from there on something may go wrong."""
        self.operator.step()
        self.server.trader_ready()
        for name in [name for name in self.server.jobs if CLOSES in name]:
            self.server.end_job(name, said)
        self.operator.step()

    @rule(said=SAID, capital=st.integers(1, 2), way=st.sampled_from(["Flatten", "Leave"]), suspend=st.booleans())
    def something_is_asked_and_done(self, said: str, capital: int, way: str, suspend: bool) -> None:
        """Have a user ask for something and all of it be done."""
        session = {"symbols": ["BTCUSDT"], "onSuspend": way}
        self.server.set_spec({**SPEC, "capital": str(capital), "session": session, "suspend": suspend})
        self.all_goes_its_way(said)

    @rule()
    def the_operator_catches_up(self) -> None:
        """Have the operator see and do everything, and the controllers nothing."""
        self.operator.settle()

    @rule(twice=st.booleans(), by_standby=st.booleans())
    def the_strategy_is_seen(self, twice: bool, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).see_strategy(twice=twice)

    @rule(twice=st.booleans(), by_standby=st.booleans())
    def a_job_is_seen(self, twice: bool, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).see_job(twice=twice)

    @rule(twice=st.booleans(), by_standby=st.booleans())
    def a_set_is_seen(self, twice: bool, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).see_set(twice=twice)

    @rule(by_standby=st.booleans(), which=st.sampled_from(["strategies", "jobs", "sets", "snapshots"]))
    def a_kind_is_listed(self, by_standby: bool, which: str) -> None:
        one = self.standby if by_standby else self.operator
        listed = {"strategies": one.relist_strategies, "jobs": one.relist_jobs, "sets": one.relist_sets}
        (listed | {"snapshots": one.relist_snapshots})[which]()

    @rule()
    def the_standby_takes_over(self) -> None:
        self.operator, self.standby = self.standby, SimulatedOperator(self.server)
        self.operator.strategies.seed()

    @rule()
    def a_pass(self) -> None:
        """Make a pass, and the one that follows a conflict."""
        if not self.operator.reconcile():
            self.operator.reconcile(fresh=True)

    @rule(writes=st.integers(1, 4), before=st.booleans())
    def a_pass_that_dies(self, writes: int, before: bool) -> None:
        self.server.crash_at, self.server.crash_before = self.server.writes + writes, before
        try:
            self.operator.reconcile()
        except Crash:
            self.server.crash_at = None
            self.the_standby_takes_over()
        self.server.crash_at = None

    @rule(seconds=st.sampled_from([1, 7, 31, 200]))
    def time_passes(self, seconds: int) -> None:
        self.server.now += timedelta(seconds=seconds)

    @invariant()
    def nothing_is_that_must_never_be(self) -> None:
        assert self.server.never == []

    @invariant()
    def no_closing_is_made_twice(self) -> None:
        for name, times in self.server.created.items():
            assert times <= 1 + self.server.removed_by_others[name], f"{name} was made {times} times"

    @invariant()
    def no_snapshot_is_made_twice(self) -> None:
        assert set(self.server.made.values()) <= {1}, self.server.made

    def _until_it_rests(self) -> None:
        """Have everything done, closings ending flat, and time pass until nothing goes on."""
        for _ in range(6):
            self.server.now += timedelta(seconds=60)
            self.operator.relist()
            self.operator.step()
            self.server.trader_ready()
            for name in [name for name in self.server.jobs if CLOSES in name]:
                self.server.end_job(name, FLAT)
            self.operator.step()

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        server = self.server
        for one in (self.operator, self.standby):
            one.index.connections.put(connection(version=server.version + 1), confirmed=True)
        server.set_spec({**SPEC, "suspend": True, "historyLimit": 7})
        self._until_it_rests()
        if not server.gone:
            assert server.condition()["reason"] == "Suspended", server.strategy["status"]
            assert server.session.get("outcome", "Flat") == "Flat", server.session
            assert server.open_as is None, "a closing was forgotten"
            assert ("snapshot" in server.session) == ("snapshotName" in server.session), server.session
            server.change_spec(suspend=False)
            self._until_it_rests()
            assert (server.condition()["status"], server.condition()["reason"]) == ("True", "Trading"), (
                server.condition()
            )
            assert list(server.pods) == [POD]
            assert server.strategy["status"]["observedGeneration"] == server.metadata["generation"]
            server.delete_strategy()
            self._until_it_rests()
            assert server.claims == set()
        assert server.gone
        self.nothing_is_that_must_never_be()
        self.no_closing_is_made_twice()


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
