"""What an account is told over its stream, in each wire form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange.answers import BELONGS, average_price, position_of, terms_text, type_now
from tradeplane_workloads.exchange.ledger import STATUS
from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.streams import compact
from tradeplane_workloads.exchange.units import amount_text
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from tradeplane_workloads.exchange.ledger import Happened
    from tradeplane_workloads.exchange.listing import Listing
    from tradeplane_workloads.exchange.venue import Venue

_EXECUTION = {
    OrderEvent.HOLD: "NEW",
    OrderEvent.WAIT: "NEW",
    OrderEvent.OPEN: "NEW",
    OrderEvent.TRADE: "TRADE",
    OrderEvent.FILL: "TRADE",
    OrderEvent.CANCEL: "CANCELED",
    OrderEvent.EXPIRE: "EXPIRED",
    OrderEvent.REFUSE: "REJECTED",
}


@dataclass(frozen=True, slots=True)
class Snapped:
    """What happened to an order, with what the order had come to by then: an order goes on changing."""

    happened: Happened
    executed: int
    traded: int
    value: int
    status: str


def account_messages(venue: Venue, account: int, happened: list[Happened], time_ms: int) -> list[str]:
    """Return what is told of one input: the orders one after the other, then the balances where something traded."""
    if venue.wire is Wire.SPOT:
        messages = [execution_report(venue, one, time_ms) for one in snapped(happened)]
        return [*messages, compact(_spot_balances(venue, account, happened, time_ms))]
    messages = [order_trade_update(venue, one, time_ms) for one in snapped(happened)]
    if any(one.trade for one in happened):
        messages.insert(0, compact(_account_update(venue, account, happened, time_ms)))
    return messages


def snapped(happened: list[Happened]) -> list[Snapped]:
    """Return each happening with the order as it was right after it, found backwards from how it is now."""
    found: list[Snapped] = []
    later: dict[int, tuple[int, int, int]] = {}
    for one in reversed(happened):
        order, trade = one.order, one.trade
        executed, traded, value = later.get(order.number, (order.executed, order.traded, order.value))
        found.append(Snapped(one, executed, traded, value, _status(one, executed)))
        if trade is not None:
            executed -= trade.quantity
            traded -= trade.price * trade.quantity
            value -= trade.value
        later[order.number] = (executed, traded, value)
    return found[::-1]


def _status(one: Happened, executed: int) -> str:
    if one.event in (OrderEvent.WAIT, OrderEvent.OPEN, OrderEvent.REPLACE, OrderEvent.TRADE):
        return "PARTIALLY_FILLED" if executed else "NEW"
    return STATUS.get(one.event, "REJECTED")


def execution_report(venue: Venue, one: Snapped, time_ms: int) -> str:
    """Write what spot says of an order."""
    order, trade, sent = one.happened.order, one.happened.trade, one.happened.order.sent
    listing = venue.listings.all[order.instrument]
    cancelled = one.happened.event is OrderEvent.CANCEL
    price, quantity = listing.price.text, listing.quantity.text
    return compact(
        {
            "e": "executionReport",
            "E": time_ms,
            "s": listing.symbol,
            "c": order.cancel_client if cancelled and order.cancel_client else sent.client,
            "S": _side(order.side),
            "o": sent.type,
            "f": terms_text(sent),
            "q": quantity(order.quantity),
            "p": price(order.price),
            "P": price(sent.trigger),
            "F": quantity(sent.display),
            "g": -1,
            "C": sent.client if cancelled else "",
            "x": "REPLACED" if one.happened.event is OrderEvent.REPLACE else _EXECUTION[one.happened.event],
            "X": one.status,
            "r": "NONE",
            "i": order.number,
            "l": quantity(trade.quantity if trade else 0),
            "z": quantity(one.executed),
            "L": price(trade.price if trade else 0),
            "n": amount_text(trade.fee if trade else 0),
            "N": listing.quote if trade else None,
            "T": time_ms,
            "t": trade.number if trade else -1,
            "I": order.number,
            "w": order.working,
            "m": bool(trade and trade.maker),
            "M": False,
            "O": order.created_ms,
            "Z": amount_text(one.value),
            "Y": amount_text(trade.value if trade else 0),
            "Q": amount_text(0),
            "W": order.created_ms,
            "V": "NONE",
        }
        | _belonging(listing, one)
    )


def order_trade_update(venue: Venue, one: Snapped, time_ms: int) -> str:
    """Write what futures say of an order."""
    order, trade, sent = one.happened.order, one.happened.trade, one.happened.order.sent
    listing = venue.listings.all[order.instrument]
    price, quantity = listing.price.text, listing.quantity.text
    fields = {
        "s": listing.symbol,
        "c": sent.client,
        "S": _side(order.side),
        "o": sent.type if one.happened.event is OrderEvent.WAIT else type_now(order),
        "f": terms_text(sent),
        "q": quantity(order.quantity),
        "p": price(order.price),
        "ap": average_price(listing, one.traded, one.executed),
        "sp": price(sent.trigger),
        "x": "AMENDMENT" if one.happened.event is OrderEvent.REPLACE else _EXECUTION[one.happened.event],
        "X": one.status,
        "i": order.number,
        "l": quantity(trade.quantity if trade else 0),
        "z": quantity(one.executed),
        "L": price(trade.price if trade else 0),
    }
    if trade:
        fields |= {"N": listing.settled, "n": amount_text(trade.fee)}
    fields |= {
        "T": time_ms,
        "t": trade.number if trade else 0,
        "b": "0",
        "a": "0",
        "m": bool(trade and trade.maker),
        "R": sent.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": sent.type,
        "ps": "BOTH",
        "cp": False,
        "rp": amount_text(trade.realized if trade else 0),
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "NONE",
        "pm": "NONE",
        "gtd": 0,
    } | _belonging(listing, one)
    if venue.wire is Wire.COIN_M:
        fields["ma"] = listing.settled
    return compact({"e": "ORDER_TRADE_UPDATE", "E": time_ms, "T": time_ms, "o": fields})


def _belonging(listing: Listing, one: Snapped) -> dict[str, object]:
    """Return what Binance has no word for: what is left of one of two, whether the other did it, and why it ended."""
    happened = one.happened
    said: dict[str, object] = {}
    if happened.order.numbered:
        left = listing.quantity.text(happened.left)
        said = {"left": left, "update": happened.update, "byAnother": happened.by_another}
    if happened.reason:
        said["reason"] = happened.reason.name
    return {BELONGS: said} if said else {}


def _spot_balances(venue: Venue, account: int, happened: list[Happened], time_ms: int) -> dict[str, object]:
    listings = [venue.listings.all[one.order.instrument] for one in happened]
    assets = dict.fromkeys(asset for listing in listings for asset in (listing.base, listing.quote))
    told = []
    for asset in assets:
        free, locked = venue.balance(account, asset)
        told.append({"a": asset, "f": amount_text(free), "l": amount_text(locked)})
    return {"e": "outboundAccountPosition", "E": time_ms, "u": time_ms, "B": told}


def _account_update(venue: Venue, account: int, happened: list[Happened], time_ms: int) -> dict[str, object]:
    traded = dict.fromkeys(venue.listings.all[one.order.instrument] for one in happened if one.trade)
    balances, positions = [], []
    for asset in dict.fromkeys(listing.settled for listing in traded):
        wallet = amount_text(venue.balance(account, asset)[0])
        balances.append({"a": asset, "wb": wallet, "cw": wallet, "bc": amount_text(0)})
    for listing in traded:
        position = position_of(venue, account, listing)
        positions.append(
            {
                "s": listing.symbol,
                "pa": position.amount,
                "ep": position.entry_price,
                "bep": position.entry_price,
                "cr": amount_text(0),
                "up": position.unrealized,
                "mt": "cross",
                "iw": "0",
                "ps": "BOTH",
            }
        )
    told = {"m": "ORDER", "B": balances, "P": positions}
    return {"e": "ACCOUNT_UPDATE", "E": time_ms, "T": time_ms, "a": told}


def _side(side: int) -> str:
    return "BUY" if side == 1 else "SELL"
