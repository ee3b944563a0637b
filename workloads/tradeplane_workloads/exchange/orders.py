"""New orders as clients send them: read, held to the filters, and put into the core's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.refusal import Refusal, Words, missing, unneeded

if TYPE_CHECKING:
    from tradeplane_workloads.exchange.listing import Listing
    from tradeplane_workloads.exchange.parameters import Parameters

MAX_LOTS = 2**53
MAX_TICKS = 2**53

_BAD_SIDE = Words(-1117, "Invalid side.")
_BAD_TYPE = Words(-1116, "Invalid orderType.")
_BAD_TERMS = Words(-1115, "Invalid timeInForce.")
_BAD_ANSWER = Words(-1102, missing("newOrderRespType").message)

TYPES = {
    Wire.SPOT: {
        "LIMIT": "limit",
        "MARKET": "market",
        "LIMIT_MAKER": "limit",
        "STOP_LOSS": "stop",
        "STOP_LOSS_LIMIT": "stop-limit",
        "TAKE_PROFIT": "take-profit",
        "TRAILING_STOP_MARKET": "trailing-stop",
    },
    Wire.USD_M: {
        "LIMIT": "limit",
        "MARKET": "market",
        "STOP": "stop-limit",
        "STOP_MARKET": "stop",
        "TAKE_PROFIT_MARKET": "take-profit",
        "TRAILING_STOP_MARKET": "trailing-stop",
    },
}
"""Types of orders, as the core has them."""
TYPES[Wire.COIN_M] = TYPES[Wire.USD_M]
_TERMS = {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK", "GTX": "post-only"}


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order in the core's words and as the wire names it.

    ``distance``: of a trailing stop, ticks. ``display``: lots shown at a time; 0 shows all. ``peer`` and ``parent``: by
    the client's names, the other leg of a pair of which one cancels the other, and the order whose trades it waits for.
    """

    listing: Listing
    side: int
    type: str
    kind: str
    terms: str
    quantity: int
    price: int
    trigger: int
    reduce_only: bool
    client: str | None
    answer: str
    distance: int = 0
    display: int = 0
    peer: str | None = None
    parent: str | None = None

    @property
    def wire_terms(self) -> str:
        """How long it stands, as the wire names it."""
        return wire_terms(self.terms)


def wire_terms(terms: str) -> str:
    """Return how long an order stands as the wire names it."""
    return "GTX" if terms == "post-only" else terms


def wire_type(wire: Wire, kind: str, terms: str) -> str:
    """Return the type of an order of the core as the wire names it."""
    if wire is Wire.SPOT and kind == "limit" and terms == "post-only":
        return "LIMIT_MAKER"
    return next(name for name, known in TYPES[wire].items() if known == kind)


def new_order(wire: Wire, listing: Listing, parameters: Parameters) -> NewOrder:
    """Read a new order. Raises Refusal in Binance's words."""
    side = 1 if parameters.one_of("side", ("BUY", "SELL"), _BAD_SIDE) == "BUY" else -1
    type_ = parameters.one_of("type", tuple(TYPES[wire]), _BAD_TYPE)
    kind = TYPES[wire][type_]
    terms = _terms(wire, type_, kind, parameters)
    quantity = _quantity(wire, listing, parameters)
    price = _price(wire, listing, parameters, "price", wanted=kind in ("limit", "stop-limit"))
    trigger = _price(wire, listing, parameters, "stopPrice", wanted=kind in ("stop", "stop-limit", "take-profit"))
    distance = _price(wire, listing, parameters, "trailingDistance", wanted=kind == "trailing-stop")
    display = _display(wire, listing, parameters, kind, terms)
    reduce_only = False
    if wire is not Wire.SPOT:
        reduce_only = parameters.flag("reduceOnly")
        _only("positionSide", "BOTH", parameters)
        _only("workingType", "CONTRACT_PRICE", parameters)
    answers = ("ACK", "RESULT", "FULL") if wire is Wire.SPOT else ("ACK", "RESULT")
    default = "ACK" if wire is not Wire.SPOT or trigger or distance else "FULL"
    answer = parameters.one_of("newOrderRespType", answers, _BAD_ANSWER, default)
    client = parameters.client_id("newClientOrderId")
    peer, parent = parameters.client_id("peerClientOrderId"), parameters.client_id("parentClientOrderId")
    parameters.done()
    return NewOrder(
        listing=listing,
        side=side,
        type=type_,
        kind=kind,
        terms=terms,
        quantity=quantity,
        price=price,
        trigger=trigger,
        reduce_only=reduce_only,
        client=client,
        answer=answer,
        distance=distance,
        display=display,
        peer=peer,
        parent=parent,
    )


def change(wire: Wire, listing: Listing, parameters: Parameters) -> tuple[int, int]:
    """Read price and quantity of a change of a limit order."""
    parameters.one_of("side", ("BUY", "SELL"), _BAD_SIDE)
    return _price(wire, listing, parameters, "price", wanted=True), _quantity(wire, listing, parameters)


def _terms(wire: Wire, type_: str, kind: str, parameters: Parameters) -> str:
    """Return how long an order stands; an order without a limit takes what is there, or all or nothing, and is over."""
    if type_ == "LIMIT_MAKER":
        if parameters.text("timeInForce") is not None:
            raise unneeded("timeInForce")
        return "post-only"
    given = parameters.text("timeInForce")
    if kind not in ("limit", "stop-limit"):
        if given == "FOK":
            return given
        if given is not None and wire is Wire.SPOT:
            raise unneeded("timeInForce")
        return "GTC"
    if given is None and kind == "limit":
        raise missing("timeInForce")
    given = given or "GTC"
    if given not in _TERMS or (given == "GTX" and type_ == "LIMIT" and wire is Wire.SPOT):
        raise Refusal.of(_BAD_TERMS)
    return _TERMS[given]


def _display(wire: Wire, listing: Listing, parameters: Parameters, kind: str, terms: str) -> int:
    """Return the lots shown at a time of an order that rests with a limit; 0 where it shows all."""
    if not parameters.decimal("icebergQty"):
        return 0
    if kind not in ("limit", "stop-limit") or terms in ("IOC", "FOK"):
        raise unneeded("icebergQty")
    return _quantity(wire, listing, parameters, "icebergQty")


def _quantity(wire: Wire, listing: Listing, parameters: Parameters, name: str = "quantity") -> int:
    value = parameters.decimal(name)
    if value is None:
        raise missing(name)
    lots = listing.quantity.count(value)
    if value and lots is not None and lots <= MAX_LOTS:
        return lots
    if wire is Wire.SPOT:
        raise Refusal(-1013, "Filter failure: LOT_SIZE")
    if not value:
        raise Refusal(-4003, "Quantity less than or equal to zero.")
    if lots is None:
        raise Refusal(-1111, "Precision is over the maximum defined for this asset.")
    raise Refusal(-4005, "Quantity greater than max quantity.")


def _price(wire: Wire, listing: Listing, parameters: Parameters, name: str, *, wanted: bool) -> int:
    value = parameters.decimal(name)
    if not wanted:
        if value:
            raise unneeded(name)
        return 0
    if value is None:
        raise missing(name)
    ticks = listing.price.count(value)
    if value and ticks is not None and ticks <= MAX_TICKS:
        return ticks
    if wire is Wire.SPOT:
        raise Refusal(-1013, "Filter failure: PRICE_FILTER")
    if not value:
        raise Refusal(-4001, "Price less than 0.")
    raise Refusal(-4014, "Price not increased by tick size.")


def _only(name: str, value: str, parameters: Parameters) -> None:
    """Hold a parameter to the one value there is here."""
    words = f"'{name}' has one value at this exchange: {value}"
    parameters.one_of(name, (value,), Words(-1102, words), value)
