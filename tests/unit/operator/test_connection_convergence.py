"""Whatever is seen late, twice or not at all, and wherever the process dies: one probe an interval, and an end."""

from __future__ import annotations

from datetime import timedelta

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tradeplane_api.broker_connection import CredentialsState
from tradeplane_api.probe import ProbeOutcome

from tests.unit.operator.connection_simulation import Crash, Server, SimulatedOperator, report

SAID = st.sampled_from(
    [
        "",
        "no report at all",
        report(),
        report(latency=200_000),
        report(ProbeOutcome.ENDPOINT_UNREACHABLE, credentials=CredentialsState.UNKNOWN),
        report(ProbeOutcome.RATE_LIMITED, retry_after_seconds=150),
    ]
)


class Convergence(RuleBasedStateMachine):
    """A user, a Job controller, a watch and an operator, in any order."""

    @initialize()
    def begin(self) -> None:
        self.server = Server()
        self.operator = SimulatedOperator(self.server)
        self.standby = SimulatedOperator(self.server)

    @rule(seconds=st.sampled_from([10, 30, 60]))
    def probe_at_another_pace(self, seconds: int) -> None:
        self.server.change_spec(probe={"intervalSeconds": seconds})

    @rule(suspend=st.booleans())
    def suspend_or_resume(self, suspend: bool) -> None:
        self.server.change_spec(suspend=suspend)

    @rule(said=SAID, data=st.data())
    def a_probe_ends(self, said: str, data: st.DataObject) -> None:
        if self.server.jobs:
            self.server.end_job(data.draw(st.sampled_from(sorted(self.server.jobs))), said)

    @rule(data=st.data())
    def somebody_removes_a_job(self, data: st.DataObject) -> None:
        if self.server.jobs:
            self.server.lose_job(data.draw(st.sampled_from(sorted(self.server.jobs))))

    @rule(said=SAID)
    def all_goes_its_way(self, said: str) -> None:
        """Have everything seen and done, and the probe end: from there on something may go wrong."""
        self.operator.settle()
        for name in sorted(self.server.jobs):
            self.server.end_job(name, said)
        self.operator.settle()

    @rule(twice=st.booleans(), by_standby=st.booleans())
    def the_connection_is_seen(self, twice: bool, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).see_connection(twice=twice)

    @rule(twice=st.booleans(), by_standby=st.booleans())
    def a_job_is_seen(self, twice: bool, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).see_job(twice=twice)

    @rule(by_standby=st.booleans())
    def jobs_are_listed(self, by_standby: bool) -> None:
        (self.standby if by_standby else self.operator).relist_jobs()

    @rule()
    def the_standby_takes_over(self) -> None:
        self.operator, self.standby = self.standby, SimulatedOperator(self.server)

    @rule()
    def a_pass(self) -> None:
        """Make a pass, and the one that follows a conflict."""
        if not self.operator.reconcile():
            self.operator.reconcile(fresh=True)

    @rule(writes=st.integers(1, 3), before=st.booleans())
    def a_pass_that_dies(self, writes: int, before: bool) -> None:
        self.server.crash_at, self.server.crash_before = self.server.writes + writes, before
        try:
            self.operator.reconcile()
        except Crash:
            self.server.crash_at = None
            self.the_standby_takes_over()
        self.server.crash_at = None

    @rule(seconds=st.sampled_from([1, 7, 31, 61, 200]))
    def time_passes(self, seconds: int) -> None:
        self.server.now += timedelta(seconds=seconds)

    @invariant()
    def no_interval_has_two_probes(self) -> None:
        for asked, times in self.server.asked.items():
            assert times <= 1 + self.server.removed_by_others[asked], f"{times} probes of {asked}"

    @invariant()
    def no_probe_is_of_a_spec_that_is_no_more(self) -> None:
        assert self.server.of_another_spec == []

    @invariant()
    def a_broker_that_asked_to_be_left_alone_is(self) -> None:
        assert self.server.too_early == []

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        self.server.change_spec(suspend=False)
        self.operator.settle()
        for _ in range(4):  # what is left, the end of a ban, the probe after it
            running = [name for name, job in self.server.jobs.items() if not job["status"].get("conditions")]
            assert len(self.server.jobs) <= 1, "only the newest probe is kept"
            for name in running:
                self.server.end_job(name, report())
            self.operator.settle()
            if not running:
                self.operator.wait()
        conditions = {said["type"]: said for said in self.server.status["conditions"]}
        assert conditions["Ready"]["status"] == "True", conditions
        assert conditions["Ready"]["reason"] == "Connected"
        assert self.server.status["observedGeneration"] == self.server.generation
        self.no_interval_has_two_probes()


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
