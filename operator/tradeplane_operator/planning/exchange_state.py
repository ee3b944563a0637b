"""Why a connection's exchange does not run, in words a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.run import ExitCode

from tradeplane_operator.planning.conditions import Standing, Verdict, shorten
from tradeplane_operator.planning.trading import ended_with
from tradeplane_operator.planning.waiting import why_away, why_waiting

if TYPE_CHECKING:
    from tradeplane_operator.planning.observed import JobPods, PodFacts, SnapshotView

_PREFIX = "Exchange"
_OTHERS = frozenset({"SnapshotNotFound", "SnapshotUnusable", "Suspending", "UnknownStore", "WaitingForSnapshot"})
_FINAL = (ExitCode.INVALID, ExitCode.REFUSED)
_WORDS = 600


def is_of_exchange(reason: str) -> bool:
    """Return whether a reason of ``Ready`` speaks of an exchange that does not run."""
    return reason.startswith(_PREFIX) or reason in _OTHERS


def why_down(image: str, pods: JobPods | None) -> Verdict:
    """Return why no pod of an exchange answers; ``pods`` is None where it is too early to look."""
    if pods is not None:
        away = why_away("the exchange", pods)
        ended = _ended(pods.pods[-1]) if pods.pods and away is None else None
        if ended is not None:
            return ended
        waiting = away or why_waiting("the exchange", image, pods)
        if waiting is not None:
            return Verdict(waiting.standing, f"{_PREFIX}{waiting.reason}", waiting.message)
    words = "the exchange is being started, and goes on from its record; the connection is tried once it answers"
    return Verdict(Standing.WORKING, "ExchangeStarting", words)


def _ended(pod: PodFacts) -> Verdict | None:
    """Return how a pod's container ended, last, where it did."""
    code, said = ended_with(pod)
    if not code:
        return None
    final = code in _FINAL
    words = shorten(said.strip(), _WORDS)
    remedy = "; put spec.simulated right" if final else "; it is started again"
    message = f"the exchange's pod {pod.name} ended with exit code {code}" + (f": {words}" if words else "") + remedy
    return Verdict(Standing.STALLED if final else Standing.WORKING, "ExchangeFailed", message)


def snapshot_unusable(name: str, view: SnapshotView | None) -> Verdict | None:
    """Return why an exchange cannot play a Snapshot yet, or None."""
    field = "spec.simulated.snapshotRef"
    if view is None:
        message = f"{field}: there is no Snapshot {name!r} in this namespace; the exchange starts once there is"
        return Verdict(Standing.WORKING, "SnapshotNotFound", message)
    if view.stalled:
        return Verdict(
            Standing.STALLED, "SnapshotUnusable", f"{field}: Snapshot {name!r} cannot be used: {view.message}"
        )
    if not view.ready:
        message = f"{field}: Snapshot {name!r} is not ready yet: {view.message or 'not seen yet'}"
        return Verdict(Standing.WORKING, "WaitingForSnapshot", message)
    return None
