"""A queue of keys: each at most once in it, none worked on twice at a time, some by timer, failed ones backed off.

What client-go calls a rate-limiting work queue: a key added while it is worked on is queued again when that is done, so
nothing that happened meanwhile is missed, and however often it is added it costs one more pass. Which of those that
wait goes first is decided in ``lanes``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from tradeplane_operator.metrics import QUEUE_DEPTH, QUEUE_SECONDS
from tradeplane_operator.running.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")


def _never(_key: object) -> bool:
    return False


@dataclass(slots=True)
class WorkQueue(Generic[K]):
    """Keys to be worked on. ``first`` and ``most``: seconds of the first and the longest pause after failures.

    ``urgent`` says of a key that is added whether it goes before those that are not.
    """

    first: float
    most: float
    urgent: Callable[[K], bool] = _never
    _ready: Lanes[K] = field(default_factory=Lanes)
    _working: set[K] = field(default_factory=set)
    _again: set[K] = field(default_factory=set)
    _timers: dict[K, asyncio.TimerHandle] = field(default_factory=dict)
    _failures: dict[K, int] = field(default_factory=dict)
    _waiters: deque[asyncio.Future[None]] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """Whether nothing is queued and nothing is worked on; timers may be set."""
        return not len(self._ready) and not self._working

    def add(self, key: K) -> None:
        """Queue a key now."""
        if key in self._working:
            self._again.add(key)
            return
        if self._ready.put(key, asyncio.get_running_loop().time(), urgent=self.urgent(key)):
            QUEUE_DEPTH.set(len(self._ready))
            self._wake()

    def add_after(self, key: K, seconds: float) -> None:
        """Queue a key after a time; an earlier timer of the key is replaced."""
        self.cancel_timer(key)
        if seconds <= 0:
            self.add(key)
            return
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._ring, key)

    def add_failed(self, key: K, at_least: float = 0.0) -> float:
        """Queue a key after a pause that doubles with each failure; return the pause in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause: float = max(at_least, min(self.first * 2.0 ** min(failures, 30), self.most))
        self.add_after(key, pause)
        return pause

    def succeeded(self, key: K) -> None:
        """Forget a key's failures."""
        self._failures.pop(key, None)

    def cancel_timer(self, key: K) -> None:
        """Forget when a key was to be queued."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def get(self) -> K:
        """Return the key whose turn it is; ``done`` must follow."""
        while not len(self._ready):
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
        key, since = self._ready.take()
        QUEUE_DEPTH.set(len(self._ready))
        QUEUE_SECONDS.observe(asyncio.get_running_loop().time() - since)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        """Say that a key is no longer worked on."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _ring(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
