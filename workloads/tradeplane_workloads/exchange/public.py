"""Requests that anyone may send: what is traded, what time it is, how a book stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_workloads.brokers.weight import FUTURES_DEPTH, SPOT_DEPTH, weight_of
from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.orders import MAX_LOTS, MAX_TICKS, TYPES
from tradeplane_workloads.exchange.refusal import Refusal
from tradeplane_workloads.exchange.streams import levels_text
from tradeplane_workloads.exchange.units import amount_text
from tradeplane_workloads.market.instruments import decimal_text, exponent_of

if TYPE_CHECKING:
    from tradeplane_api.exchange import RequestLimits

    from tradeplane_workloads.exchange.listing import Listing
    from tradeplane_workloads.exchange.parameters import Parameters
    from tradeplane_workloads.exchange.venue import Venue

MOST_ORDERS = 1_024
"""Orders alive of an instrument: what the core holds."""
_DELIVERY_MS = 4_133_404_800_000
"""When a perpetual future is delivered, as Binance has it: in the year 2100."""


def exchange_info(venue: Venue, limits: RequestLimits) -> dict[str, object]:
    """Return what is traded, in which steps, and how much one may ask."""
    spot = venue.wire is Wire.SPOT
    rates = [
        ("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute),
        ("ORDERS", "SECOND", 10, limits.orders_per_ten_seconds),
        ("ORDERS", "MINUTE", 1, limits.orders_per_minute),
    ]
    info: dict[str, object] = {
        "timezone": "UTC",
        "serverTime": venue.now_ms(),
        "rateLimits": [
            {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
            for kind, interval, number, limit in rates
        ],
        "exchangeFilters": [],
        "symbols": [_spot_symbol(one) if spot else _future_symbol(venue.wire, one) for one in venue.listings.all],
    }
    if not spot:
        info["assets"] = [{"asset": asset, "marginAvailable": True} for asset in venue.listings.assets]
    return info


def depth(venue: Venue, parameters: Parameters) -> dict[str, object]:
    """Return a book."""
    listing = parameters.listing(venue.listings)
    limit = depth_limit(venue.wire, parameters)
    number, bids, asks = venue.depth(listing, limit)
    book: dict[str, object] = {"lastUpdateId": number}
    if venue.wire is not Wire.SPOT:
        now_ms = venue.now_ms()
        book |= {"E": now_ms, "T": now_ms}
    if venue.wire is Wire.COIN_M:
        book |= {"symbol": listing.symbol, "pair": listing.pair}
    return book | {"bids": levels_text(listing, bids), "asks": levels_text(listing, asks)}


def depth_limit(wire: Wire, parameters: Parameters) -> int:
    """Return how many levels of a book are asked for."""
    limit = parameters.whole("limit")
    if wire is Wire.SPOT:
        return min(100 if limit is None else max(limit, 1), 5_000)
    limit = 500 if limit is None else limit
    if limit not in FUTURES_DEPTH:
        raise Refusal(-4021, "Invalid depth limit: it is one of 5, 10, 20, 50, 100, 500 and 1000.")
    return limit


def depth_weight(wire: Wire, parameters: Parameters) -> int:
    """Return what it weighs to ask for a book."""
    weights = SPOT_DEPTH if wire is Wire.SPOT else FUTURES_DEPTH
    return weight_of(weights, depth_limit(wire, parameters))


def book_ticker(venue: Venue, parameters: Parameters) -> dict[str, object]:
    """Return the best bid and ask of an instrument."""
    listing = parameters.listing(venue.listings)
    number, bids, asks = venue.depth(listing, 1)
    (bid, bid_lots), (ask, ask_lots) = (bids or [(0, 0)])[0], (asks or [(0, 0)])[0]
    ticker: dict[str, object] = {
        "symbol": listing.symbol,
        "bidPrice": listing.price.text(bid),
        "bidQty": listing.quantity.text(bid_lots),
        "askPrice": listing.price.text(ask),
        "askQty": listing.quantity.text(ask_lots),
    }
    return ticker if venue.wire is Wire.SPOT else ticker | {"lastUpdateId": number, "time": venue.now_ms()}


def _filters(listing: Listing) -> list[dict[str, object]]:
    tick, lot = decimal_text(listing.instrument.tick), decimal_text(listing.instrument.lot)
    most = {"maxPrice": listing.price.text(MAX_TICKS), "maxQty": listing.quantity.text(MAX_LOTS)}
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": most["maxPrice"], "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": most["maxQty"], "stepSize": lot},
        {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": most["maxQty"], "stepSize": lot},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MOST_ORDERS, "limit": MOST_ORDERS},
    ]


def _spot_symbol(listing: Listing) -> dict[str, object]:
    return {
        "symbol": listing.symbol,
        "status": "TRADING",
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": list(TYPES[Wire.SPOT]),
        "icebergAllowed": True,
        "ocoAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(listing),
        "permissions": ["SPOT"],
    }


def _future_symbol(wire: Wire, listing: Listing) -> dict[str, object]:
    symbol: dict[str, object] = {
        "symbol": listing.symbol,
        "pair": listing.pair,
        "contractType": "PERPETUAL",
        "deliveryDate": _DELIVERY_MS,
        "onboardDate": 0,
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.settled,
        "pricePrecision": max(0, -exponent_of(listing.instrument.tick)),
        "quantityPrecision": max(0, -exponent_of(listing.instrument.lot)),
        "filters": _filters(listing),
        "orderTypes": list(TYPES[wire]),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }
    if wire is Wire.COIN_M:
        size = listing.instrument.contract_size * listing.instrument.lot
        return symbol | {"contractStatus": "TRADING", "contractSize": float(size)}
    return symbol | {"status": "TRADING", "liquidationFee": amount_text(0)}
