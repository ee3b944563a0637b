"""Which Jobs may go: those whose end is recorded, and was seen to be, once their time to be kept is over.

A Job that no record explains goes too, but only after the object was read anew: the record may just be stale.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from tradeplane_api.run import Outcome

from tradeplane_operator.planning.times import parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_operator.planning.observed import Observed
    from tradeplane_operator.settings import Retention


class Recorded(Protocol):
    """What a status records of something that has a Job: a run, a replay."""

    @property
    def name(self) -> str:
        """Its name, and its Job's."""

    @property
    def outcome(self) -> Outcome:
        """Where it stands."""

    @property
    def completion_time(self) -> str | None:
        """When it ended, RFC 3339."""


@dataclass(slots=True)
class Cleaning:
    """What is wanted of Jobs that are no longer needed.

    ``needs_fresh``: the object must be read anew first. ``awaits_confirmation``: something follows once a watch has
    shown the status as it is to be.
    """

    delete: list[str] = field(default_factory=list)
    look: list[datetime] = field(default_factory=list)
    needs_fresh: bool = False
    awaits_confirmation: bool = False


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long Jobs are kept: ``ttl`` in seconds where their owner says so, the settings' otherwise."""

    ttl: int | None
    retention: Retention

    def until(self, ended: Recorded) -> datetime | None:
        """Return until when the Job of something that ended is kept; None where it need not be."""
        if ended.outcome is Outcome.CANCELLED or ended.completion_time is None:
            return None
        seconds = self.ttl
        if seconds is None:
            succeeded = ended.outcome is Outcome.SUCCEEDED
            seconds = self.retention.succeeded_seconds if succeeded else self.retention.failed_seconds
        return parse_rfc3339(ended.completion_time) + timedelta(seconds=seconds)


def unfinished(recorded: Recorded) -> bool:
    """Return whether something waits or goes on: it may still have, or get, a Job."""
    return recorded.outcome in (Outcome.PENDING, Outcome.RUNNING)


def clean_up(
    observed: Observed, planned: Iterable[Recorded], written: Iterable[Recorded], keeping: Keeping, now: datetime
) -> Cleaning:
    """Return which Jobs may go. ``planned``: the record as the plan leaves it; ``written``: as it is."""
    found = Cleaning()
    known = {each.name: each for each in planned}
    seen = {each.name for each in written if not unfinished(each)} if observed.confirmed else set()
    for job in observed.jobs.values():
        record = known.get(job.name)
        if job.deleting or (record is not None and unfinished(record)):
            continue
        if record is None:
            _unknown(found, observed, job.name)
        else:
            kept_until = None if job.end is None else keeping.until(record)  # what goes on for nothing is stopped
            _finished(found, record, kept_until, now, seen=job.name in seen)
    return found


def _unknown(found: Cleaning, observed: Observed, name: str) -> None:
    if not observed.confirmed:
        found.awaits_confirmation = True
    elif observed.fresh:
        found.delete.append(name)
    else:
        found.needs_fresh = True


def _finished(found: Cleaning, record: Recorded, kept_until: datetime | None, now: datetime, *, seen: bool) -> None:
    if kept_until is not None and kept_until > now:
        found.look.append(kept_until)
    elif seen:
        found.delete.append(record.name)
    else:
        found.awaits_confirmation = True
