"""Levels of a book read by the core: what the scales read, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_native import read_levels
from tradeplane_workloads.market.scale import Scale

TICK, LOT = Scale(Decimal("0.1")), Scale(Decimal("0.001"))
PLAIN = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)).map(lambda one: f"{one[0]}.{one[1]:09}")
TEXTS = st.one_of(PLAIN, st.from_regex(r"[0-9]{0,20}\.?[0-9]{0,20}", fullmatch=True), st.text(max_size=6))
UNITS = st.tuples(st.integers(1, 500), st.integers(-9, 2)).map(lambda one: Scale(Decimal(one[0]).scaleb(one[1])))


def parsed(levels: list[list[str]], price: Scale, quantity: Scale) -> list[tuple[int, int, int, int]] | None:
    """Read levels one by one, as the scales do; None where any is none."""
    try:
        return [(2, 1, price.parse(level[0]), quantity.parse(level[1])) for level in levels]
    except ValueError:
        return None


@given(st.lists(st.tuples(TEXTS, TEXTS).map(list), max_size=5), UNITS, UNITS)
def test_what_the_core_reads_is_what_the_scales_read(levels: list[list[str]], price: Scale, quantity: Scale) -> None:
    rows = read_levels(list(levels), 2, 1, price.unit_steps, quantity.unit_steps)
    assert rows is None or rows == parsed(levels, price, quantity)


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), max_size=20))
def test_whole_ticks_and_lots_are_always_read(counts: list[tuple[int, int]]) -> None:
    levels: list[object] = [[TICK.text(price), LOT.text(lots)] for price, lots in counts]
    assert read_levels(levels, 2, 1, TICK.unit_steps, LOT.unit_steps) == [(2, 1, *one) for one in counts]


NONE = [["1.05", "1"], ["1", "0.0005"], ["-1", "1"], ["1", "1e3"], ["1"], [], ["1", 1], [None, "1"], "11", None, {}]
LONG = [["1" * 19, "1"], ["1", "0." + "0" * 19], ["\u0661", "1"]]


@pytest.mark.parametrize("level", [*NONE, *LONG])
def test_a_level_that_is_none_is_not_read(level: object) -> None:
    assert read_levels([["1", "1"], level], 2, 1, TICK.unit_steps, LOT.unit_steps) is None


def test_a_unit_that_is_none_reads_nothing() -> None:
    for unit in ((13, 1), (1, 0), (1, -1)):
        assert read_levels([], 2, 1, unit, (1, 1)) is None
        assert read_levels([], 2, 1, (1, 1), unit) is None
