"""The recorder with a ledger that fails: what was seen is said again until it is entered, and never held without limit.

tests/integration/operator has it between an API server and a Postgres.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from tradeplane_evidence.errors import DigestMismatch
from tradeplane_evidence.ledger.errors import LedgerUnavailable
from tradeplane_evidence.ledger.events import APPLIES, Authenticated, ObjectReference
from tradeplane_operator.observing.relisting import Collection
from tradeplane_operator.observing.watching import Watch
from tradeplane_operator.recording import audit_entries
from tradeplane_operator.recording import recorder as module
from tradeplane_operator.recording.audit_events import told
from tradeplane_operator.recording.recorder import Arrival, Recorder, RecorderBehind
from tradeplane_operator.recording.sightings import Sighting
from tradeplane_operator.settings import Client
from tradeplane_store.canonical import sha256_digest

from tests.unit.operator.sample_audit import event, gone, listed, partial

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tradeplane_evidence.ledger.events import Event

STRATEGIES = Collection("strategies", "", "/apis/tradeplane.dev/v1alpha1/strategies", "")


class Ledger:
    """What was entered, and how often the ledger is away before it is back."""

    def __init__(self) -> None:
        self.away = 0
        self.entered: dict[str, Event] = {}
        self.asked = 0

    def append(self, _: object, events: Sequence[Event]) -> None:
        if self.away:
            self.away -= 1
            raise LedgerUnavailable("it is away")
        for entry in events:
            self.entered.setdefault(entry.key, entry)

    def applied_of(self, _: object, one: ObjectReference) -> dict[int, str | None]:
        self.asked += 1
        found: dict[int, str | None] = {}
        for entry in self.entered.values():
            if entry.object.uid == one.uid and entry.action in APPLIES:
                generation = entry.generation or 0
                found[generation] = found.get(generation) or entry.configuration
        return found

    def authenticated_of(self, _: object, objects: Iterable[ObjectReference]) -> dict[str, dict[int | None, str]]:
        uids = {one.uid for one in objects}
        found: dict[str, dict[int | None, str]] = {}
        for entry in self.entered.values():
            if entry.object.uid in uids and isinstance(entry.actor, Authenticated):
                found.setdefault(entry.object.uid, {}).setdefault(entry.generation, entry.occurred)
        return found

    @property
    def said(self) -> list[tuple[str, str, int | None]]:
        return [(event.object.uid, event.action.value, event.generation) for event in self.entered.values()]

    @property
    def by(self) -> list[tuple[str, int | None, str | None]]:
        """What was done, and by whom where that is authenticated."""
        return [
            (event.action.value, event.generation, event.actor.user if isinstance(event.actor, Authenticated) else None)
            for event in self.entered.values()
        ]


class Kept:
    """Payloads in memory."""

    def put(self, data: bytes) -> str:
        return sha256_digest(data)


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    found = Ledger()
    monkeypatch.setattr(module, "append", found.append)
    monkeypatch.setattr(module, "applied_of", found.applied_of)
    monkeypatch.setattr(module, "authenticated_of", found.authenticated_of)
    for name in ("append", "applied_of", "authenticated_of"):
        monkeypatch.setattr(audit_entries, name, getattr(found, name))
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
    seen = one._waiting.get_nowait().seen
    assert not isinstance(seen, tuple)
    assert seen.at >= before


GRACE = 60.0
DAY = 86_400.0
RUN = {"name": "r", "generation": 1, "outcome": "Running", "startTime": "2026-01-05T09:01:00Z"}


def audited() -> Recorder:
    """Return a recorder that is told an audit log, and has been for long."""
    one = recorder(grace=GRACE)
    one._since = one.steady() - DAY
    return one


def saw(one: Recorder, body: dict[str, Any], age: float = 0.0, kind: str = "MODIFIED") -> None:
    """Have something seen so many seconds ago."""
    steady = one.steady
    one.steady = lambda: steady() - age
    one._put(Sighting(body, kind == "DELETED", datetime.now(UTC)))
    one.steady = steady


def grows_old(one: Recorder) -> None:
    """Let the grace of all that is held pass."""
    one._held = [replace(held, at=held.at - GRACE - 1) for held in one._held]


def spec_patch(generation: int, capital: str, **more: Any) -> dict[str, Any]:
    answer = strategy(generation=generation, spec={"capital": capital})
    return event("patch", 200, answer, {"spec": {"capital": capital}}, **more)


async def told_of(one: Recorder, *events: Any) -> None:
    found = told(listed(*events))
    assert found.refused == []
    await one.enter(found.deeds)


async def test_what_the_audit_log_says_is_not_claimed_as_well(ledger: Ledger) -> None:
    one = audited()
    saw(one, strategy() | {"status": {"latest": RUN}})
    saw(one, strategy(generation=2, spec={"capital": "5"}))
    await entered(one)
    assert ledger.by == []
    await told_of(one, event(answer=strategy()), spec_patch(2, "5", user={"username": "bob"}))
    await entered(one)
    assert ledger.by == [("applied", 1, "alice"), ("applied", 2, "bob"), ("started", 1, None)]
    assert one._held == []
    saw(one, strategy(generation=2, spec={"capital": "5"}), kind="DELETED")
    await entered(one)
    assert len(ledger.by) == 3
    await told_of(one, event("delete", 200, gone("a")))
    await entered(one)
    assert ledger.by[3:] == [("deleted", None, "alice")]
    assert one._held == []


async def test_what_was_told_before_it_was_seen_is_not_claimed(ledger: Ledger) -> None:
    one = audited()
    await told_of(one, event(answer=strategy()), event("delete", 200, gone("a")))
    saw(one, strategy())
    saw(one, strategy(), kind="DELETED")
    await entered(one)
    assert ledger.by == [("applied", 1, "alice"), ("deleted", None, "alice")]


async def test_what_the_audit_log_does_not_say_is_claimed_after_the_grace(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    one = audited()
    saw(one, strategy(), age=GRACE - 5)
    saw(one, strategy(), kind="DELETED")
    await entered(one)
    assert ledger.by == []
    grows_old(one)
    await entered(one)
    assert ledger.by == [("applied", 1, None), ("deleted", None, None)]
    for what in ("generation 1", "the deletion"):
        assert f"did not say whose {what} of Strategy trading/macd is, and it is entered as claimed" in caplog.text


async def test_what_follows_of_an_object_waits_and_what_is_of_others_does_not(ledger: Ledger) -> None:
    one = audited()
    await told_of(one, event(answer=strategy("b")))
    saw(one, strategy("a", generation=1))
    saw(one, strategy("a", generation=1) | {"status": {"latest": RUN}})
    saw(one, strategy("b") | {"status": {"latest": RUN}})
    await entered(one)
    assert ledger.said == [("b", "applied", 1), ("b", "started", 1)]
    await told_of(one, event(answer=strategy("a")))
    await entered(one)
    assert ledger.said[2:] == [("a", "applied", 1), ("a", "started", 1)]


async def test_while_the_ledger_is_away_the_grace_does_not_pass(ledger: Ledger) -> None:
    """An API server tells again what could not be entered, after a pause; what was seen must not be claimed in it."""
    one = audited()
    saw(one, strategy(), age=GRACE + 1)
    ledger.away = 1
    await entered(one)
    assert ledger.by == []
    await told_of(one, event(answer=strategy()))
    await entered(one)
    assert ledger.by == [("applied", 1, "alice")]

    saw(one, strategy(generation=2), age=GRACE + 1)
    one._since = one.steady() - DAY
    ledger.away = 1
    with pytest.raises(LedgerUnavailable):
        await told_of(one, spec_patch(2, "5"))
    await entered(one)
    assert len(ledger.by) == 1


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
async def test_a_clock_that_jumps_neither_ends_the_grace_nor_draws_it_out(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    """The time of day goes into what is entered, and says nothing of how long something has been held."""
    one = audited()
    saw(one, strategy(), age=GRACE - 5)
    monkeypatch.setattr(module, "datetime", _Clock(jump))
    await entered(one)
    assert ledger.by == []
    saw(one, strategy("b"), age=GRACE + 1)
    await entered(one)
    assert [event.object.uid for event in ledger.entered.values()] == ["b"]


class _Clock:
    """The time of day, set by so much."""

    def __init__(self, jump: timedelta) -> None:
        self.jump = jump

    def now(self, zone: Any) -> datetime:
        return datetime.now(zone) + self.jump


async def test_a_recorder_that_starts_waits_with_what_the_ledger_lacks(ledger: Ledger) -> None:
    await told_of(audited(), event(answer=strategy("a")))
    started = recorder(grace=GRACE)
    started._see("ADDED", strategy("a"))
    started._see("ADDED", strategy("b"))
    gone_meanwhile = ObjectReference(api_version="v", kind="Strategy", name="c", uid="c")
    started._living["c"] = gone_meanwhile
    started.settle(STRATEGIES, {"c": gone_meanwhile}, {"a", "b"})
    await entered(started)
    assert ledger.by == [("applied", 1, "alice")]
    started._since = started.steady() - DAY
    grows_old(started)
    await entered(started)
    assert ledger.said[1:] == [("b", "applied", 1), ("c", "deleted", None)]


async def test_what_another_recorder_was_told_is_not_claimed(ledger: Ledger) -> None:
    one, other = audited(), audited()
    saw(one, strategy())
    saw(one, strategy(), kind="DELETED")
    one._put((ObjectReference(api_version="v", kind="Strategy", namespace="t", name="b", uid="b"), datetime.now(UTC)))
    await entered(one)
    of_b = event("delete", 200, gone("b"), auditID="other")
    await told_of(other, event(answer=strategy()), event("delete", 200, gone("a")), of_b)
    grows_old(one)
    await entered(one)
    assert ledger.by == [("applied", 1, "alice"), ("deleted", None, "alice"), ("deleted", None, "alice")]


async def test_what_is_told_late_is_entered_beside_what_was_claimed(ledger: Ledger) -> None:
    one = audited()
    saw(one, strategy(), age=GRACE + 1)
    saw(one, strategy(), age=GRACE + 1, kind="DELETED")
    await entered(one)
    await told_of(one, event(answer=strategy()), event("delete", 200, gone("a")))
    assert ledger.by == [
        ("applied", 1, None),
        ("deleted", None, None),
        ("applied", 1, "alice"),
        ("deleted", None, "alice"),
    ]


async def test_what_is_told_again_is_entered_once(ledger: Ledger) -> None:
    one = audited()
    said = [event(answer=strategy()), spec_patch(2, "5"), event("delete", 200, gone("a"))]
    for _ in range(2):
        await told_of(one, *said)
        await told_of(audited(), *said)
    assert ledger.said == [("a", "applied", 1), ("a", "applied", 2), ("a", "deleted", None)]


async def test_a_generation_is_applied_by_who_came_first_and_not_by_who_repeats_it(ledger: Ledger) -> None:
    one = audited()
    bob = {"user": {"username": "bob"}, "auditID": "bob"}
    await told_of(
        one,
        spec_patch(2, "5", stageTimestamp="2026-01-05T09:00:02Z", **bob),
        spec_patch(2, "5", stageTimestamp="2026-01-05T09:00:01Z"),
    )
    assert ledger.by == [("applied", 2, "alice")]
    await told_of(one, spec_patch(2, "5", stageTimestamp="2026-01-05T09:00:03Z", **bob))
    assert ledger.by == [("applied", 2, "alice")]
    await told_of(one, spec_patch(2, "5", stageTimestamp="2026-01-05T08:59:59Z", **bob))
    assert ledger.by == [("applied", 2, "alice"), ("applied", 2, "bob")]


async def test_what_goes_back_is_rolled_back_by_whoever_did_it(ledger: Ledger) -> None:
    one = audited()
    times = (f"2026-01-05T09:00:0{number}Z" for number in range(3))
    said = [
        spec_patch(number, capital, stageTimestamp=next(times)) for number, capital in ((2, "1"), (3, "5"), (4, "1"))
    ]
    await told_of(one, *said)
    assert ledger.by == [("applied", 2, "alice"), ("applied", 3, "alice"), ("rolled-back", 4, "alice")]
    assert len({entry.configuration for entry in ledger.entered.values()}) == 2


HIDDEN = event("patch", 200, partial(2, uid="a"), {"spec": {"capital": "5"}})


async def test_an_answer_without_the_specification_is_completed_by_what_was_seen(ledger: Ledger) -> None:
    one = audited()
    for generation, capital in ((1, "3"), (2, "5"), (3, "7")):
        saw(one, strategy(generation=generation, spec={"capital": capital}))
    await entered(one)
    await told_of(one, HIDDEN)
    other = audited()
    await told_of(other, spec_patch(2, "5", auditID="other", stageTimestamp="2026-01-05T08:00:00Z"))
    hidden, plain = ledger.entered.values()
    assert ledger.by == [("applied", 2, "alice"), ("applied", 2, "alice")]
    assert hidden.configuration == plain.configuration is not None
    assert hidden.note == "the client asked for an answer without the specification; it is as it was seen"


async def test_where_nothing_was_seen_it_names_who_and_the_watch_says_what(ledger: Ledger) -> None:
    one = audited()
    await told_of(one, HIDDEN)
    for _ in range(2):
        saw(one, strategy(generation=2, spec={"capital": "5"}))
        await entered(one)
    first, second = ledger.entered.values()
    assert ledger.by == [("applied", 2, "alice"), ("applied", 2, None)]
    assert first.configuration is None
    assert second.configuration is not None


@pytest.mark.parametrize("grace", [None, GRACE])
async def test_marking_it_as_deleted_applies_nothing(ledger: Ledger, grace: float | None) -> None:
    one = recorder(grace=grace)
    one._since = one.steady() - DAY
    saw(one, strategy(), age=GRACE + 1)
    terminating = strategy(generation=2, deletionTimestamp="2026-01-05T09:00:01Z", finalizers=["x"])
    saw(one, terminating | {"status": {"latest": RUN | {"generation": 2}}})
    await entered(one)
    await entered(one)
    assert ledger.said == [("a", "applied", 1), ("a", "started", 2)]
    configurations = {entry.configuration for entry in ledger.entered.values()}
    assert len(configurations) == 1
    saw(one, strategy(generation=3, spec={"capital": "7"}, deletionTimestamp="2026-01-05T09:00:01Z"), age=GRACE + 1)
    await entered(one)
    assert ledger.said[2:] == [("a", "applied", 3)]


async def test_what_is_of_other_namespaces_is_not_entered(ledger: Ledger) -> None:
    one = recorder(grace=GRACE, namespaces=("research",))
    await told_of(one, event(answer=strategy("a")), event(answer=strategy("b", namespace="research")))
    assert ledger.said == [("b", "applied", 1)]


async def test_more_than_can_be_held_ends_the_recorder(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    one = audited()
    for uid in ("a", "b", "c"):
        one._held.append(Arrival(Sighting(strategy(uid), deleted=False, at=datetime.now(UTC)), one.steady()))
    working = asyncio.create_task(one._commit())
    with pytest.raises(RecorderBehind):
        await asyncio.wait_for(one._end_when_behind(), 60)
    working.cancel()
    assert ledger.said == []


async def test_what_cannot_be_recorded_is_not_held(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    one = audited()
    saw(one, strategy(name="n" * 300))
    await entered(one)
    assert one._held == []
    assert "cannot be recorded" in caplog.text
    assert ledger.said == []


async def test_what_is_held_asks_the_ledger_once(ledger: Ledger) -> None:
    one = audited()
    saw(one, strategy())
    for _ in range(5):
        await entered(one)
    assert ledger.asked == 1


def test_a_watch_that_is_silent_is_told() -> None:
    one = recorder()
    assert one.failing() == ""
    watch = Watch(one.client, STRATEGIES, one.settings, one, one._see)
    one._watches.append(watch)
    assert one.failing() == ""
    watch.heard -= one.settings.inactivity_seconds + 121
    assert one.failing().startswith(f"nothing was heard of {STRATEGIES.path} for ")
