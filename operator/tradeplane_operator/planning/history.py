"""The runs a status keeps: the newest, and those before it, newest first and only so many.

An unfinished run is never dropped, whatever the limits: its record is what keeps it from being asked for twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.run import Outcome

from tradeplane_operator.planning.cleaning import unfinished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_api.strategy import RunStatus, StrategySpec, StrategyStatus


_MOST_OWED = 140
"""Runs beyond the limits that a status keeps for what they are owed; it holds 150 in all."""


def runs_of(status: StrategyStatus) -> tuple[RunStatus, ...]:
    """Return all runs a status knows, newest first."""
    return (() if status.latest is None else (status.latest,)) + status.history


def trimmed(
    before: Sequence[RunStatus], spec: StrategySpec, owed: frozenset[str] = frozenset()
) -> tuple[RunStatus, ...]:
    """Return the runs before the newest that a status keeps.

    ``historyLimit`` holds in all cases; of scheduled runs, the schedule's own limits hold besides. Beyond them those
    stay that are ``owed`` something, by their names, as far as a status holds them.
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
        if within or (run.name in owed and len(kept) < _MOST_OWED):
            kept.append(run)
    return tuple(kept)


def _within(run: RunStatus, position: int, spec: StrategySpec) -> bool:
    """Return whether a finished run is within the limits of the schedule, if any asked for it."""
    if spec.schedule is None or run.scheduled_time is None:
        return True
    if run.outcome is Outcome.SUCCEEDED:
        return position <= spec.schedule.successful_runs_history_limit
    return position <= spec.schedule.failed_runs_history_limit
