"""plan() of a Strategy of mode Paper: one trader, and once it is no longer wanted, one closing of what it left.

The status is a write-ahead log, as for runs. That a trader is wanted is recorded before there is one; that its session
is to be closed is recorded before the trader is stopped, and a closing that was recorded is carried to its end before
anything is traded again, whatever the spec says by then. A trader and a closing share a volume and an account and are
never there together: the closing is asked for once the API server itself, and not a watch, has shown that no trader is
wanted and no pod is left; a trader is wanted again once no pod of a closing is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.conditions import ConditionStatus, ConditionType
from tradeplane_api.paper import Closing, PaperOutcome
from tradeplane_api.run import Outcome
from tradeplane_api.session import SessionState
from tradeplane_api.strategy import Mode

from tradeplane_operator.planning.applied import is_as_wanted, marked
from tradeplane_operator.planning.asking import refused
from tradeplane_operator.planning.cleaning import Keeping, clean_up, unfinished
from tradeplane_operator.planning.closing import closed, closed_words, enough, nothing_to_close, without_report
from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.connecting import connection_unusable
from tradeplane_operator.planning.documents import to_wire
from tradeplane_operator.planning.history import runs_of
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.outcomes import cancelled
from tradeplane_operator.planning.paper_names import CLOSING_FINALIZER, pod_name, trader_name
from tradeplane_operator.planning.paper_pins import begun, closing_begun, resumed, session_asked
from tradeplane_operator.planning.paper_pods import Placement, build_closing, build_trader
from tradeplane_operator.planning.releasing import release
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.trading import why_not_trading
from tradeplane_operator.planning.waiting import next_look, why_waiting
from tradeplane_operator.planning.wanted import EventType, Fact, Need, Notice, Plan
from tradeplane_operator.planning.work import SpecificationTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.session import ClosingStatus, SessionStatus
    from tradeplane_api.strategy import RunStatus, StrategySpec, StrategyStatus

    from tradeplane_operator.planning.observed import Observed, ObservedJob, TraderFacts
    from tradeplane_operator.settings import Settings

_AGAIN = timedelta(seconds=2)
"""Pods that are ending are gone within moments; they are not watched."""


def concerns(spec: StrategySpec, status: StrategyStatus) -> bool:
    """Return whether a Strategy trades, or has a session that is still to be closed."""
    session = status.session
    return spec.mode is Mode.PAPER or (session is not None and session.state is not SessionState.CLOSED)


def plan(
    observed: Observed, spec: StrategySpec | None, status: StrategyStatus, settings: Settings, now: datetime
) -> Plan:
    """Return what is wanted for one Strategy that trades, or what must be known first. Pure.

    ``spec`` is None where it cannot be read, which is of no account for one that is being deleted.
    """
    draft = _Draft(observed, spec, status, settings, now)
    draft.stop_runs()
    draft.follow()
    draft.clean_up()
    return draft.finish()


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A closing as what is recorded of a Job."""

    name: str
    outcome: Outcome
    completion_time: str | None

    @classmethod
    def of(cls, session: SessionStatus | None) -> tuple[_Recorded, ...]:
        if session is None or session.closing is None:
            return ()
        closing = session.closing
        if session.state is SessionState.CLOSING:
            return (cls(closing.name, Outcome.RUNNING, None),)
        ended = Outcome.FAILED if session.outcome is PaperOutcome.NOT_FLAT else Outcome.SUCCEEDED
        return (cls(closing.name, ended, closing.completion_time or closing.start_time),)


@dataclass(slots=True)
class _Draft:
    """A plan being made; each public method is one step, in the order plan() calls them."""

    observed: Observed
    spec: StrategySpec | None
    status: StrategyStatus
    settings: Settings
    now: datetime
    session: SessionStatus | None = None
    runs: list[RunStatus] = field(default_factory=list)
    verdict: Verdict | None = None
    needs: list[Need] = field(default_factory=list)
    apply: list[Mapping[str, Any]] = field(default_factory=list)
    create: list[Mapping[str, Any]] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)
    look: list[datetime] = field(default_factory=list)
    awaits_confirmation: bool = False
    asked: str | None = None
    unguarded: bool = False
    """Whether the finalizer has to be there before anything trades."""

    def __post_init__(self) -> None:
        self.session = self.status.session
        self.runs = list(runs_of(self.status))
        if self.spec is not None and self.spec.mode is Mode.PAPER:
            self.asked = session_asked(self.spec)

    @property
    def metadata(self) -> Mapping[str, Any]:
        metadata: Mapping[str, Any] = self.observed.resource["metadata"]
        return metadata

    @property
    def generation(self) -> int:
        return int(self.metadata["generation"])

    @property
    def deleted(self) -> bool:
        return bool(self.metadata.get("deletionTimestamp"))

    @property
    def guarded(self) -> bool:
        return CLOSING_FINALIZER in (self.metadata.get("finalizers") or ())

    @property
    def trader(self) -> str:
        return trader_name(self.metadata["name"], self.metadata["uid"])

    @property
    def placement(self) -> Placement:
        return Placement.of(self.spec)

    def stop_runs(self) -> None:
        """Cancel backtests that go on: a Strategy that trades has none."""
        if self.asked is None or self.deleted:
            return
        for index, run in enumerate(self.runs):
            if unfinished(run):
                self.runs[index] = cancelled(run, rfc3339(self.now), "spec.mode is Paper")

    def follow(self) -> None:
        """Take the session one step on its way, from where it stands."""
        self._take_over()
        if self.session is None:
            self._begin()
        elif self.session.state is SessionState.TRADING:
            self._trade(self.session)
        elif self.session.state is SessionState.CLOSING:
            self._close(self.session)
        else:
            self._closed(self.session)

    def _take_over(self) -> None:
        """Take from the spec how the session is closed once it has to be."""
        asked = None if self.spec is None else self.spec.session
        if self.session is not None and asked is not None and self.session.state is not SessionState.CLOSING:
            update = {"on_suspend": asked.on_suspend, "closing_seconds": asked.closing_seconds}
            self.session = self.session.model_copy(update=update)

    def _unwanted(self) -> str | None:
        """Return why nothing is to be traded; None where something is."""
        if self.deleted:
            return "the Strategy is deleted"
        if self.spec is None or self.spec.mode is not Mode.PAPER:
            return f"spec.mode is {self.spec.mode.value if self.spec else 'not known'}"
        return "spec.suspend is true" if self.spec.suspend else None

    def _begin(self) -> None:
        """Begin a session where one is asked for and can be had."""
        unwanted = self._unwanted()
        if unwanted is not None:
            self.verdict = Verdict(Standing.IDLE, "Suspended", f"{unwanted}: nothing is traded until that changes")
            return
        assert self.spec is not None  # noqa: S101 - _unwanted() has seen it
        assert self.spec.connection_ref is not None  # noqa: S101 - a rule of the spec for mode Paper
        view = self.observed.connection
        unusable = refused(self.spec, self.settings) or connection_unusable(self.spec.connection_ref.name, view)
        if unusable is not None or view is None:
            self.verdict = unusable
            self.look.append(self.now + timedelta(seconds=self.settings.client.relist_seconds))
            return
        try:
            session = begun(self.metadata, self.spec, view, self.session, self.settings)
        except SpecificationTooLarge as error:
            self.verdict = Verdict(Standing.STALLED, "SpecificationTooLarge", str(error))
            return
        self.verdict = Verdict(Standing.WORKING, "Starting", "the trader is being started")
        if self.guarded:
            self.session = session
            self._trade(session)
        else:
            self.unguarded = True

    def _trade(self, session: SessionStatus) -> None:
        """Want a trader, or begin to close the session where it is no longer the one that is asked for."""
        unwanted = self._unwanted()
        if unwanted is not None:
            self._begin_closing(session, session.on_suspend, unwanted)
            return
        if session.asked != self.asked:
            assert self.spec is not None  # noqa: S101 - _unwanted() has seen it
            impossible = refused(self.spec, self.settings)
            if impossible is None:
                self._begin_closing(session, Closing.FLATTEN, "the spec asks for something else")
                return
            message = f"{impossible.message}; the session that was begun for generation {session.generation} goes on"
            self.verdict = Verdict(impossible.standing, impossible.reason, message)
        self._want_trader(session)

    def _want_trader(self, session: SessionStatus) -> None:
        found = self.observed.sets.get(self.trader)
        manifest = marked(build_trader(self.metadata, session, self.placement, self.settings, replicas=1))
        if not is_as_wanted(manifest, found):
            self._start(manifest, new=found is None or found.wanted == 0)
            return
        assert found is not None  # noqa: S101 - is_as_wanted() said so
        if found.running and not found.deleting:
            self._trades(session)
            return
        pods = self.observed.pods.get(self.trader)
        if pods is None:
            self.needs.append(Need(Fact.PODS, self.trader))
            return
        self._say(why_not_trading(session, pods, self.observed.connection))
        self.look.append(self.now + timedelta(seconds=self.settings.pace.pod_again_seconds))

    def _start(self, manifest: Mapping[str, Any], *, new: bool) -> None:
        """Have the trader's StatefulSet made like its manifest, once nothing of a closing is left beside it."""
        self._say(Verdict(Standing.WORKING, "Starting", "the trader is being started"))
        if self._put_off(self.trader, "TraderRefused", "the trader's StatefulSet"):
            return
        facts = self._looked_at()
        if facts is None:
            return
        beside = [name for name in facts.live if name != pod_name(self.metadata["name"], self.metadata["uid"])]
        if new and beside:
            message = f"pod {beside[0]} of the last closing is still there; trading starts once it is gone"
            self._say(Verdict(Standing.WORKING, "Starting", message))
            self.look.append(self.now + _AGAIN)
            return
        self.apply.append(manifest)
        self.look.append(self.now + timedelta(seconds=self.settings.pace.pod_grace_seconds))

    def _put_off(self, name: str, reason: str, what: str) -> bool:
        """Return whether the API server refused something lately, and so is not asked again yet; that is said."""
        refusal = self.observed.refusals.get(name)
        if refusal is None:
            return False
        again = refusal.at + timedelta(seconds=self.settings.pace.pod_again_seconds)
        standing = Standing.STALLED if refusal.reason == "AlreadyExists" else Standing.WORKING
        self._say(Verdict(standing, reason, f"the API server refused {what}: {refusal.message}"))
        self.look.append(max(again, self.now))
        return self.now < again

    def _looked_at(self) -> TraderFacts | None:
        """Return what the API server itself shows of the trader; None where that is yet to be asked."""
        if not self.observed.fresh:
            self.needs.append(Need(Fact.FRESH_RESOURCE))
        if self.observed.trader is None:
            self.needs.append(Need(Fact.TRADER, self.trader))
        return self.observed.trader if self.observed.fresh else None

    def _trades(self, session: SessionStatus) -> None:
        name = pod_name(self.metadata["name"], self.metadata["uid"])
        since = session.trading_since or rfc3339(self.now)
        self.session = session.model_copy(update={"pod": name, "trading_since": since})
        what = ", ".join(self.spec.session.symbols) if self.spec is not None and self.spec.session is not None else ""
        message = f"pod {name} trades {what} at BrokerConnection {session.connection!r} since {since}"
        self._say(Verdict(Standing.READY, "Trading", message))

    def _say(self, verdict: Verdict) -> None:
        """Say something, unless what was refused is still to be said."""
        if self.verdict is None or self.verdict.standing is not Standing.STALLED:
            self.verdict = verdict

    def _begin_closing(self, session: SessionStatus, way: Closing, because: str) -> None:
        session = closing_begun(self.metadata, session, way, because, rfc3339(self.now))
        self.session = session
        self._close(session)

    def _close(self, session: SessionStatus) -> None:
        """Stop the trader, then have what it left closed, then read how that ended."""
        closing = session.closing
        assert closing is not None  # noqa: S101 - one that is being closed has the record of it
        job = self.observed.jobs.get(closing.name)
        if job is None:
            self._stop_and_close(session, closing)
        elif job.end is None:
            self._closing_runs(session, closing, job)
        elif job.name not in self.observed.pods:
            self.needs.append(Need(Fact.PODS, job.name))
        else:
            self._record(closed(session, job, self.observed.pods[job.name], self.now))

    def _stop_and_close(self, session: SessionStatus, closing: ClosingStatus) -> None:
        found = self.observed.sets.get(self.trader)
        self._say(Verdict(Standing.WORKING, "Stopping", f"{closing.because}: the trader is being stopped"))
        facts = self._looked_at()
        if facts is None:
            return
        if found is not None:
            manifest = marked(build_trader(self.metadata, session, self.placement, self.settings, replicas=0))
            if not is_as_wanted(manifest, found) and not self._put_off(self.trader, "TraderRefused", "stopping"):
                self.apply.append(manifest)
        if facts.live or not facts.stopped:
            self._wait_for_pods(closing, facts)
        elif not facts.claimed:
            self._without_volume(session)
        elif not self._put_off(closing.name, "ClosingRefused", f"the Job of closing {closing.name}"):
            self._ask_for_closing(session, closing)

    def _wait_for_pods(self, closing: ClosingStatus, facts: TraderFacts) -> None:
        waited = self.now - parse_rfc3339(closing.start_time)
        self.look.append(
            self.now + max(_AGAIN, next_look(waited, self.settings.pace) if waited > _AGAIN * 15 else _AGAIN)
        )
        if waited > timedelta(seconds=self.settings.pace.closing_grace_seconds):
            which = ", ".join(facts.live) or "of the trader"
            message = (
                f"{closing.because}: pod {which} does not end; its node may be away: bring it back, or remove the pod "
                "by force once it surely trades no more. What it left is closed then"
            )
            self._say(Verdict(Standing.WORKING, "TraderDoesNotEnd", message))

    def _without_volume(self, session: SessionStatus) -> None:
        """Record a closing for which there is no record to close from."""
        moment = rfc3339(self.now)
        if session.trading_since is None:
            self._record(nothing_to_close(session, "it never traded, and has no volume", moment))
        else:
            self._record(without_report(session, "the volume of the session is gone, and its record with it", moment))

    def _ask_for_closing(self, session: SessionStatus, closing: ClosingStatus) -> None:
        store = self._store(session)
        if store is None:
            known = ", ".join(sorted(self.settings.stores))
            message = f"store {session.store!r} is no longer one of this cluster: set spec.store to one of: {known}"
            self._say(Verdict(Standing.STALLED, "StoreUnknown", message))
            return
        self.create.append(build_closing(self.metadata, session, closing, store, self.placement, self.settings))
        self._say_closing(closing)
        self.look.append(self.now + timedelta(seconds=self.settings.pace.pod_grace_seconds))

    def _store(self, session: SessionStatus) -> str | None:
        """Return the store to seal into: the one pinned, that of the spec where the pinned one is no more."""
        named = (session.store, *(() if self.spec is None else (self.spec.store,)))
        return next((store for store in named if store in self.settings.stores), None)

    def _closing_runs(self, session: SessionStatus, closing: ClosingStatus, job: ObservedJob) -> None:
        self._say_closing(closing)
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
        waits = why_waiting(f"closing {job.name}", session.image, pods)
        if waits is not None:
            self.verdict = waits

    def _say_closing(self, closing: ClosingStatus) -> None:
        how = "positions are closed" if closing.way is Closing.FLATTEN else "positions are left as they are"
        message = f"{closing.because}: orders are taken back, {how}, within {closing.within_seconds} s"
        self.verdict = Verdict(Standing.WORKING, "Closing", message)

    def _record(self, session: SessionStatus) -> None:
        """Record how a closing ended; what follows from it is planned once that is written."""
        self.session = session
        words = closed_words(session)
        if session.outcome is PaperOutcome.NOT_FLAT:
            self.told.append(Notice(EventType.WARNING, "NotFlat", words[:1_024]))
        because = "" if session.closing is None else f"{session.closing.because}: "
        self.verdict = Verdict(Standing.WORKING, "Closed", f"{because}{words}")
        self.look.append(self.now)

    def _closed(self, session: SessionStatus) -> None:
        """Say how the session was closed, close more of it where that is asked for, or trade again."""
        unwanted = self._unwanted()
        way = session.on_suspend if unwanted is not None else Closing.FLATTEN
        if unwanted is None and session.asked == self.asked and session.outcome is not PaperOutcome.FLAT:
            self.session = resumed(session)
            self._trade(self.session)
        elif unwanted is None and enough(session, way):
            self._begin()
        elif not enough(session, way) and self._may_close_again(session, way):
            self._begin_closing(session, way, unwanted or "the spec asks for something else")
        elif unwanted is None:
            words = (
                f"{closed_words(session)}; nothing is traded anew until it is flat: put it right at the broker, then "
            )
            words += "change the spec, or set spec.suspend to true and to false again, and closing is tried again"
            self.verdict = Verdict(Standing.STALLED, "NotFlat", words)
        else:
            self.verdict = Verdict(Standing.IDLE, "Suspended", f"{unwanted}: {closed_words(session)}")

    def _may_close_again(self, session: SessionStatus, way: Closing) -> bool:
        """Return whether a closing is to be tried that was not tried yet: each generation asks once for each way."""
        closing = session.closing
        return closing is None or closing.generation < self.generation or closing.way is not way

    def clean_up(self) -> None:
        """Want Jobs removed that are no longer needed; those of a Strategy that goes go with it."""
        if self.deleted or self.needs or self.spec is None:
            return
        keeping = Keeping(self.spec.ttl_seconds_after_finished, self.settings.retention)
        planned = (*self.runs, *_Recorded.of(self.session))
        written = (*runs_of(self.status), *_Recorded.of(self.status.session))
        cleaning = clean_up(self.observed, planned, written, keeping, self.now)
        self.delete += cleaning.delete
        self.look += cleaning.look
        self.awaits_confirmation |= cleaning.awaits_confirmation
        if cleaning.needs_fresh:
            self.needs.append(Need(Fact.FRESH_RESOURCE))

    def finish(self) -> Plan:
        """Return the plan, or only what is needed to make it."""
        if self.deleted:
            over = release(self.metadata, self.session, self.status.session, self._said(), self.settings, self.now)
            if over.plan is not None:
                return over.plan
            self.look.append(over.limit)
        if self.needs:
            return Plan(needs=tuple(dict.fromkeys(self.needs)))
        verdict = self.verdict or Verdict(Standing.WORKING, "Starting", "the trader is being started")
        completed = {ConditionType.COMPLETED: (ConditionStatus.FALSE, verdict)}
        moment = rfc3339(self.now)
        conditions = spell(verdict, self.generation, moment, self.status.conditions, also=completed)
        wanted = self.status.model_copy(
            update={
                "observed_generation": self.generation,
                "conditions": conditions,
                "latest": self.runs[0] if self.runs else None,
                "history": tuple(self.runs[1:]),
                "next_schedule_time": None,
                "session": self.session,
            }
        )
        return Plan(
            status=to_wire(wanted),
            apply=tuple(self.apply),
            create=tuple(self.create),
            delete=tuple(self.delete),
            notices=(*self.told, *notices(self.status.conditions, conditions)),
            look_again_at=min(self.look, default=None),
            holds=tuple(run.name for run in self.runs if run.outcome is Outcome.RUNNING),
            awaits_confirmation=self.awaits_confirmation,
            finalizers=self._finalizers(),
        )

    def _said(self) -> str:
        """Return what the status says of the closing."""
        messages = (said.message for said in self.status.conditions if said.type == ConditionType.READY)
        return next(messages, "")

    def _finalizers(self) -> tuple[str, ...] | None:
        """Return the finalizers wanted where ours is missing; None where they are as they should be."""
        going_on = self.session is not None and self.session.state is not SessionState.CLOSED
        if self.guarded or self.deleted or not (self.unguarded or going_on):
            return None
        return (*(self.metadata.get("finalizers") or ()), CLOSING_FINALIZER)
