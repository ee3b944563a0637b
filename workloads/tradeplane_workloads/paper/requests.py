"""What a session asks for, as Binance's requests have it, and in words of the simulated exchange beyond those. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.venue import Market

from tradeplane_workloads.strategies.protocol import OrderReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_native import OrderRequest

    from tradeplane_workloads.paper.market import Traded

_SIDES = {1: "BUY", -1: "SELL"}
_SPOT = {"limit": "LIMIT", "market": "MARKET", "stop": "STOP_LOSS", "stop-limit": "STOP_LOSS_LIMIT"}
_SPOT |= {"take-profit": "TAKE_PROFIT", "trailing-stop": "TRAILING_STOP_MARKET"}
_FUTURES = {"limit": "LIMIT", "market": "MARKET", "stop": "STOP_MARKET", "stop-limit": "STOP"}
_FUTURES |= {"take-profit": "TAKE_PROFIT_MARKET", "trailing-stop": "TRAILING_STOP_MARKET"}
_TERMS = {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK", "post-only": "GTX"}


class Unsendable(Exception):
    """A request that the protocol, or this trader, has no words for; ``reason`` is what the strategy is told."""

    def __init__(self, reason: OrderReason) -> None:
        super().__init__(reason.name)
        self.reason = reason


def submit_parameters(
    market: Market, traded: Traded, name_of: Callable[[int], str], order: OrderRequest
) -> dict[str, str]:
    """Return the parameters of a new order. Raises Unsendable for numbers that cannot be written."""
    _check(order)
    type_ = (_SPOT if market is Market.SPOT else _FUTURES)[order.kind]
    parameters = {
        "symbol": traded.symbol,
        "side": _SIDES[order.side],
        "type": type_,
        "quantity": traded.quantity.text(order.quantity),
        "newClientOrderId": name_of(order.order),
        "newOrderRespType": "ACK",
    }
    if order.price is not None:
        parameters |= _limit(market, traded, order, type_)
    elif order.terms == "FOK":
        parameters["timeInForce"] = "FOK"
    if order.trigger is not None:
        parameters["stopPrice"] = traded.price.text(order.trigger)
    if order.distance is not None:
        parameters["trailingDistance"] = traded.price.text(order.distance)
    if order.display:
        parameters["icebergQty"] = traded.quantity.text(order.display)
    if order.peer:
        parameters["peerClientOrderId"] = name_of(order.peer)
    if order.parent:
        parameters["parentClientOrderId"] = name_of(order.parent)
    return parameters


def _check(order: OrderRequest) -> None:
    """Raise Unsendable for what the core refuses, with its reason, and the wire has no words for."""
    if order.quantity <= 0:
        raise Unsendable(OrderReason.NO_QUANTITY)
    if any(one is not None and one <= 0 for one in (order.price, order.trigger, order.distance)):
        raise Unsendable(OrderReason.BEYOND_RANGE)
    if not 0 <= order.display <= order.quantity:
        raise Unsendable(OrderReason.WRONG_DISPLAY)
    if order.price is None and order.terms == "post-only":
        raise Unsendable(OrderReason.WRONG_TERMS)


def _limit(market: Market, traded: Traded, order: OrderRequest, type_: str) -> dict[str, str]:
    price = {"price": traded.price.text(order.price or 0)}
    if order.terms == "post-only" and market is Market.SPOT and type_ == "LIMIT":
        return price | {"type": "LIMIT_MAKER"}
    return price | {"timeInForce": _TERMS[order.terms]}


def cancel_parameters(traded: Traded, name: str) -> dict[str, str]:
    """Return the parameters that name an order."""
    return {"symbol": traded.symbol, "origClientOrderId": name}


def change_parameters(traded: Traded, name: str, order: OrderRequest, *, side: int, gone: int) -> dict[str, str]:
    """Return the parameters of a change; on the wire the quantity is that of the order in all.

    ``gone``: lots of it that are not left, as far as is known: what traded, and what another order has taken.

    Raises Unsendable for numbers that cannot be written.
    """
    if order.quantity <= 0:
        raise Unsendable(OrderReason.NO_QUANTITY)
    if (order.price or 0) <= 0:
        raise Unsendable(OrderReason.BEYOND_RANGE)
    return cancel_parameters(traded, name) | {
        "side": _SIDES[side],
        "price": traded.price.text(order.price or 0),
        "quantity": traded.quantity.text(order.quantity + gone),
    }


REASONS = {
    -2019: OrderReason.NO_CASH,
    -2021: OrderReason.WRONG_SIDE,
    -2022: OrderReason.POSITION,
    -2025: OrderReason.TOO_MANY_ORDERS,
    -4116: OrderReason.DUPLICATE_ID,
    -5021: OrderReason.NOT_FILLED,
    -5022: OrderReason.WOULD_TAKE,
}
"""Binance's codes of refused orders, in the core's words; spot says most of it in a sentence alone."""
EXPIRED = (OrderReason.NOT_FILLED, OrderReason.WOULD_TAKE)
"""What ended an order by its own terms rather than its being wrong."""


def reason_of(code: int, message: str) -> OrderReason:
    """Return why an order was refused."""
    if code in REASONS:
        return REASONS[code]
    words = (
        ("insufficient balance", OrderReason.NO_CASH),
        ("match and take", OrderReason.WOULD_TAKE),
        ("trigger immediately", OrderReason.WRONG_SIDE),
        ("Duplicate order", OrderReason.DUPLICATE_ID),
        ("MAX_NUM_ORDERS", OrderReason.TOO_MANY_ORDERS),
        ("no market", OrderReason.NO_MARKET),
        ("peerClientOrderId", OrderReason.UNKNOWN_PEER),
        ("parentClientOrderId", OrderReason.UNKNOWN_PARENT),
        ("icebergQty is above", OrderReason.WRONG_DISPLAY),
    )
    return next((reason for part, reason in words if part in message), OrderReason.WRONG_TERMS)
