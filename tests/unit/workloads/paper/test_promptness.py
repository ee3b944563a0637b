"""How soon orders left is told without keeping each: never less than it was, and hardly more."""

from __future__ import annotations

from itertools import count

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_workloads.paper.promptness import Promptness, Spread, told

HOUR_NS = 3_600_000_000_000


@given(st.lists(st.integers(0, HOUR_NS), min_size=1, max_size=200), st.sampled_from((1, 50, 90, 99, 100)))
def test_a_percentile_is_what_it_was_or_a_little_more(durations: list[int], percent: int) -> None:
    spread = Spread()
    for one in durations:
        spread.add(one)
    exact = int(np.percentile(durations, percent, method="inverted_cdf"))
    assert exact <= spread.percentile(percent) <= exact + exact // 64
    assert spread.percentile(percent) <= spread.longest == max(durations)


def test_nothing_has_no_percentile() -> None:
    assert Spread().document() == {"p50": 0, "p90": 0, "p99": 0, "max": 0}
    assert told(Promptness()) == "no order was sent"


def test_what_took_longer_than_any_is_the_longest_there_is() -> None:
    spread = Spread()
    spread.add(10**30)
    spread.add(-5)
    assert spread.count == 2
    assert 4_398 < spread.percentile(99) / 1e9 < 4_399
    assert spread.percentile(1) == 0


def test_an_order_is_late_by_what_lies_after_its_message() -> None:
    now = count(1_000, 100)
    promptness = Promptness(lambda: next(now))

    promptness.received(40)
    promptness.fed()
    written = promptness.following()
    promptness.handled()
    written()  # at 1,000
    assert promptness.orders.longest == 960

    promptness.fed()  # a timer, at 1,100
    written = promptness.following()
    promptness.fed()  # what is fed before it is written is not what it follows from
    written()  # at 1,300
    assert (promptness.orders.count, promptness.orders.percentile(1)) == (2, 201)
    assert promptness.orders.percentile(1) >= 200


def test_what_is_told_at_the_end_has_the_disk_s_share() -> None:
    promptness = Promptness(lambda: 2_000_000)
    promptness.received(1_000_000)
    promptness.fed()
    promptness.synced(250_000)
    promptness.following()()
    assert told(promptness) == (
        "1 orders were on the wire 1.000 ms (median) and 1.000 ms (99th percentile) after what they follow from was "
        "received; the disk took 0.250 ms and 0.250 ms, all else 0.750 ms and 0.750 ms"
    )
    assert promptness.document() == {
        "orders": 1,
        "toWire": {"p50": 0.001, "p90": 0.001, "p99": 0.001, "max": 0.001},
        "sync": {"p50": 0.00025, "p90": 0.00025, "p99": 0.00025, "max": 0.00025},
        "own": {"p50": 0.00075, "p90": 0.00075, "p99": 0.00075, "max": 0.00075},
    }
