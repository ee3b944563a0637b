"""What the sight of an object says to the ledger: the same whenever it is seen, and no more than was claimed."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tradeplane_evidence.ledger.events import Action, Claimed
from tradeplane_operator.recording.sightings import RECORDER, Sighting, applied, attested, deleted, manager_of, runs
from tradeplane_store.canonical import sha256_digest

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
DIGEST, RESULT, ATTESTATION = (sha256_digest(word) for word in (b"run", b"result", b"attestation"))


def managed(manager: str, fields: str, time: str | None = "2026-01-05T09:00:00Z", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Apply", "time": time, "fieldsV1": {fields: {}}, **more}


def run(number: int, **more: Any) -> dict[str, Any]:
    return {
        "name": f"macd-{number}",
        "generation": 1,
        "outcome": "Succeeded",
        "startTime": "2026-01-05T09:01:00Z",
        "completionTime": "2026-01-05T09:02:00.5Z",
        "runDigest": DIGEST,
        "resultDigest": RESULT,
        **more,
    }


def strategy(**status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {
            "name": "macd",
            "namespace": "trading",
            "uid": "4d1f8c9e",
            "generation": 1,
            "managedFields": [managed("kubectl", "f:spec"), managed("tradeplane-operator", "f:status")],
        },
        "spec": {"capital": "100000"},
        "status": status,
    }


def seen(body: dict[str, Any], at: datetime = NOW) -> Sighting:
    return Sighting(body, deleted=False, at=at)


def said(body: dict[str, Any], at: datetime = NOW) -> list[tuple[str, str | None, str | None]]:
    return [(event.action.value, event.run, event.note) for event in runs(seen(body, at), {1: DIGEST})]


def test_a_generation_is_claimed_by_who_wrote_the_specification() -> None:
    event = applied(seen(strategy()), DIGEST, {})
    assert event.actor == Claimed(by="kubectl")
    assert (event.action, event.generation, event.configuration) == (Action.APPLIED, 1, DIGEST)
    assert event.occurred == "2026-01-05T09:00:00.000000Z"
    assert (event.object.kind, event.object.namespace, event.object.name, event.object.uid) == (
        "Strategy",
        "trading",
        "macd",
        "4d1f8c9e",
    )


@pytest.mark.parametrize(
    ("earlier", "action"),
    [
        ({}, Action.APPLIED),
        ({1: DIGEST}, Action.APPLIED),  # the same again, as when metadata that counts as specification changed
        ({1: RESULT, 2: DIGEST}, Action.APPLIED),
        ({1: DIGEST, 2: RESULT}, Action.ROLLED_BACK),
        ({2: RESULT, 1: DIGEST}, Action.ROLLED_BACK),
        ({1: DIGEST, 2: None}, Action.ROLLED_BACK),
        ({1: RESULT, 2: None}, Action.APPLIED),
        ({8: DIGEST, 9: RESULT}, Action.APPLIED),  # later ones, recorded before it was seen
    ],
)
def test_what_an_earlier_generation_had_is_a_rollback(earlier: dict[int, str | None], action: Action) -> None:
    body = strategy()
    body["metadata"]["generation"] = 3
    assert applied(seen(body), DIGEST, earlier).action is action
    assert applied(seen(body), None, {1: None, 2: DIGEST}).action is Action.APPLIED


def test_runs_are_told_from_the_oldest_to_the_newest() -> None:
    attested = run(2, attestation={"attestation": ATTESTATION, "time": "2026-01-05T09:03:00Z"})
    body = strategy(
        latest=run(4, outcome="Running"), history=[run(3, outcome="Failed", resultDigest=None), attested, run(1)]
    )
    assert said(body) == [
        ("started", "macd-1", None),
        ("finished", "macd-1", "Succeeded"),
        ("started", "macd-2", None),
        ("finished", "macd-2", "Succeeded"),
        ("attested", "macd-2", None),
        ("started", "macd-3", None),
        ("finished", "macd-3", "Failed"),
        ("started", "macd-4", None),
    ]
    finished, attestation = list(runs(seen(body), {1: DIGEST}))[3:5]
    assert (finished.run_digest, finished.result, finished.configuration) == (DIGEST, RESULT, DIGEST)
    assert (attestation.attestation, attestation.occurred) == (ATTESTATION, "2026-01-05T09:03:00.000000Z")
    assert finished.occurred == "2026-01-05T09:02:00.500000Z"


@pytest.mark.parametrize("kind", ["Snapshot", "Replay"])
def test_that_an_object_itself_was_attested_is_said_once_whatever_becomes_of_its_specification(kind: str) -> None:
    found = {"attestation": ATTESTATION, "reference": "r.example/x", "time": "2026-01-05T09:03:00Z"}
    body = {**strategy(attestation=found), "kind": kind}
    (event,) = attested(seen(body))
    assert (event.action, event.attestation, event.actor) == (
        Action.ATTESTED,
        ATTESTATION,
        Claimed(by="tradeplane-operator"),
    )
    assert event.occurred == "2026-01-05T09:03:00.000000Z"
    assert (event.run, event.generation, event.configuration) == (None, None, None)
    body["metadata"]["generation"] = 2
    (again,) = attested(seen(body, NOW + timedelta(hours=1)))
    assert again.key == event.key
    (another,) = attested(seen({**body, "status": {"attestation": {**found, "attestation": RESULT}}}))
    assert another.key != event.key


@pytest.mark.parametrize("status", [{}, {"attestation": None}, {"latest": run(1)}])
def test_of_what_is_not_attested_nothing_is_said(status: dict[str, Any]) -> None:
    assert list(attested(seen(strategy(**status)))) == []


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"latest": None, "history": None},
        {"latest": {"name": "macd-1", "generation": 1, "outcome": "Pending"}},
    ],
)
def test_what_has_not_begun_is_not_told(status: dict[str, Any]) -> None:
    assert said(strategy(**status)) == []


def test_what_moves_on_says_again_what_it_said() -> None:
    """A run that was the latest and is history now, seen at another time, has the keys that it had."""
    before = strategy(latest=run(1))
    after = copy.deepcopy(strategy(latest=run(2, outcome="Running"), history=[run(1)]))
    keys = [event.key for event in runs(seen(before), {1: DIGEST})]
    later = [event.key for event in runs(seen(after, NOW + timedelta(days=1)), {1: DIGEST})]
    assert later[: len(keys)] == keys
    assert len(set(later)) == len(later)


def test_runs_of_one_generation_are_not_taken_for_each_other() -> None:
    first, second = (list(runs(seen(strategy(latest=run(n))), {})) for n in (1, 2))
    assert not {event.key for event in first} & {event.key for event in second}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], RECORDER),
        (None, RECORDER),
        ([managed("kubectl", "f:metadata")], RECORDER),
        ([managed("kubectl", "f:spec", "2026-01-01T00:00:00Z"), managed("argocd", "f:spec")], "argocd"),
        ([managed("argocd", "f:spec"), managed("kubectl", "f:spec", None)], "argocd"),
        ([managed("operator", "f:status", "2027-01-01T00:00:00Z"), managed("argocd", "f:spec")], "argocd"),
        ([{"manager": "argocd"}, managed("", "f:spec")], RECORDER),
    ],
)
def test_who_wrote_it_is_the_newest_manager_of_those_fields(entries: Any, expected: str) -> None:
    assert manager_of({"metadata": {"managedFields": entries}}, "f:spec")[0] == expected


def test_a_deletion_names_nobody() -> None:
    event = deleted(seen(strategy()).reference, NOW)
    assert (event.action, event.actor) == (Action.DELETED, Claimed(by=RECORDER))


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_that_of_the_sighting(time: str) -> None:
    body = strategy(latest=run(1, completionTime=time))
    (_, finished) = runs(seen(body), {})
    assert finished.occurred == "2026-01-05T09:30:00.000000Z"
