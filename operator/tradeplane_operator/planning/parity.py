"""What the replays of a Replay say together: exact only where every one is, and the first that is not is told.

What a record says of itself is enough: within a tolerance is only what was judged by one, and decisions that are not
judged are those of a what-if (``observing.replay_records`` believes no other).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_api.conditions import ConditionStatus
from tradeplane_api.parity import Parity
from tradeplane_api.replay import NO_DIVERGENCE, ReplaySummary
from tradeplane_api.run import Outcome

from tradeplane_operator.planning.comparing import in_figures, is_what_if, side_by_side
from tradeplane_operator.planning.conditions import Standing, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradeplane_api.parity import FirstDivergence
    from tradeplane_api.parity import Verdict as ParityVerdict
    from tradeplane_api.replay import ReplayRun
    from tradeplane_api.strategy import RunStatus

    from tradeplane_operator.planning.observed import ReplayFacts

COMPARED, DIVERGED = "Compared", "Diverged"
_UNKNOWN_MODULE = "No module named tradeplane_workloads.replay"
"""What Python says in an image that has no replays."""
_UNKNOWN_VERSION = "InvalidSpecification: formatVersion:"
"""How the runner of an image begins that reads no version 2 of what it is told, or as old a one of before version 1."""
_WORST_FIRST = (Parity.DIVERGED, Parity.UNJUDGED, Parity.WITHIN, Parity.EXACT)
_NONE = "nothing"
_ADVICE = "change the spec, or raise spec.rerun to try the same again"
_UNJUDGED = (
    "the decisions are the same, but the snapshot has no record of an exchange to judge by what came of them; set "
    "spec.parity to Tolerance and give spec.tolerance, and it is judged against a simulation"
)


def judged(replay: ReplayRun, ended: RunStatus, left: ReplayFacts | None) -> ReplayRun:
    """Return the record of a replay that ended as a run does, with what its own record in the store says."""
    believed = left if ended.outcome is Outcome.SUCCEEDED else None
    return replay.model_copy(
        update={
            "outcome": ended.outcome,
            "start_time": ended.start_time,
            "completion_time": ended.completion_time,
            "result_digest": ended.result_digest,
            "record_digest": ended.manifest_digest,
            "verdict": None if believed is None else believed.verdict,
            "compared": None if believed is None else believed.compared,
            "message": _of_an_old_image(ended.message),
        }
    )


def _of_an_old_image(message: str | None) -> str | None:
    """Return what is said of a failure; of an image of before there were such replays, what to do about that."""
    if message is None:
        return message
    if _UNKNOWN_MODULE in message:
        return (
            "ImageTooOld: the image of the run is of before there were replays; set spec.image to one of this version, "
            "by which the run is then replayed"
        )
    if message.startswith(_UNKNOWN_VERSION):
        return (
            "ImageTooOld: the image is of before there were replays of sessions, with another baseline, with a "
            "tolerance or as a what-if; set spec.image to one of this version, by which it is then replayed"
        )
    return message


def overall(replays: Sequence[ReplayRun], going_on: Mapping[str, Verdict] | None = None) -> Verdict:
    """Return where a Replay stands by its replays; ``going_on`` says of unfinished ones where they stand.

    One that failed or differs is told at once: the others cannot mend it.
    """
    if not replays:
        return Verdict(Standing.WORKING, "Waiting", "nothing has been asked for yet")
    for replay in replays:
        if replay.outcome is Outcome.FAILED:
            return _failed(replay)
        if replay.verdict is not None and replay.verdict.diverged:
            return _diverged(replay, replay.verdict)
    for replay in replays:
        if replay.outcome is Outcome.CANCELLED:
            return Verdict(Standing.IDLE, "Cancelled", f"replay {replay.name} was cancelled: {replay.message or ''}")
    unfinished = [replay for replay in replays if replay.outcome is not Outcome.SUCCEEDED]
    if unfinished:
        waits = Verdict(Standing.WORKING, "Running", f"replay {unfinished[0].name} is running")
        return (going_on or {}).get(unfinished[0].name, waits)
    return _finished(replays)


def parity_of(together: Verdict) -> ConditionStatus:
    """Return the condition ``Parity``: unknown until every replay is judged or one differs, and of what never is."""
    if together.standing is Standing.READY and together.reason != COMPARED:
        return ConditionStatus.TRUE
    return ConditionStatus.FALSE if together.reason == DIVERGED else ConditionStatus.UNKNOWN


def summed_up(replays: Sequence[ReplayRun]) -> ReplaySummary | None:
    """Return the worst of the finished replays, None before there is one."""
    verdicts = [replay.verdict for replay in replays if replay.verdict is not None]
    if not verdicts:
        return None
    fewest = min(verdicts, key=lambda one: one.fills_matched)
    divergence = next((one.divergence for one in verdicts if one.divergence is not None), None)
    return ReplaySummary(
        decisions=worst(one.decisions for one in verdicts),
        execution=worst(one.execution for one in verdicts),
        fills=f"{fewest.fills_matched}/{fewest.fills}",
        pnl_difference=_largest(verdicts),
        divergence=NO_DIVERGENCE if divergence is None else _place(divergence),
    )


def worst(parities: Iterable[Parity]) -> Parity:
    """Return the worst of some verdicts: one that differs, one that is not judged, one within a tolerance."""
    found = set(parities)
    return next(parity for parity in _WORST_FIRST if parity in found)


def _largest(verdicts: Iterable[ParityVerdict]) -> str:
    return max((one.pnl_difference for one in verdicts), key=lambda text: abs(Decimal(text)))


def _place(divergence: FirstDivergence) -> str:
    return f"{divergence.part}[{divergence.sequence}].{divergence.field}"


def _failed(replay: ReplayRun) -> Verdict:
    reason, _, words = (replay.message or "").partition(": ")
    if not words:
        reason, words = "ReplayFailed", replay.message or "no reason is known"
    where = f"replay {replay.name} on {replay.architecture.value}"
    return Verdict(Standing.STALLED, reason, f"{where} failed: {words} ({_ADVICE})")


def _diverged(replay: ReplayRun, verdict: ParityVerdict) -> Verdict:
    where = f"replay {replay.name} on {replay.architecture.value}"
    what = f"decisions {verdict.decisions.value}, execution {verdict.execution.value}"
    first = "the final figures differ" if replay.compared is None else in_figures(replay.compared)
    if verdict.divergence is not None:
        one = verdict.divergence
        first = f"first at {_place(one)}: expected {one.expected or _NONE}, got {one.got or _NONE}"
    advice = "compare image and versions in its record, and run `tradeplane replay` where the run was made"
    return Verdict(Standing.STALLED, DIVERGED, f"{where} differs from its baseline ({what}); {first}; {advice}")


def _finished(replays: Sequence[ReplayRun]) -> Verdict:
    """Return what replays say that all ended well, none of which differs."""
    verdicts = [replay.verdict for replay in replays if replay.verdict is not None]
    who = _who(replays)
    if any(is_what_if(verdict) for verdict in verdicts):
        message = f"{who}: compared with the baseline and not judged: {side_by_side(replays)}"
        return Verdict(Standing.READY, COMPARED, message)
    parity = worst(part for verdict in verdicts for part in (verdict.decisions, verdict.execution))
    if parity is Parity.UNJUDGED:
        return Verdict(Standing.STALLED, "ExecutionUnjudged", f"{who}: {_UNJUDGED}")
    fills = verdicts[0].fills
    if parity is Parity.EXACT:
        return Verdict(Standing.READY, "Exact", f"{who}: every record the same, {fills} fills")
    message = (
        f"{who}: within spec.tolerance, {fills} fills, final equity {_largest(verdicts)} from that of the baseline"
    )
    return Verdict(Standing.READY, "Within", message)


def _who(replays: Sequence[ReplayRun]) -> str:
    architectures = list(dict.fromkeys(replay.architecture.value for replay in replays))
    many = "one replay" if len(replays) == 1 else f"{len(replays)} replays"
    return f"{many} on {' and '.join(architectures)}"
