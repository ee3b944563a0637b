"""Integers as decimals of the wire, and back."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_workloads.exchange.units import amount_text, decimal_of, ratio_text
from tradeplane_workloads.market.scale import Scale, point


@pytest.mark.parametrize(
    ("unit", "count", "text"),
    [
        ("0.1", 605_000, "60500.0"),
        ("0.001", 2, "0.002"),
        ("0.25", 3, "0.75"),
        ("1", 7, "7"),
        ("100", 3, "300"),
        ("0.01", 0, "0.00"),
    ],
)
def test_so_many_units(unit: str, count: int, text: str) -> None:
    assert Scale(Decimal(unit)).text(count) == text


@given(st.sampled_from(["0.1", "0.00001", "0.25", "1", "5", "100"]), st.integers(0, 2**53))
def test_what_is_written_is_read_again(unit: str, count: int) -> None:
    scale = Scale(Decimal(unit))
    value = decimal_of(scale.text(count))
    assert value is not None
    assert scale.count(value) == count


@pytest.mark.parametrize(("unit", "value"), [("0.1", "0.15"), ("0.25", "0.3"), ("100", "50"), ("1", "0.5")])
def test_what_is_not_whole_is_none(unit: str, value: str) -> None:
    assert Scale(Decimal(unit)).count(Decimal(value)) is None


@given(st.integers(-(10**27), 10**27))
def test_an_amount_is_exact(billionths: int) -> None:
    assert Decimal(amount_text(billionths)) == Decimal(billionths).scaleb(-9)


def test_amounts_have_eight_digits_unless_they_need_nine() -> None:
    assert [amount_text(number) for number in (0, 1, 10, -1_500_000_000)] == [
        "0.00000000",
        "0.000000001",
        "0.00000001",
        "-1.50000000",
    ]


def test_points_and_ratios() -> None:
    assert [point(5, 3), point(-12345, 2), point(7, 0)] == ["0.005", "-123.45", "7"]
    assert ratio_text(Fraction(1, 3)) == "0.33333333"
    assert ratio_text(Fraction(-2, 3), 2) == "-0.67"
