"""What a ledger in a real Postgres has on authority of which object, and what of its specifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_evidence.ledger.appending import append
from tradeplane_evidence.ledger.events import Action
from tradeplane_evidence.ledger.reading import applied_of, authenticated_of

from tests.integration.evidence.ledgers import appender, database, owner, server
from tests.unit.evidence.sample_events import ALICE, KUBECTL, OBJECT, event

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["appender", "database", "owner", "server"]

EARLIER, LATER = "2026-01-05T08:00:00.000000Z", "2026-01-05T10:00:00.000000Z"
AGAIN = OBJECT.model_copy(update={"uid": "made-again"})
OTHER = OBJECT.model_copy(update={"name": "other", "uid": "other"})
ELSEWHERE = OBJECT.model_copy(update={"namespace": "research", "uid": "elsewhere"})
BOB = ALICE.model_copy(update={"user": "bob", "audit_id": "b-1"})


def test_what_is_authenticated_is_found_by_object_and_generation(appender: Engine) -> None:
    events = [
        event(1, actor=ALICE, occurred=LATER),
        event(1, actor=BOB, occurred=EARLIER),
        event(2, actor=KUBECTL),
        event(3, actor=ALICE, action=Action.ROLLED_BACK),
        event(4, actor=ALICE, action=Action.APPROVED),
        event(1, actor=ALICE, object=AGAIN),
        event(5, actor=ALICE, object=OTHER, action=Action.DELETED, generation=None),
        event(6, actor=ALICE, object=ELSEWHERE),
    ]
    append(appender, events)
    occurred = event().occurred
    assert authenticated_of(appender, [OBJECT]) == {OBJECT.uid: {1: EARLIER, 3: occurred}}
    assert authenticated_of(appender, [AGAIN, OTHER, ELSEWHERE]) == {
        AGAIN.uid: {1: occurred},
        OTHER.uid: {None: occurred},
        ELSEWHERE.uid: {6: occurred},
    }
    assert authenticated_of(appender, []) == authenticated_of(appender, [OBJECT.model_copy(update={"uid": "x"})]) == {}


def test_a_specification_that_somebody_names_is_that_of_its_generation(appender: Engine) -> None:
    named, other = event(1).configuration, event(2).configuration
    append(
        appender,
        [
            event(1, actor=ALICE, configuration=None),
            event(1, actor=KUBECTL),
            event(1, actor=BOB, configuration=other),
            event(2, actor=ALICE, configuration=None),
        ],
    )
    assert applied_of(appender, OBJECT) == {1: named, 2: None}
