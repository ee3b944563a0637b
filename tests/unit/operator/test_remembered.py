"""What is remembered is as old as it is, whatever is done to the clock; and nothing else of it changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tradeplane_operator.planning.observed import Refusal
from tradeplane_operator.running.remembered import Remembered, RememberedOf

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REFUSAL = Refusal("Forbidden", "exceeded quota", NOW)


class Clocks:
    """The time of day, which can be set, and seconds that pass."""

    def __init__(self) -> None:
        self.now, self.seconds = NOW, 1_000.0

    def wall(self) -> datetime:
        return self.now

    def steady(self) -> float:
        return self.seconds

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds


def _remembered(clocks: Clocks) -> Remembered[str, Refusal]:
    return Remembered(clocks.wall, clocks.steady)


@given(before=st.integers(0, 10**6), jump=st.integers(-(10**9), 10**9), after=st.integers(0, 10**6))
def test_it_is_as_old_as_it_is_whatever_the_clock_was_set_to(before: int, jump: int, after: int) -> None:
    clocks = Clocks()
    found = _remembered(clocks)
    found.put("a", REFUSAL)
    clocks.passes(before)
    clocks.now += timedelta(seconds=jump)
    clocks.passes(after)
    told = found.get("a")
    assert told is not None
    assert clocks.now - told.at == timedelta(seconds=before + after)
    assert (told.reason, told.message) == (REFUSAL.reason, REFUSAL.message)
    assert found.all() == {"a": told}


def test_what_is_put_again_is_new_and_the_last() -> None:
    clocks = Clocks()
    found = _remembered(clocks)
    for key in ("a", "b", "a"):
        clocks.passes(10)
        found.put(key, REFUSAL)
    assert [(key, clocks.now - one.at) for key, one in found.all().items()] == [
        ("b", timedelta(seconds=10)),
        ("a", timedelta()),
    ]
    found.keep_newest(1)
    assert list(found.all()) == ["a"]


def test_what_is_forgotten_is_not_known() -> None:
    found = _remembered(Clocks())
    for key in ("a", "b", "c"):
        found.put(key, REFUSAL)
    found.forget("a")
    found.forget("never known")
    assert found.get("a") is None
    found.keep(["b"])
    assert list(found.all()) == ["b"]


def test_what_is_of_one_thing_is_not_of_another() -> None:
    clocks = Clocks()
    found: RememberedOf[str, Refusal] = RememberedOf(clocks.wall, clocks.steady)
    found.put("one", "a", REFUSAL)
    found.put("two", "a", REFUSAL)
    clocks.passes(5)
    found.forget("one", "a")
    found.forget("three", "a")
    assert found.of("one") == {}
    assert found.of("two")["a"].at == NOW
    assert clocks.now - found.of("two")["a"].at == timedelta(seconds=5)
    found.keep("two")
    assert found.of("two") == {}
