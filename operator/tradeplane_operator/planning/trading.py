"""Why a trader does not trade: in its own words where it left some, in those of its node otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from tradeplane_api.paper import PaperOutcome, PaperReport
from tradeplane_api.run import ExitCode

from tradeplane_operator.planning.conditions import Standing, Verdict, shorten
from tradeplane_operator.planning.waiting import why_away, why_waiting

if TYPE_CHECKING:
    from tradeplane_api.session import SessionStatus

    from tradeplane_operator.planning.connecting import ConnectionView
    from tradeplane_operator.planning.observed import JobPods, PodFacts

_FINAL = frozenset({int(ExitCode.INVALID), int(ExitCode.REFUSED)})
"""Codes after which it will never work so."""
_WORDS = 600


def read_report(message: str) -> PaperReport | None:
    """Return what a trader said at its end; None where it is no report. A newer one may say more than is known here."""
    try:
        return PaperReport.model_validate_json(message, extra="ignore")
    except ValidationError:
        return None


def ended_with(pod: PodFacts) -> tuple[int | None, str]:
    """Return exit code and last words of the newest run of a pod's container that ended; no code where none has."""
    if pod.exit_code is not None:
        return pod.exit_code, pod.termination_message
    return pod.last_exit_code, pod.last_message


def why_not_trading(session: SessionStatus, pods: JobPods, view: ConnectionView | None) -> Verdict:
    """Return why a trader that is wanted is not ready."""
    away = why_away("the trader", pods)
    if away is not None:
        return away
    pod = pods.pods[-1] if pods.pods else None
    ended = None if pod is None else _ended(pod)
    if ended is not None:
        return ended
    waits = why_waiting("the trader", session.image, pods)
    if waits is not None:
        return waits
    if pod is None or pod.phase != "Running":
        return Verdict(Standing.WORKING, "Starting", "the trader is being started")
    message = f"pod {pod.name} runs and is not ready yet: it connects, learns its books or reconciles its orders"
    if view is not None and not view.ready and view.reason:
        message += f"; BrokerConnection {session.connection!r} is not ready: {view.reason}: {view.message}"
    return Verdict(Standing.WORKING, "Connecting", message)


def _ended(pod: PodFacts) -> Verdict | None:
    """Return what the last end of a trader says, which nobody asked for; None where there was none, or a good one."""
    code, words = ended_with(pod)
    if code is None or code == 0:
        return None
    report = read_report(words)
    said = report.message if report is not None and report.message else shorten(words.strip(), _WORDS)
    if code in _FINAL and (report is None or report.outcome is PaperOutcome.FAILED):
        message = f"the trader cannot trade: {said or f'exit code {code}'} (change the spec; it is tried again then)"
        return Verdict(Standing.STALLED, "TraderFailed", message)
    if pod.terminated_reason == "OOMKilled":
        said = "it needed more memory than spec.resources.limits.memory allows; raise it"
    about = f": {said}" if said else ""
    message = f"pod {pod.name} ended with exit code {code}{about}; it is started again and goes on where it was"
    return Verdict(Standing.WORKING, "TraderCrashed", message)
