"""How a closing ended: what its report says, and what is said of one that left none.

A closing counts as done only where its Job ended well and its report says that nothing is left, or that positions are
left as asked. Whatever else it was, it is told as one that could not close: orders and positions may be at the broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.paper import Closing, PaperOutcome, PaperReport
from tradeplane_api.run import ExitCode
from tradeplane_api.session import SessionState, SessionStatus

from tradeplane_operator.planning.conditions import shorten
from tradeplane_operator.planning.observed import JobEnd
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.trading import ended_with, read_report

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_operator.planning.observed import JobPods, ObservedJob

_MESSAGE = 1_024
_DONE = frozenset({PaperOutcome.FLAT, PaperOutcome.LEFT})


def closed(session: SessionStatus, job: ObservedJob, pods: JobPods, now: datetime) -> SessionStatus:
    """Return the record of a session whose closing's Job has ended."""
    found = [report for report in (read_report(ended_with(pod)[1]) for pod in pods.pods) if report is not None]
    report = found[-1] if found else None
    ended = job.end_time or rfc3339(now)
    if report is None:
        return without_report(session, f"closing {job.name} left no report: {_why_silent(job, pods)}", ended)
    if never_traded(session, report):
        return nothing_to_close(session, f"it never traded: {report.message}", ended)
    outcome, message = report.outcome, report.message
    if job.end is not JobEnd.COMPLETE or outcome not in _DONE:
        outcome = PaperOutcome.NOT_FLAT
        message = message or f"closing {job.name} ended with {report.outcome.value}: {job.message}"
    figures = {name: getattr(report, name) for name in _FIGURES}
    return _ended(session, outcome, message, ended).model_copy(update=figures)


_FIGURES = ("session", "number", "snapshot", "inputs", "orders", "fills", "equity", "positions", "open_orders")


def never_traded(session: SessionStatus, report: PaperReport) -> bool:
    """Return whether there was nothing to close: a trader that never was ready, because what it was told is wrong."""
    return (
        session.trading_since is None
        and report.outcome is PaperOutcome.FAILED
        and report.exit_code in (ExitCode.INVALID, ExitCode.REFUSED)
        and report.session is None
        and report.orders == report.open_orders == 0
        and not report.positions
    )


def nothing_to_close(session: SessionStatus, message: str, ended: str) -> SessionStatus:
    """Return the record of a session that was closed because it never began."""
    return _ended(session, PaperOutcome.FLAT, message, ended)


def without_report(session: SessionStatus, message: str, ended: str) -> SessionStatus:
    """Return the record of a session of which is not known what is left."""
    words = f"{message}; orders and positions may be left at the broker"
    return _ended(session, PaperOutcome.NOT_FLAT, words, ended)


def _ended(session: SessionStatus, outcome: PaperOutcome, message: str, ended: str) -> SessionStatus:
    assert session.closing is not None  # noqa: S101 - one that is being closed has the record of it
    closing = session.closing.model_copy(update={"completion_time": ended})
    said = shorten(message, _MESSAGE) if message else None
    update = {"state": SessionState.CLOSED, "closing": closing, "outcome": outcome, "message": said}
    return session.model_copy(update=update)


def _why_silent(job: ObservedJob, pods: JobPods) -> str:
    """Return why there is no report, as far as the pod or the Job tells."""
    pod = pods.pods[-1] if pods.pods else None
    code, words = (None, "") if pod is None else ended_with(pod)
    if pod is not None and pod.terminated_reason == "OOMKilled":
        return f"pod {pod.name} ran out of memory; raise spec.resources.limits.memory"
    if pod is not None and code:
        said = shorten(words.strip(), _MESSAGE // 2)
        return f"pod {pod.name} ended with exit code {code}" + (f": {said}" if said else "")
    if job.reason == "DeadlineExceeded":
        waited = "" if pod is None else pod.unschedulable or pod.waiting_message
        return "it was stopped at its deadline" + (f": {waited}" if waited else "")
    if job.end is JobEnd.FAILED:
        return f"{job.reason}: {job.message}"
    return "its pod is gone" if pod is None else f"what pod {pod.name} said is no report; is its image of this version?"


def enough(session: SessionStatus, way: Closing) -> bool:
    """Return whether a closing left no more than a way of closing leaves."""
    if session.state is not SessionState.CLOSED:
        return False
    return session.outcome is PaperOutcome.FLAT or (session.outcome is PaperOutcome.LEFT and way is Closing.LEAVE)


def sealed(session: SessionStatus) -> bool:
    """Return whether all there was to a session is in the store, so that its volume holds nothing that is not."""
    done = session.state is SessionState.CLOSED and session.outcome in _DONE
    return done and (session.snapshot is not None or not session.inputs)


def closed_words(session: SessionStatus) -> str:
    """Return how a session was closed, for people."""
    figures = f"{session.orders or 0} orders, {session.fills or 0} fills"
    if session.equity is not None:
        figures += f", equity {session.equity}"
    if session.snapshot is not None:
        figures += f", sealed as {session.snapshot}"
    held = ", ".join(f"{one.quantity} {one.symbol}" for one in session.positions)
    undone = f"; {session.message}" if session.message else ""
    if session.outcome is PaperOutcome.FLAT:
        return f"flat: {session.message}" if session.orders is None and session.message else f"flat: {figures}{undone}"
    if session.outcome is PaperOutcome.LEFT:
        return f"orders are taken back and positions left as asked ({held or 'none'}): {figures}{undone}"
    left = f"left: {held or 'positions not known'}, {session.open_orders or 0} open orders"
    return f"NOT FLAT: {session.message or 'closing did not come to its end'} ({left})"
