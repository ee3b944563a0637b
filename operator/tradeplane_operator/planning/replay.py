"""plan() of the kind Replay: which replays are wanted, where they stand, and what they say together.

As for a Strategy the status is a write-ahead log: a replay is recorded there before its Job is asked for, and its end
before its Job is removed. What is replayed is pinned when a generation is first seen (``planning.replay_pins``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.conditions import ConditionStatus, ConditionType
from tradeplane_api.replay import ReplayRun, ReplaySpec, ReplayStatus
from tradeplane_api.run import Outcome
from tradeplane_api.strategy import RunStatus, Trigger

from tradeplane_operator.planning.asking import image_refused
from tradeplane_operator.planning.attestation_guard import changed, is_guarded, release_unattested
from tradeplane_operator.planning.attesting_objects import attested
from tradeplane_operator.planning.cleaning import Keeping, clean_up, unfinished
from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.documents import (
    UnreadableSpec,
    UnreadableStatus,
    read_spec,
    read_status,
    to_wire,
)
from tradeplane_operator.planning.image_trust import trusted
from tradeplane_operator.planning.job_digest import job_digest
from tradeplane_operator.planning.names import run_name
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.outcomes import progress
from tradeplane_operator.planning.parity import judged, overall, parity_of, summed_up
from tradeplane_operator.planning.replay_attesting import attest, with_reference
from tradeplane_operator.planning.replay_deletion import plan_deleted
from tradeplane_operator.planning.replay_jobs import UnreadablePin, build_replay
from tradeplane_operator.planning.replay_pins import Sources, asked_digest, pin
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.unreadable import keep_record
from tradeplane_operator.planning.wanted import Fact, Need, Plan
from tradeplane_operator.planning.work import SpecificationTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.attestation import AttestationStatus
    from tradeplane_api.replay import PinnedBaseline

    from tradeplane_operator.planning.attesting_objects import ObjectAttesting
    from tradeplane_operator.planning.observed import Observed, ReplayFacts
    from tradeplane_operator.planning.replay_attesting import JudgedReplays
    from tradeplane_operator.planning.replay_pins import StrategyView
    from tradeplane_operator.planning.snapshot import SnapshotFacts
    from tradeplane_operator.settings import Settings

_SUSPENDED = "spec.suspend is true; the replay starts again when it is false"


@dataclass(frozen=True, slots=True)
class ObservedReplay:
    """Everything plan() may look at for one Replay.

    ``cluster``: as of a run; its results are the records of replays, by their names, and ``left`` what those say.
    ``manifest``: of the Snapshot that is named.
    """

    cluster: Observed
    strategy: StrategyView | None = None
    left: Mapping[str, ReplayFacts] = field(default_factory=dict)
    manifest: SnapshotFacts | None = None


def plan(observed: ObservedReplay, settings: Settings, now: datetime) -> Plan:
    """Return what is wanted for one Replay, or what must be known first. Pure."""
    resource = observed.cluster.resource
    deleted = bool(resource["metadata"].get("deletionTimestamp"))
    if deleted and not is_guarded(resource["metadata"]):
        return Plan()
    try:
        status = read_status(ReplayStatus, resource)
    except UnreadableStatus as error:
        return (
            release_unattested(resource["metadata"], str(error)) if deleted else keep_record(resource, str(error), now)
        )
    if deleted:
        return plan_deleted(observed.cluster, observed.strategy, status, settings, now)
    try:
        spec = read_spec(ReplaySpec, resource)
    except UnreadableSpec as error:
        return _unreadable(observed, status, str(error), now)
    draft = _Draft(observed, settings, now, spec, status)
    draft.follow()
    draft.stop_unwanted()
    draft.ask()
    draft.admit()
    draft.make_jobs()
    draft.clean_up()
    draft.attest()
    return draft.finish()


def _unreadable(observed: ObservedReplay, status: ReplayStatus, message: str, now: datetime) -> Plan:
    """Return a plan that says what is wrong with the spec and touches no replay."""
    generation = observed.cluster.resource["metadata"]["generation"]
    conditions = spell(Verdict(Standing.STALLED, "InvalidSpec", message), generation, rfc3339(now), status.conditions)
    wanted = status.model_copy(update={"observed_generation": generation, "conditions": conditions})
    holds = tuple(replay.name for replay in status.replays if replay.outcome is Outcome.RUNNING)
    return Plan(status=to_wire(wanted), notices=notices(status.conditions, conditions), holds=holds)


@dataclass(slots=True)
class _Draft:
    """A plan being made; each method is one step, in the order plan() calls them."""

    observed: ObservedReplay
    settings: Settings
    now: datetime
    spec: ReplaySpec
    status: ReplayStatus
    replays: list[ReplayRun] = field(init=False)
    pinned: PinnedBaseline | None = field(init=False)
    attestation: AttestationStatus | None = field(init=False)
    asked: str = field(init=False)
    needs: list[Need] = field(default_factory=list)
    create: list[Mapping[str, Any]] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    look: list[datetime] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    unmade: set[str] = field(default_factory=set)
    blocked: Verdict | None = None
    awaits_confirmation: bool = False
    attesting: ObjectAttesting[JudgedReplays] | None = None

    def __post_init__(self) -> None:
        self.replays = list(self.status.replays)
        self.pinned = self.status.pinned
        self.attestation = self.status.attestation
        self.asked = asked_digest(self.spec)

    @property
    def metadata(self) -> Mapping[str, Any]:
        metadata: Mapping[str, Any] = self.observed.cluster.resource["metadata"]
        return metadata

    @property
    def generation(self) -> int:
        return int(self.metadata["generation"])

    def follow(self) -> None:
        """Read where each recorded replay stands, and record the end of those that ended."""
        for index, replay in enumerate(self.replays):
            if replay.outcome is not Outcome.RUNNING:
                continue
            signed = self.settings.evidence is not None
            asked, seen = self._as_run(replay), self.observed.cluster
            state = progress(asked, seen, self.settings.pace, self.now, written=True, signed=signed)
            if state.need is not None:
                self.needs.append(state.need)
            if state.finished is not None:
                self.replays[index] = judged(replay, state.finished, self.observed.left.get(replay.name))
            if state.verdict is not None:
                self.verdicts[replay.name] = state.verdict
            if state.look_again_at is not None:
                self.look.append(state.look_again_at)
            if state.create:
                self.unmade.add(replay.name)
            if state.remove:
                self.delete.append(replay.name)

    def _as_run(self, replay: ReplayRun) -> RunStatus:
        """Return a replay as the run it is to whoever follows its Job."""
        return RunStatus(
            name=replay.name,
            generation=0 if self.pinned is None else self.pinned.generation,
            trigger=Trigger.GENERATION,
            architecture=replay.architecture.of_run,
            image=None if self.pinned is None else self.pinned.image,
            outcome=replay.outcome,
            job_digest=replay.job_digest,
            start_time=replay.start_time,
        )

    def stop_unwanted(self) -> None:
        """Cancel unfinished replays that a suspension or a changed spec no longer wants."""
        if self.spec.suspend:
            self._cancel_unfinished(_SUSPENDED)
        elif self._asks_anew():
            self._cancel_unfinished(f"superseded by generation {self.generation}")

    def _asks_anew(self) -> bool:
        """Return whether something else is asked for, the same once more, or what a suspension stopped."""
        if self.pinned is None or self.pinned.asked != self.asked or self.pinned.rerun < self.spec.rerun:
            return True
        stopped = any(replay.outcome is Outcome.CANCELLED for replay in self.replays)
        return stopped and self.pinned.generation != self.generation

    def _cancel_unfinished(self, why: str) -> None:
        for index, replay in enumerate(self.replays):
            if unfinished(replay):
                ended = {"outcome": Outcome.CANCELLED, "completion_time": rfc3339(self.now), "message": why}
                self.replays[index] = replay.model_copy(update=ended)
                self.unmade.discard(replay.name)

    def ask(self) -> None:
        """Pin the baseline and record the replays of it, where they are asked for and can be had."""
        self.blocked = image_refused(self.spec.image, self.settings)
        if self.blocked is not None:
            return
        if self.spec.suspend:
            self.blocked = self._suspended()
        elif self._asks_anew():
            self._pin_and_record()

    def _suspended(self) -> Verdict:
        message = "spec.suspend is true: nothing is started until it is false"
        exact = not self._asks_anew() and overall(self.replays).standing is Standing.READY
        return Verdict(Standing.READY if exact else Standing.IDLE, "Suspended", message)

    def _pin_and_record(self) -> None:
        sources = Sources(self.observed.strategy, self.observed.cluster.snapshot, self.observed.manifest)
        pinned = pin(self.spec, self.generation, sources, self.settings)
        if isinstance(pinned, Need):
            self.needs.append(pinned)
            return
        if isinstance(pinned, Verdict):
            self.blocked = pinned
            self.look.append(self.now + timedelta(seconds=self.settings.client.relist_seconds))
            return
        answer = trusted(pinned.image, self.observed.cluster.images, self.settings.images.attested)
        if not answer.heed(Need(Fact.IMAGE, pinned.image), self.needs, self.look):
            self.blocked = answer.verdict or self.blocked
            return
        self.pinned, self.attestation = pinned, None
        self.replays = [
            ReplayRun(
                name=self._name(architecture.of_run, repeat),
                architecture=architecture,
                repeat=repeat,
                outcome=Outcome.PENDING,
            )
            for architecture in self.spec.architectures
            for repeat in range(1, self.spec.repeats + 1)
        ]

    def _name(self, architecture: Any, repeat: int) -> str:
        name, uid = self.metadata["name"], self.metadata["uid"]
        occasion = f"{self.spec.rerun}/{repeat}"
        return run_name(name, uid, self.generation, Trigger.GENERATION, occasion, architecture)

    def admit(self) -> None:
        """Start pending replays that the caps let start."""
        for index, replay in enumerate(self.replays):
            if replay.outcome is not Outcome.PENDING:
                continue
            answer = self.observed.cluster.admitted.get(replay.name)
            if answer is None:
                self.needs.append(Need(Fact.ADMISSION, replay.name))
            elif answer.granted:
                self.replays[index] = replay.model_copy(update={"outcome": Outcome.RUNNING})
                self.unmade.add(replay.name)
                self.verdicts[replay.name] = Verdict(Standing.WORKING, "Running", f"run {replay.name} is running")
            else:
                message = f"replay {replay.name} waits for its turn: {answer.message}"
                self.verdicts[replay.name] = Verdict(Standing.WORKING, "WaitingForSlot", message)

    def make_jobs(self) -> None:
        """Want a Job for each running replay that has none."""
        if self.pinned is None:
            return
        for index, replay in enumerate(self.replays):
            if replay.name not in self.unmade:
                continue
            try:
                job = build_replay(self.metadata, self.spec, self.pinned, replay, self.settings)
            except SpecificationTooLarge as error:
                self._fail(index, f"SpecificationTooLarge: {error}, or spec.whatIf")
            except UnreadablePin as error:
                self._fail(index, f"StatusUnreadable: {error}")
            else:
                self.create.append(job)
                self.replays[index] = replay.model_copy(update={"job_digest": job_digest(job)})

    def _fail(self, index: int, words: str) -> None:
        ended = {"outcome": Outcome.FAILED, "completion_time": rfc3339(self.now), "message": words}
        self.replays[index] = self.replays[index].model_copy(update=ended)

    def clean_up(self) -> None:
        """Want Jobs removed that are no longer needed."""
        keeping = Keeping(self.spec.ttl_seconds_after_finished, self.settings.retention)
        cleaning = clean_up(self.observed.cluster, self.replays, self.status.replays, keeping, self.now)
        self.delete += cleaning.delete
        self.look += cleaning.look
        self.awaits_confirmation |= cleaning.awaits_confirmation
        if cleaning.needs_fresh:
            self.needs.append(Need(Fact.FRESH_RESOURCE))

    def attest(self) -> None:
        """Record where the run is attested, and that its replays are; want that they are, where they are to be."""
        evidence = self.settings.evidence
        if evidence is None or self.pinned is None or not self.replays:
            return
        if self.attestation is not None:
            self.attesting = attested(self.attestation)
            return
        strategy, facts = self.observed.strategy, self.observed.cluster.attestations
        self.pinned = with_reference(self.pinned, strategy)
        self.attesting = attest(self.pinned, self.replays, strategy, facts, evidence, self.now)
        self.attestation = self.attesting.attestation
        self.look += [] if self.attesting.look is None else [self.attesting.look]

    def finish(self) -> Plan:
        """Return the plan, or only what is needed to make it."""
        if self.needs:
            return Plan(needs=tuple(dict.fromkeys(self.needs)))
        together = overall(self.replays, self.verdicts)
        verdict = self.blocked or together
        also = {ConditionType.PARITY: (parity_of(together), together if self.replays else verdict)}
        found = self.attesting
        if found is not None:
            also[ConditionType.ATTESTED] = found.status, found.told
            if self._waits_for(found) and verdict.standing is Standing.READY:
                verdict = found.told
        conditions = spell(verdict, self.generation, rfc3339(self.now), self.status.conditions, also=also)
        wanted = ReplayStatus(
            observed_generation=self.generation,
            conditions=conditions,
            pinned=self.pinned,
            replays=tuple(self.replays),
            summary=summed_up(self.replays),
            attestation=self.attestation,
        )
        return Plan(
            status=to_wire(wanted),
            create=tuple(self.create),
            delete=tuple(self.delete),
            notices=notices(self.status.conditions, conditions),
            look_again_at=min(self.look, default=None),
            holds=tuple(replay.name for replay in self.replays if replay.outcome is Outcome.RUNNING),
            attest_replays=None if found is None else found.ask,
            owed=frozenset([self.replays[0].name]) if found is not None and found.owed else frozenset(),
            awaits_confirmation=self.awaits_confirmation,
            finalizers=changed(
                self.metadata, owed=found is not None and found.owed, delayed=found is not None and found.delayed
            ),
        )

    def _waits_for(self, attesting: ObjectAttesting[JudgedReplays]) -> bool:
        """Return whether the Replay is Ready only once what it found is attested, which it is not."""
        required = self.settings.evidence is not None and self.settings.evidence.required
        return required and attesting.status is ConditionStatus.FALSE
