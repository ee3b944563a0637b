"""plan() of a Strategy that is being deleted, and is kept until its runs are attested.

By its record alone: the spec may be one that cannot be read any more, and asks for nothing now. Runs that go on are
stopped, as they would be were it gone, and only what had succeeded by then is owed something.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tradeplane_api.conditions import ConditionType
from tradeplane_api.run import Outcome

from tradeplane_operator.planning.attestation_guard import Leaving, changed, last_moment
from tradeplane_operator.planning.attesting import attest, is_owed, said_of
from tradeplane_operator.planning.cleaning import Keeping, clean_up, unfinished
from tradeplane_operator.planning.conditions import spell
from tradeplane_operator.planning.documents import to_wire
from tradeplane_operator.planning.history import runs_of
from tradeplane_operator.planning.notices import notices
from tradeplane_operator.planning.outcomes import cancelled, final_verdict, progress
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.planning.wanted import Fact, Need, Plan

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_api.conditions import Condition
    from tradeplane_api.strategy import RunStatus, StrategyStatus

    from tradeplane_operator.planning.attesting import Attesting
    from tradeplane_operator.planning.observed import Observed
    from tradeplane_operator.settings import Settings

_NAMED = 4
_SEEN = timedelta(seconds=1)
"""How long what was recorded last is there to be seen."""


def plan_deleted(observed: Observed, status: StrategyStatus, settings: Settings, now: datetime) -> Plan:
    """Return what is wanted for a Strategy that is deleted while its runs are owed attestations. Pure."""
    metadata, evidence = observed.resource["metadata"], settings.evidence
    if evidence is None or not runs_of(status):
        return Plan(finalizers=changed(metadata, owed=False))
    runs, needs = _ended(observed, status, settings, now)
    attesting = attest(runs, observed.attestations, evidence, now)
    cleaning = clean_up(observed, attesting.runs, runs_of(status), Keeping(0, settings.retention), now)
    if cleaning.needs_fresh:
        needs.append(Need(Fact.FRESH_RESOURCE))
    if needs:
        return Plan(needs=tuple(dict.fromkeys(needs)))
    leaving = _leaving(observed, attesting, last_moment(metadata, evidence))
    recorded = not any(is_owed(run) for run in runs_of(status))  # a Replay that waits for that sees it a pass before
    conditions = _conditions(observed, status, attesting, leaving, now)
    left = {"conditions": conditions, "latest": attesting.runs[0], "history": tuple(attesting.runs[1:])}
    wanted = Plan(
        status=to_wire(status.model_copy(update=left)),
        delete=tuple(cleaning.delete),
        notices=notices(status.conditions, conditions),
        look_again_at=min([leaving.until if attesting.owed else now + _SEEN, *attesting.look, *cleaning.look]),
        attest=tuple(attesting.ask),
        owed=attesting.owed,
        awaits_confirmation=cleaning.awaits_confirmation,
    )
    return leaving.decided(wanted, metadata, now, goes=recorded and not attesting.owed)


def _ended(
    observed: Observed, status: StrategyStatus, settings: Settings, now: datetime
) -> tuple[list[RunStatus], list[Need]]:
    """Return the runs, each ended by itself or by this, and what must be known of those first."""
    runs, needs = list(runs_of(status)), []
    for index, run in enumerate(runs):
        if not unfinished(run):
            continue
        runs[index] = cancelled(run, rfc3339(now), "the Strategy was deleted")
        if run.outcome is Outcome.RUNNING:
            state = progress(run, observed, settings.pace, now, written=True, signed=True)
            needs += [] if state.need is None else [state.need]
            runs[index] = state.finished or runs[index]
    return runs, needs


def _leaving(observed: Observed, attesting: Attesting, until: datetime) -> Leaving:
    """Return what is owed in words; the reason is that of the oldest, which has waited longest."""
    waiting = [run.name for run in attesting.runs if run.name in attesting.owed]
    found = None if not waiting else observed.attestations.get(waiting[-1])
    named = ", ".join(waiting[:_NAMED]) + (f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else "")
    what = f"run {named}" if len(waiting) == 1 else f"{len(waiting)} runs ({named})"
    return Leaving(what, "" if found is None else found.message, until)


def _conditions(
    observed: Observed, status: StrategyStatus, attesting: Attesting, leaving: Leaving, now: datetime
) -> tuple[Condition, ...]:
    newest = attesting.runs[0]
    completed = final_verdict(newest)
    verdict = leaving.waits() if attesting.owed else completed
    also = {ConditionType.ATTESTED: said_of(newest, observed.attestations, completed)}
    return spell(verdict, observed.resource["metadata"]["generation"], rfc3339(now), status.conditions, also)
