"""Binance's weight: what requests cost, and how much of what is allowed in a minute is spent. No network.

The broker counts for an address, anew each minute, and says with each answer how far it is; what others asked from the
same address is in that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
"""The header of an answer that has the broker's count."""
FUTURES_DEPTH = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1_000: 20}
"""What a book of at most so many levels weighs at the futures markets, which give these numbers of levels alone."""
SPOT_DEPTH = {100: 5, 500: 25, 1_000: 50, 5_000: 250}
"""What it weighs at the spot market, by the most levels."""
MINUTE_SECONDS = 60
_MINUTE_NS = MINUTE_SECONDS * 1_000_000_000


def weight_of(weights: Mapping[int, int], levels: int) -> int:
    """Return what it weighs to ask for a book of so many levels; of more than there are, what the most weigh."""
    return next((weight for most, weight in weights.items() if levels <= most), max(weights.values()))


class Weight:
    """What is spent of the weight allowed in a minute, by a clock in nanoseconds that is never set."""

    def __init__(self, allowed: int, steady: Callable[[], int]) -> None:
        self.allowed = allowed
        self._steady = steady
        self._minute = 0
        self._used = 0

    @property
    def used(self) -> int:
        """The weight spent in this minute; the broker counts anew in each."""
        minute = self._steady() // _MINUTE_NS
        if minute != self._minute:
            self._minute, self._used = minute, 0
        return self._used

    def wait(self, weight: int) -> float:
        """Return in how many seconds a request that costs so much may be sent: 0 where it may be now."""
        used = self.used
        # What costs more than is ever allowed is asked for once a minute, as the first: the broker may still say no.
        if used == 0 or used + weight <= self.allowed:
            return 0.0
        return (_MINUTE_NS - self._steady() % _MINUTE_NS) / 1e9

    def spend(self, weight: int) -> None:
        """Count a request."""
        self._used = self.used + weight

    def count(self, said: str) -> None:
        """Take the broker's own count, the text of its header; what is none is passed over."""
        if said.isascii() and said.isdigit() and len(said) < 10:
            self._minute, self._used = self._steady() // _MINUTE_NS, int(said)
