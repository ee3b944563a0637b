"""Names of orders: one a decision, within what an exchange takes, and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_workloads.sessions.order_names import MAX_LENGTH, MAX_ORDER, order_name, order_of

SESSION = bytes.fromhex("0123456789abcdef0123456789abcdef")


def test_the_form_is_stated() -> None:
    assert order_name(SESSION, 42) == "tp-0123456789ab-42"
    assert len(order_name(SESSION, MAX_ORDER)) == MAX_LENGTH


@given(st.binary(min_size=16, max_size=16), st.integers(1, MAX_ORDER))
def test_a_name_is_read_back_by_its_session_alone(session: bytes, order: int) -> None:
    name = order_name(session, order)

    assert order_of(name, session) == order
    assert order_of(name, bytes([session[0] ^ 1]) + session[1:]) is None


@pytest.mark.parametrize(
    "name",
    ["", "tp-0123456789ab-", "tp-0123456789ab-0", "tp-0123456789ab-042", "tp-0123456789ab-4x", "TP-0123456789ab-4",
     "tp-0123456789ab-18446744073709551616", "tp-0123456789ab-99999999999999999999", "tp-0123456789ab-4\n", "web_4",
     "tp-0123456789ab-\u0664"],
)  # fmt: skip
def test_what_is_no_name_of_ours_is_none(name: str) -> None:
    assert order_of(name, SESSION) is None


@pytest.mark.parametrize("order", [0, -1, MAX_ORDER + 1])
def test_numbers_no_order_has_are_refused(order: int) -> None:
    with pytest.raises(ValueError, match="the numbers of orders are from 1"):
        order_name(SESSION, order)
