"""Why a capture does not capture: in its agent's words where it left some, in those of its node otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from tradeplane_api.run import ExitCode, TerminationMessage

from tradeplane_operator.planning.conditions import Standing, Verdict, shorten
from tradeplane_operator.planning.trading import ended_with
from tradeplane_operator.planning.waiting import why_away, why_waiting

if TYPE_CHECKING:
    from tradeplane_api.capture import CaptureFeed

    from tradeplane_operator.planning.connecting import ConnectionView
    from tradeplane_operator.planning.observed import JobPods, PodFacts

_FINAL = frozenset({int(ExitCode.INVALID), int(ExitCode.REFUSED)})
"""Codes after which it will never work so."""
_WORDS = 600
STARTING = Verdict(Standing.WORKING, "Starting", "the agent is being started, and goes on from what is in its volume")


def why_not_capturing(image: str, pods: JobPods) -> Verdict:
    """Return why an agent that is wanted does not run."""
    pod = pods.pods[-1] if pods.pods else None
    ended = None if pod is None else _ended(pod)
    return why_away("the agent", pods) or ended or why_waiting("the agent", image, pods) or STARTING


def _ended(pod: PodFacts) -> Verdict | None:
    """Return what the last end of an agent says, which nobody asked for; None where there was none, or a good one."""
    code, words = ended_with(pod)
    if not code:
        return None
    if pod.terminated_reason == "OOMKilled":
        words = "it needed more memory than spec.resources.limits.memory allows; raise it, or lower spec.rotation.bytes"
    said = _said(words)
    about = f": {said}" if said else ""
    if code in _FINAL:
        message = f"the agent cannot capture{about} (exit code {code}); put that right: it is tried again"
        return Verdict(Standing.STALLED, "AgentFailed", message)
    message = f"pod {pod.name} ended with exit code {code}{about}; it is started again and goes on where it was"
    return Verdict(Standing.WORKING, "AgentCrashed", message)


def _said(words: str) -> str:
    try:
        told = TerminationMessage.model_validate_json(words, extra="ignore").message
    except ValidationError:
        told = words
    return shorten(told.strip(), _WORDS)


def connection_not_ready(name: str, view: ConnectionView | None) -> Verdict | None:
    """Return why a capture cannot be begun at a connection yet, or None."""
    field = f"spec.source.connectionRef: BrokerConnection {name!r}"
    if view is None:
        message = f"{field} is not in this namespace; capturing begins once it is"
    elif not view.ready or view.spec is None or view.endpoint is None:
        because = f"{view.reason}: {view.message}" if view.reason else "not tried yet"
        message = f"{field} is not ready: {because}; capturing begins once it is"
    else:
        return None
    return Verdict(Standing.WORKING, "WaitingForConnection", message)


def connection_changed(name: str, view: ConnectionView | None, feed: CaptureFeed) -> Verdict | None:
    """Return that a connection is to another market by now than the one that is captured, or None."""
    if view is None or view.spec is None or view.endpoint is None:
        return None
    captured = (feed.market, feed.rest, feed.stream)
    if (view.spec.market, view.endpoint.rest, view.endpoint.stream) == captured:
        return None
    message = (
        f"BrokerConnection {name!r} is to another market or address by now; this capture goes on at {feed.stream}: "
        "create a SnapshotCapture with another name for the new one, and delete this"
    )
    return Verdict(Standing.STALLED, "ConnectionChanged", message)
