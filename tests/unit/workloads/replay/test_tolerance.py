"""What lies within a tolerance of a baseline, and what is said of what does not."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.parity import LatencyFigures, Parity, Tolerance, Verdict
from tradeplane_workloads.replay.tolerance import Outcome, Traded, exceeding, judged_within

NONE = Tolerance()
EXACT = Verdict(
    decisions=Parity.EXACT, execution=Parity.EXACT, fills=1, fills_matched=1, pnl_difference="0", divergence=None
)
DIVERGED = EXACT.model_copy(update={"execution": Parity.DIVERGED, "fills_matched": 0})


def outcome(*fills: tuple[str, str], equity: str = "1000", order: int = 1, median: int | None = None) -> Outcome:
    """Return what came of one order: prices and quantities of its fills."""
    latency = None if median is None else LatencyFigures(orders=1, median=median, p90=median, p99=median, most=median)
    traded = [Traded(Fraction(price), Fraction(quantity)) for price, quantity in fills]
    return Outcome({order: traded} if traded else {}, Fraction(equity), latency)


FILLED = outcome(("100", "2"), ("101", "1"))


def test_the_same_is_within_no_tolerance() -> None:
    assert exceeding(NONE, FILLED, FILLED) is None


def test_fills_that_are_cut_otherwise_are_the_same() -> None:
    assert exceeding(NONE, FILLED, outcome(("100", "0.5"), ("100", "1.5"), ("101", "0.25"), ("101", "0.75"))) is None


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (outcome(("100", "2"), ("101.5", "1")), "fillPrice: of order 1 differs by 0.5, more than 0"),
        (outcome(("100", "1"), ("101", "2")), "fillPrice: of order 1 differs by 1, more than 0"),
        (outcome(("100", "2")), "fillQuantity: of order 1 differs by 1, more than 0"),
        (outcome(), "fillQuantity: of order 1 differs by 3, more than 0"),
        (outcome(("100", "2"), ("101", "1"), order=2), "fillQuantity: of order 1 differs by 3"),
        (outcome(("100", "2"), ("101", "1"), equity="999.999999999"), "pnl: differs by 0.000000001, more than 0"),
    ],
)
def test_without_a_tolerance_each_difference_is_told(got: Outcome, words: str) -> None:
    assert (exceeding(NONE, FILLED, got) or "").startswith(words)


@pytest.mark.parametrize(
    ("tolerance", "got"),
    [
        (Tolerance(fill_price="0.5"), outcome(("100", "2"), ("101.5", "1"))),
        (Tolerance(fill_price="0.5"), outcome(("99.5", "2"), ("100.5", "1"))),
        (Tolerance(fill_quantity="1"), outcome(("100", "2"))),
        (Tolerance(fill_quantity="3"), outcome()),
        (Tolerance(pnl="0.01"), outcome(("100", "2"), ("101", "1"), equity="1000.01")),
    ],
)
def test_what_lies_within_is_no_divergence(tolerance: Tolerance, got: Outcome) -> None:
    assert judged_within(DIVERGED, tolerance, FILLED, got) == (
        DIVERGED.model_copy(update={"execution": Parity.WITHIN}),
        "",
    )


def test_what_is_exact_stays_so_and_what_exceeds_diverges() -> None:
    assert judged_within(EXACT, NONE, FILLED, FILLED) == (EXACT, "")
    verdict, words = judged_within(EXACT, NONE, FILLED, outcome())
    assert verdict.execution is Parity.DIVERGED
    assert words


def test_decisions_have_no_tolerance() -> None:
    undecided = EXACT.model_copy(update={"decisions": Parity.DIVERGED})
    wide = Tolerance(pnl="1000", fill_price="1000", fill_quantity="1000")
    assert judged_within(undecided, wide, FILLED, outcome())[0].decisions is Parity.DIVERGED


@pytest.mark.parametrize(
    ("microseconds", "medians", "words"),
    [
        (None, (1_000, 900_000), None),
        (899, (1_000, 900_000), None),
        (898, (1_000, 900_000), "latencyMicroseconds: the median differs by 899000 ns, more than 898000"),
        (1_000, (1_000, None), "latencyMicroseconds: orders were answered on one side alone"),
        (0, (None, None), None),
    ],
)
def test_latency_is_looked_at_where_it_is_asked_for(
    microseconds: int | None, medians: tuple[int | None, int | None], words: str | None
) -> None:
    tolerance = Tolerance(latency_microseconds=microseconds)
    assert exceeding(tolerance, outcome(median=medians[0]), outcome(median=medians[1])) == words


fills = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 9)), max_size=6)


@given(fills, fills)
def test_it_is_the_same_either_way(ours: list[tuple[int, int]], theirs: list[tuple[int, int]]) -> None:
    sides = [outcome(*((str(price), str(quantity)) for price, quantity in one)) for one in (ours, theirs)]
    for tolerance in (NONE, Tolerance(fill_price="5"), Tolerance(fill_quantity="5"), Tolerance(fill_price="50")):
        assert exceeding(tolerance, *sides) == exceeding(tolerance, *reversed(sides))


@given(fills, st.lists(st.integers(-3, 3), min_size=6, max_size=6))
def test_prices_are_compared_by_the_unit(ours: list[tuple[int, int]], moves: list[int]) -> None:
    moved = [(str(price + move), str(quantity)) for (price, quantity), move in zip(ours, moves, strict=False)]
    baseline = outcome(*((str(price), str(quantity)) for price, quantity in ours))
    worst = max((abs(move) for _, move in zip(ours, moves, strict=False)), default=0)
    assert exceeding(Tolerance(fill_price=str(worst)), baseline, outcome(*moved)) is None
    if worst:
        assert "fillPrice" in (exceeding(Tolerance(fill_price=str(worst - 1)), baseline, outcome(*moved)) or "")
