"""Letting a Strategy go that traded: once its session is closed and a Snapshot, or once that took as long as it may.

What could not be done is said in an Event, because the object that would have said it is gone then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.session import SessionState

from tradeplane_operator.planning.closing import closed_words, sealed
from tradeplane_operator.planning.paper_names import CLOSING_FINALIZER, claim_name
from tradeplane_operator.planning.session_snapshots import not_made
from tradeplane_operator.planning.times import parse_rfc3339
from tradeplane_operator.planning.wanted import EventType, Notice, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.session import SessionStatus

    from tradeplane_operator.planning.session_snapshots import Sealing
    from tradeplane_operator.settings import Settings

_EVENT_MESSAGE = 1_024
_CLOSING_SECONDS = 120
"""How long closing may take where the record that says so cannot be read."""


@dataclass(frozen=True, slots=True)
class Going:
    """A Strategy that is being deleted.

    ``session``: the record as the plan leaves it; ``written``: as it is. ``sealing``: where the Snapshot of a session
    that is closed stands. ``said``: what was last said of the closing.
    """

    session: SessionStatus | None
    written: SessionStatus | None
    sealing: Sealing | None
    said: str

    @property
    def closed(self) -> bool:
        """Whether the session is closed, and that is recorded."""
        states = [None if one is None else one.state for one in (self.session, self.written)]
        return states == [SessionState.CLOSED, SessionState.CLOSED]


@dataclass(frozen=True, slots=True)
class Released:
    """Whether a Strategy may go. ``plan``: by which it goes; None while its session is being closed, or sealed."""

    limit: datetime
    plan: Plan | None = None


def release(metadata: Mapping[str, Any], going: Going, settings: Settings, now: datetime) -> Released:
    """Return whether a Strategy may go: closed, and a Snapshot, or both given up."""
    session = going.session
    seconds = _CLOSING_SECONDS if session is None else session.closing_seconds
    limit = _limit(metadata, seconds, settings)
    if session is None:
        return Released(limit, _go(metadata))
    if going.closed:
        return Released(limit, _closed(metadata, session, going.sealing, over=now >= limit))
    if now >= limit:
        why = f"; last: {going.said}" if going.said else ""
        words = f"the session could not be closed in time{why}; orders and positions may be left at the broker"
        return Released(limit, _go(metadata, (_kept(metadata, "ClosingGivenUp", words),)))
    return Released(limit)


def _closed(metadata: Mapping[str, Any], session: SessionStatus, sealing: Sealing | None, *, over: bool) -> Plan | None:
    """Return the plan by which a Strategy goes whose session is closed; None while that is still to be a Snapshot."""
    told: tuple[Notice, ...] = ()
    if sealing is not None and not sealing.done:
        if not (over and sealing.trouble):
            return None
        told = (not_made(sealing),)
    if sealed(session):
        return _go(metadata, told, (claim_name(metadata["name"], metadata["uid"]),))
    return _go(metadata, (*told, _kept(metadata, "VolumeKept", closed_words(session))))


def release_unread(resource: Mapping[str, Any], message: str, settings: Settings, now: datetime) -> Plan:
    """Return a plan for a Strategy that is being deleted and whose record cannot be read: it waits, and then goes."""
    metadata = resource["metadata"]
    session = (resource.get("status") or {}).get("session")
    seconds = session.get("closingSeconds") if isinstance(session, dict) else 0
    limit = _limit(metadata, seconds if isinstance(seconds, int) else _CLOSING_SECONDS, settings)
    if session is None:
        return _go(metadata)
    if now < limit:
        return Plan(look_again_at=limit)
    words = (
        f"{message}; the session could not be closed by this operator: orders and positions may be left at the broker"
    )
    return _go(metadata, (_kept(metadata, "ClosingGivenUp", words),))


def _limit(metadata: Mapping[str, Any], seconds: int, settings: Settings) -> datetime:
    allowed = timedelta(seconds=seconds + settings.pace.closing_grace_seconds)
    return parse_rfc3339(metadata["deletionTimestamp"]) + allowed


def _kept(metadata: Mapping[str, Any], reason: str, words: str) -> Notice:
    claim = claim_name(metadata["name"], metadata["uid"])
    kept = f"; PersistentVolumeClaim {claim} has the record of the session and is kept: delete it when it is not needed"
    return Notice(EventType.WARNING, reason, words[: _EVENT_MESSAGE - len(kept)] + kept)


def _go(metadata: Mapping[str, Any], told: tuple[Notice, ...] = (), claims: tuple[str, ...] = ()) -> Plan:
    others = tuple(each for each in metadata.get("finalizers") or () if each != CLOSING_FINALIZER)
    return Plan(finalizers=others, claims=claims, notices=told)
