"""Whether what replays found is attested: what it can hang on, when it is done, and what a Replay says of it.

A result of tests is about the results of the run as they were attested, so it waits for those; a session is put into
the registry with it. What was not judged, and what was held to something else than is recorded, is no test of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.conditions import ConditionStatus
from tradeplane_api.parity import Parity
from tradeplane_api.run import Outcome

from tradeplane_operator.planning.attesting_objects import ObjectAttesting, attempted
from tradeplane_operator.planning.conditions import Standing, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tradeplane_api.replay import PinnedBaseline, ReplayRun

    from tradeplane_operator.planning.attesting import AttestationFacts
    from tradeplane_operator.planning.replay_pins import StrategyView
    from tradeplane_operator.settings import Evidence


@dataclass(frozen=True, slots=True)
class JudgedReplays:
    """Replays of a run, or of a session, that are to be attested together; ``name`` is that of the first of them."""

    name: str
    pinned: PinnedBaseline
    replays: tuple[ReplayRun, ...]


def with_reference(pinned: PinnedBaseline, strategy: StrategyView | None) -> PinnedBaseline:
    """Return what is replayed with where its results are attested, as soon as the Strategy's status says that."""
    if pinned.baseline is None or pinned.reference is not None or strategy is None:
        return pinned
    run = next((run for run in strategy.finished if run.name == pinned.baseline.run), None)
    if run is None or run.manifest_digest != pinned.baseline.manifest or not run.reference:
        return pinned
    return pinned.model_copy(update={"reference": run.reference})


def attest(
    pinned: PinnedBaseline,
    replays: Sequence[ReplayRun],
    strategy: StrategyView | None,
    facts: Mapping[str, AttestationFacts],
    evidence: Evidence,
    now: datetime,
) -> ObjectAttesting[JudgedReplays]:
    """Return where the attestation of replays stands that are not attested yet.

    Their record in the status is what says that the operator itself took their verdicts for what they found.
    """
    nothing = _nothing_to_attest(pinned, replays)
    if nothing:
        return ObjectAttesting(ConditionStatus.UNKNOWN, Verdict(Standing.IDLE, "NothingToAttest", nothing))
    unjudged = next((each for each in replays if each.outcome is not Outcome.SUCCEEDED or each.verdict is None), None)
    if unjudged is not None:
        return _false(Standing.IDLE, "NotJudged", _why_not(unjudged))
    if pinned.session is None and pinned.reference is None:
        return _without_results(pinned, strategy)
    judged = JudgedReplays(replays[0].name, pinned, tuple(replays))
    what = f"what the replays of {_what(pinned)} found is"
    return attempted(
        judged,
        facts.get(judged.name),
        evidence,
        now,
        being=f"{what} being attested",
        not_yet=lambda why: f"{what} not attested yet: {why}; tried again",
    )


def _nothing_to_attest(pinned: PinnedBaseline, replays: Sequence[ReplayRun]) -> str:
    """Return why no result of tests can come of these replays, "" where one can."""
    if pinned.simulation is not None:
        return "the session is decided by another Strategy (spec.strategyRef), and not by what it recorded itself"
    if pinned.against is not None:
        return "the run is held to another one (spec.baseline), and not to what it left itself"
    verdicts = [each.verdict for each in replays if each.verdict is not None]
    if any(Parity.UNJUDGED in (one.decisions, one.execution) for one in verdicts):
        return "what is compared and not judged is no test of what it is of"
    return ""


def _why_not(replay: ReplayRun) -> str:
    if replay.outcome in (Outcome.FAILED, Outcome.CANCELLED):
        return f"replay {replay.name} came to no verdict, and only what all of them found is attested"
    return f"replay {replay.name} has not ended; what all of them found is attested together"


def _without_results(pinned: PinnedBaseline, strategy: StrategyView | None) -> ObjectAttesting[JudgedReplays]:
    """Return what is said where the run's results are not in a registry: it waits while they may come there."""
    name = _run(pinned)
    if strategy is not None and any(run.name == name for run in strategy.finished):
        message = f"run {name} is not attested yet, and what its replays found is hung on its results"
        return _false(Standing.WORKING, "RunNotAttested", message)
    message = (
        f"run {name} is not in the status of its Strategy any more and was not attested by then, so nothing can hang "
        "on its results; replay one that is attested"
    )
    return _false(Standing.STALLED, "RunGone", message)


def _false(standing: Standing, reason: str, message: str) -> ObjectAttesting[JudgedReplays]:
    return ObjectAttesting(ConditionStatus.FALSE, Verdict(standing, reason, message))


def _run(pinned: PinnedBaseline) -> str:
    return "" if pinned.baseline is None else pinned.baseline.run


def _what(pinned: PinnedBaseline) -> str:
    return _run(pinned) if pinned.session is None else f"session {pinned.session}"
