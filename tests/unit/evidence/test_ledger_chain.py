"""The chain: whatever is done to rows is found, and the first row at which it shows is named."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.ledger.chain import Chain
from tradeplane_evidence.ledger.entries import FIELDS, GENESIS, HASH, ROW, SEQUENCE, Row, entry_of, hash_of, row_of
from tradeplane_evidence.ledger.errors import LedgerBroken
from tradeplane_evidence.ledger.events import Action, Authenticated, Claimed, Event, ObjectReference
from tradeplane_evidence.ledger.heads import moment_of
from tradeplane_store.canonical import canonical_json

from tests.unit.evidence.sample_events import ALICE, KUBECTL, OBJECT, OCCURRED, chain, event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROWS = chain([event(number) for number in range(1, 8)])
MIDDLE = 4

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=40)
digests = st.binary(min_size=32, max_size=32).map(lambda data: f"sha256:{data.hex()}")
moments = st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)).map(moment_of)  # noqa: DTZ001 - the strategy's form
actors = st.builds(Authenticated, user=texts, groups=st.lists(texts, max_size=3).map(tuple), auditId=texts) | st.builds(
    Claimed, by=texts
)
events = st.builds(
    Event,
    action=st.sampled_from(Action),
    object=st.builds(
        ObjectReference, apiVersion=texts, kind=texts, namespace=texts | st.just(""), name=texts, uid=texts
    ),
    actor=actors,
    occurred=moments,
    generation=st.none() | st.integers(0, 2**53 - 1),
    configuration=st.none() | digests,
    run=st.none() | texts,
    run_digest=st.none() | digests,
    result=st.none() | digests,
    attestation=st.none() | digests,
    note=st.none() | texts,
)


def followed(rows: Sequence[Row], heads: dict[int, str] | None = None) -> Chain:
    """Follow rows to their end, in two parts as a reader of many would."""
    found = Chain(heads)
    found.follow(rows[: len(rows) // 2])
    found.follow(rows[len(rows) // 2 :])
    found.end()
    return found


def broken(rows: Sequence[Row], heads: dict[int, str] | None = None) -> LedgerBroken:
    with pytest.raises(LedgerBroken) as refused:
        followed(rows, heads)
    return refused.value


def with_field(row: Row, name: str, value: Any) -> Row:
    place = ROW.index(name)
    return (*row[:place], value, *row[place + 1 :])


def rehashed(row: Row) -> Row:
    return (*row[:HASH], hash_of(row))


def linked(rows: Sequence[Row]) -> list[Row]:
    """Return rows as a chain without a fault but for their numbers."""
    made: list[Row] = []
    for row in rows:
        made.append(rehashed(with_field(row, "previous", made[-1][HASH] if made else GENESIS)))
    return made


def other(value: Any) -> Any:
    """Return a value that is as little another one as can be."""
    if value is None:
        return ""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [*value, "system:masters"]
    return value[:-1] + chr(ord(value[-1]) ^ 1)


@given(st.lists(events, max_size=5))
def test_what_was_appended_is_followed_and_read_back(appended: list[Event]) -> None:
    rows = chain(appended)
    found = followed(rows)
    assert (found.sequence, found.hash) == (len(rows), rows[-1][HASH] if rows else GENESIS)
    assert [entry_of(row).event for row in rows] == appended


@given(events)
def test_the_hash_is_that_of_the_canonical_json_of_every_field(one: Event) -> None:
    (row,) = chain([one])
    bytes_hashed = canonical_json(dict(zip(FIELDS, row[:HASH], strict=True)))
    assert row[HASH] == "sha256:" + hashlib.sha256(bytes_hashed).hexdigest()


@pytest.mark.parametrize("column", ROW)
@pytest.mark.parametrize("place", [0, MIDDLE, len(ROWS) - 1])
def test_a_changed_field_is_found_in_its_row(column: str, place: int) -> None:
    row = ROWS[place]
    changed = with_field(row, column, other(row[ROW.index(column)]))
    assert broken([*ROWS[:place], changed, *ROWS[place + 1 :]]).sequence == place + 1


@pytest.mark.parametrize("column", ROW)
@pytest.mark.parametrize("value", [None, b"\xff", 2**70, ["\ud800"], {"a": 1}])
def test_a_value_of_a_type_that_no_column_has_is_found(column: str, value: Any) -> None:
    changed = with_field(ROWS[MIDDLE], column, value)
    if changed != ROWS[MIDDLE]:
        assert broken([*ROWS[:MIDDLE], changed, *ROWS[MIDDLE + 1 :]]).sequence == MIDDLE + 1


@given(st.integers(0, len(ROWS) - 1), events)
def test_another_event_in_the_place_of_one_is_found(place: int, one: Event) -> None:
    row = ROWS[place]
    forged = row_of(one, one.key, place + 1, row[ROW.index("previous")], "2026-01-05T09:00:01.500000Z")
    rows = [*ROWS[:place], forged, *ROWS[place + 1 :]]
    if place + 1 < len(ROWS):  # its hash is right, and is not the one that the next names
        assert broken(rows).sequence == place + 2
    else:  # nothing follows that would name it: it takes a head to see
        followed(rows)
        assert broken(rows, {place + 1: row[HASH]}).sequence == place + 1


TAMPERINGS: dict[str, tuple[Callable[[], list[Row]], int, str]] = {
    "first removed": (lambda: ROWS[1:], 1, "entry 1 is missing: at its beginning comes entry 2"),
    "one removed": (lambda: ROWS[:3] + ROWS[4:], 4, "entry 4 is missing: after entry 3 comes entry 5"),
    "removed and those after it renumbered": (
        lambda: ROWS[:3] + [with_field(row, "sequence", row[SEQUENCE] - 1) for row in ROWS[4:]],
        4,
        "entry 4 was changed",
    ),
    "removed, renumbered and hashed anew": (
        lambda: ROWS[:3] + [rehashed(with_field(row, "sequence", row[SEQUENCE] - 1)) for row in ROWS[4:]],
        4,
        "entry 4 does not follow what stands before it",
    ),
    "two in each other's place": (lambda: [*ROWS[:2], ROWS[3], ROWS[2], *ROWS[4:]], 3, "entry 3 is missing"),
    "two with each other's numbers": (
        lambda: [*ROWS[:2], with_field(ROWS[3], "sequence", 3), with_field(ROWS[2], "sequence", 4), *ROWS[4:]],
        3,
        "entry 3 was changed",
    ),
    "one doubled": (lambda: [*ROWS[:4], *ROWS[3:]], 5, "entry 5 is missing: after entry 4 comes entry 4"),
    "one put in": (
        lambda: [*ROWS[:3], row_of(event(99), "k", 4, ROWS[2][HASH], OCCURRED), *ROWS[3:]],
        5,
        "entry 5 is missing: after entry 4 comes entry 4",
    ),
    "changed and hashed anew": (
        lambda: [*ROWS[:3], rehashed(with_field(ROWS[3], "user_name", "mallory")), *ROWS[4:]],
        5,
        "entry 5 does not follow what stands before it",
    ),
    "removed and all after it made anew under their numbers": (
        lambda: linked(ROWS[:3] + ROWS[4:]),
        4,
        "entry 4 is missing: after entry 3 comes entry 5",
    ),
    "of another version": (
        lambda: [*ROWS[:3], rehashed(with_field(ROWS[3], "schema_version", 2)), *ROWS[4:]],
        4,
        "entry 4 has version 2, and version 1 is known",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_is_done_to_rows_is_found_and_said(name: str) -> None:
    tampered, sequence, words = TAMPERINGS[name]
    error = broken(tampered())
    assert error.sequence == sequence
    assert words in str(error)


def test_what_a_changed_entry_says_is_told_and_steers_no_terminal() -> None:
    changed = with_field(ROWS[MIDDLE], "name", "\x1b[2Jsp500\n")
    told = str(broken([*ROWS[:MIDDLE], changed, *ROWS[MIDDLE + 1 :]]))
    assert told.endswith("it now says action 'applied', kind 'Strategy', namespace 'trading', name '\\x1b[2Jsp500\\n'")


def test_a_head_shows_what_a_chain_does_not() -> None:
    head = {len(ROWS): ROWS[-1][HASH]}
    assert followed(ROWS, head).sequence == len(ROWS)
    followed(ROWS[:-2])  # cut off at its end, a chain is a chain
    assert "a signed head is of entry 7" in str(broken(ROWS[:-2], head))
    assert broken(ROWS[:-2], head).sequence == len(ROWS) - 1
    assert broken([], head).sequence == 1
    anew = chain([event(1), event(2), event(3, note="never happened"), *(event(n) for n in range(4, 9))])
    followed(anew)
    assert "a signed head says it has another hash" in str(broken(anew, head))
    assert broken(anew, {3: ROWS[2][HASH]} | head).sequence == 3


def test_who_it_was_is_authenticated_or_claimed_and_never_both() -> None:
    (claimed,), (authenticated,) = chain([event(actor=Claimed(by=ALICE.user))]), chain([event(actor=ALICE)])
    assert isinstance(entry_of(claimed).event.actor, Claimed)
    assert isinstance(entry_of(authenticated).event.actor, Authenticated)
    for row in (with_field(claimed, "user_name", "alice"), with_field(authenticated, "claimed_by", "kubectl")):
        with pytest.raises(Malformed, match="authenticated and claimed at once"):
            entry_of(row)
    for row in (with_field(claimed, "claimed_by", None), with_field(authenticated, "audit_id", None)):
        with pytest.raises(Malformed, match="is no event"):
            entry_of(row)


def test_an_event_seen_twice_has_one_key_and_another_event_another() -> None:
    first = event(1)
    assert first.key == event(1, occurred="2026-01-05T08:59:59.000000Z", note="seen by the second recorder").key
    others = [
        event(2),
        event(1, action=Action.DELETED),
        event(1, actor=Claimed(by=ALICE.user)),
        event(1, actor=ALICE.model_copy(update={"audit_id": "a-2"})),
        event(1, object=OBJECT.model_copy(update={"uid": "4d1f8c9e-0000-4000-8000-000000000002"})),
        event(1, configuration=None),
        event(1, run="sp500-macd-1"),
        event(1, run_digest=first.configuration),
        event(1, result=first.configuration),
        event(1, attestation=first.configuration),
    ]
    assert len({one.key for one in [first, *others]}) == len(others) + 1


@pytest.mark.parametrize(
    "changed",
    [
        {"occurred": "2026-01-05T09:00:00Z"},
        {"occurred": "2026-01-05T09:00:00.000000+01:00"},
        {"generation": -1},
        {"generation": 2**53},
        {"generation": True},
        {"configuration": "sha256:" + "AB" * 32},
        {"configuration": "sha512:" + "ab" * 32},
        {"note": "a\x00b"},
        {"note": "\ud800"},
        {"note": "x" * 1_025},
        {"note": ""},
        {"action": "sabotaged"},
        {"actor": {"user": "alice", "groups": ["g"] * 257, "auditId": "a"}},
        {"actor": {"user": "alice"}},
        {"actor": None},
        {"object": None},
    ],
)
def test_what_has_not_one_form_is_no_event(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        event(1, **changed)


def test_names_that_sort_otherwise_elsewhere_stand_in_the_canonical_order() -> None:
    assert list(FIELDS) == sorted(FIELDS)
    assert KUBECTL.by == entry_of(ROWS[1]).event.actor.by  # type: ignore[union-attr]
