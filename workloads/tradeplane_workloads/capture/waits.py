"""How long to wait before trying again: longer each time, up to a limit, unless the venue says how long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_SECONDS = 0.25
LONGEST_SECONDS = 30.0
LONGEST_BAN_SECONDS = 3 * 24 * 3600.0
"""Binance bans for up to three days."""
_UNSAID = {429: 10.0, 418: 120.0}
"""Statuses that mean too many requests, and how long to wait where the venue does not say."""


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row, from 1 on."""
    return float(min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(failures - 1, 16)))


def asked_to_wait(status: int, headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the venue wants no request for, or None where it says no such thing."""
    if status not in _UNSAID:
        return None
    said = headers.get("Retry-After", "")
    if said.isascii() and said.isdigit():
        return min(float(said), LONGEST_BAN_SECONDS)
    return _UNSAID[status]


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Wait, but not when it is time to stop; return whether it is."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
