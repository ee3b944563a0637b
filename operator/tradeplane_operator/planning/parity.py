"""What the replays of a Replay say together: exact only where every one is, and the first that is not is told."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_api.conditions import ConditionStatus
from tradeplane_api.parity import Parity
from tradeplane_api.replay import NO_DIVERGENCE, ReplaySummary
from tradeplane_api.run import Outcome

from tradeplane_operator.planning.conditions import Standing, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradeplane_api.parity import FirstDivergence
    from tradeplane_api.parity import Verdict as ParityVerdict
    from tradeplane_api.replay import ReplayRun
    from tradeplane_api.strategy import RunStatus

DIVERGED = "Diverged"
_UNKNOWN_MODULE = "No module named tradeplane_workloads.replay"
"""What Python says in an image that has no replays."""
_NONE = "nothing"
_ADVICE = "change the spec, or raise spec.rerun to try the same again"


def judged(replay: ReplayRun, ended: RunStatus, verdict: ParityVerdict | None) -> ReplayRun:
    """Return the record of a replay that ended as a run does, with what its own record in the store says."""
    return replay.model_copy(
        update={
            "outcome": ended.outcome,
            "start_time": ended.start_time,
            "completion_time": ended.completion_time,
            "result_digest": ended.result_digest,
            "record_digest": ended.manifest_digest,
            "verdict": verdict if ended.outcome is Outcome.SUCCEEDED else None,
            "message": _of_an_old_image(ended.message),
        }
    )


def _of_an_old_image(message: str | None) -> str | None:
    """Return what is said of a failure; of an image of before there were replays, what to do about that."""
    if message is None or _UNKNOWN_MODULE not in message:
        return message
    return (
        "ImageTooOld: the image of the run is of before there were replays; set spec.image to one of this version, by "
        "which the run is then replayed"
    )


def overall(replays: Sequence[ReplayRun], going_on: Mapping[str, Verdict] | None = None) -> Verdict:
    """Return where a Replay stands by its replays; ``going_on`` says of unfinished ones where they stand.

    One that failed or differs is told at once: the others cannot mend it.
    """
    if not replays:
        return Verdict(Standing.WORKING, "Waiting", "nothing has been asked for yet")
    for replay in replays:
        if replay.outcome is Outcome.FAILED:
            return _failed(replay)
        if replay.verdict is not None and not replay.verdict.exact:
            return _diverged(replay, replay.verdict)
    for replay in replays:
        if replay.outcome is Outcome.CANCELLED:
            return Verdict(Standing.IDLE, "Cancelled", f"replay {replay.name} was cancelled: {replay.message or ''}")
    unfinished = [replay for replay in replays if replay.outcome is not Outcome.SUCCEEDED]
    if unfinished:
        waits = Verdict(Standing.WORKING, "Running", f"replay {unfinished[0].name} is running")
        return (going_on or {}).get(unfinished[0].name, waits)
    return _exact(replays)


def parity_of(together: Verdict) -> ConditionStatus:
    """Return the condition ``Parity``: unknown until every replay is judged or one is not exact."""
    if together.standing is Standing.READY:
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
        decisions=_worst(one.decisions for one in verdicts),
        execution=_worst(one.execution for one in verdicts),
        fills=f"{fewest.fills_matched}/{fewest.fills}",
        pnl_difference=max((one.pnl_difference for one in verdicts), key=lambda text: abs(Decimal(text))),
        divergence=NO_DIVERGENCE if divergence is None else _place(divergence),
    )


def _worst(parities: Iterable[Parity]) -> Parity:
    return Parity.DIVERGED if Parity.DIVERGED in set(parities) else Parity.EXACT


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
    first = "the final figures differ"
    if verdict.divergence is not None:
        one = verdict.divergence
        first = f"first at {_place(one)}: expected {one.expected or _NONE}, got {one.got or _NONE}"
    advice = "compare image and versions in its record, and run `tradeplane replay` where the run was made"
    return Verdict(Standing.STALLED, DIVERGED, f"{where} differs from its baseline ({what}); {first}; {advice}")


def _exact(replays: Sequence[ReplayRun]) -> Verdict:
    architectures = list(dict.fromkeys(replay.architecture.value for replay in replays))
    fills = replays[0].verdict.fills if replays[0].verdict is not None else 0
    many = "one replay" if len(replays) == 1 else f"{len(replays)} replays"
    return Verdict(
        Standing.READY, "Exact", f"{many} on {' and '.join(architectures)}: every record the same, {fills} fills"
    )
