"""The runs a status keeps: the newest, and those before it, newest first and only so many.

An unfinished run is never dropped, whatever the limits: its record is what keeps it from being asked for twice. Nor is
one that is still to be attested: its record is all that says so. One that has just ended stays for the write that says
so. A status holds so many of all, so that none starts beyond that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.run import Outcome

from tradeplane_operator.planning.cleaning import unfinished

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tradeplane_api.strategy import RunStatus, StrategySpec, StrategyStatus


MOST_OUTSTANDING = 100
"""Unfinished runs and those that are owed something of a Strategy, none of which may go, beyond which no other starts:
with the 50 that ``historyLimit`` may ask for besides, a status has no more than the 150 that it holds."""


def runs_of(status: StrategyStatus) -> tuple[RunStatus, ...]:
    """Return all runs a status knows, newest first."""
    return (() if status.latest is None else (status.latest,)) + status.history


def outstanding(runs: Sequence[RunStatus], owed: Collection[str]) -> tuple[RunStatus, ...]:
    """Return those runs that a status may not drop: unfinished, or ``owed`` something, by their names."""
    return tuple(run for run in runs if unfinished(run) or run.name in owed)


def trimmed(
    before: Sequence[RunStatus], spec: StrategySpec, owed: frozenset[str] = frozenset()
) -> tuple[RunStatus, ...]:
    """Return the runs before the newest that a status keeps.

    ``historyLimit`` holds in all cases; of scheduled runs, the schedule's own limits hold besides. Beyond them those
    stay that are ``owed`` something, by their names, however many they are.
    """
    kept: list[RunStatus] = []
    counted: dict[Outcome, int] = {}
    within_limits = 0
    for run in before:
        if unfinished(run):
            kept.append(run)
            continue
        counted[run.outcome] = counted.get(run.outcome, 0) + 1
        within = within_limits < spec.history_limit and _within(run, counted[run.outcome], spec)
        within_limits += within
        if within or run.name in owed:
            kept.append(run)
    return tuple(kept)


def _within(run: RunStatus, position: int, spec: StrategySpec) -> bool:
    """Return whether a finished run is within the limits of the schedule, if any asked for it."""
    if spec.schedule is None or run.scheduled_time is None:
        return True
    if run.outcome is Outcome.SUCCEEDED:
        return position <= spec.schedule.successful_runs_history_limit
    return position <= spec.schedule.failed_runs_history_limit
