"""Events made by hand, and chains of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.ledger.entries import GENESIS, HASH, Row, row_of
from tradeplane_evidence.ledger.events import Action, Authenticated, Claimed, Event, ObjectReference
from tradeplane_store.canonical import sha256_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

OBJECT = ObjectReference(
    api_version="tradeplane.dev/v1alpha1",
    kind="Strategy",
    namespace="trading",
    name="sp500-macd",
    uid="4d1f8c9e-0000-4000-8000-000000000001",
)
ALICE = Authenticated(user="alice@example.com", groups=("system:authenticated", "traders"), audit_id="a-1")
KUBECTL = Claimed(by="kubectl-client-side-apply")
OCCURRED = "2026-01-05T09:00:00.000000Z"
RECORDED = "2026-01-05T09:00:01.500000Z"
NOW = datetime(2026, 1, 5, 9, 0, 1, 500_000, tzinfo=UTC)


def event(number: int = 1, **changed: Any) -> Event:
    """Return an event; others have another generation."""
    values = {
        "action": Action.APPLIED,
        "object": OBJECT,
        "actor": ALICE if number % 2 else KUBECTL,
        "occurred": OCCURRED,
        "generation": number,
        "configuration": sha256_digest(b"specification %d" % number),
    }
    return Event(**{**values, **changed})


def chain(events: Sequence[Event]) -> list[Row]:
    """Return the rows of events, each after the one before."""
    rows: list[Row] = []
    for number, one in enumerate(events, 1):
        rows.append(row_of(one, one.key, number, rows[-1][HASH] if rows else GENESIS, RECORDED))
    return rows
