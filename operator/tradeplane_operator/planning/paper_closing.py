"""Closing a session: the trader is stopped, then a Job closes what it left, then is read how that ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tradeplane_api.paper import Closing, PaperOutcome

from tradeplane_operator.planning.applied import is_as_wanted, marked
from tradeplane_operator.planning.closing import closed, closed_words, nothing_to_close, without_report
from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.paper_draft import AGAIN
from tradeplane_operator.planning.paper_pins import closing_begun
from tradeplane_operator.planning.paper_pods import build_closing, build_trader
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.waiting import next_look, why_waiting
from tradeplane_operator.planning.wanted import EventType, Fact, Need, Notice

if TYPE_CHECKING:
    from tradeplane_api.session import ClosingStatus, SessionStatus

    from tradeplane_operator.planning.observed import ObservedJob, TraderFacts
    from tradeplane_operator.planning.paper_draft import Draft

_SOON = timedelta(seconds=30)
"""A trader ends within fifteen seconds, where its node is there."""


def begin_closing(draft: Draft, session: SessionStatus, way: Closing, because: str) -> None:
    """Record that a session is to be closed, and take the first step."""
    session = closing_begun(draft.metadata, session, way, because, rfc3339(draft.now))
    draft.session = session
    close(draft, session)


def close(draft: Draft, session: SessionStatus) -> None:
    """Stop the trader, then have what it left closed, then read how that ended."""
    closing = session.closing
    assert closing is not None  # noqa: S101 - one that is being closed has the record of it
    job = draft.observed.jobs.get(closing.name)
    if job is None:
        _stop_and_close(draft, session, closing)
    elif job.end is None:
        _closing_runs(draft, session, closing, job)
    elif job.name not in draft.observed.pods:
        draft.needs.append(Need(Fact.PODS, job.name))
    else:
        _record(draft, closed(session, job, draft.observed.pods[job.name], draft.now))


def _stop_and_close(draft: Draft, session: SessionStatus, closing: ClosingStatus) -> None:
    found = draft.observed.sets.get(draft.trader)
    draft.say(Verdict(Standing.WORKING, "Stopping", f"{closing.because}: the trader is being stopped"))
    facts = draft.looked_at()
    if facts is None:
        return
    if found is not None:
        manifest = marked(build_trader(draft.metadata, session, draft.placement, draft.settings, replicas=0))
        if not is_as_wanted(manifest, found) and not draft.put_off(draft.trader, "TraderRefused", "stopping"):
            draft.apply.append(manifest)
    if facts.live or not facts.stopped:
        _wait_for_pods(draft, closing, facts)
    elif not facts.claimed:
        _without_volume(draft, session)
    elif not draft.put_off(closing.name, "ClosingRefused", f"the Job of closing {closing.name}"):
        _ask_for_closing(draft, session, closing)


def _wait_for_pods(draft: Draft, closing: ClosingStatus, facts: TraderFacts) -> None:
    waited = draft.now - parse_rfc3339(closing.start_time)
    draft.look.append(draft.now + (AGAIN if waited < _SOON else next_look(waited, draft.settings.pace)))
    if waited > timedelta(seconds=draft.settings.pace.closing_grace_seconds):
        which = ", ".join(facts.live) or "of the trader"
        message = (
            f"{closing.because}: pod {which} does not end; its node may be away: bring it back, or remove the pod "
            "by force once it surely trades no more. What it left is closed then"
        )
        draft.say(Verdict(Standing.WORKING, "TraderDoesNotEnd", message))


def _without_volume(draft: Draft, session: SessionStatus) -> None:
    """Record a closing for which there is no record to close from."""
    moment = rfc3339(draft.now)
    if session.trading_since is None:
        _record(draft, nothing_to_close(session, "it never traded, and has no volume", moment))
    else:
        _record(draft, without_report(session, "the volume of the session is gone, and its record with it", moment))


def _ask_for_closing(draft: Draft, session: SessionStatus, closing: ClosingStatus) -> None:
    store = _store(draft, session)
    if store is None:
        known = ", ".join(sorted(draft.settings.stores))
        message = f"store {session.store!r} is no longer one of this cluster: set spec.store to one of: {known}"
        draft.say(Verdict(Standing.STALLED, "StoreUnknown", message))
        return
    if store != session.store:  # where it is sealed is where its Snapshot says it lies
        session = session.model_copy(update={"store": store})
        draft.session = session
    draft.create.append(build_closing(draft.metadata, session, closing, store, draft.placement, draft.settings))
    _say_closing(draft, closing)
    draft.look.append(draft.now + timedelta(seconds=draft.settings.pace.pod_grace_seconds))


def _store(draft: Draft, session: SessionStatus) -> str | None:
    """Return the store to seal into: the one pinned, that of the spec where the pinned one is no more."""
    named = (session.store, *(() if draft.spec is None else (draft.spec.store,)))
    return next((store for store in named if store in draft.settings.stores), None)


def _closing_runs(draft: Draft, session: SessionStatus, closing: ClosingStatus, job: ObservedJob) -> None:
    _say_closing(draft, closing)
    if job.ready or job.deleting:
        return
    started = parse_rfc3339(job.start_time or job.created)
    grace_ends = started + timedelta(seconds=draft.settings.pace.pod_grace_seconds)
    if draft.now < grace_ends:
        draft.look.append(grace_ends)
        return
    pods = draft.observed.pods.get(job.name)
    if pods is None:
        draft.needs.append(Need(Fact.PODS, job.name))
        return
    draft.look.append(draft.now + next_look(draft.now - started, draft.settings.pace))
    waits = why_waiting(f"closing {job.name}", session.image, pods)
    if waits is not None:
        draft.verdict = waits


def _say_closing(draft: Draft, closing: ClosingStatus) -> None:
    how = "positions are closed" if closing.way is Closing.FLATTEN else "positions are left as they are"
    message = f"{closing.because}: orders are taken back, {how}, within {closing.within_seconds} s"
    draft.verdict = Verdict(Standing.WORKING, "Closing", message)


def _record(draft: Draft, session: SessionStatus) -> None:
    """Record how a closing ended; what follows from it is planned once that is written."""
    draft.session = session
    words = closed_words(session)
    if session.outcome is PaperOutcome.NOT_FLAT:
        draft.told.append(Notice(EventType.WARNING, "NotFlat", words[:1_024]))
    because = "" if session.closing is None else f"{session.closing.because}: "
    draft.verdict = Verdict(Standing.WORKING, "Closed", f"{because}{words}")
    draft.look.append(draft.now)
