"""The weight of a minute: what is spent is waited for, and the broker's own count has the last word."""

from __future__ import annotations

import pytest
from tradeplane_workloads.brokers.weight import FUTURES_DEPTH, SPOT_DEPTH, Weight, weight_of

SECOND = 1_000_000_000


class Clock:
    """Tells what it was set to, in nanoseconds."""

    def __init__(self, seconds: float) -> None:
        self.now = int(seconds * SECOND)

    def __call__(self) -> int:
        """Return the time."""
        return self.now


def test_what_is_too_much_waits_for_the_next_minute() -> None:
    clock = Clock(600)
    weight = Weight(45, clock)
    for _ in range(2):
        assert weight.wait(20) == 0
        weight.spend(20)
    clock.now += 15 * SECOND
    assert weight.wait(5) == 0
    assert weight.wait(6) == 45
    clock.now += 45 * SECOND
    assert (weight.used, weight.wait(45)) == (0, 0)


@pytest.mark.parametrize(
    ("said", "wait"), [("44", 60), ("12", 0), ("0", 0), ("", 0), ("-9", 0), ("9" * 12, 0), ("٤٤", 0)]
)
def test_the_brokers_count_has_what_others_asked_and_what_is_none_is_passed_over(said: str, wait: int) -> None:
    weight = Weight(45, Clock(600))
    weight.spend(3)
    weight.count(said)
    assert weight.wait(20) == wait


def test_what_is_more_than_is_ever_allowed_is_asked_for_once_a_minute() -> None:
    weight = Weight(10, Clock(90))
    assert weight.wait(20) == 0
    weight.spend(20)
    assert weight.wait(1) == 30


def test_a_book_weighs_what_its_market_says() -> None:
    assert [weight_of(FUTURES_DEPTH, levels) for levels in (5, 50, 100, 500, 1_000, 5_000)] == [2, 2, 5, 10, 20, 20]
    assert [weight_of(SPOT_DEPTH, levels) for levels in (1, 100, 101, 1_000, 5_000)] == [5, 5, 25, 50, 250]
