"""What the core's reasons are in Binance's words, which differ between spot and futures."""

from __future__ import annotations

from enum import IntEnum

from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.refusal import CANCEL_REJECTED, NO_SUCH_ORDER, Refusal, Words


class Reason(IntEnum):
    """Why the core refused something; numbers of its event log. Others are none that a client can bring about."""

    DUPLICATE_ID = 1
    UNKNOWN_ORDER = 2
    WRONG_SIDE = 5
    NO_MARKET = 6
    WRONG_TERMS = 8
    TOO_MANY_ORDERS = 11
    WOULD_TAKE = 12
    NOT_FILLED = 13
    POSITION = 17
    NO_PRICE = 23
    NO_CASH = 24


_NO_MARKET = Words(-2010, "There is no market for this symbol yet.")
_REJECTED = Words(-2010, "NEW_ORDER_REJECTED")
_NOT_RECORDED = "The order will not be recorded in the order history"
_SPOT = {
    Reason.DUPLICATE_ID: Words(-2010, "Duplicate order sent."),
    Reason.WRONG_SIDE: Words(-2010, "Stop price would trigger immediately."),
    Reason.NO_MARKET: _NO_MARKET,
    Reason.NO_PRICE: _NO_MARKET,
    Reason.WRONG_TERMS: Words(-1013, "This type of order is not supported for this symbol and side."),
    Reason.TOO_MANY_ORDERS: Words(-1013, "Filter failure: MAX_NUM_ORDERS"),
    Reason.WOULD_TAKE: Words(-2010, "Order would immediately match and take."),
    Reason.NO_CASH: Words(-2010, "Account has insufficient balance for requested action."),
}
_FUTURES = {
    Reason.DUPLICATE_ID: Words(-4116, "ClientOrderId is duplicated."),
    Reason.WRONG_SIDE: Words(-2021, "Order would immediately trigger."),
    Reason.NO_MARKET: _NO_MARKET,
    Reason.NO_PRICE: _NO_MARKET,
    Reason.WRONG_TERMS: Words(-1106, "Parameter 'reduceOnly' sent when not required: only with MARKET, IOC and FOK."),
    Reason.TOO_MANY_ORDERS: Words(-2025, "Reach max open order limit."),
    Reason.WOULD_TAKE: Words(
        -5022, f"Due to the order could not be executed as maker, the Post Only order will be rejected. {_NOT_RECORDED}"
    ),
    Reason.NOT_FILLED: Words(
        -5021, f"Due to the order could not be filled immediately, the FOK order has been rejected. {_NOT_RECORDED}"
    ),
    Reason.POSITION: Words(-2022, "ReduceOnly Order is rejected."),
    Reason.NO_CASH: Words(-2019, "Margin is insufficient."),
}


def order_refused(wire: Wire, reason: int) -> Refusal:
    """Return why an order was not accepted."""
    return Refusal.of(_of(wire, reason, _REJECTED))


def cancel_refused() -> Refusal:
    """Return why an order could not be cancelled."""
    return Refusal.of(CANCEL_REJECTED)


def change_refused(wire: Wire, reason: int) -> Refusal:
    """Return why an order could not be changed."""
    if reason == Reason.UNKNOWN_ORDER:
        return Refusal.of(NO_SUCH_ORDER)
    if reason == Reason.WRONG_TERMS:
        return Refusal(-4028, "The order cannot be changed: only one of a limit in the book can.")
    return Refusal.of(_of(wire, reason, _REJECTED))


def is_refusal(wire: Wire, reason: int) -> bool:
    """Whether an order that expired on arrival for this reason was never there, as the wire has it."""
    return reason == Reason.WOULD_TAKE or (reason == Reason.NOT_FILLED and wire is not Wire.SPOT)


def _of(wire: Wire, reason: int, otherwise: Words) -> Words:
    words = _SPOT if wire is Wire.SPOT else _FUTURES
    return next((text for known, text in words.items() if known == reason), otherwise)
