"""Streams of the market: their names, and the text of their messages in each wire form."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange.listing import Wire

if TYPE_CHECKING:
    from tradeplane_workloads.exchange.listing import Listing, Listings
    from tradeplane_workloads.exchange.venue import MarketUpdate

DEFAULT_INTERVAL_MS = {Wire.SPOT: 1_000, Wire.USD_M: 250, Wire.COIN_M: 250}
INTERVALS_MS = {Wire.SPOT: (0, 100, 1_000), Wire.USD_M: (0, 100, 250, 500), Wire.COIN_M: (0, 100, 250, 500)}
"""Milliseconds between two messages of changes of a book; 0 for one an update."""
_NAME = re.compile(r"([a-z0-9_-]{1,64})@(depth|trade|aggTrade|bookTicker)(?:@([0-9]{1,4})ms)?")

Best = tuple[tuple[int, int], tuple[int, int]] | None
"""Best bid and ask, price and quantity each."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What a client may subscribe to; ``interval_ms`` is of changes of a book."""

    name: str
    listing: Listing
    channel: str
    interval_ms: int = 0


def stream_of(name: str, listings: Listings) -> Stream | None:
    """Return the stream of a name, such as ``btcusdt@depth@100ms``; None where there is none."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    symbol, channel, interval = match.groups()
    listing = listings.by_symbol.get(symbol.upper())
    if listing is None or (interval is not None and channel != "depth"):
        return None
    if channel != "depth":
        return Stream(name, listing, channel)
    milliseconds = DEFAULT_INTERVAL_MS[listings.wire] if interval is None else int(interval)
    return Stream(name, listing, channel, milliseconds) if milliseconds in INTERVALS_MS[listings.wire] else None


class DepthFeed:
    """Changes of one book, gathered from one message to the next; ``number`` is that of the last update before."""

    def __init__(self, wire: Wire, listing: Listing, number: int) -> None:
        self._wire, self._listing = wire, listing
        self._before = self._last = number
        self._levels: dict[tuple[int, int], int] = {}
        self._time_ms = 0

    def add(self, update: MarketUpdate) -> None:
        """Add an update."""
        if not update.changes:
            return
        self._last, self._time_ms = update.number, update.time_ms
        for side, price, quantity in update.changes:
            self._levels[side, price] = quantity

    def message(self, now_ms: int) -> str | None:
        """Return what was gathered as a message, and begin anew; None where nothing changed."""
        if not self._levels:
            return None
        fields = {"e": "depthUpdate", "E": now_ms}
        if self._wire is not Wire.SPOT:
            fields["T"] = self._time_ms
        fields |= _named(self._wire, self._listing)
        fields |= {"U": self._before + 1, "u": self._last}
        if self._wire is not Wire.SPOT:
            fields["pu"] = self._before
        for key, wanted in (("b", 1), ("a", -1)):
            changed = [(price, quantity) for (side, price), quantity in self._levels.items() if side == wanted]
            fields[key] = levels_text(self._listing, changed)
        self._before, self._levels = self._last, {}
        return compact(fields)


def levels_text(listing: Listing, levels: list[tuple[int, int]]) -> list[list[str]]:
    """Write levels as pairs of price and quantity."""
    return [[listing.price.text(price), listing.quantity.text(quantity)] for price, quantity in levels]


def trade_message(wire: Wire, channel: str, update: MarketUpdate, trade: tuple[int, int, int, int]) -> str:
    """Write a trade of the market for ``trade`` or ``aggTrade``."""
    number, price, quantity, taker = trade
    listing = update.listing
    fields = {"e": channel, "E": update.time_ms, "s": listing.symbol}
    fields |= {"t": number} if channel == "trade" else {"a": number}
    fields |= {"p": listing.price.text(price), "q": listing.quantity.text(quantity)}
    if channel == "aggTrade":
        fields |= {"f": number, "l": number}
    fields |= {"T": update.time_ms, "m": taker == -1}
    if wire is Wire.SPOT:
        fields["M"] = True
    elif channel == "trade":
        fields["X"] = "MARKET"
    return compact(fields)


def ticker_message(wire: Wire, update: MarketUpdate, best: Best) -> str | None:
    """Write the best bid and ask; None while there are not both."""
    if best is None:
        return None
    (bid, bids), (ask, asks) = best
    listing = update.listing
    fields: dict[str, object] = {} if wire is Wire.SPOT else {"e": "bookTicker"}
    fields |= {"u": update.number} | _named(wire, listing)
    fields |= {"b": listing.price.text(bid), "B": listing.quantity.text(bids)}
    fields |= {"a": listing.price.text(ask), "A": listing.quantity.text(asks)}
    if wire is not Wire.SPOT:
        fields |= {"T": update.time_ms, "E": update.time_ms}
    return compact(fields)


def combined(stream: str, message: str) -> str:
    """Wrap a message as a combined stream does."""
    return f'{{"stream":{json.dumps(stream)},"data":{message}}}'


def compact(value: object) -> str:
    """Write JSON without blanks."""
    return json.dumps(value, separators=(",", ":"))


def _named(wire: Wire, listing: Listing) -> dict[str, object]:
    symbol: dict[str, object] = {"s": listing.symbol}
    return symbol | {"ps": listing.pair} if wire is Wire.COIN_M else symbol
