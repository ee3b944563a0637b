"""The recorder with a ledger that fails: what was seen is said again until it is entered, and never held without limit.

tests/integration/operator has it between an API server and a Postgres.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from tradeplane_evidence.errors import DigestMismatch
from tradeplane_evidence.ledger.errors import LedgerUnavailable
from tradeplane_evidence.ledger.events import APPLIES
from tradeplane_operator.observing.relisting import Collection
from tradeplane_operator.recording import recorder as module
from tradeplane_operator.recording.recorder import Recorder, RecorderBehind
from tradeplane_operator.settings import Client
from tradeplane_store.canonical import sha256_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_evidence.ledger.events import Event, ObjectReference

STRATEGIES = Collection("strategies", "", "/apis/tradeplane.dev/v1alpha1/strategies", "")


class Ledger:
    """What was entered, and how often the ledger is away before it is back."""

    def __init__(self) -> None:
        self.away = 0
        self.entered: dict[str, Event] = {}

    def append(self, _: object, events: Sequence[Event]) -> None:
        if self.away:
            self.away -= 1
            raise LedgerUnavailable("it is away")
        for event in events:
            self.entered.setdefault(event.key, event)

    def applied_of(self, _: object, one: ObjectReference) -> dict[int, str | None]:
        return {
            event.generation or 0: event.configuration
            for event in self.entered.values()
            if event.object.uid == one.uid and event.action in APPLIES
        }

    @property
    def said(self) -> list[tuple[str, str, int | None]]:
        return [(event.object.uid, event.action.value, event.generation) for event in self.entered.values()]


class Kept:
    """Payloads in memory."""

    def put(self, data: bytes) -> str:
        return sha256_digest(data)


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    found = Ledger()
    monkeypatch.setattr(module, "append", found.append)
    monkeypatch.setattr(module, "applied_of", found.applied_of)
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)
    return found


def recorder(**more: Any) -> Recorder:
    nothing = cast("Any", None)
    return Recorder(nothing, cast("Any", Kept()), nothing, Client(), **more)


def strategy(uid: str = "a", generation: int = 1, spec: Any = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "tradeplane.dev/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": "macd", "namespace": "trading", "uid": uid, "generation": generation, **metadata},
        "spec": {"capital": "100000"} if spec is None else spec,
    }


async def entered(one: Recorder) -> None:
    """Enter all that waits."""
    together = []
    while not one._waiting.empty():
        together.append(one._waiting.get_nowait())
    await one._entered_in_the_end(together)


async def test_what_was_seen_while_the_ledger_was_away_is_entered_once_it_is_back(ledger: Ledger) -> None:
    one = recorder()
    ledger.away = 3
    one._see("ADDED", strategy())
    one._see("MODIFIED", strategy(generation=2))
    await entered(one)
    assert ledger.said == [("a", "applied", 1), ("a", "applied", 2)]
    ledger.away = 3
    one._see("DELETED", strategy(generation=3))
    await entered(one)
    assert ledger.said[2:] == [("a", "applied", 3), ("a", "deleted", None)]


async def test_a_ledger_that_stays_away_ends_the_recorder(ledger: Ledger) -> None:
    one = recorder(patience=0.0)
    ledger.away = 1_000_000
    one._see("ADDED", strategy())
    with pytest.raises(RecorderBehind, match="the ledger is away for 0 seconds: it is away"):
        await entered(one)


async def test_a_payload_that_was_forged_ends_it_rather_than_being_left_out(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise DigestMismatch("the payload was changed")

    monkeypatch.setattr(Kept, "put", refuse)
    one = recorder()
    one._see("ADDED", strategy())
    with pytest.raises(DigestMismatch):
        await entered(one)
    assert ledger.said == []


async def test_more_than_can_wait_ends_the_recorder(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    one = recorder()
    for generation in (1, 2, 3):
        one._see("MODIFIED", strategy(generation=generation))
    with pytest.raises(RecorderBehind, match="2 changes wait for the ledger, and more come"):
        await asyncio.wait_for(one._end_when_behind(), 60)


async def test_what_a_list_does_not_show_any_more_is_deleted(ledger: Ledger) -> None:
    one = recorder()
    for uid in ("a", "b", "c"):
        one._see("ADDED", strategy(uid))
    one._see("ADDED", strategy("other-kind") | {"kind": "Replay"})
    before = one.known(STRATEGIES)
    assert sorted(before) == ["a", "b", "c"]
    one._see("ADDED", strategy("came-meanwhile"))
    one.settle(STRATEGIES, before, {"b"})
    await entered(one)
    assert [said for said in ledger.said if said[1] == "deleted"] == [("a", "deleted", None), ("c", "deleted", None)]
    assert sorted(one.known(STRATEGIES)) == ["b", "came-meanwhile"]


def test_a_namespace_is_listed_for_itself() -> None:
    one = recorder(namespaces=("trading", "research"))
    one._see("ADDED", strategy("a"))
    one._see("ADDED", strategy("b", namespace="research"))
    assert sorted(one.known(STRATEGIES._replace(namespace="research"))) == ["b"]
    assert {(found.plural, found.namespace) for found in one._collections()} >= {
        ("strategies", "trading"),
        ("replays", "research"),
    }
    assert all(f"/namespaces/{found.namespace}/" in found.path for found in one._collections())


async def test_a_specification_that_cannot_be_kept_is_recorded_without_it(ledger: Ledger) -> None:
    one = recorder()
    one._see("ADDED", strategy(spec={"seed": 2**60}))
    await entered(one)
    (event,) = ledger.entered.values()
    assert event.configuration is None
    assert "the specification was not kept: " in (event.note or "")


async def test_an_object_that_cannot_be_recorded_keeps_no_other_out(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    one = recorder()
    one._see("ADDED", strategy("a", managedFields=[{"manager": "x" * 2_000, "fieldsV1": {"f:spec": {}}}]))
    one._see("ADDED", strategy("b"))
    await entered(one)
    assert ledger.said == [("b", "applied", 1)]
    assert "cannot be recorded" in caplog.text


async def test_another_manager_of_a_generation_that_stands_there_is_no_other_application(ledger: Ledger) -> None:
    first = recorder()
    first._see("ADDED", strategy(managedFields=[{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]))
    await entered(first)
    started_again = recorder()
    started_again._see("ADDED", strategy(managedFields=[{"manager": "mallory", "fieldsV1": {"f:spec": {}}}]))
    await entered(started_again)
    assert ledger.said == [("a", "applied", 1)]


async def test_a_status_that_is_seen_again_asks_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    one = recorder()
    run = {"name": "r", "generation": 1, "outcome": "Running", "startTime": "2026-01-05T09:01:00Z"}
    one._see("ADDED", strategy() | {"status": {"latest": run}})
    await entered(one)
    appended: list[int] = []
    monkeypatch.setattr(module, "append", lambda _, events: appended.append(len(events)))
    one._see("MODIFIED", strategy() | {"status": {"latest": run}})
    await entered(one)
    assert sum(appended) == 0
    assert ledger.said == [("a", "applied", 1), ("a", "started", 1)]


def test_when_it_was_seen_is_the_clock_of_the_recorder() -> None:
    before = datetime.now(UTC)
    one = recorder()
    one._see("ADDED", strategy())
    seen = one._waiting.get_nowait()
    assert not isinstance(seen, tuple)
    assert seen.at >= before
