"""How much a client may ask, by a clock that the test holds."""

from __future__ import annotations

import pytest
from tradeplane_api.exchange import RequestLimits
from tradeplane_workloads.exchange.limits import MAX_CLIENTS, PATIENCE, Limiter
from tradeplane_workloads.exchange.refusal import Refusal

MINUTE = 60_000
NOW = 1_000 * MINUTE


def limiter(weight: int = 10, ten_seconds: int = 2, minute: int = 3) -> Limiter:
    return Limiter(
        RequestLimits(weight_per_minute=weight, orders_per_ten_seconds=ten_seconds, orders_per_minute=minute)
    )


def refusal(limits: Limiter, now_ms: int, address: str = "a") -> Refusal:
    with pytest.raises(Refusal) as found:
        limits.request(address, 1, now_ms)
    return found.value


def test_weight_adds_up_within_a_minute_and_begins_anew() -> None:
    limits = limiter()
    assert [limits.request("a", 4, NOW), limits.request("a", 6, NOW + 59_999)] == [4, 10]
    found = refusal(limits, NOW + 59_999)
    assert (found.code, found.status, found.retry_after) == (-1003, 429, 1)
    assert limits.request("a", 4, NOW + MINUTE) == 4


def test_each_address_has_its_own() -> None:
    limits = limiter()
    limits.request("a", 10, NOW)
    assert limits.request("b", 10, NOW) == 10


def test_one_is_told_how_long_to_wait() -> None:
    limits = limiter()
    limits.request("a", 10, NOW + 500)
    assert refusal(limits, NOW + 500).retry_after == 60


def test_who_goes_on_is_sent_away_for_longer_each_time() -> None:
    limits = limiter()
    limits.request("a", 10, NOW)
    assert [refusal(limits, NOW).status for _ in range(PATIENCE)] == [429] * PATIENCE
    banned = refusal(limits, NOW)
    assert (banned.status, banned.retry_after) == (418, 120)
    assert refusal(limits, NOW + 119_999).retry_after == 1
    later = NOW + 2 * MINUTE
    assert limits.request("a", 10, later) == 10
    assert [refusal(limits, later).status for _ in range(PATIENCE + 1)][-1] == 418
    assert refusal(limits, later).retry_after == 240


def test_orders_are_counted_by_account_in_two_windows() -> None:
    limits = limiter()
    assert [limits.order("one", NOW), limits.order("one", NOW)] == [(1, 1), (2, 2)]
    with pytest.raises(Refusal, match="2 orders per 10 SECOND") as found:
        limits.order("one", NOW)
    assert (found.value.code, found.value.status, found.value.retry_after) == (-1015, 429, 10)
    with pytest.raises(Refusal, match="3 orders per 1 MINUTE"):
        limits.order("one", NOW + 10_000)
    assert limits.order("two", NOW) == (1, 1)
    assert limits.order("one", NOW + MINUTE) == (1, 1)


def test_there_is_a_bound_on_what_is_counted() -> None:
    limits = limiter()
    for number in range(MAX_CLIENTS + 1):
        limits.request(str(number), 10, NOW)
    assert limits.request("0", 10, NOW) == 10  # the longest unseen was forgotten
    assert refusal(limits, NOW, "2").status == 429
