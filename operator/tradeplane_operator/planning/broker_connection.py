"""plan() of the kind BrokerConnection: which probe is wanted, and what the last one says of the connection.

Time is counted in intervals since 1970, and a probe's Job is named by the one it was asked for in. A Job is only
removed once one of a later interval, or of a later generation, is wanted or there; so a name that was used is never
asked for again, whatever an operator has missed. The Job of the newest probe is kept until the next is due: it is the
record of when it ran, which the status is not, because that is not written where nothing has changed.

A connection whose exchange is run for it (``planning.exchange``) is not probed while that does not answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.broker_connection import BrokerConnectionSpec, BrokerConnectionStatus
from tradeplane_api.conditions import Condition, ConditionStatus, ConditionType

from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.documents import (
    UnreadableSpec,
    UnreadableStatus,
    read_conditions,
    read_spec,
    read_status,
    to_wire,
)
from tradeplane_operator.planning.exchange import ObservedExchange, WantedExchange, plan_exchange
from tradeplane_operator.planning.exchange_state import is_of_exchange
from tradeplane_operator.planning.names import ProbeName, probe_name, read_probe_name
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.probe_jobs import build_probe
from tradeplane_operator.planning.probing import finding_of, pause_after, recorded
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.waiting import next_look, why_waiting
from tradeplane_operator.planning.wanted import Fact, Need, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.planning.observed import JobPods, ObservedJob, Refusal
    from tradeplane_operator.settings import Settings

_CLOCK_TOLERANCE = timedelta(seconds=300)
"""Clocks of two replicas may differ by so much; a probe asked for later than that is of a clock that was set back."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ObservedConnection:
    """Everything plan() may look at for one BrokerConnection.

    ``fresh``: the resource was read after Jobs and other children were observed. ``refusal``: the API server refused
    the last Job.
    """

    resource: Mapping[str, Any]
    jobs: Mapping[str, ObservedJob] = field(default_factory=dict)
    fresh: bool = False
    pods: Mapping[str, JobPods] = field(default_factory=dict)
    refusal: Refusal | None = None
    exchange: ObservedExchange = field(default_factory=ObservedExchange)


def plan(observed: ObservedConnection, settings: Settings, now: datetime) -> Plan:
    """Return what is wanted for one BrokerConnection, or what must be known first. Pure."""
    metadata = observed.resource["metadata"]
    if metadata.get("deletionTimestamp"):
        return Plan()
    status = _status(observed)
    try:
        spec = read_spec(BrokerConnectionSpec, observed.resource)
    except UnreadableSpec as error:
        return _invalid(observed, status, str(error), now)
    draft = _Draft(observed, settings, now, spec, status)
    draft.sort_jobs()
    draft.run_exchange()
    if spec.suspend:
        draft.stop()
    elif draft.has_exchange():
        draft.follow()
        draft.ask()
    return draft.finish()


def _status(observed: ObservedConnection) -> BrokerConnectionStatus:
    """Return the status; one that cannot be read counts as none, since the next probe finds all of it again."""
    try:
        return read_status(BrokerConnectionStatus, observed.resource)
    except UnreadableStatus:
        return BrokerConnectionStatus(conditions=read_conditions(observed.resource))


def _invalid(observed: ObservedConnection, status: BrokerConnectionStatus, message: str, now: datetime) -> Plan:
    """Return a plan that says what is wrong with the spec and probes nothing."""
    generation = observed.resource["metadata"]["generation"]
    conditions = spell(Verdict(Standing.STALLED, "InvalidSpec", message), generation, rfc3339(now), status.conditions)
    wanted = status.model_copy(update={"observed_generation": generation, "conditions": conditions})
    return Plan(status=to_wire(wanted), notices=notices(status.conditions, conditions))


@dataclass(slots=True)
class _Draft:
    """A plan being made; each method is one step, in the order plan() calls them."""

    observed: ObservedConnection
    settings: Settings
    now: datetime
    spec: BrokerConnectionSpec
    status: BrokerConnectionStatus
    newest: ObservedJob | None = None
    verdict: Verdict | None = None
    """What is to be said; None where what is said stands."""
    needs: list[Need] = field(default_factory=list)
    create: list[Mapping[str, Any]] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    look: list[datetime] = field(default_factory=list)
    exchange: WantedExchange = field(default_factory=WantedExchange)
    before: tuple[Condition, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.before = self.status.conditions
        if self.status.observed_generation != self.generation:
            self._begin_anew()

    @property
    def metadata(self) -> Mapping[str, Any]:
        metadata: Mapping[str, Any] = self.observed.resource["metadata"]
        return metadata

    @property
    def generation(self) -> int:
        return int(self.metadata["generation"])

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.spec.probe.interval_seconds)

    @property
    def current_interval(self) -> int:
        return (self.now - _EPOCH) // self.interval

    def _begin_anew(self) -> None:
        """Forget what was found of another spec."""
        self.status = BrokerConnectionStatus(conditions=self.status.conditions, exchange=self.status.exchange)
        self.verdict = Verdict(Standing.WORKING, "Probing", "the connection is being tried for the first time")

    def sort_jobs(self) -> None:
        """Find the newest probe of this generation, and want those removed that it makes superfluous."""
        ours: dict[int, ObservedJob] = {}
        for job in self.observed.jobs.values():
            name = read_probe_name(job.name)
            if name is None or name.generation < self.generation or self._not_come_yet(name):
                self._remove(job)
            elif name.generation == self.generation:
                ours[name.interval] = job
            elif not self.observed.fresh:
                self.needs.append(Need(Fact.FRESH_RESOURCE))
        newest = max(ours, default=None)
        self.newest = None if newest is None else ours.pop(newest)
        for job in ours.values():
            self._remove(job)

    def _not_come_yet(self, name: ProbeName) -> bool:
        return name.interval * self.interval + _EPOCH > self.now + max(self.interval, _CLOCK_TOLERANCE)

    def _remove(self, job: ObservedJob) -> None:
        if not job.deleting:
            self.delete.append(job.name)

    def run_exchange(self) -> None:
        """Want the exchange as it is asked for; a stale view of the spec must not roll it."""
        wanted = plan_exchange(
            self.metadata, self.spec, self.status.exchange, self.observed.exchange, self.settings, self.now
        )
        self.exchange = wanted
        self.status = self.status.model_copy(update={"exchange": wanted.status})
        self.needs += wanted.needs
        if (wanted.apply or wanted.remove) and not self.observed.fresh:
            self.needs.append(Need(Fact.FRESH_RESOURCE))
        if wanted.look is not None:
            self.look.append(wanted.look)

    def has_exchange(self) -> bool:
        """Return whether the exchange runs, or none has to; say why where it does not.

        One that runs again is tried soon: what failed while it did not run says nothing of it.
        """
        if self.exchange.verdict is not None:
            self.verdict = self.exchange.verdict
            return False
        if any(said.type == ConditionType.READY and is_of_exchange(said.reason) for said in self.before):
            self.status = self.status.model_copy(update={"failures": 0})
            self.verdict = Verdict(Standing.WORKING, "Probing", "the exchange answers, and the connection is tried")
        return True

    def stop(self) -> None:
        """Want no probe: somebody asked for that."""
        also = "" if self.spec.simulated is None else ", and its exchange does not run; its record is kept"
        message = f"spec.suspend is true: the connection is not tried until it is false{also}"
        self.verdict = self.exchange.verdict or Verdict(Standing.IDLE, "Suspended", message)
        if self.newest is not None:
            self._remove(self.newest)

    def follow(self) -> None:
        """Read what the newest probe found, or why it does not run."""
        job = self.newest
        if job is None:
            return
        if job.end is None:
            self._follow_running(job)
        elif self.status.last_probe != job.name:
            self._record(job)

    def _follow_running(self, job: ObservedJob) -> None:
        if job.ready or job.deleting:
            return
        started = parse_rfc3339(job.start_time or job.created)
        grace_ends = started + timedelta(seconds=self.settings.pace.pod_grace_seconds)
        if self.now < grace_ends:
            self.look.append(grace_ends)
            return
        pods = self.observed.pods.get(job.name)
        if pods is None:
            self.needs.append(Need(Fact.PODS, job.name))
            return
        self.look.append(self.now + next_look(self.now - started, self.settings.pace))
        if not self._said_ready():  # what was found lately holds until a probe has failed
            self.verdict = why_waiting(f"probe {job.name}", self.settings.images.default, pods) or self.verdict

    def _said_ready(self) -> bool:
        return any(
            said.type == ConditionType.READY and said.status is ConditionStatus.TRUE for said in self.status.conditions
        )

    def _record(self, job: ObservedJob) -> None:
        pods = self.observed.pods.get(job.name)
        if pods is None:
            self.needs.append(Need(Fact.PODS, job.name))
            return
        finding = finding_of(job, pods)
        status = recorded(self.status, job, finding, self.interval, self.now)
        if status is None:
            return
        self.status, self.verdict = status, finding.verdict
        if status.not_before is not None:
            again = f"{finding.verdict.message}; the broker is asked again at {rfc3339(self._due(job))}"
            self.verdict = Verdict(finding.verdict.standing, finding.verdict.reason, again)

    def ask(self) -> None:
        """Want the probe that is due, or look again when it is."""
        if self.newest is not None and (self.newest.end is None or self.newest.deleting):
            return
        due = max(self._due(self.newest), self._refused_until())
        if due > self.now:
            self.look.append(due)
            return
        name = ProbeName(self.generation, self.current_interval)
        if self.newest is not None and not self._later(name, self.newest):
            self.look.append(_EPOCH + (self.current_interval + 1) * self.interval)
        elif not self.observed.fresh:
            self.needs.append(Need(Fact.FRESH_RESOURCE))
        else:
            self._start(name)

    def _due(self, job: ObservedJob | None) -> datetime:
        """Return when the next probe is due, after the newest; somebody may have removed one that failed."""
        failures, last = self.status.failures or 0, self.status.last_probe_time
        pause = pause_after(failures, self.spec, self.settings.pace)
        if job is not None:
            due = parse_rfc3339(job.created) + pause
        else:
            due = parse_rfc3339(last) + pause if failures and last is not None else self.now
        return due if self.status.not_before is None else max(due, parse_rfc3339(self.status.not_before))

    def _refused_until(self) -> datetime:
        refusal = self.observed.refusal
        if refusal is None:
            return self.now
        self.verdict = Verdict(Standing.WORKING, "JobRefused", f"the API server refused a probe: {refusal.message}")
        return refusal.at + timedelta(seconds=self.settings.pace.pod_again_seconds)

    def _later(self, name: ProbeName, job: ObservedJob) -> bool:
        known = read_probe_name(job.name)
        return known is None or name.interval > known.interval

    def _start(self, probe: ProbeName) -> None:
        name = probe_name(self.metadata["name"], self.metadata["uid"], probe)
        self.create.append(build_probe(self.metadata, self.spec, name, self.settings))
        self.look.append(self.now + timedelta(seconds=self.settings.pace.pod_grace_seconds))
        if self.newest is not None:
            self._remove(self.newest)

    def finish(self) -> Plan:
        """Return the plan, or only what is needed to make it."""
        if self.needs:
            return Plan(needs=tuple(dict.fromkeys(self.needs)))
        conditions = self.status.conditions
        if self.verdict is not None:
            conditions = spell(self.verdict, self.generation, rfc3339(self.now), self.before)
        wanted = self.status.model_copy(update={"observed_generation": self.generation, "conditions": conditions})
        return Plan(
            status=to_wire(wanted),
            create=tuple(self.create),
            delete=tuple(dict.fromkeys(self.delete)),
            apply=self.exchange.apply,
            remove=self.exchange.remove,
            notices=notices(self.before, conditions),
            look_again_at=min(self.look, default=None),
        )
