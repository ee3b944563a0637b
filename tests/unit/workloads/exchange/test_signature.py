"""Signed requests: who they are from, whether they are whole, and whether they are fresh."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pytest
from tradeplane_workloads.exchange.parameters import Parameters
from tradeplane_workloads.exchange.refusal import Refusal
from tradeplane_workloads.exchange.signature import Credentials, account_of, check_signature, check_time

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # noqa: S105 -- of Binance's documentation
KNOWN = (Credentials("one", "k" * 64, SECRET), Credentials("two", "q" * 64, "s"))
NOW = 1_700_000_000_000


def refused(call: Callable[[], object]) -> tuple[int, int]:
    with pytest.raises(Refusal) as refusal:
        call()
    return refusal.value.code, refusal.value.status


def signed(payload: str) -> str:
    return hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()


def test_a_signature_as_binance_has_it() -> None:
    # The example of Binance's documentation of spot.
    query = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    given = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    check_signature(SECRET, f"{query}&signature={given}", "", given)


def test_query_and_body_are_signed_together() -> None:
    given = signed("a=1b=2&c=3")
    check_signature(SECRET, "a=1", f"b=2&signature={given}&c=3", given)
    check_signature(SECRET, "a=1", "b=2&c=3", given.upper())


@pytest.mark.parametrize("query", ["a=2", "a=1&b=2", "b=1", "", "a=1&"])
def test_what_was_changed_on_the_way_is_refused(query: str) -> None:
    assert refused(lambda: check_signature(SECRET, query, "", signed("a=1"))) == (-1022, 400)


@pytest.mark.parametrize("given", ["", "0" * 64, "é" * 64, signed("a=1")[:-1]])
def test_a_wrong_signature_is_refused(given: str) -> None:
    assert refused(lambda: check_signature(SECRET, "a=1", "", given)) == (-1022, 400)


def test_no_signature_is_missing() -> None:
    assert refused(lambda: check_signature(SECRET, "a=1", "", None)) == (-1102, 400)


def test_a_key_tells_the_account() -> None:
    assert account_of("q" * 64, KNOWN).account == "two"


@pytest.mark.parametrize(
    ("key", "code"),
    [(None, -2014), ("", -2014), ("a b", -2014), ("x" * 129, -2014), ("k" * 63, -2015), ("z" * 64, -2015)],
)
def test_a_key_that_is_none_is_refused(key: str | None, code: int) -> None:
    assert refused(lambda: account_of(key, KNOWN)) == (code, 401)


@pytest.mark.parametrize(
    "query", ["timestamp=1699999995000", "timestamp=1700000001000", "timestamp=1699999940000&recvWindow=60000"]
)
def test_a_fresh_request_is_taken(query: str) -> None:
    check_time(Parameters(query), NOW)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("timestamp=1699999994999", -1021),
        ("timestamp=1700000001001", -1021),
        ("timestamp=1699999999998&recvWindow=1", -1021),
        ("timestamp=1700000000000&recvWindow=60001", -1131),
        ("recvWindow=5000", -1102),
        ("timestamp=now", -1100),
        ("timestamp=1700000000000&recvWindow=-1", -1100),
    ],
)
def test_a_stale_request_is_refused(query: str, code: int) -> None:
    assert refused(lambda: check_time(Parameters(query), NOW)) == (code, 400)


def test_secrets_are_not_shown() -> None:
    assert SECRET not in repr(KNOWN)
    assert "k" * 64 not in str(KNOWN[0])
