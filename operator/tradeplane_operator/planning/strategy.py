"""plan() of the kind Strategy: which runs are wanted, where they stand, what is said of them.

What trades is planned in ``planning.paper``, and so is a session that is still to be closed.

The status is a write-ahead log: a run is recorded there, at a resourceVersion, before its Job is asked for, and its end
is recorded before its Job is removed. So whatever is lost in between, the next plan picks up where the record stands,
and an observation too old to show the record cannot write over it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.conditions import ConditionStatus, ConditionType
from tradeplane_api.run import Outcome
from tradeplane_api.strategy import (
    ConcurrencyPolicy,
    PinnedInputs,
    RunStatus,
    StrategySpec,
    StrategyStatus,
    Trigger,
)
from tradeplane_evidence.errors import Malformed

from tradeplane_operator.planning import paper
from tradeplane_operator.planning.approving import approved, configuration_of
from tradeplane_operator.planning.asking import asked_digest, digest_of, image_of, pin, refused, run_specification
from tradeplane_operator.planning.attestation_guard import changed, is_delayed, is_guarded, release_unattested
from tradeplane_operator.planning.attesting import Attesting, attest, no_room, said_of
from tradeplane_operator.planning.cleaning import Keeping, clean_up, unfinished
from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.documents import (
    UnreadableSpec,
    UnreadableStatus,
    read_spec,
    read_status,
    to_wire,
)
from tradeplane_operator.planning.history import runs_of, trimmed
from tradeplane_operator.planning.image_trust import Trusted, manifests_for, trusted
from tradeplane_operator.planning.job_digest import job_digest
from tradeplane_operator.planning.jobs import build_job
from tradeplane_operator.planning.names import run_name
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.outcomes import cancelled, failed_to_build, final_verdict, progress
from tradeplane_operator.planning.paper_names import CLOSING_FINALIZER
from tradeplane_operator.planning.releasing import release_unread
from tradeplane_operator.planning.schedule import ScheduleError, fires_at, firing
from tradeplane_operator.planning.strategy_deletion import plan_deleted
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.unreadable import keep_record
from tradeplane_operator.planning.wanted import EventType, Fact, Need, Notice, Plan
from tradeplane_operator.planning.work import SpecificationTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.approvers import GivenApproval
    from tradeplane_api.strategy import Schedule

    from tradeplane_operator.planning.observed import Observed
    from tradeplane_operator.settings import Settings


def plan(observed: Observed, settings: Settings, now: datetime) -> Plan:
    """Return what is wanted for one Strategy, or what must be known first. Pure."""
    metadata = observed.resource["metadata"]
    deleted = bool(metadata.get("deletionTimestamp"))
    closing = CLOSING_FINALIZER in (metadata.get("finalizers") or ())
    if deleted and not closing and not is_guarded(metadata):
        return Plan()
    try:
        status = read_status(StrategyStatus, observed.resource)
    except UnreadableStatus as error:
        if deleted and closing:
            return release_unread(observed.resource, str(error), settings, now)
        if deleted:
            return release_unattested(metadata, str(error))
        return keep_record(observed.resource, str(error), now)
    if deleted and not closing:
        return plan_deleted(observed, status, settings, now)
    try:
        spec = read_spec(StrategySpec, observed.resource)
    except UnreadableSpec as error:
        if deleted:
            return paper.plan(observed, None, status, settings, now)
        return _unreadable(observed, status, str(error), now)
    if deleted or paper.concerns(spec, status):
        return paper.plan(observed, spec, status, settings, now)
    draft = _Draft(observed, settings, now, spec, status)
    draft.follow_runs()
    draft.stop_unwanted()
    draft.attest()
    draft.ask()
    draft.admit()
    draft.make_jobs()
    draft.clean_up()
    return draft.finish()


def _unreadable(observed: Observed, status: StrategyStatus, message: str, now: datetime) -> Plan:
    """Return a plan that says what is wrong with the spec and touches no run."""
    generation = observed.resource["metadata"]["generation"]
    verdict = Verdict(Standing.STALLED, "InvalidSpec", message)
    conditions = spell(verdict, generation, rfc3339(now), status.conditions)
    wanted = status.model_copy(update={"observed_generation": generation, "conditions": conditions})
    holds = tuple(run.name for run in runs_of(status) if run.outcome is Outcome.RUNNING)
    return Plan(status=to_wire(wanted), notices=notices(status.conditions, conditions), holds=holds)


@dataclass(slots=True)
class _Draft:
    """A plan being made; each method is one step, in the order plan() calls them."""

    observed: Observed
    settings: Settings
    now: datetime
    spec: StrategySpec
    status: StrategyStatus
    runs: list[RunStatus] = field(default_factory=list)
    pinned: PinnedInputs | None = None
    needs: list[Need] = field(default_factory=list)
    create: list[Mapping[str, Any]] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)
    look: list[datetime] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    unmade: set[str] = field(default_factory=set)
    attesting: Attesting = field(default_factory=lambda: Attesting([]))
    blocked: Verdict | None = None
    image: Trusted = field(default_factory=Trusted)
    approvals: tuple[GivenApproval, ...] | None = None
    awaits_confirmation: bool = False
    last_schedule_time: str | None = None
    next_schedule_time: str | None = None
    asked: str = field(init=False)

    def __post_init__(self) -> None:
        self.asked = asked_digest(self.spec)
        self.runs = list(runs_of(self.status))
        self.pinned = self.status.pinned
        self.last_schedule_time = self.status.last_schedule_time
        self.next_schedule_time = self.status.next_schedule_time

    @property
    def metadata(self) -> Mapping[str, Any]:
        metadata: Mapping[str, Any] = self.observed.resource["metadata"]
        return metadata

    @property
    def generation(self) -> int:
        return int(self.metadata["generation"])

    @property
    def moment(self) -> str:
        return rfc3339(self.now)

    def follow_runs(self) -> None:
        """Read where each recorded run stands, and record the end of those that ended."""
        for index, run in enumerate(self.runs):
            if run.outcome is not Outcome.RUNNING:
                continue
            signed = self.settings.evidence is not None
            state = progress(run, self.observed, self.settings.pace, self.now, written=True, signed=signed)
            if state.need is not None:
                self.needs.append(state.need)
            if state.finished is not None:
                self.runs[index] = state.finished
            if state.verdict is not None:
                self.verdicts[run.name] = state.verdict
            if state.look_again_at is not None:
                self.look.append(state.look_again_at)
            if state.create:
                self.unmade.add(run.name)
            if state.remove:
                self.delete.append(run.name)

    def stop_unwanted(self) -> None:
        """Cancel unfinished runs that a suspension or a changed spec no longer wants."""
        if self.spec.suspend:
            self._cancel_unfinished("spec.suspend is true; the run starts again when it is false")
        elif self._asks_something_else() or self._asks_again():
            self._cancel_unfinished(f"superseded by generation {self.generation}")

    def _asks_something_else(self) -> bool:
        if self.pinned is None:
            return True
        if self.pinned.asked is None:
            return self.pinned.generation != self.generation
        return self.pinned.asked != self.asked

    def _asks_again(self) -> bool:
        return self.status.observed_rerun is not None and self.spec.rerun > self.status.observed_rerun

    def _resumes(self) -> bool:
        """Return whether what was asked was cancelled and, since then, is wanted again."""
        if not self.runs or self.runs[0].outcome is not Outcome.CANCELLED:
            return False
        return self.runs[0].generation < self.generation

    def _cancel_unfinished(self, why: str) -> None:
        for index, run in enumerate(self.runs):
            if unfinished(run):
                self.runs[index] = cancelled(run, self.moment, why)
                self.unmade.discard(run.name)

    def attest(self) -> None:
        """Record what was attested, and want what is owed."""
        if self.settings.evidence is None:
            return
        facts = self.observed.attestations
        self.attesting = attest(self.runs, facts, self.settings.evidence, self.now)
        self.runs = list(self.attesting.runs)
        self.look += self.attesting.look

    def ask(self) -> None:
        """Record a new run where one is asked for and can be had."""
        self.blocked = refused(self.spec, self.settings)
        if self.blocked is not None:
            self.next_schedule_time = None
            return
        if self.spec.suspend:
            self.next_schedule_time = None
            self.blocked = self._suspended()
            return
        if self._asks_something_else():
            self._pin_and_start()
        elif self._asks_again():
            self._start_again(Trigger.RERUN, str(self.spec.rerun))
        elif self._resumes():
            self._start_again(Trigger.GENERATION, "")
        self._follow_schedule()

    def _suspended(self) -> Verdict:
        message = "spec.suspend is true: nothing is started until it is false"
        done = bool(self.runs) and self.runs[0].outcome is Outcome.SUCCEEDED and not self._asks_something_else()
        return Verdict(Standing.READY if done else Standing.IDLE, "Suspended", message)

    def _pin_and_start(self) -> None:
        self.blocked = self._snapshot_unusable()
        if self.blocked is not None:
            self.look.append(self.now + timedelta(seconds=self.settings.client.relist_seconds))
            return
        if not self._may_run(image_of(self.spec, self.settings)):
            return
        assert self.observed.snapshot is not None  # noqa: S101 - _snapshot_unusable said so
        self.pinned = pin(self.spec, self.generation, self.observed.snapshot, self.settings)
        self._start(Trigger.GENERATION, "")

    def _start_again(self, trigger: Trigger, occasion: str) -> None:
        """Start a run of what is pinned, by an image that may have lost its trust since."""
        if self.pinned is not None and self._may_run(self.pinned.image):
            self._start(trigger, occasion)

    def _may_run(self, image: str) -> bool:
        """Return whether something may be started by an image; say why not, and what must be known for that."""
        self.blocked = no_room(self.runs, self.attesting.owed, self.observed.attestations)
        if self.blocked is not None or not self._approved():
            return False
        answer = trusted(image, self.observed.images, self.settings.images.attested)
        self.blocked = answer.verdict
        self.image = answer
        return answer.heed(Need(Fact.IMAGE, image), self.needs, self.look)

    def _approved(self) -> bool:
        """Return whether those approve it who have to; say who is missing, and what must be known for that."""
        observed, policy = self.observed, self.settings.approvals
        answer = approved(observed.resource, self.spec.mode, observed.approvals, policy, self.now)
        self.blocked = answer.verdict
        self.approvals = answer.given
        return answer.heed(Need(Fact.APPROVALS), self.needs, self.look)

    def _snapshot_unusable(self) -> Verdict | None:
        assert self.spec.snapshot_ref is not None  # noqa: S101 - a rule of the spec for mode Backtest
        name = self.spec.snapshot_ref.name
        view = self.observed.snapshot
        if view is None:
            message = f"spec.snapshotRef: there is no Snapshot {name!r} in this namespace; the run starts once there is"
            return Verdict(Standing.WORKING, "SnapshotNotFound", message)
        if view.stalled:
            message = f"spec.snapshotRef: Snapshot {name!r} cannot be used: {view.message}"
            return Verdict(Standing.STALLED, "SnapshotRefused", message)
        if not view.ready:
            message = f"spec.snapshotRef: Snapshot {name!r} is not ready yet: {view.message or 'not seen yet'}"
            return Verdict(Standing.WORKING, "SnapshotNotReady", message)
        if view.store != self.spec.store:
            message = (
                f"spec.store is {self.spec.store!r}, but Snapshot {name!r} lies in store {view.store!r}; "
                "a run reads and writes one store, so make them the same"
            )
            return Verdict(Standing.STALLED, "StoreMismatch", message)
        return None

    def _start(self, trigger: Trigger, occasion: str, scheduled: datetime | None = None) -> None:
        """Record a new run of the pinned inputs, pending until a slot is granted."""
        if self.pinned is None:
            return
        architecture = self.spec.architecture
        name = run_name(self.metadata["name"], self.metadata["uid"], self.generation, trigger, occasion, architecture)
        if any(run.name == name for run in self.runs):
            return
        specification = run_specification(name, self.spec, self.pinned)
        record = RunStatus(
            name=name,
            generation=self.generation,
            trigger=trigger,
            configuration=self._configuration(),
            scheduled_time=None if scheduled is None else rfc3339(scheduled),
            architecture=architecture,
            image=self.pinned.image,
            image_attestation=self.image.attestation,
            image_manifests=manifests_for(architecture, self.image.manifests),
            approvals=self.approvals,
            outcome=Outcome.PENDING,
            run_digest=digest_of(specification),
        )
        self.runs.insert(0, record)

    def _configuration(self) -> str | None:
        """Return the digest of the spec as it is now; None of one that the ledger would not keep either."""
        try:
            return configuration_of(self.observed.resource["spec"])
        except Malformed:
            return None

    def _follow_schedule(self) -> None:
        schedule = self.spec.schedule
        if schedule is None:
            self.next_schedule_time = None
            return
        if self.pinned is None or self.blocked is not None:
            return
        try:
            state = firing(schedule, self._expected(schedule), self.now)
        except ScheduleError:
            return
        if state.missed is not None:
            message = (
                f"the run of {rfc3339(state.missed)} was not started within startingDeadlineSeconds; it is left out"
            )
            self.told.append(Notice(EventType.WARNING, "MissedSchedule", message))
        if state.due is not None and not self._may_run(self.pinned.image):
            return
        if state.due is not None and not self._start_scheduled(state.due, schedule.concurrency_policy):
            return
        self.next_schedule_time = rfc3339(state.next)
        self.look.append(state.next)

    def _expected(self, schedule: Schedule) -> datetime | None:
        """Return the next time as it was written; None where it is none of a changed schedule, or is served already.

        A new question, which is started now, serves what was due until then. Raises ScheduleError.
        """
        if self.next_schedule_time is None or self.pinned is None:
            return None
        expected = parse_rfc3339(self.next_schedule_time)
        if self.status.observed_generation == self.generation:
            return expected
        served = self.pinned.generation == self.generation
        return expected if not served and fires_at(schedule, expected) else None

    def _start_scheduled(self, due: datetime, policy: ConcurrencyPolicy) -> bool:
        """Start the run that is due; return False where it has to wait for one that goes on."""
        if any(unfinished(run) for run in self.runs):
            if policy is ConcurrencyPolicy.FORBID:
                return False
            if policy is ConcurrencyPolicy.REPLACE:
                self._cancel_unfinished(f"replaced by the scheduled run of {rfc3339(due)}")
        self._start(Trigger.SCHEDULE, rfc3339(due), due)
        self.last_schedule_time = rfc3339(due)
        return True

    def admit(self) -> None:
        """Start pending runs that the caps let start, oldest first."""
        for index in range(len(self.runs) - 1, -1, -1):
            run = self.runs[index]
            if run.outcome is not Outcome.PENDING:
                continue
            answer = self.observed.admitted.get(run.name)
            if answer is None:
                self.needs.append(Need(Fact.ADMISSION, run.name))
            elif answer.granted:
                self.runs[index] = run.model_copy(update={"outcome": Outcome.RUNNING})
                self.unmade.add(run.name)
                self.look.append(self.now + timedelta(seconds=self.settings.pace.pod_grace_seconds))
                self.verdicts[run.name] = Verdict(Standing.WORKING, "Running", f"run {run.name} is running")
            else:
                message = f"run {run.name} waits for its turn: {answer.message}"
                self.verdicts[run.name] = Verdict(Standing.WORKING, "WaitingForSlot", message)

    def make_jobs(self) -> None:
        """Want a Job for each running run that has none."""
        if self.pinned is None:
            return
        for index, run in enumerate(self.runs):
            if run.name not in self.unmade:
                continue
            try:
                job = build_job(self.metadata, self.spec, self.pinned, run, self.settings)
            except SpecificationTooLarge as error:
                self.runs[index] = failed_to_build(run, self.moment, f"SpecificationTooLarge: {error}")
            else:
                self.create.append(job)
                self.runs[index] = run.model_copy(update={"job_digest": job_digest(job)})

    def clean_up(self) -> None:
        """Want Jobs removed that are no longer needed."""
        keeping = Keeping(self.spec.ttl_seconds_after_finished, self.settings.retention)
        cleaning = clean_up(self.observed, self.runs, runs_of(self.status), keeping, self.now)
        self.delete += cleaning.delete
        self.look += cleaning.look
        self.awaits_confirmation |= cleaning.awaits_confirmation
        if cleaning.needs_fresh:
            self.needs.append(Need(Fact.FRESH_RESOURCE))

    def finish(self) -> Plan:
        """Return the plan, or only what is needed to make it."""
        if self.needs:
            return Plan(needs=tuple(dict.fromkeys(self.needs)))
        newest = self._newest_verdict()
        verdict = self.blocked or newest or Verdict(Standing.WORKING, "Waiting", "nothing has been asked for yet")
        told = newest or verdict
        done = ConditionStatus.TRUE if told.standing is Standing.READY else ConditionStatus.FALSE
        also = {ConditionType.COMPLETED: (done, told)}
        if self.settings.evidence is not None and self.runs:
            also[ConditionType.ATTESTED] = attested = said_of(self.runs[0], self.observed.attestations, told)
            if self.settings.evidence.required and verdict.standing is Standing.READY:
                verdict = attested[1] if attested[0] is ConditionStatus.FALSE else verdict
        conditions = spell(verdict, self.generation, self.moment, self.status.conditions, also=also)
        wanted = StrategyStatus(
            observed_generation=self.generation,
            conditions=conditions,
            pinned=self.pinned,
            observed_rerun=self._observed_rerun(),
            latest=self.runs[0] if self.runs else None,
            history=trimmed(self.runs[1:], self.spec, self.attesting.owed | self._ended_now()),
            last_schedule_time=self.last_schedule_time,
            next_schedule_time=self.next_schedule_time,
            session=self.status.session,
        )
        return Plan(
            status=to_wire(wanted),
            create=tuple(self.create),
            delete=tuple(self.delete),
            notices=(*self.told, *notices(self.status.conditions, conditions)),
            look_again_at=min(self.look, default=None),
            holds=tuple(run.name for run in self.runs if run.outcome is Outcome.RUNNING),
            attest=tuple(self.attesting.ask),
            owed=self.attesting.owed,
            awaits_confirmation=self.awaits_confirmation,
            finalizers=self._finalizers(),
        )

    def _finalizers(self) -> tuple[str, ...] | None:
        """Return the finalizers wanted where they are to change: what was delayed is not lost with the object."""
        owed = self.attesting.owed
        return changed(self.metadata, owed=bool(owed), delayed=is_delayed(owed, self.observed.attestations))

    def _ended_now(self) -> frozenset[str]:
        """Return which runs end by this plan: their ends are written once, for who watches and the ledger to see."""
        went_on = {run.name for run in runs_of(self.status) if unfinished(run)}
        return frozenset(run.name for run in self.runs if run.name in went_on and not unfinished(run))

    def _observed_rerun(self) -> int | None:
        """Return the rerun counter acted upon: not the new one while what asks for it is held back."""
        if self.blocked is None or self.status.observed_rerun is None:
            return None if self.pinned is None else self.spec.rerun
        return min(self.status.observed_rerun, self.spec.rerun)

    def _newest_verdict(self) -> Verdict | None:
        if not self.runs:
            return None
        newest = self.runs[0]
        return self.verdicts.get(newest.name) if unfinished(newest) else final_verdict(newest)
