"""The order of work: what was just asked for first, nothing for ever last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_operator.running.lanes import IN_A_ROW, Lanes

_KEYS = st.integers(min_value=0, max_value=9)
_STEPS = st.lists(st.tuples(st.booleans(), _KEYS, st.booleans()), max_size=60)


def _filled(urgent: int, others: int) -> Lanes[str]:
    lanes: Lanes[str] = Lanes()
    for number in range(others):
        lanes.put(f"other {number}", float(number), urgent=False)
    for number in range(urgent):
        lanes.put(f"urgent {number}", float(number), urgent=True)
    return lanes


def test_urgent_keys_go_first_and_the_first_of_them_before_the_rest() -> None:
    lanes = _filled(urgent=3, others=2)
    taken = [lanes.take()[0] for _ in range(5)]
    assert taken == ["urgent 0", "urgent 1", "urgent 2", "other 0", "other 1"]


def test_others_are_not_starved_by_endless_urgent_ones() -> None:
    lanes = _filled(urgent=100, others=3)
    taken = [lanes.take()[0] for _ in range(3 * (IN_A_ROW + 1))]
    assert [place for place, key in enumerate(taken) if key.startswith("other")] == [
        IN_A_ROW,
        2 * IN_A_ROW + 1,
        3 * IN_A_ROW + 2,
    ]


def test_a_row_of_urgent_keys_with_nobody_else_waiting_is_not_held_against_them_for_long() -> None:
    lanes = _filled(urgent=50, others=0)
    for _ in range(40):
        lanes.take()
    lanes.put("other", 0.0, urgent=False)
    assert lanes.take()[0] == "other"
    assert [lanes.take()[0] for _ in range(IN_A_ROW)] == [f"urgent {number}" for number in range(40, 40 + IN_A_ROW)]


def test_a_key_that_becomes_urgent_moves_up_and_keeps_its_time() -> None:
    lanes = _filled(urgent=1, others=3)
    assert not lanes.put("other 2", 99.0, urgent=True)
    assert len(lanes) == 4
    assert [lanes.take() for _ in range(2)] == [("urgent 0", 0.0), ("other 2", 2.0)]


def test_an_urgent_key_does_not_fall_back_and_keeps_its_place() -> None:
    lanes = _filled(urgent=2, others=1)
    assert not lanes.put("urgent 0", 99.0, urgent=False)
    assert not lanes.put("urgent 0", 99.0, urgent=True)
    assert lanes.take() == ("urgent 0", 0.0)


def test_nothing_is_taken_where_nothing_waits() -> None:
    with pytest.raises(KeyError):
        Lanes[str]().take()


@given(_STEPS)
def test_each_key_waits_once_and_is_taken_once(steps: list[tuple[bool, int, bool]]) -> None:
    lanes: Lanes[int] = Lanes()
    waiting: set[int] = set()
    for takes, key, urgent in steps:
        if takes and waiting:
            waiting.remove(lanes.take()[0])
        elif not takes:
            assert lanes.put(key, 0.0, urgent=urgent) == (key not in waiting)
            waiting.add(key)
        assert len(lanes) == len(waiting)
    while waiting:
        waiting.remove(lanes.take()[0])
    assert len(lanes) == 0


@given(st.lists(st.booleans(), max_size=200))
def test_no_other_key_waits_for_more_than_a_row_before_each_of_those_ahead(kinds: list[bool]) -> None:
    lanes: Lanes[int] = Lanes()
    for key, urgent in enumerate(kinds):
        lanes.put(key, 0.0, urgent=urgent)
    order = [lanes.take()[0] for _ in kinds]
    others = [place for place, key in enumerate(order) if not kinds[key]]
    assert all(place <= (number + 1) * (IN_A_ROW + 1) - 1 for number, place in enumerate(others))
