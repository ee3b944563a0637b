"""What the core's reasons are in Binance's words, which differ between spot and futures."""

from __future__ import annotations

from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.refusal import CANCEL_REJECTED, NO_SUCH_ORDER, Refusal, Words
from tradeplane_workloads.strategies.protocol import OrderReason

_NO_MARKET = Words(-2010, "There is no market for this symbol yet.")
_REJECTED = Words(-2010, "NEW_ORDER_REJECTED")
_NOT_RECORDED = "The order will not be recorded in the order history"
_BELONGING: dict[int, Words] = {
    OrderReason.UNKNOWN_PEER: Words(-2010, "The order of peerClientOrderId is not alive, or has another leg."),
    OrderReason.UNKNOWN_PARENT: Words(-2010, "The order of parentClientOrderId is not alive, or waits itself."),
    OrderReason.WRONG_DISPLAY: Words(-1013, "The icebergQty is above the quantity."),
}
_SPOT: dict[int, Words] = _BELONGING | {
    OrderReason.DUPLICATE_ID: Words(-2010, "Duplicate order sent."),
    OrderReason.WRONG_SIDE: Words(-2010, "Stop price would trigger immediately."),
    OrderReason.NO_MARKET: _NO_MARKET,
    OrderReason.NO_PRICE: _NO_MARKET,
    OrderReason.WRONG_TERMS: Words(-1013, "This type of order is not supported for this symbol and side."),
    OrderReason.TOO_MANY_ORDERS: Words(-1013, "Filter failure: MAX_NUM_ORDERS"),
    OrderReason.WOULD_TAKE: Words(-2010, "Order would immediately match and take."),
    OrderReason.NO_CASH: Words(-2010, "Account has insufficient balance for requested action."),
}
_FUTURES: dict[int, Words] = _BELONGING | {
    OrderReason.DUPLICATE_ID: Words(-4116, "ClientOrderId is duplicated."),
    OrderReason.WRONG_SIDE: Words(-2021, "Order would immediately trigger."),
    OrderReason.NO_MARKET: _NO_MARKET,
    OrderReason.NO_PRICE: _NO_MARKET,
    OrderReason.WRONG_TERMS: Words(
        -1106, "Parameter 'reduceOnly' sent when not required: only with MARKET, IOC and FOK."
    ),
    OrderReason.TOO_MANY_ORDERS: Words(-2025, "Reach max open order limit."),
    OrderReason.WOULD_TAKE: Words(
        -5022, f"Due to the order could not be executed as maker, the Post Only order will be rejected. {_NOT_RECORDED}"
    ),
    OrderReason.NOT_FILLED: Words(
        -5021, f"Due to the order could not be filled immediately, the FOK order has been rejected. {_NOT_RECORDED}"
    ),
    OrderReason.POSITION: Words(-2022, "ReduceOnly Order is rejected."),
    OrderReason.NO_CASH: Words(-2019, "Margin is insufficient."),
}


def order_refused(wire: Wire, reason: int) -> Refusal:
    """Return why an order was not accepted."""
    return Refusal.of(_of(wire, reason, _REJECTED))


def cancel_refused() -> Refusal:
    """Return why an order could not be cancelled."""
    return Refusal.of(CANCEL_REJECTED)


def change_refused(wire: Wire, reason: int) -> Refusal:
    """Return why an order could not be changed."""
    if reason == OrderReason.UNKNOWN_ORDER:
        return Refusal.of(NO_SUCH_ORDER)
    if reason == OrderReason.WRONG_TERMS:
        return Refusal(-4028, "The order cannot be changed: only one of a limit in the book can.")
    return Refusal.of(_of(wire, reason, _REJECTED))


def is_refusal(wire: Wire, reason: int) -> bool:
    """Whether an order that expired on arrival for this reason was never there, as the wire has it."""
    return reason == OrderReason.WOULD_TAKE or (reason == OrderReason.NOT_FILLED and wire is not Wire.SPOT)


def _of(wire: Wire, reason: int, otherwise: Words) -> Words:
    return (_SPOT if wire is Wire.SPOT else _FUTURES).get(reason, otherwise)
