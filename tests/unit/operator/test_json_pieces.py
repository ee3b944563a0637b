"""JSON taken apart: what is read is what stands there, and what nobody asks for costs nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_evidence.errors import Malformed
from tradeplane_operator.recording import json_pieces
from tradeplane_operator.recording.json_pieces import Piece, listed, top

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ['"', "\\", '\\"', "{", "]}", '{"": 0}', ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def whole(value: Any) -> Any:
    """Return what was taken apart, put together again."""
    if isinstance(value, Piece):
        return whole(top(value, "it"))
    if isinstance(value, dict):
        return {name: whole(one) for name, one in value.items()}
    return [whole(one) for one in value] if isinstance(value, list) else value


@given(VALUES, st.booleans())
def test_what_is_taken_apart_is_what_was_there(value: Any, spaced: bool) -> None:
    data = json.dumps(value, ensure_ascii=not spaced, indent=1 if spaced else None).encode()
    assert whole(top(data, "it")) == value


@given(VALUES.filter(lambda value: isinstance(value, dict | list)))
def test_a_piece_is_the_bytes_that_stood_there(value: Any) -> None:
    data = json.dumps([value, 1]).encode()
    first, one = top(data, "it")
    assert (bytes(first), one) == (json.dumps(value).encode(), 1)
    assert first.read("it") == value


@given(st.binary(max_size=60) | st.text('{}[]",:\\0', max_size=60).map(str.encode))
def test_bytes_that_are_no_json_are_refused_and_nothing_else_is_raised(data: bytes) -> None:
    try:
        json.loads(data.decode())
    except ValueError:
        try:
            found = whole(top(data, "it"))
        except Malformed:
            return
        raise AssertionError(f"taken for {found!r}") from None


@pytest.mark.parametrize("piece", ["[" * 100_000 + "]" * 100_000, '{"a":1,"a":2}', "[1e999]", "[NaN]", '["\\ud800"]'])
def test_what_is_not_asked_for_is_not_read(piece: str) -> None:
    data = f'{{"odd": {piece}, "plain": [1]}}'.encode()
    found = top(data, "it")
    assert found["plain"].read("it") == [1]
    assert found["odd"] == piece.encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": "b', "a text in it has no end"),
        (b'{"a": "b\\"}', "a text in it has no end"),
        (b'{"a": [1}', "do not match"),
        (b'{"a": [1]', "do not match"),
        (b"}{", "do not match"),
        (b'{"a": 1, "a": [2]}', "stands twice"),
        (b'{"a": [1]} {"b": [2]}', "is not JSON"),
        (b"", "is not JSON"),
        (b"\xff{}", "is not JSON"),
    ],
)
def test_what_cannot_be_taken_apart_says_why(data: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        top(data, "what was sent")


def test_a_text_of_nothing_but_escapes_is_gone_through_once() -> None:
    """A reader that tries each quotation mark anew would take hours for this."""
    with pytest.raises(Malformed, match="no end"):
        top(b'{"a": "' + b'\\"' * 1_000_000, "what was sent")


@given(st.dictionaries(TEXTS.filter(lambda name: name != "items"), VALUES, max_size=3), st.lists(VALUES, max_size=4))
def test_a_list_within_an_object_is_its_members(others: dict[str, Any], members: list[Any]) -> None:
    value, found = listed(json.dumps({**others, "items": members}).encode(), "it", "items")
    assert whole(found) == members
    assert {name for name in value if name != "items"} == set(others)


@pytest.mark.parametrize("data", [b"{}", b'{"items": null}', b'{"items": []}', b'{"items": [], "metadata": {"": 5}}'])
def test_a_list_without_members_is_one(data: bytes) -> None:
    assert listed(data, "it", "items")[1] == []


@pytest.mark.parametrize("data", [b"[]", b"5", b'{"items": {"": 0}}', b'{"items": "x"}', b'{"items": [{}'])
def test_what_has_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        listed(data, "it", "items")


def test_pieces_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_pieces, "MAX_PIECES", 2)
    assert len(top(b"[[], 1, {}]", "it")) == 3
    with pytest.raises(Malformed, match="it has more than 2 objects and lists"):
        top(b"[[], [], []]", "it")


def test_what_it_took_to_find_the_end_of_a_piece_is_its_own() -> None:
    deep = b"[" * 50 + b"1" + b"]" * 50
    odd, plain, between = top(b"[" + b"[1," * 50 + b"1" + b"]" * 50 + b", [1], " + deep + b"]", "it")
    assert odd.steps > 40
    assert max(plain.steps, between.steps) <= 2
