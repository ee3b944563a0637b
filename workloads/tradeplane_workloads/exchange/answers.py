"""Answers to requests about orders, trades, balances and positions, in each wire form."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from tradeplane_workloads.events.terms import lot_value
from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.orders import wire_terms
from tradeplane_workloads.exchange.units import amount_text, ratio_text

if TYPE_CHECKING:
    from tradeplane_workloads.exchange.ledger import Order, Sent, Trade
    from tradeplane_workloads.exchange.listing import Listing
    from tradeplane_workloads.exchange.venue import Venue

Fields = dict[str, object]
BELONGS = "tradeplane"
"""The field, in reports and answers, of what Binance does not say: of orders that belong to others, and reasons."""


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a future as the wire shows it."""

    amount: str
    entry_price: str
    mark_price: str
    unrealized: str
    notional: str
    unrealized_billionths: int
    margin_billionths: int


def order_fields(venue: Venue, order: Order) -> Fields:
    """Return an order as the answer to a request for it."""
    listing = venue.listings.all[order.instrument]
    sent = order.sent
    fields: Fields = {
        "symbol": listing.symbol,
        "orderId": order.number,
        "clientOrderId": sent.client,
        "price": listing.price.text(order.price),
        "origQty": listing.quantity.text(order.quantity),
        "executedQty": listing.quantity.text(order.executed),
        "status": order.status,
        "timeInForce": terms_text(sent),
        "type": sent.type,
        "side": "BUY" if order.side == 1 else "SELL",
        "stopPrice": listing.price.text(sent.trigger),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    } | own_fields(listing, order)
    if venue.wire is Wire.SPOT:
        return fields | {
            "orderListId": -1,
            "cummulativeQuoteQty": amount_text(order.value),
            "icebergQty": listing.quantity.text(sent.display),
            "isWorking": order.working,
            "workingTime": order.created_ms if order.working else -1,
            "origQuoteOrderQty": amount_text(0),
            "selfTradePreventionMode": "NONE",
        }
    worth = {"cumBase": amount_text(order.value), "pair": listing.pair}
    fields |= worth if venue.wire is Wire.COIN_M else {"cumQuote": amount_text(order.value)}
    return fields | {
        "type": type_now(order),
        "avgPrice": average_price(listing, order.traded, order.executed),
        "reduceOnly": sent.reduce_only,
        "closePosition": False,
        "positionSide": "BOTH",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": sent.type,
    }


def own_fields(listing: Listing, order: Order) -> Fields:
    """Return what Binance has no word for: how far a stop trails, what may trade of one of two, and why it ended."""
    fields: Fields = {}
    if order.sent.distance:
        fields["trailingDistance"] = listing.price.text(order.sent.distance)
    said: Fields = {"left": listing.quantity.text(order.left), "update": order.updates} if order.numbered else {}
    if order.reason:
        said["reason"] = order.reason.name
    return fields | ({BELONGS: said} if said else {})


def placed_fields(venue: Venue, order: Order, answer: str) -> Fields:
    """Return the answer to a new order, as short or long as it was asked for."""
    if venue.wire is not Wire.SPOT:
        fields = order_fields(venue, order)
        if answer == "ACK":
            zero = venue.listings.all[order.instrument].quantity.text(0)
            fields |= {"status": "NEW", "executedQty": zero, "avgPrice": "0.00"}
        return {key: value for key, value in fields.items() if key != "time"}
    fields = {name: value for name, value in order_fields(venue, order).items() if name in _SPOT_PLACED}
    fields["transactTime"] = order.updated_ms
    if answer == "ACK":
        return {name: fields[name] for name in _SPOT_ACKNOWLEDGED}
    if answer == "FULL":
        fields["fills"] = [_fill(venue, trade) for trade in _trades_of(venue, order)]
    return fields


_SPOT_ACKNOWLEDGED = ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
_SPOT_PLACED = (
    *_SPOT_ACKNOWLEDGED,
    "price",
    "origQty",
    "executedQty",
    "cummulativeQuoteQty",
    "status",
    "timeInForce",
    "type",
    "side",
    "workingTime",
    "selfTradePreventionMode",
)


def cancelled_fields(venue: Venue, order: Order) -> Fields:
    """Return the answer to a cancellation."""
    fields = order_fields(venue, order)
    if venue.wire is Wire.SPOT:
        fields |= {"origClientOrderId": order.sent.client, "clientOrderId": order.cancel_client or ""}
        fields["transactTime"] = order.updated_ms
    return fields


def trade_fields(venue: Venue, trade: Trade) -> Fields:
    """Return a trade of an account."""
    listing = venue.listings.all[trade.order.instrument]
    buyer = trade.order.side == 1
    fields: Fields = {
        "symbol": listing.symbol,
        "id": trade.number,
        "orderId": trade.order.number,
        "price": listing.price.text(trade.price),
        "qty": listing.quantity.text(trade.quantity),
        "commission": amount_text(trade.fee),
        "commissionAsset": listing.settled,
        "time": trade.time_ms,
    }
    if trade.order.numbered:
        fields[BELONGS] = {"left": listing.quantity.text(trade.left)}
    if venue.wire is Wire.SPOT:
        named = {"orderListId": -1, "quoteQty": amount_text(trade.value)}
        return fields | named | {"isBuyer": buyer, "isMaker": trade.maker, "isBestMatch": True}
    worth = {"baseQty": amount_text(trade.value), "pair": listing.pair, "marginAsset": listing.settled}
    fields |= worth if venue.wire is Wire.COIN_M else {"quoteQty": amount_text(trade.value)}
    named = {"side": "BUY" if buyer else "SELL", "positionSide": "BOTH", "realizedPnl": amount_text(trade.realized)}
    return fields | named | {"buyer": buyer, "maker": trade.maker}


def average_price(listing: Listing, traded: int, executed: int) -> str:
    """Return the mean price of lots that were ``executed``; ``traded`` is the sum of ticks times lots."""
    if not executed:
        return "0.00"
    return ratio_text(Fraction(traded, executed) * Fraction(listing.instrument.tick))


def position_of(venue: Venue, account: int, listing: Listing) -> Position:
    """Return a position at the middle of the book."""
    lots, entry = venue.position(account, listing)
    _, bids, asks = venue.depth(listing, 1)
    middle = Fraction(bids[0][0] + asks[0][0], 2) if bids and asks else Fraction(0)
    if not lots:
        middle_text = ratio_text(middle * Fraction(listing.instrument.tick))
        return Position(listing.quantity.text(0), "0.0", middle_text, amount_text(0), amount_text(0), 0, 0)
    inverse = venue.wire is Wire.COIN_M
    lot = lot_value(listing.instrument)
    worth = 0 if not middle else round(-lots * lot / middle if inverse else lots * lot * middle)
    entry_ticks = -lot * lots / (entry or 1) if inverse else Fraction(entry) / (lot * lots)
    unrealized = worth - entry if middle else 0
    tick = Fraction(listing.instrument.tick)
    return Position(
        amount=listing.quantity.text(lots),
        entry_price=ratio_text(entry_ticks * tick),
        mark_price=ratio_text(middle * tick),
        unrealized=amount_text(unrealized),
        notional=amount_text(-worth if inverse else worth),
        unrealized_billionths=unrealized,
        margin_billionths=abs(worth),
    )


def type_now(order: Order) -> str:
    """Return the type of an order of a future: what waited for its trigger is a market or limit order from there on."""
    if not order.working or order.sent.kind in ("limit", "market"):
        return order.sent.type
    return "LIMIT" if order.sent.kind == "stop-limit" else "MARKET"


def terms_text(sent: Sent) -> str:
    """Return how long an order stands, as the wire names it."""
    return "GTC" if sent.type == "LIMIT_MAKER" else wire_terms(sent.terms)


def _trades_of(venue: Venue, order: Order) -> list[Trade]:
    newest = venue.ledger.trades(order.account, order.instrument, 0, 1_000)
    return [trade for trade in newest if trade.order is order]


def _fill(venue: Venue, trade: Trade) -> Fields:
    fields = trade_fields(venue, trade)
    return {name: fields[name] for name in ("price", "qty", "commission", "commissionAsset")} | {
        "tradeId": trade.number
    }
