"""Signed requests about an account's orders and trades."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_workloads.exchange import answers
from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.orders import change, new_order
from tradeplane_workloads.exchange.refusal import NO_SUCH_ORDER, Refusal, missing
from tradeplane_workloads.exchange.rejections import cancel_refused

if TYPE_CHECKING:
    from tradeplane_workloads.exchange.ledger import Order
    from tradeplane_workloads.exchange.parameters import Parameters
    from tradeplane_workloads.exchange.venue import Venue

MAX_ROWS = 1_000
Fields = dict[str, object]


def place(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Send an order."""
    listing = parameters.listing(venue.listings)
    order = new_order(venue.wire, listing, parameters)
    return answers.placed_fields(venue, venue.submit(account, order), order.answer)


def check(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Read an order and send none."""
    new_order(venue.wire, parameters.listing(venue.listings), parameters)
    return {}


def amend(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Give a limit order another price and quantity."""
    order = _order(venue, account, parameters)
    price, quantity = change(venue.wire, venue.listings.all[order.instrument], parameters)
    parameters.done()
    return answers.order_fields(venue, venue.replace(account, order, price, quantity))


def cancel(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Take an order back."""
    order = _order(venue, account, parameters, cancelling=True)
    client = parameters.client_id("newClientOrderId") if venue.wire is Wire.SPOT else None
    parameters.done()
    return answers.cancelled_fields(venue, venue.cancel(account, order, client))


def cancel_all(venue: Venue, account: int, parameters: Parameters) -> list[Fields] | Fields:
    """Take all orders of an instrument back."""
    listing = parameters.listing(venue.listings)
    parameters.done()
    alive = venue.ledger.alive(account, listing.index)
    if venue.wire is Wire.SPOT and not alive:
        raise cancel_refused()
    # One of a pair may end the other, so each is looked at when its turn comes.
    done = [answers.cancelled_fields(venue, venue.cancel(account, order)) for order in alive if order.alive]
    return done if venue.wire is Wire.SPOT else {"code": 200, "msg": "The operation of cancel all open order is done."}


def find(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Return an order."""
    order = _order(venue, account, parameters)
    parameters.done()
    return answers.order_fields(venue, order)


def find_open(venue: Venue, account: int, parameters: Parameters) -> Fields:
    """Return an order that may still trade."""
    order = _order(venue, account, parameters)
    parameters.done()
    if not order.alive:
        raise Refusal.of(NO_SUCH_ORDER)
    return answers.order_fields(venue, order)


def open_orders(venue: Venue, account: int, parameters: Parameters) -> list[Fields]:
    """Return the orders that may still trade, of one instrument or of all."""
    one = parameters.listing(venue.listings).index if parameters.text("symbol") else None
    parameters.done()
    return [answers.order_fields(venue, order) for order in venue.ledger.alive(account, one)]


def all_orders(venue: Venue, account: int, parameters: Parameters) -> list[Fields]:
    """Return orders of an instrument, over or not."""
    listing = parameters.listing(venue.listings)
    first, most = parameters.whole("orderId") or 0, _rows(parameters)
    parameters.done()
    return [answers.order_fields(venue, order) for order in venue.ledger.all(account, listing.index, first, most)]


def trades(venue: Venue, account: int, parameters: Parameters) -> list[Fields]:
    """Return trades of an instrument."""
    listing = parameters.listing(venue.listings)
    first, most = parameters.whole("fromId") or 0, _rows(parameters)
    number = parameters.whole("orderId")
    parameters.done()
    found = venue.ledger.trades(account, listing.index, first, most)
    return [answers.trade_fields(venue, trade) for trade in found if number in (None, trade.order.number)]


def _order(venue: Venue, account: int, parameters: Parameters, *, cancelling: bool = False) -> Order:
    """Return the order that a request names. Raises Refusal where there is none."""
    listing = parameters.listing(venue.listings)
    number, client = parameters.whole("orderId"), parameters.text("origClientOrderId")
    if number is None and client is None:
        raise missing("origClientOrderId or orderId")
    order = venue.ledger.find(account, listing.index, number, client)
    if order is None:
        raise cancel_refused() if cancelling else Refusal.of(NO_SUCH_ORDER)
    return order


def _rows(parameters: Parameters) -> int:
    limit = parameters.whole("limit")
    if limit == 0:
        raise missing("limit")
    return min(limit or 500, MAX_ROWS)
