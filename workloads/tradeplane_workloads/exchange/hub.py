"""Who hears what: streams and their listeners, each with a bound on what waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange.account_events import account_messages
from tradeplane_workloads.exchange.streams import (
    Best,
    DepthFeed,
    Stream,
    combined,
    ticker_message,
    trade_message,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_workloads.exchange.faults import FaultPlan
    from tradeplane_workloads.exchange.ledger import Happened
    from tradeplane_workloads.exchange.venue import MarketUpdate, Venue

MAX_WAITING_BYTES = 4 << 20
"""Characters that may wait for a client; one that is further behind is cut off."""
MAX_WAITING = 20_000
MAX_SUBSCRIPTIONS = 1_024


@dataclass(eq=False)
class Listener:
    """A connection as the hub sees it: what waits for it, and whether it is to be cut off."""

    is_combined: bool
    waiting: deque[str] = field(default_factory=deque)
    waiting_bytes: int = 0
    cut: str | None = None
    is_abrupt: bool = False
    subscriptions: dict[str, Stream | int] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, text: str) -> None:
        """Let a message wait; cut the connection off where too much does."""
        if self.cut is not None:
            return
        if self.waiting_bytes + len(text) > MAX_WAITING_BYTES or len(self.waiting) >= MAX_WAITING:
            self.cut_off("it reads too slowly")
            return
        self.waiting.append(text)
        self.waiting_bytes += len(text)
        self.ready.set()

    def take(self) -> str | None:
        """Return the next message, or None where none waits."""
        if not self.waiting:
            self.ready.clear()
            return None
        text = self.waiting.popleft()
        self.waiting_bytes -= len(text)
        return text

    def cut_off(self, why: str, *, is_abrupt: bool = True) -> None:
        """End the connection, with a good-bye or without; what waits for it is dropped."""
        if self.cut is None:
            self.cut, self.is_abrupt = why, is_abrupt
        self.waiting.clear()
        self.waiting_bytes = 0
        self.ended.set()


class Hub:
    """Passes on what happens at a venue to those who listen."""

    def __init__(self, venue: Venue, faults: FaultPlan) -> None:
        self._venue = venue
        self._faults = faults
        self._streams: dict[str, tuple[Stream, dict[Listener, None]]] = {}
        self._accounts: dict[int, dict[Listener, str]] = {}
        self._told: dict[int, Best] = {}
        self._listeners: dict[Listener, None] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._feeds: dict[tuple[int, int], tuple[DepthFeed, int | None]] = {}
        venue.audience.append(self)

    def subscribe(self, listener: Listener, stream: Stream) -> None:
        """Let a listener hear a stream of the market."""
        listener.subscriptions[stream.name] = stream
        self._streams.setdefault(stream.name, (stream, {}))[1][listener] = None
        if stream.channel == "depth":
            index = stream.listing.index
            if (index, stream.interval_ms) not in self._feeds:
                number, _, _ = self._venue.depth(stream.listing, 0)
                feed = DepthFeed(self._venue.wire, stream.listing, number)
                self._feeds[index, stream.interval_ms] = (feed, None)

    def subscribe_account(self, listener: Listener, account: int, key: str) -> None:
        """Let a listener hear of an account; ``key`` is how it named that stream."""
        listener.subscriptions[key] = account
        self._accounts.setdefault(account, {})[listener] = key

    def unsubscribe(self, listener: Listener, name: str) -> None:
        """Let a listener hear a stream no longer."""
        held = listener.subscriptions.pop(name, None)
        if isinstance(held, int):
            self._accounts.get(held, {}).pop(listener, None)
        elif held is not None:
            self._leave(held, listener)

    def join(self, listener: Listener) -> None:
        """Know a listener, so that it is told when all ends."""
        self._listeners[listener] = None
        self._empty.clear()

    async def end(self) -> None:
        """Say good-bye to everyone and wait until they are gone: the exchange ends."""
        for listener in list(self._listeners):
            listener.cut_off("the exchange ends", is_abrupt=False)
        await self._empty.wait()

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        self._listeners.pop(listener, None)
        if not self._listeners:
            self._empty.set()
        for name in list(listener.subscriptions):
            self.unsubscribe(listener, name)

    def close_account(self, account: int) -> None:
        """Cut off those who hear of an account: their key has lapsed."""
        for listener in list(self._accounts.get(account, {})):
            listener.cut_off("its listen key was closed", is_abrupt=False)

    def _leave(self, stream: Stream, listener: Listener) -> None:
        _, listeners = self._streams[stream.name]
        listeners.pop(listener, None)
        if listeners:
            return
        del self._streams[stream.name]
        place = (stream.listing.index, stream.interval_ms)
        others = (one for one, _ in self._streams.values() if one.channel == "depth")
        if stream.channel == "depth" and place not in [(one.listing.index, one.interval_ms) for one in others]:
            del self._feeds[place]

    def on_market(self, update: MarketUpdate) -> None:
        """Pass on a message of the tape."""
        wire, index = self._venue.wire, update.listing.index
        for (of, interval_ms), (feed, _) in self._feeds.items():
            if of == index:
                feed.add(update)
                if not interval_ms:
                    self._send_depth(index, interval_ms, feed, update.time_ms)
        for trade in update.prints:
            for channel in ("trade", "aggTrade"):
                self._send(update, channel, partial(trade_message, wire, channel, update, trade))
        if update.changes:
            self._send(update, "bookTicker", partial(self._ticker, update))

    def on_account(self, account: int, happened: list[Happened], time_ms: int) -> None:
        """Pass on what happened to orders of an account."""
        listeners = self._accounts.get(account)
        if not listeners:
            return
        for message in account_messages(self._venue, account, happened, time_ms):
            for listener, key in listeners.items():
                self._faults.user(listener, combined(key, message) if listener.is_combined else message)

    def flush(self, passed_ms: int) -> None:
        """Send the changes of books that were gathered long enough, by a clock that only goes forward."""
        for (index, interval_ms), (feed, since_ms) in list(self._feeds.items()):
            if since_ms is None or passed_ms - since_ms >= interval_ms:
                self._feeds[index, interval_ms] = (feed, passed_ms)
                if since_ms is not None:
                    self._send_depth(index, interval_ms, feed, self._venue.now_ms())

    def _send_depth(self, index: int, interval_ms: int, feed: DepthFeed, now_ms: int) -> None:
        message = feed.message(now_ms)
        if message is not None:
            for stream, listeners in self._streams.values():
                of = (stream.listing.index, stream.channel, stream.interval_ms)
                if of == (index, "depth", interval_ms):
                    self._pass(stream.name, listeners, message)

    def _send(self, update: MarketUpdate, channel: str, write: Callable[[], str | None]) -> None:
        found = self._streams.get(f"{update.listing.symbol.lower()}@{channel}")
        message = write() if found is not None else None
        if found is not None and message is not None:
            self._pass(found[0].name, found[1], message)

    def _pass(self, name: str, listeners: dict[Listener, None], message: str) -> None:
        for listener in list(listeners):
            self._faults.market(listener, combined(name, message) if listener.is_combined else message)

    def _ticker(self, update: MarketUpdate) -> str | None:
        """Return the best bid and ask as a message, where they are others than were told last."""
        _, bids, asks = self._venue.depth(update.listing, 1)
        best = (bids[0], asks[0]) if bids and asks else None
        if best == self._told.get(update.listing.index):
            return None
        self._told[update.listing.index] = best
        return ticker_message(self._venue.wire, update, best)
