"""The days that an export is of: whole days in UTC, the first and the last included.

Days and not moments, so that what is asked for in a letter ("the first quarter") is what is typed, and no run of the
last day is lost to an hour nobody thought of. Days of another time zone would make the same request two sets of runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from tradeplane_evidence.errors import Malformed


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both included."""

    first: date
    last: date

    def includes(self, moment: datetime) -> bool:
        """Say whether a moment is of one of the days, in UTC: from 00:00:00 of the first to before the next day."""
        return self.first <= moment.astimezone(UTC).date() <= self.last

    @property
    def end(self) -> datetime:
        """The first moment that is after it."""
        return datetime(self.last.year, self.last.month, self.last.day, tzinfo=UTC) + timedelta(days=1)


def read_period(first: str, last: str) -> Period:
    """Return the period of two days that are written as 2026-03-31. Raises Malformed."""
    found = Period(_day(first, "the first day"), _day(last, "the last day"))
    if found.last < found.first:
        raise Malformed(f"the period ends ({last}) before it begins ({first}); both days are included in it")
    return found


def _day(text: str, what: str) -> date:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        raise Malformed(f"{what} is {text[:64]!r}; write a day in UTC as 2026-03-31")
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"{what} is {text}, which is no day of the calendar") from error
    if found == date.max:
        raise Malformed(f"{what} is {text}, and the calendar ends there")
    return found
