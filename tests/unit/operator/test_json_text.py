"""One object of too many levels keeps no list and no event from being read."""

from __future__ import annotations

import json
import time
from typing import Any

import hypothesis.strategies as st
import orjson
import pytest
from hypothesis import given
from tradeplane_operator.acting.json_text import LEVELS_KEPT, read_json
from tradeplane_operator.observing.stream import EventStream

DEEP = b"[" * 1_500 + b"1" + b"]" * 1_500
HOSTILE = b'{"metadata": {"name": "odd", "resourceVersion": "7"}, "spec": {"parameters": {"a": ' + DEEP + b', "b": 2}}}'


def levels(value: Any) -> int:
    count = 0
    while isinstance(value, list):
        value, count = value[0] if value else None, count + 1
    return count


def test_what_is_deeper_than_anybody_looks_is_left_out_and_all_else_is_there() -> None:
    found = read_json(b'{"items": [{"metadata": {"name": "one"}}, ' + HOSTILE + b', {"metadata": {"name": "two"}}]}')
    assert [item["metadata"]["name"] for item in found["items"]] == ["one", "odd", "two"]
    parameters = found["items"][1]["spec"]["parameters"]
    assert parameters["b"] == 2
    assert 64 < levels(parameters["a"]) < LEVELS_KEPT


def test_an_event_about_it_is_one() -> None:
    (event,) = EventStream().take(b'{"type": "ADDED", "object": ' + HOSTILE + b"}\n")
    assert (event.type, event.version, event.body["metadata"]["name"]) == ("ADDED", "7", "odd")


@pytest.mark.parametrize("text", [b"", b"{", b"]", b'{"a": ' + DEEP, DEEP + b"]", b'"' + DEEP, b"[" * 1_500, b"\xff"])
def test_what_is_no_json_is_refused_as_before(text: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        read_json(text)


@given(
    st.recursive(st.none() | st.integers(-9, 9) | st.text('[]{}"\\,:é\n'), lambda inner: st.lists(inner, max_size=3)
                 | st.dictionaries(st.text('[]{}"\\'), inner, max_size=3), max_leaves=12),
)  # fmt: skip
def test_brackets_within_texts_are_none(value: Any) -> None:
    text = json.dumps([value, 0]).encode()
    assert read_json(text) == [value, 0]
    assert read_json(b'{"first": ' + text + b', "deep": ' + DEEP + b', "last": ' + text + b"}") == {
        "first": [value, 0],
        "deep": read_json(DEEP)[0],
        "last": [value, 0],
    }


def test_a_list_of_megabytes_is_read_while_nobody_notices() -> None:
    text = (
        b'{"items": [' + b'{"metadata": {"name": "one \\" of many"}, "spec": [1, 2, {}]}, ' * 10_000 + HOSTILE + b"]}"
    )
    started = time.process_time()
    assert len(read_json(text)["items"]) == 10_001
    assert time.process_time() - started < 20
