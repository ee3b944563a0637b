"""Parameters of requests: what is read, and what is refused in which words."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_workloads.exchange.parameters import MAX_PARAMETERS, Parameters
from tradeplane_workloads.exchange.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable


def refused(call: Callable[[], object]) -> int:
    with pytest.raises(Refusal) as refusal:
        call()
    return refusal.value.code


def test_query_and_body_are_one() -> None:
    parameters = Parameters("symbol=BTCUSDT&side=BUY", "quantity=1.50&reduceOnly=true")
    assert parameters.needed("symbol") == "BTCUSDT"
    assert parameters.text("side") == "BUY"
    assert parameters.decimal("quantity") == Decimal("1.50")
    assert parameters.flag("reduceOnly")
    parameters.done()


def test_what_is_not_there_is_none_or_missing() -> None:
    parameters = Parameters("empty=")
    assert (parameters.text("a"), parameters.whole("b"), parameters.decimal("c")) == (None, None, None)
    assert not parameters.flag("d")
    assert refused(lambda: parameters.needed("empty")) == -1102


def test_what_was_not_read_is_named() -> None:
    parameters = Parameters("symbol=BTCUSDT&icebergQty=1&timestamp=1&signature=2&recvWindow=3")
    parameters.needed("symbol")
    with pytest.raises(Refusal, match=r"read '4' parameter\(s\) but was sent '5': 'icebergQty'") as refusal:
        parameters.done()
    assert refusal.value.code == -1104


@pytest.mark.parametrize("query", ["a=1&a=2", "a", "a=1&&b=2", "=&" * 3, "&".join(f"p{n}=1" for n in range(41))])
def test_what_is_no_query_is_refused(query: str) -> None:
    assert refused(lambda: Parameters(query)) == -1101


def test_a_name_in_query_and_body_is_refused() -> None:
    assert refused(lambda: Parameters("a=1", "a=1")) == -1101
    half = "&".join(f"p{number}=1" for number in range(MAX_PARAMETERS))
    assert refused(lambda: Parameters(half, "q=1")) == -1101


@pytest.mark.parametrize("text", ["-1", "1.0", "1e3", " 1", "9223372036854775808", "٣", "0x10", "1" * 300])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    assert refused(lambda: Parameters(f"n={text}").whole("n")) == -1100


@pytest.mark.parametrize("text", ["-1", "1e3", ".5", "1.", "NaN", "Infinity", "1_0", "1" * 19, "0." + "1" * 19, "+1"])
def test_what_is_no_decimal_is_refused(text: str) -> None:
    from urllib.parse import quote

    assert refused(lambda: Parameters(f"n={quote(text)}").decimal("n")) == -1100


@pytest.mark.parametrize("text", ["a b", "é", "x" * 37, "a%00", "<script>"])
def test_a_name_for_an_order_has_few_letters(text: str) -> None:
    assert refused(lambda: Parameters(f"c={text}").client_id("c")) == -1100


def test_names_for_orders_that_clients_use() -> None:
    for name in ("tp-0123456789ab-17", "x-HNA2TXFJ", "a.b:c/d_e"):
        assert Parameters(f"c={name}").client_id("c") == name


def test_nothing_of_a_client_is_shown_back_as_it_came() -> None:
    with pytest.raises(Refusal) as refusal:
        Parameters("<b>=1&<b>=2")
    assert "<" not in refusal.value.message


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read_or_refused(query: str, body: str) -> None:
    with contextlib.suppress(Refusal):
        parameters = Parameters(query, body)
        assert isinstance(parameters.text("a"), str | None)
        parameters.done()
