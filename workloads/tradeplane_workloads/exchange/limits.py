"""How much a client may ask: weight by address and new orders by account, in windows of the clock.

Who goes on asking after a 429 is sent away with 418 for a while, which doubles each time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tradeplane_workloads.exchange.refusal import Refusal

if TYPE_CHECKING:
    from tradeplane_api.exchange import RequestLimits

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000
PATIENCE = 10
"""Requests within a window after a 429 that are answered with 429 still."""
FIRST_BAN_MS = 120_000
LONGEST_BAN_MS = 3 * 24 * 3_600_000
MAX_CLIENTS = 10_000
"""Addresses and accounts that are counted at once; the longest unseen is forgotten first."""


@dataclass(slots=True)
class _Window:
    length_ms: int
    number: int = -1
    used: int = 0

    def add(self, now_ms: int, weight: int) -> int:
        number = now_ms // self.length_ms
        if number != self.number:
            self.number, self.used = number, 0
        self.used += weight
        return self.used

    def left_seconds(self, now_ms: int) -> int:
        return max(1, -(-((self.number + 1) * self.length_ms - now_ms) // 1_000))


@dataclass(slots=True)
class _Client:
    weight: _Window = field(default_factory=lambda: _Window(MINUTE_MS))
    refused: _Window = field(default_factory=lambda: _Window(MINUTE_MS))
    banned_until_ms: int = 0
    bans: int = 0


@dataclass(slots=True)
class _Orders:
    ten_seconds: _Window = field(default_factory=lambda: _Window(TEN_SECONDS_MS))
    minute: _Window = field(default_factory=lambda: _Window(MINUTE_MS))


Counts = TypeVar("Counts", _Client, _Orders)


class Limiter:
    """Counts, for all clients of an exchange."""

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self._clients: dict[str, _Client] = {}
        self._orders: dict[str, _Orders] = {}

    def request(self, address: str, weight: int, now_ms: int) -> int:
        """Count a request and return the weight used in this minute. Raises Refusal with 429 or 418."""
        client = _recent(self._clients, address, _Client)
        if now_ms < client.banned_until_ms:
            raise _banned(client.banned_until_ms, now_ms)
        used = client.weight.add(now_ms, weight)
        most = self._limits.weight_per_minute
        if used <= most:
            return used
        if client.refused.add(now_ms, 1) > PATIENCE:
            client.banned_until_ms = now_ms + min(FIRST_BAN_MS << min(client.bans, 20), LONGEST_BAN_MS)
            client.bans += 1
            raise _banned(client.banned_until_ms, now_ms)
        words = f"Too many requests; current limit is {most} request weight per 1 MINUTE."
        raise Refusal(-1003, words, 429, client.weight.left_seconds(now_ms))

    def order(self, account: str, now_ms: int) -> tuple[int, int]:
        """Count a new order and return how many there were in ten seconds and a minute. Raises Refusal with 429."""
        orders = _recent(self._orders, account, _Orders)
        counted = orders.ten_seconds.add(now_ms, 1), orders.minute.add(now_ms, 1)
        most = self._limits.orders_per_ten_seconds, self._limits.orders_per_minute
        windows = (orders.ten_seconds, "10 SECOND"), (orders.minute, "1 MINUTE")
        for used, limit, (window, name) in zip(counted, most, windows, strict=True):
            if used > limit:
                words = f"Too many new orders; current limit is {limit} orders per {name}."
                raise Refusal(-1015, words, 429, window.left_seconds(now_ms))
        return counted


def _recent(counted: dict[str, Counts], name: str, new: type[Counts]) -> Counts:
    """Return the counts of a client, as the one seen last."""
    found = counted.pop(name, None) or new()
    counted[name] = found
    if len(counted) > MAX_CLIENTS:
        del counted[next(iter(counted))]
    return found


def _banned(until_ms: int, now_ms: int) -> Refusal:
    words = f"Way too many requests; IP banned until {until_ms}. Please use the websocket for live updates."
    return Refusal(-1003, words, 418, max(1, -(-(until_ms - now_ms) // 1_000)))
