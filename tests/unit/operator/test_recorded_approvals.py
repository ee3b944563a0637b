"""What the ledger is told of an Approval: of the Strategy that was signed for, and nothing that was not signed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.ledger.events import Action, Claimed
from tradeplane_evidence.statements.approval import approval_statement
from tradeplane_evidence.statements.statement import serialise
from tradeplane_operator.recording.approvals import approvals
from tradeplane_operator.recording.sightings import Sighting
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import sample_approvals, sample_runs
from tests.unit.evidence.sample_approvals import APPROVAL, CONFIGURATION, OBJECT, USER

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.ledger.events import Event

SEEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    return sample_approvals.bundle(sample_runs.signer_in(tmp_path)).decode()


def _said(bundle: str, kind: str = "Approval", namespace: str = "trading", **spec: Any) -> list[Event]:
    managed = {"manager": "kubectl", "time": "2026-01-05T09:01:00Z", "fieldsV1": {"f:spec": {}}}
    written = {"manager": "operator", "time": "2026-01-05T09:02:00Z", "fieldsV1": {"f:status": {}}}
    body = {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "one", "namespace": namespace, "uid": "uid-9", "managedFields": [managed, written]},
        "spec": {"strategyRef": {"name": OBJECT.name}, "configuration": CONFIGURATION, "user": USER, "bundle": bundle}
        | spec,
    }
    return list(approvals(Sighting(body, deleted=False, at=SEEN)))


def test_an_approval_is_an_event_of_the_strategy(bundle: str) -> None:
    (event,) = _said(bundle)
    assert (event.action, event.actor) == (Action.APPROVED, Claimed(by="kubectl"))
    assert (event.object.kind, event.object.namespace, event.object.name) == ("Strategy", "trading", OBJECT.name)
    assert event.object.uid == OBJECT.uid
    assert (event.configuration, event.note) == (CONFIGURATION, USER)
    assert event.attestation == sha256_digest(serialise(approval_statement(APPROVAL, CONFIGURATION)))
    assert event.occurred == "2026-01-05T09:00:00.000000Z", "when they signed it, by their word"


def test_the_same_approval_seen_again_is_the_same_event(bundle: str) -> None:
    assert _said(bundle)[0].key == _said(bundle)[0].key


@pytest.mark.parametrize(
    "changed",
    [
        {"user": "bob@example.com"},
        {"configuration": "sha256:" + "22" * 32},
        {"strategyRef": {"name": "other"}},
        {"strategyRef": None},
        {"namespace": "other"},
        {"kind": "Snapshot"},
        {"bundle": "{}"},
        {"bundle": ""},
        {"bundle": None},
    ],
)
def test_what_does_not_say_what_was_signed_is_no_approval(bundle: str, changed: dict[str, Any]) -> None:
    assert _said(**{"bundle": bundle, **changed}) == []


def test_a_time_that_is_none_keeps_nothing_else_out(tmp_path: Path) -> None:
    signer = sample_runs.signer_in(tmp_path)
    assert _said(sample_approvals.bundle(signer, time="2026-02-30T09:00:00Z").decode()) == []
