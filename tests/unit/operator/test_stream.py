"""Events out of bytes: the same ones however they are cut, and nothing taken for an event that is none."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_operator.acting.errors import ApiUnavailable, Gone
from tradeplane_operator.observing import stream
from tradeplane_operator.observing.stream import EventStream, MalformedEvent

from tests.unit.operator.api_server import bookmark, gone, job, line

_EVENTS = (line("ADDED", job("a", 1)), bookmark(2), line("MODIFIED", job("ä\n", 3)), line("DELETED", job("a", 4)))
_BYTES = b"".join(_EVENTS)


def _versions(*pieces: bytes) -> list[str]:
    found = EventStream()
    return [event.version for piece in pieces for event in found.take(piece)]


@given(st.sets(st.integers(min_value=0, max_value=len(_BYTES))))
def test_events_do_not_depend_on_where_the_bytes_are_cut(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(_BYTES)]
    assert _versions(*(_BYTES[start:end] for start, end in pairwise(edges))) == ["1", "2", "3", "4"]


def test_an_event_is_not_told_before_its_line_ends_and_empty_lines_are_nothing() -> None:
    assert _versions(_EVENTS[0][:-1]) == []
    assert _versions(b"\n\n", _EVENTS[0], b"\n") == ["1"]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"{",
        b"null",
        b"7",
        b'"ADDED"',
        b'{"type":"ADDED","object":null}',
        b'{"type":"ADDED","object":{"metadata":{}}}',
        b'{"type":"ADDED","object":{"metadata":{"resourceVersion":7}}}',
        b'{"type":["ADDED"],"object":{"metadata":{"resourceVersion":"7"}}}',
        b'{"type":"ERROR","object":{}}',
        b'{"type":"ERROR","object":{"code":"many"}}',
        b'{"object":{"metadata":{"resourceVersion":"7"}}}',
    ],
)
def test_what_is_no_event_is_refused_and_shown(rubbish: bytes) -> None:
    with pytest.raises(MalformedEvent) as refused:
        _versions(_EVENTS[0], rubbish + b"\n")
    assert rubbish[:20].decode() in str(refused.value)


def test_an_event_may_not_be_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_EVENT_BYTES", 1_000)
    with pytest.raises(MalformedEvent, match="more than 1000 bytes"):
        _versions(*[b"x" * 300] * 4)
    assert _versions(*[_EVENTS[0][start : start + 100] for start in range(0, len(_EVENTS[0]), 100)]) == ["1"]


def test_errors_are_told_apart() -> None:
    with pytest.raises(Gone):
        _versions(gone())
    with pytest.raises(ApiUnavailable, match="500 InternalError: etcd"):
        _versions(line("ERROR", {"code": 500, "reason": "InternalError", "message": "etcd"}))
