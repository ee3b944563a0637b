"""When a schedule fires, as batch/v1 CronJob does: the most recent missed time counts, older ones are forgotten.

Daylight saving time follows Debian's cron, as cronsim does: a time that a change of clocks skips fires at the change, a
time that occurs twice fires once, and schedules with a wildcard hour follow the clock's real hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from tradeplane_api.strategy import Schedule


class ScheduleError(ValueError):
    """A schedule that cannot be read; the message names the field."""


@dataclass(frozen=True, slots=True)
class Firing:
    """What a schedule asks for at a moment.

    ``due``: the time whose run is to be started now. ``missed``: a due time past its starting deadline, given up.
    ``next``: when it fires next.
    """

    due: datetime | None
    missed: datetime | None
    next: datetime


def check_schedule(schedule: Schedule) -> None:
    """Raise ScheduleError where cron expression or time zone cannot be read, or never fires."""
    next_time(schedule, datetime(2000, 1, 1, tzinfo=UTC))


def next_time(schedule: Schedule, after: datetime) -> datetime:
    """Return the first time the schedule fires after a moment, UTC. Raises ScheduleError."""
    return _first(schedule, after, reverse=False)


def fires_at(schedule: Schedule, moment: datetime) -> bool:
    """Return whether a moment is one of the schedule's times. Raises ScheduleError."""
    return next_time(schedule, moment - timedelta(seconds=1)) == moment


def firing(schedule: Schedule, expected: datetime | None, now: datetime) -> Firing:
    """Return what a schedule asks for now.

    ``expected`` is the next time as written when the schedule was last looked at; None for a schedule not seen before,
    which then asks for nothing in the past. Raises ScheduleError.
    """
    following = next_time(schedule, now)
    if expected is None or expected > now:
        return Firing(due=None, missed=None, next=min(expected, following) if expected else following)
    # What lies before the next whole second is not after now; the search leaves out its own start.
    latest = _first(schedule, now.replace(microsecond=0) + timedelta(seconds=1), reverse=True)
    if latest < expected:
        return Firing(due=None, missed=None, next=following)
    deadline = schedule.starting_deadline_seconds
    if deadline is not None and now - latest > timedelta(seconds=deadline):
        return Firing(due=None, missed=latest, next=following)
    return Firing(due=latest, missed=None, next=following)


def _first(schedule: Schedule, moment: datetime, *, reverse: bool) -> datetime:
    try:
        zone = ZoneInfo(schedule.time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleError(
            f"spec.schedule.timeZone {schedule.time_zone!r} is not an IANA time zone, such as Europe/Zurich"
        ) from error
    try:
        return next(CronSim(schedule.cron, moment.astimezone(zone), reverse=reverse)).astimezone(UTC)
    except CronSimError as error:
        raise ScheduleError(f"spec.schedule.cron {schedule.cron!r} is not a cron expression: {error}") from error
    except StopIteration as error:
        raise ScheduleError(f"spec.schedule.cron {schedule.cron!r} names a time that does not occur") from error
