"""How Binance's markets name their streams and where they answer requests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tradeplane_api.capture import Channel
from tradeplane_api.venue import Market

from tradeplane_workloads.brokers.weight import FUTURES_DEPTH, SPOT_DEPTH, weight_of

if TYPE_CHECKING:
    from tradeplane_api.capture import CaptureFeed

_DEPTH_PATHS = {
    Market.SPOT: "/api/v3/depth",
    Market.USD_MARGINED: "/fapi/v1/depth",
    Market.COIN_MARGINED: "/dapi/v1/depth",
}
_STREAMS = {
    Channel.DEPTH: "depth@100ms",
    Channel.TRADE: "trade",
    Channel.AGGREGATED_TRADE: "aggTrade",
    Channel.QUOTE: "bookTicker",
}


def stream_url(feed: CaptureFeed) -> str:
    """Return the address of a combined stream of all that a feed has."""
    names = [f"{symbol.lower()}@{_STREAMS[channel]}" for symbol in feed.symbols for channel in feed.channels]
    return f"{feed.stream}/stream?streams={'/'.join(names)}"


def book_weight(feed: CaptureFeed) -> int:
    """Return what a snapshot of a book costs of the venue's weight."""
    return weight_of(SPOT_DEPTH if feed.market is Market.SPOT else FUTURES_DEPTH, feed.depth_limit)


def depth_url(feed: CaptureFeed, symbol: str) -> str:
    """Return the address of a snapshot of a symbol's book."""
    return f"{feed.rest}{_DEPTH_PATHS[feed.market]}?{urlencode({'symbol': symbol, 'limit': feed.depth_limit})}"
