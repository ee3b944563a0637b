"""What is held back: no more than has to be, in its order, and not for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_operator.recording.awaiting import is_due, parted

NOW = 1_000.0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_each_object_keeps_its_order_and_nothing_is_lost(seen: list[tuple[str, bool]]) -> None:
    numbered = [(uid, waits, number) for number, (uid, waits) in enumerate(seen)]
    ready, waiting = parted(numbered, lambda one: one[0], lambda one: one[1])
    assert sorted([*ready, *waiting], key=lambda one: one[2]) == numbered
    for uid in "abc":
        own = [one for one in numbered if one[0] == uid]
        first = next((place for place, one in enumerate(own) if one[1]), len(own))
        assert [one for one in ready if one[0] == uid] == own[:first]
        assert [one for one in waiting if one[0] == uid] == own[first:]


@pytest.mark.parametrize(
    ("seen_before", "since_before", "due"),
    [(60, 600, True), (59, 600, False), (600, 60, True), (600, 59, False), (0, 0, False), (-5, 600, False)],
)
def test_the_grace_is_counted_from_when_it_could_be_entered(seen_before: int, since_before: int, due: bool) -> None:
    at, since = (NOW - before for before in (seen_before, since_before))
    assert is_due(at, since, NOW, 60) is due


def test_without_a_grace_nothing_waits() -> None:
    assert is_due(NOW, NOW, NOW, 0)
