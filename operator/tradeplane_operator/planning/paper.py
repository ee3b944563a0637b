"""plan() of a Strategy of mode Paper: one trader, and once it is no longer wanted, one closing of what it left.

The status is a write-ahead log, as for runs. That a trader is wanted is recorded before there is one; that its session
is to be closed is recorded before the trader is stopped, and a closing that was recorded is carried to its end before
anything is traded again, whatever the spec says by then. A trader and a closing share a volume and an account and are
never there together: the closing is asked for once the API server itself, and not a watch, has shown that no trader is
wanted and no pod is left; a trader is wanted again once no pod of a closing is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tradeplane_api.conditions import ConditionStatus, ConditionType
from tradeplane_api.paper import Closing, PaperOutcome
from tradeplane_api.run import Outcome
from tradeplane_api.session import SessionState
from tradeplane_api.strategy import Mode

from tradeplane_operator.planning.approving import approved
from tradeplane_operator.planning.asking import image_of, refused
from tradeplane_operator.planning.attestation_guard import guarded, is_delayed
from tradeplane_operator.planning.attesting import Attesting, attest
from tradeplane_operator.planning.cleaning import Keeping, clean_up, unfinished
from tradeplane_operator.planning.closing import closed_words, enough
from tradeplane_operator.planning.conditions import Standing, Verdict, spell
from tradeplane_operator.planning.connecting import connection_unusable
from tradeplane_operator.planning.documents import to_wire
from tradeplane_operator.planning.history import runs_of
from tradeplane_operator.planning.image_trust import trusted
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.outcomes import cancelled
from tradeplane_operator.planning.paper_closing import begin_closing, close
from tradeplane_operator.planning.paper_draft import Draft
from tradeplane_operator.planning.paper_names import CLOSING_FINALIZER
from tradeplane_operator.planning.paper_pins import begun, resumed
from tradeplane_operator.planning.paper_trader import want_trader
from tradeplane_operator.planning.releasing import Going, release
from tradeplane_operator.planning.session_snapshots import is_due, not_made, seal
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Need, Plan
from tradeplane_operator.planning.work import SpecificationTooLarge

if TYPE_CHECKING:
    from tradeplane_api.session import SessionStatus
    from tradeplane_api.strategy import StrategySpec, StrategyStatus

    from tradeplane_operator.planning.approving import Answer
    from tradeplane_operator.planning.cleaning import Recorded
    from tradeplane_operator.planning.observed import Observed
    from tradeplane_operator.settings import Settings


def concerns(spec: StrategySpec, status: StrategyStatus) -> bool:
    """Return whether a Strategy trades, or has a session that is still to be closed or to become a Snapshot."""
    session = status.session
    if spec.mode is Mode.PAPER:
        return True
    return session is not None and (session.state is not SessionState.CLOSED or is_due(session))


def plan(
    observed: Observed, spec: StrategySpec | None, status: StrategyStatus, settings: Settings, now: datetime
) -> Plan:
    """Return what is wanted for one Strategy that trades, or what must be known first. Pure.

    ``spec`` is None where it cannot be read, which is of no account for one that is being deleted.
    """
    draft = _Plan(observed, spec, status, settings, now)
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


class _Plan(Draft):
    """A plan being made; each public method is one step, in the order plan() calls them."""

    __slots__ = ()

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
            close(self, self.session)
        else:
            self._closed(self.session)

    def _take_over(self) -> None:
        """Take from the spec how the session is closed once it has to be."""
        asked = None if self.spec is None else self.spec.session
        if self.session is not None and asked is not None and self.session.state is not SessionState.CLOSING:
            update = {"on_suspend": asked.on_suspend, "closing_seconds": asked.closing_seconds}
            self.session = self.session.model_copy(update=update)

    def _begin(self) -> None:
        """Begin a session where one is asked for and can be had."""
        unwanted = self.unwanted()
        if unwanted is not None:
            self.verdict = self._record_lost(unwanted) or Verdict(
                Standing.IDLE, "Suspended", f"{unwanted}: nothing is traded until that changes"
            )
            return
        assert self.spec is not None  # noqa: S101 - unwanted() has seen it
        assert self.spec.connection_ref is not None  # noqa: S101 - a rule of the spec for mode Paper
        view = self.observed.connection
        unusable = refused(self.spec, self.settings) or connection_unusable(self.spec.connection_ref.name, view)
        if unusable is not None or view is None:
            self.verdict = unusable
            self.look.append(self.now + timedelta(seconds=self.settings.client.relist_seconds))
            return
        approvals = self._approved()
        if approvals is None or not self._may_run(image_of(self.spec, self.settings)):
            return
        try:
            session = begun(self.metadata, self.spec, view, self.session, self.settings)
            session = session.model_copy(update={"approvals": approvals.given})
        except SpecificationTooLarge as error:
            self.verdict = Verdict(Standing.STALLED, "SpecificationTooLarge", str(error))
            return
        self.verdict = Verdict(Standing.WORKING, "Starting", "the trader is being started")
        if self.guarded:
            self.session = session
            self._trade(session)
        else:
            self.unguarded = True

    def _approved(self) -> Answer | None:
        """Return by whom it is approved, None where somebody is missing; say who, and what must be known for that."""
        assert self.spec is not None  # noqa: S101 - unwanted() has seen it
        observed, policy = self.observed, self.settings.approvals
        answer = approved(observed.resource, self.spec.mode, observed.approvals, policy, self.now)
        self.verdict = answer.verdict or self.verdict
        return answer if answer.heed(Need(Fact.APPROVALS), self.needs, self.look) else None

    def _may_run(self, image: str) -> bool:
        """Return whether something may be started by an image; say why not, and what must be known for that."""
        answer = trusted(image, self.observed.images, self.settings.images.attested)
        self.verdict = answer.verdict or self.verdict
        return answer.heed(Need(Fact.IMAGE, image), self.needs, self.look)

    def _record_lost(self, unwanted: str) -> Verdict | None:
        """Return that something trades of which the status says nothing: an older operator wrote it, or a person."""
        found = self.observed.sets.get(self.trader)
        if self.session is not None or found is None or found.wanted == 0:
            return None
        message = (
            f"{unwanted}, but StatefulSet {found.name} trades, and the record of its session is gone from the status: "
            "set spec.suspend to false, and once it trades to true again; its session is closed then"
        )
        return Verdict(Standing.STALLED, "SessionRecordLost", message)

    def _trade(self, session: SessionStatus) -> None:
        """Want a trader, or begin to close the session where it is no longer the one that is asked for."""
        unwanted = self.unwanted()
        if unwanted is not None:
            begin_closing(self, session, session.on_suspend, unwanted)
            return
        if session.asked != self.asked:
            assert self.spec is not None  # noqa: S101 - unwanted() has seen it
            impossible = refused(self.spec, self.settings)
            if impossible is None:
                begin_closing(self, session, Closing.FLATTEN, "the spec asks for something else")
                return
            message = f"{impossible.message}; the session that was begun for generation {session.generation} goes on"
            self.verdict = Verdict(impossible.standing, impossible.reason, message)
        want_trader(self, session)

    def _closed(self, session: SessionStatus) -> None:
        """Have its Snapshot made, say how it was closed, close more of it where that is asked for, or trade again."""
        unwanted = self.unwanted()
        way = session.on_suspend if unwanted is not None else Closing.FLATTEN
        resumes = unwanted is None and session.asked == self.asked and session.outcome is not PaperOutcome.FLAT
        closes_again = not enough(session, way) and self._may_close_again(session, way)
        self.sealing = seal(self, session)
        self.session = session = self.sealing.session
        if not self.sealing.done:
            goes_on = self.sealing.trouble and (resumes or closes_again)
            if self.snapshots or self.needs or not goes_on:
                return
            self.told.append(not_made(self.sealing))  # what goes on is sealed again, and all of this with it
            self.verdict = None
        if resumes:
            approvals = self._approved()
            if approvals is not None:
                self.session = resumed(session).model_copy(update={"approvals": approvals.given})
                self._trade(self.session)
        elif unwanted is None and enough(session, way):
            self._begin()
        elif closes_again:
            begin_closing(self, session, way, unwanted or "the spec asks for something else")
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
        planned: list[Recorded] = [*self.runs, *_Recorded.of(self.session)]
        written: list[Recorded] = [*runs_of(self.status), *_Recorded.of(self.status.session)]
        cleaning = clean_up(self.observed, planned, written, keeping, self.now)
        self.delete += cleaning.delete
        self.look += cleaning.look
        self.awaits_confirmation |= cleaning.awaits_confirmation
        if cleaning.needs_fresh:
            self.needs.append(Need(Fact.FRESH_RESOURCE))

    def finish(self) -> Plan:
        """Return the plan, or only what is needed to make it."""
        if self.deleted:
            going = Going(self.session, self.status.session, self.sealing, self._said())
            over = release(self.metadata, going, self.settings, self.now)
            if over.plan is not None:
                return over.plan
            self.look.append(over.limit)
        if self.needs:
            return Plan(needs=tuple(dict.fromkeys(self.needs)))
        verdict = self.verdict or self._default_verdict()
        completed = {ConditionType.COMPLETED: (ConditionStatus.FALSE, verdict)}
        attesting = self._attest()
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
            snapshots=tuple(self.snapshots),
            delete=tuple(self.delete),
            notices=(*self.told, *notices(self.status.conditions, conditions)),
            look_again_at=min(self.look, default=None),
            holds=tuple(run.name for run in self.runs if run.outcome is Outcome.RUNNING),
            attest=tuple(attesting.ask),
            owed=attesting.owed,
            awaits_confirmation=self.awaits_confirmation,
            finalizers=self._finalizers(attesting),
        )

    def _attest(self) -> Attesting:
        """Record what was attested of the backtests before it traded, and want what is owed of them."""
        if self.settings.evidence is None:
            return Attesting([])
        found = attest(self.runs, self.observed.attestations, self.settings.evidence, self.now)
        self.runs = found.runs
        self.look += found.look
        return found

    def _default_verdict(self) -> Verdict:
        """Return what is said where nothing else is: of a closed session, that its Snapshot is being made."""
        if self.sealing is not None and self.session is not None and not self.sealing.done:
            because = "" if self.session.closing is None else f"{self.session.closing.because}: "
            return Verdict(Standing.WORKING, "Closed", f"{because}{closed_words(self.session)}")
        return Verdict(Standing.WORKING, "Starting", "the trader is being started")

    def _said(self) -> str:
        """Return what the status says of the closing."""
        messages = (said.message for said in self.status.conditions if said.type == ConditionType.READY)
        return next(messages, "")

    def _finalizers(self, attesting: Attesting) -> tuple[str, ...] | None:
        """Return the finalizers wanted; None where they are as they should be, and while it is deleted."""
        if self.deleted:
            return None
        there = tuple(self.metadata.get("finalizers") or ())
        delayed = is_delayed(attesting.owed, self.observed.attestations)
        wanted = guarded(there, owed=bool(attesting.owed), delayed=delayed)
        going_on = self.session is not None and self.session.state is not SessionState.CLOSED
        if not self.guarded and (self.unguarded or going_on):
            wanted = (*wanted, CLOSING_FINALIZER)
        return None if wanted == there else wanted
