"""Bodies on their way to a registry and from it: how long they may take, by their size, and how fast they are sent.

A limit on time alone lets a large file through a fast line only, whatever is tried; and one that is long enough for it
lets a registry that says nothing hold us as long. So each piece that moves adds the time that it takes at the slowest
rate that is put up with, and what stands still is given up as soon as without any body.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PIECE = 65_536
"""Bytes that are sent, or read, at a time."""


@dataclass(slots=True)
class Pace:
    """Bytes that are sent a second, at most, by all who share it; as many as the line takes where it is None."""

    bytes_per_s: float | None
    _free_at: float = field(default=0.0, init=False)

    async def turn(self, size: int) -> float:
        """Wait until so many bytes may be sent; return the seconds that took."""
        if self.bytes_per_s is None:
            return 0.0
        now = time.monotonic()
        begin = max(now, self._free_at)
        self._free_at = begin + size / self.bytes_per_s
        await asyncio.sleep(begin - now)
        return begin - now


@dataclass(slots=True)
class Allowance:
    """The time that one request still has: more by each piece of a body that moves, and by each wait of our own.

    A body is sent beside the request, and may still be when that has ended: ``end`` says so.
    """

    slowest_bytes_per_s: float
    timeouts: tuple[asyncio.Timeout, ...]
    _ended: bool = field(default=False, init=False)

    def moved(self, size: int, waited_s: float = 0.0) -> None:
        """Add the time of a piece."""
        more = size / self.slowest_bytes_per_s + waited_s
        for one in self.timeouts:
            when = one.when()
            if when is not None and not self._ended and not one.expired():
                one.reschedule(when + more)

    def end(self) -> None:
        """Add no more."""
        self._ended = True


async def pieces(body: bytes, pace: Pace, allowance: Allowance) -> AsyncIterator[bytes]:
    """Yield a body piece by piece, each once the one before it was taken and it is its turn."""
    for start in range(0, len(body), PIECE):
        piece = body[start : start + PIECE]
        allowance.moved(len(piece), await pace.turn(len(piece)))
        yield piece
