"""JSON that two readers could take for two things, or that is meant to wear one out, is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.strict_json import MAX_DEPTH, parse

LIMIT = 10_000_000
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_what_has_one_meaning_is_read(value: Any) -> None:
    assert parse(json.dumps(value).encode(), "it", LIMIT) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"x": [{"b": 1, "c": 2, "b": 1}]}', "'b' stands twice"),
        (b'{"\\u0061": 1, "a": 2}', "'a' stands twice"),
        (b"NaN", "NaN is no number"),
        (b"[Infinity]", "Infinity is no number"),
        (b"[1e999]", "out of range"),
        (b"\xff\xfe[]", "not JSON"),
        (b"[1] [2]", "not JSON"),
        (b"", "not JSON"),
        (b"[" * 5_000 + b"]" * 5_000, "nested deeper"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "nested deeper"),
        (b"9" * 5_000, "not JSON"),
    ],
)
def test_what_has_not_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse(text, "it", LIMIT)


def test_the_deepest_that_is_read() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "it", LIMIT) is not None


def test_more_than_the_limit_is_not_looked_at() -> None:
    assert parse(b"[1]", "it", 3) == [1]
    with pytest.raises(Malformed, match="at most 2 are read"):
        parse(b"[1]", "it", 2)


def test_many_names_cost_no_more_than_their_number() -> None:
    """Many names with the last one doubled: counting each of them against all others would take hours."""
    count = 200_000
    text = "{" + ",".join(f'"{number}":0' for number in range(count)) + f',"{count - 1}":0}}'
    with pytest.raises(Malformed, match="stands twice"):
        parse(text.encode(), "it", LIMIT)
