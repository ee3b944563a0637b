"""Whatever is seen late, twice or not at all, and wherever the process dies: it converges, and runs nothing twice."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tradeplane_api.strategy import ConcurrencyPolicy
from tradeplane_operator.planning.times import parse_rfc3339

from tests.unit.operator.simulation import Crash, Server, SimulatedOperator


class Convergence(RuleBasedStateMachine):
    """A user, a Job controller, a watch and an operator, in any order."""

    @initialize(at_times=st.booleans())
    def begin(self, at_times: bool) -> None:
        self.server = Server()
        if at_times:
            self.server.change_spec(schedule={"cron": "* * * * *", "concurrencyPolicy": "Allow"})
        self.operator = SimulatedOperator(self.server)
        self.standby = SimulatedOperator(self.server)
        self.operator.lead()
        self.asked = 1
        self.crashes = 0

    @rule(capital=st.integers(1, 3))
    def ask_for_something_else(self, capital: int) -> None:
        before = self.server.strategy["metadata"]["generation"]
        self.server.change_spec(capital=str(capital))
        self.asked += self.server.strategy["metadata"]["generation"] - before

    @rule(queue=st.sampled_from(["runs", "overflow"]))
    def ask_in_a_queue(self, queue: str) -> None:
        before = self.server.strategy["metadata"]["generation"]
        self.server.change_spec(queueName=queue)
        self.asked += self.server.strategy["metadata"]["generation"] - before

    @rule(suspended=st.booleans(), data=st.data())
    def a_queue_holds_a_job_back_or_admits_it(self, suspended: bool, data: st.DataObject) -> None:
        if self.server.jobs:
            self.server.hold_job(data.draw(st.sampled_from(sorted(self.server.jobs))), suspended=suspended)

    @rule(cron=st.sampled_from(["* * * * *", "*/2 * * * *"]), policy=st.sampled_from(list(ConcurrencyPolicy)))
    def ask_at_times(self, cron: str, policy: ConcurrencyPolicy) -> None:
        self.server.change_spec(schedule={"cron": cron, "concurrencyPolicy": policy.value})

    @rule()
    def ask_at_no_time(self) -> None:
        self.server.change_spec(schedule=None)

    @rule()
    def ask_again(self) -> None:
        self.server.change_spec(rerun=self.server.strategy["spec"]["rerun"] + 1)
        self.asked += 1

    @rule(suspend=st.booleans())
    def suspend_or_resume(self, suspend: bool) -> None:
        if self.server.strategy["spec"]["suspend"] and not suspend:
            self.asked += 1
        self.server.change_spec(suspend=suspend)

    @rule(limit=st.integers(1, 5))
    def change_what_asks_for_nothing(self, limit: int) -> None:
        self.server.change_spec(historyLimit=limit)

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

    @rule(twice=st.booleans(), by_standby=st.booleans())
    def the_strategy_is_seen(self, twice: bool, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).see_strategy(twice=twice)

    @rule(twice=st.booleans(), by_standby=st.booleans())
    def a_job_is_seen(self, twice: bool, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).see_job(twice=twice)

    @rule(by_standby=st.booleans())
    def the_strategy_is_listed(self, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).relist_strategies()

    @rule(by_standby=st.booleans())
    def jobs_are_listed(self, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).relist_jobs()

    @rule()
    def the_standby_takes_over(self) -> None:
        """End the leader between two passes; the one that follows may be far behind in what it has seen."""
        self.operator, self.standby = self.standby, SimulatedOperator(self.server)
        self.operator.lead()

    @rule()
    def a_pass(self) -> None:
        """Make a pass, and the one that follows a conflict."""
        if not self.operator.reconcile():
            self.operator.reconcile(fresh=True)

    @rule(minutes=st.integers(1, 3))
    def a_pass_and_one_when_a_time_has_come(self, minutes: int) -> None:
        """Chance alone would seldom come to this order."""
        self.a_pass()
        self.server.now += timedelta(minutes=minutes)
        self.a_pass()

    @rule(writes=st.integers(1, 4), before=st.booleans())
    def a_pass_that_dies(self, writes: int, before: bool) -> None:
        self.server.crash_at, self.server.crash_before = self.server.writes + writes, before
        try:
            self.operator.reconcile()
        except Crash:
            self.crashes += 1
            self.server.crash_at = None
            self.the_standby_takes_over()
        self.server.crash_at = None

    @rule(seconds=st.integers(1, 120))
    def time_passes(self, seconds: int) -> None:
        self.server.now += timedelta(seconds=seconds)

    @invariant()
    def no_run_is_made_twice(self) -> None:
        for name, times in self.server.created.items():
            assert times <= 1 + self.server.removed_by_others[name], f"{name} was made {times} times"

    @invariant()
    def no_more_runs_than_were_asked_for(self) -> None:
        assert len(self.server.created.keys() - self.server.scheduled.keys()) <= self.asked

    @invariant()
    def no_time_asks_twice_and_none_before_it_has_come(self) -> None:
        times = list(self.server.scheduled.values())
        assert len(set(times)) == len(times), "a time asked for two runs"
        assert all(time.endswith(":00Z") and parse_rfc3339(time) <= self.server.now for time in times)

    @invariant()
    def no_job_goes_before_its_end_is_recorded(self) -> None:
        assert self.server.removed_unrecorded == []

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        self.server.change_spec(suspend=False, schedule=None)
        self.asked += 1
        self.operator.settle()
        while any(not job["status"].get("conditions") for job in self.server.jobs.values()):
            for name in sorted(self.server.jobs):
                self.server.end_job(name, well=True)
            self.operator.settle()
        status = self.server.strategy["status"]
        ready = next(item for item in status["conditions"] if item["type"] == "Ready")
        latest = status["latest"]
        assert latest["outcome"] in ("Succeeded", "Failed")
        assert (ready["status"] == "True") == (latest["outcome"] == "Succeeded")
        assert status["observedGeneration"] == self.server.strategy["metadata"]["generation"]
        assert self.server.jobs == {}
        self.no_run_is_made_twice()
        self.no_more_runs_than_were_asked_for()
        self.no_time_asks_twice_and_none_before_it_has_come()
        self.no_job_goes_before_its_end_is_recorded()


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_a_leader_that_is_behind_removes_no_job_that_it_cannot_explain() -> None:
    """It saw the Job of a run by a list, and not yet the record of it; chance comes to that too seldom."""
    server = Server()
    first, behind = SimulatedOperator(server), SimulatedOperator(server)
    first.lead()
    first.settle()
    server.end_job(next(iter(server.jobs)), well=True)
    first.settle()
    while behind.see_strategy():
        pass
    server.change_spec(capital="2")
    first.settle()
    (job,) = server.jobs
    behind.relist_jobs()
    behind.lead()
    behind.reconcile()
    assert set(server.jobs) == {job}
    behind.settle()
    server.end_job(job, well=True)
    behind.settle()
    assert server.strategy["status"]["latest"]["outcome"] == "Succeeded"
    assert server.created[job] == 1
    assert server.removed_unrecorded == []


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("write", [1, 2, 3])
@pytest.mark.parametrize("policy", list(ConcurrencyPolicy))
def test_what_a_time_asks_for_is_started_once_wherever_the_process_dies(
    policy: ConcurrencyPolicy, write: int, before: bool
) -> None:
    server = Server()
    server.change_spec(schedule={"cron": "*/10 * * * *", "concurrencyPolicy": policy.value})
    operator, standby = SimulatedOperator(server), SimulatedOperator(server)
    operator.lead()
    operator.settle()
    server.end_job(next(iter(server.jobs)), well=True)
    operator.settle()
    assert server.scheduled == {}
    server.now += timedelta(minutes=10)
    server.crash_at, server.crash_before = server.writes + write, before
    with contextlib.suppress(Crash):
        operator.settle()
    server.crash_at = None
    standby.lead()
    standby.settle()
    ((run, time),) = server.scheduled.items()
    assert (server.created[run], time) == (1, "2026-03-01T12:10:00Z")
    server.end_job(run, well=True)
    standby.settle()
    assert server.strategy["status"]["latest"]["name"] == run
    assert server.strategy["status"]["latest"]["outcome"] == "Succeeded"
    assert server.removed_unrecorded == []
