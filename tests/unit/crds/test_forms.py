"""Properties of the forms values may have: what a pattern says and what arithmetic says are the same."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from tradeplane_api.base import DecimalString, Digest, Name, NonNegativeDecimal, Timestamp
from tradeplane_api.forms import Bounds
from tradeplane_api.rules import Rule
from tradeplane_api.strategy import CronExpression, ImageReference, MemoryQuantity, quantity

DECIMAL = TypeAdapter(DecimalString)
NON_NEGATIVE = TypeAdapter(NonNegativeDecimal)
CRON = TypeAdapter(CronExpression)
IMAGE = TypeAdapter(ImageReference)
NAME = TypeAdapter(Name)
DIGEST = TypeAdapter(Digest)
TIMESTAMP = TypeAdapter(Timestamp)

moments = st.datetimes()


def _accepts(adapter: TypeAdapter[str], text: str) -> bool:
    try:
        adapter.validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T09:30:00Z",
        "2026-01-31T09:30:00.000001Z",
        "2026-01-31T09:30:00+02:00",
        "1677-09-21T00:12:43.145224193Z",
        "2262-04-11T23:47:16.854775807Z",
    ],
)
def test_times_as_the_api_and_snapshots_have_them_are_times(text: str) -> None:
    assert TIMESTAMP.validate_python(text) == text


@pytest.mark.parametrize(
    "text", ["", "now", "2026-01-31", "2026-01-31T09:30:00", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59Z", "x" * 65]
)
def test_what_cannot_be_reckoned_with_is_no_time(text: str) -> None:
    assert not _accepts(TIMESTAMP, text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**18) + 1, max_value=10**18 - 1))
def test_every_decimal_of_27_digits_is_one(value: Decimal) -> None:
    text = f"{value:f}"
    assert Decimal(DECIMAL.validate_python(text)) == value
    assert _accepts(NON_NEGATIVE, text) == (not text.startswith("-"))


@given(st.text(alphabet="0123456789.-+eE_ \u0661", max_size=32))
def test_what_is_accepted_is_a_number_that_any_parser_reads_the_same(text: str) -> None:
    whole, point, fraction = text.removeprefix("-").partition(".")
    plain = text.isascii() and whole.isdigit() and (fraction.isdigit() or not point)
    assert _accepts(DECIMAL, text) == (plain and len(whole) <= 18 and len(fraction) <= 9)
    if _accepts(DECIMAL, text):
        assert float(text) == float(Decimal(text))


@given(
    st.decimals(min_value=0, max_value=1000, places=9, allow_nan=False),
    st.decimals(min_value=0, max_value=1000, places=9, allow_nan=False),
    st.decimals(min_value=0, max_value=1000, places=9, allow_nan=False),
)
def test_bounds_hold_to_the_last_digit(value: Decimal, low: Decimal, high: Decimal) -> None:
    open_ended = TypeAdapter(Annotated[NonNegativeDecimal, Bounds(above=str(low), below=str(high), hint="")])
    closed = TypeAdapter(Annotated[NonNegativeDecimal, Bounds(least=str(low), most=str(high), hint="")])
    assert _accepts(open_ended, f"{value:f}") == (low < value < high)
    assert _accepts(closed, f"{value:f}") == (low <= value <= high)


def test_bounds_say_themselves_in_words_and_in_cel() -> None:
    bounds = Bounds(above="0", most="1", hint="write a share")
    assert bounds.message == "must be above 0 and at most 1: write a share"
    assert bounds.cel == (
        "!isQuantity(self) || "
        "(quantity(self).compareTo(quantity('0')) > 0 && quantity(self).compareTo(quantity('1')) <= 0)"
    )


@given(st.text(max_size=40))
def test_cron_of_any_text_is_refused_or_has_five_fields(text: str) -> None:
    assert not _accepts(CRON, text) or len(text.split(" ")) >= 5


_items = st.tuples(st.integers(0, 59), st.integers(0, 59), st.integers(1, 59)).map(
    lambda t: f"{min(t[0], t[1])}-{max(t[0], t[1])}/{t[2]}"
)


@given(
    st.lists(_items, min_size=1, max_size=4),
    st.integers(0, 23),
    st.integers(1, 28),
    st.sampled_from(["*", "1", "12", "jan", "DEC", "mar-may"]),
    st.sampled_from(["*", "0", "7", "sun", "MON-FRI", "1,3,5"]),
    moments,
)
def test_cron_that_is_accepted_is_cron_to_the_operator(
    minutes: list[str], hour: int, day: int, month: str, weekday: str, moment: datetime
) -> None:
    expression = f"{','.join(minutes)} {hour} {day} {month} {weekday}"
    assert _accepts(CRON, expression)
    CronSim(expression, moment)


@pytest.mark.parametrize(
    "expression", ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a b c d e"]
)
def test_cron_that_is_refused_is_no_cron_to_the_operator(expression: str) -> None:
    assert not _accepts(CRON, expression)
    with pytest.raises(CronSimError):
        CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))


@given(st.integers(0, 999_999), st.sampled_from(["", "Ki", "Mi", "Gi", "Ti", "k", "M", "G", "T"]))
def test_quantities_are_what_their_suffix_says(number: int, suffix: str) -> None:
    power = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}[suffix.removesuffix("i").replace("K", "k")]
    base = 1024 if suffix.endswith("i") else 1000
    text = TypeAdapter(MemoryQuantity).validate_python(f"{number}{suffix}")
    assert quantity(text) == number * base**power
    assert quantity("500m") == Decimal("0.5")


@pytest.mark.parametrize(
    "image",
    [
        "busybox",
        "docker.io/library/busybox:1.36",
        "localhost:5000/a/b_c/d-e.f:v1",
        "a__b/c--d",
        "127.0.0.1:5000/tradeplane/workloads@sha256:" + "0" * 64,
    ],
)
def test_images_as_registries_name_them(image: str) -> None:
    assert _accepts(IMAGE, image)


@pytest.mark.parametrize(
    "image", ["", "/a", "a/", "A/B", "a//b", "a:b:c", "a@sha256:" + "g" * 64, "a b", "a\n", "-a", "a/-b", "a:-v"]
)
def test_images_that_no_registry_has(image: str) -> None:
    assert not _accepts(IMAGE, image)


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", fullmatch=True))
def test_names_of_objects(name: str) -> None:
    assert _accepts(NAME, name) == (len(name) <= 253)
    assert not _accepts(NAME, f"{name}.")
    assert not _accepts(NAME, f".{name}")
    assert not _accepts(NAME, name.upper() + "A")


@given(st.binary(min_size=32, max_size=32))
def test_digests(value: bytes) -> None:
    assert _accepts(DIGEST, f"sha256:{value.hex()}")
    assert not _accepts(DIGEST, f"sha256:{value.hex()[:-1]}")
    assert not _accepts(DIGEST, f"SHA256:{value.hex()}")


def test_a_rule_on_a_transition_is_left_to_the_server() -> None:
    rule = Rule(cel="self >= oldSelf", message="never falls", holds=None, field="count")
    assert rule.schema() == {"rule": "self >= oldSelf", "message": "never falls", "fieldPath": ".count"}
    assert str(rule.error()) == "never falls"
