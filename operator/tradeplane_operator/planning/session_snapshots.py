"""From a session that a closing sealed to its Snapshot, which outlives the Strategy.

The record of the closing says what was sealed; the Snapshot's name follows from the Strategy and the number of the
closing, so that an operator that ends anywhere between asks for the same one. Its name is recorded
(``status.session.snapshotName``) once it has been seen, and from then on it is not made again: a person may delete it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.session import SessionState

from tradeplane_operator.planning.bundles import under_policy
from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.names import API_VERSION, CLOSING_LABEL, GROUP, STRATEGY_UID_LABEL
from tradeplane_operator.planning.wanted import EventType, Fact, Need, Notice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.session import SessionStatus
    from tradeplane_api.snapshot import DeletionPolicy

    from tradeplane_operator.planning.paper_draft import Draft

STRATEGY_LABEL = f"{GROUP}/strategy"
"""Of a Snapshot: the name of the Strategy whose session it holds, where a label can hold that."""
SESSION_LABEL = f"{GROUP}/session"
"""Of a Snapshot: the name of the session, which it shares with one that an earlier closing sealed."""

_LONGEST_LABEL = 63
_READABLE, _HASHED = 35, 8
_EVENT_MESSAGE = 1_024


@dataclass(frozen=True, slots=True)
class Sealing:
    """Where the Snapshot of a closed session stands. ``session``: its record, the Snapshot's name in it once seen.

    ``trouble``: why the Snapshot cannot be made, where the API server said so.
    """

    session: SessionStatus
    trouble: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is to be made any more."""
        return not is_due(self.session)


def session_snapshot_name(strategy: str, uid: str, number: int) -> str:
    """Return the name of the Snapshot of a closing: at most 63 characters, and another for a Strategy made anew."""
    return f"{session_prefix(strategy, uid)}-{number}"


def session_prefix(strategy: str, uid: str) -> str:
    """Return what the names of the Snapshots of a Strategy's closings begin with."""
    readable = strategy.replace(".", "-")[:_READABLE].rstrip("-")
    return f"{readable}-{hashlib.sha256(uid.encode()).hexdigest()[:_HASHED]}-session"


def is_due(session: SessionStatus) -> bool:
    """Return whether a Snapshot of a closed session is still to be seen."""
    return session.state is SessionState.CLOSED and session.snapshot is not None and session.snapshot_name is None


def due_name(resource: Mapping[str, Any]) -> str:
    """Return the name of the Snapshot that a Strategy's closed session still waits for; none where there is none."""
    session = (resource.get("status") or {}).get("session")
    if not isinstance(session, dict) or session.get("state") != SessionState.CLOSED.value:
        return ""
    closing, metadata = session.get("closing"), resource["metadata"]
    number = closing.get("number") if isinstance(closing, dict) else None
    if not session.get("snapshot") or session.get("snapshotName") or not isinstance(number, int):
        return ""
    return session_snapshot_name(metadata["name"], metadata["uid"], number)


def seal(draft: Draft, session: SessionStatus) -> Sealing:
    """Want the Snapshot of a closed session made, and record it once it has been seen."""
    if not is_due(session):
        return Sealing(session)
    name, found = _name(draft.metadata, session), draft.observed.sealed
    if found is not None and found.name == name:
        if (found.digest, found.store) == (session.snapshot, session.store):
            return Sealing(session.model_copy(update={"snapshot_name": name}))
        message = (
            f"there is a Snapshot {name} that is not the session of this closing ({session.snapshot}); delete it, "
            "and that session becomes a Snapshot. Nothing is begun before"
        )
        draft.say(Verdict(Standing.STALLED, "SnapshotNameTaken", message))
        return Sealing(session, message)
    refusal = draft.observed.refusals.get(name)
    trouble = "" if refusal is None else f"the API server refused Snapshot {name}: {refusal.message}"
    if draft.put_off(name, "SnapshotRefused", f"Snapshot {name}"):
        return Sealing(session, trouble)
    if draft.observed.fresh:
        draft.snapshots.append(build_session_snapshot(draft.metadata, session, draft.observed.sealing_terms.policy))
    else:
        draft.needs.append(Need(Fact.FRESH_RESOURCE))  # it may have been made, and deleted by a person since
    return Sealing(session, trouble)


def build_session_snapshot(
    metadata: Mapping[str, Any], session: SessionStatus, policy: DeletionPolicy | None = None
) -> dict[str, Any]:
    """Return the manifest of the Snapshot of a closed session. It has no owner: it outlives its Strategy."""
    assert session.closing is not None  # noqa: S101 - one that is closed has the record of it
    labels = {STRATEGY_UID_LABEL: metadata["uid"], CLOSING_LABEL: str(session.closing.number)}
    if len(metadata["name"]) <= _LONGEST_LABEL:
        labels[STRATEGY_LABEL] = metadata["name"]
    if session.session is not None:
        labels[SESSION_LABEL] = session.session
    guard, kept = under_policy(policy)
    return {
        "apiVersion": API_VERSION,
        "kind": "Snapshot",
        "metadata": {"name": _name(metadata, session), "namespace": metadata["namespace"], "labels": labels, **guard},
        "spec": {"store": session.store, "digest": session.snapshot, **kept},
    }


def not_made(sealing: Sealing) -> Notice:
    """Return what is told of a session that goes on, or goes, without a Snapshot of its last closing."""
    session = sealing.session
    kept = f"; the session lies in store {session.store!r} as {session.snapshot}: create a Snapshot of that digest"
    return Notice(EventType.WARNING, "SnapshotNotMade", sealing.trouble[: _EVENT_MESSAGE - len(kept)] + kept)


def _name(metadata: Mapping[str, Any], session: SessionStatus) -> str:
    assert session.closing is not None  # noqa: S101 - one that is closed has the record of it
    return session_snapshot_name(metadata["name"], metadata["uid"], session.closing.number)
