"""How soon an order is on its way: from the bytes of what it follows from to its own, and the disk's share of that.

It costs two readings of a clock and a count an order, so it is always on: a trader that became slow says so by itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PARTS = 6
"""Two to the power of that: into how many equal parts an octave is divided. What is told is at most 1/64 too high."""
_LONGEST = 1 << 42
"""Nanoseconds; what took longer, more than an hour, is counted as that."""
TOLD = (50, 90, 99)


class Spread:
    """Counts durations by their size, so that any share of them can be told without keeping each."""

    def __init__(self) -> None:
        self._counts = [0] * (_place(_LONGEST) + 1)
        self.count = 0
        self.longest = 0

    def add(self, nanoseconds: int) -> None:
        """Count a duration."""
        counted = min(max(nanoseconds, 0), _LONGEST)
        self._counts[_place(counted)] += 1
        self.count += 1
        self.longest = max(self.longest, counted)

    def percentile(self, percent: int) -> int:
        """Return what so many of a hundred durations did not exceed: never less than it was, 0 where there are none."""
        wanted, seen = -(-self.count * percent // 100), 0
        for place, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(_highest(place), self.longest)
        return 0

    def document(self) -> dict[str, float]:
        """Return what is told of it, in seconds."""
        return {f"p{one}": self.percentile(one) / 1e9 for one in TOLD} | {"max": self.longest / 1e9}


class Promptness:
    """How soon the orders of a trader left, and how long the disk took before each."""

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock = clock
        self._received = 0
        self.since = 0
        """When what is fed now was received."""
        self._sync = 0
        self.orders = Spread()
        self.syncs = Spread()
        self.own = Spread()
        """Of each order, what is left without the disk."""

    def received(self, at: int) -> None:
        """Take when the message was received that is handled from here on, until ``handled``."""
        self._received = at

    def handled(self) -> None:
        """Take note that what follows is not of a message."""
        self._received = 0

    def fed(self) -> None:
        """Take note that something is fed: it was received with its message, or came up just now, as a timer does."""
        self.since = self._received or self._clock()

    def synced(self, nanoseconds: int) -> None:
        """Count what the disk took before the orders were sent that follow from what is fed now."""
        self._sync = nanoseconds
        self.syncs.add(nanoseconds)

    def following(self) -> Callable[[], None]:
        """Return what is called when the order that follows from what is fed now was written."""
        since, sync = self.since, self._sync

        def written() -> None:
            took = self._clock() - since
            self.orders.add(took)
            self.own.add(took - sync)

        return written

    def document(self) -> dict[str, object]:
        """Return what is told of it, in seconds."""
        return {
            "orders": self.orders.count,
            "toWire": self.orders.document(),
            "sync": self.syncs.document(),
            "own": self.own.document(),
        }


def told(promptness: Promptness) -> str:
    """Return the words of a trader that ends."""
    orders, syncs, own = promptness.orders, promptness.syncs, promptness.own
    if not orders.count:
        return "no order was sent"
    share = [f"{one.percentile(percent) / 1e6:.3f} ms" for one in (orders, syncs, own) for percent in (50, 99)]
    return (
        f"{orders.count} orders were on the wire {share[0]} (median) and {share[1]} (99th percentile) after what they "
        f"follow from was received; the disk took {share[2]} and {share[3]}, all else {share[4]} and {share[5]}"
    )


def _place(nanoseconds: int) -> int:
    """Return which part of which octave a duration is in."""
    octave = max(nanoseconds.bit_length() - 1 - _PARTS, 0)
    return (octave << _PARTS) + (nanoseconds >> octave)


def _highest(place: int) -> int:
    """Return the longest duration of a place."""
    octave = max((place >> _PARTS) - 1, 0)
    return ((place - (octave << _PARTS) + 1) << octave) - 1
