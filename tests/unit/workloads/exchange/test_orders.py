"""New orders: from the wire into the core's words, and what the filters refuse."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_workloads.exchange.listing import Listings, Wire, listings_of
from tradeplane_workloads.exchange.orders import NewOrder, new_order, wire_type
from tradeplane_workloads.exchange.parameters import Parameters
from tradeplane_workloads.exchange.refusal import Refusal
from tradeplane_workloads.market.instruments import TapeInstrument

LIMIT = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.002&price=100.5"


def listings(kind: InstrumentKind) -> Listings:
    return listings_of([TapeInstrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"), "USDT", kind)])


SPOT, USD_M = listings(InstrumentKind.SPOT), listings(InstrumentKind.LINEAR_FUTURE)


def read(query: str, of: Listings = USD_M) -> NewOrder:
    return new_order(of.wire, of.all[0], Parameters(query))


def code(query: str, of: Listings = USD_M) -> int:
    with pytest.raises(Refusal) as refusal:
        read(query, of)
    return refusal.value.code


def test_a_limit_order() -> None:
    order = read(LIMIT + "&newClientOrderId=tp-1&reduceOnly=false&positionSide=BOTH")
    assert (order.side, order.kind, order.terms, order.quantity, order.price) == (1, "limit", "GTC", 2, 1005)
    assert (order.trigger, order.reduce_only, order.client, order.answer) == (0, False, "tp-1", "ACK")


@pytest.mark.parametrize(
    ("of", "query", "kind", "terms"),
    [
        (USD_M, "type=MARKET", "market", "GTC"),
        (USD_M, "type=LIMIT&timeInForce=GTX&price=1", "limit", "post-only"),
        (USD_M, "type=LIMIT&timeInForce=FOK&price=1", "limit", "FOK"),
        (USD_M, "type=STOP&stopPrice=2&price=1", "stop-limit", "GTC"),
        (USD_M, "type=MARKET&timeInForce=FOK", "market", "FOK"),
        (USD_M, "type=MARKET&timeInForce=IOC", "market", "GTC"),
        (SPOT, "type=MARKET&timeInForce=FOK", "market", "FOK"),
        (SPOT, "type=STOP_LOSS&stopPrice=2&timeInForce=FOK", "stop", "FOK"),
        (SPOT, "type=STOP_LOSS_LIMIT&stopPrice=2&price=1&timeInForce=GTX", "stop-limit", "post-only"),
        (USD_M, "type=STOP_MARKET&stopPrice=2", "stop", "GTC"),
        (USD_M, "type=TAKE_PROFIT_MARKET&stopPrice=2", "take-profit", "GTC"),
        (SPOT, "type=LIMIT_MAKER&price=1", "limit", "post-only"),
        (SPOT, "type=LIMIT&timeInForce=IOC&price=1", "limit", "IOC"),
        (SPOT, "type=STOP_LOSS&stopPrice=2", "stop", "GTC"),
        (SPOT, "type=STOP_LOSS_LIMIT&stopPrice=2&price=1&timeInForce=GTC", "stop-limit", "GTC"),
        (SPOT, "type=TAKE_PROFIT&stopPrice=2", "take-profit", "GTC"),
        (SPOT, "type=TRAILING_STOP_MARKET&trailingDistance=2", "trailing-stop", "GTC"),
        (USD_M, "type=TRAILING_STOP_MARKET&trailingDistance=2", "trailing-stop", "GTC"),
    ],
)
def test_types_of_orders_and_back(of: Listings, query: str, kind: str, terms: str) -> None:
    order = read(f"side=SELL&quantity=1&{query}", of)
    assert (order.side, order.kind, order.terms) == (-1, kind, terms)
    assert wire_type(of.wire, order.kind, order.terms) == order.type


def test_what_is_shown_of_an_order_and_which_others_it_belongs_to() -> None:
    order = read(LIMIT + "&icebergQty=0.001&peerClientOrderId=tp-1&parentClientOrderId=tp-2")
    assert (order.display, order.peer, order.parent) == (1, "tp-1", "tp-2")
    alone = read(LIMIT + "&icebergQty=0")
    assert (alone.display, alone.peer, alone.parent, alone.distance) == (0, None, None, 0)
    assert read("side=BUY&type=TRAILING_STOP_MARKET&quantity=1&trailingDistance=1.5").distance == 15


@pytest.mark.parametrize(
    ("query", "futures", "spot"),
    [
        (LIMIT.replace("0.002", "0.0025"), -1111, -1013),
        (LIMIT.replace("0.002", "0"), -4003, -1013),
        (LIMIT.replace("0.002", "999999999999999999"), -4005, -1013),
        (LIMIT.replace("100.5", "100.55"), -4014, -1013),
        (LIMIT.replace("100.5", "0"), -4001, -1013),
        (LIMIT.replace("BUY", "buy"), -1117, -1117),
        (LIMIT.replace("type=LIMIT", "type=TAKE_PROFIT_LIMIT"), -1116, -1116),
        (LIMIT + "&trailingDistance=1", -1106, -1106),
        ("side=BUY&type=TRAILING_STOP_MARKET&quantity=1", -1102, -1102),
        ("side=BUY&type=TRAILING_STOP_MARKET&quantity=1&trailingDistance=0", -4001, -1013),
        ("side=BUY&type=TRAILING_STOP_MARKET&quantity=1&trailingDistance=1&stopPrice=9", -1106, -1106),
        ("side=BUY&type=MARKET&quantity=1&icebergQty=1", -1106, -1106),
        (LIMIT.replace("GTC", "IOC") + "&icebergQty=0.001", -1106, -1106),
        (LIMIT + "&icebergQty=0.0005", -1111, -1013),
        (LIMIT + "&peerClientOrderId=a%20b", -1100, -1100),
        (LIMIT.replace("GTC", "GTD"), -1115, -1115),
        (LIMIT.replace("side=BUY&", ""), -1102, -1102),
        (LIMIT.replace("&quantity=0.002", ""), -1102, -1102),
        (LIMIT.replace("&price=100.5", ""), -1102, -1102),
        (LIMIT.replace("&timeInForce=GTC", ""), -1102, -1102),
        (LIMIT + "&stopPrice=99", -1106, -1106),
        ("side=BUY&type=MARKET&quantity=1&price=3", -1106, -1106),
        (LIMIT + "&closePosition=true", -1104, -1104),
        (LIMIT + "&newOrderRespType=EVERYTHING", -1102, -1102),
        (LIMIT + "&newClientOrderId=a%20b", -1100, -1100),
        (LIMIT.replace("100.5", "1e2"), -1100, -1100),
    ],
)
def test_refused(query: str, futures: int, spot: int) -> None:
    assert (code(query, USD_M), code(query, SPOT)) == (futures, spot)


@pytest.mark.parametrize(
    ("of", "query", "expected"),
    [
        (SPOT, LIMIT.replace("GTC", "GTX"), -1115),
        (SPOT, LIMIT + "&reduceOnly=true", -1104),
        (SPOT, "side=BUY&type=MARKET&quantity=1&timeInForce=GTC", -1106),
        (SPOT, "side=BUY&type=MARKET&quantity=1&timeInForce=GTX", -1106),
        (SPOT, "side=BUY&type=STOP_LOSS_LIMIT&quantity=1&price=1&stopPrice=2&timeInForce=GTD", -1115),
        (SPOT, "side=BUY&type=LIMIT_MAKER&quantity=1&price=1&timeInForce=GTC", -1106),
        (SPOT, "side=BUY&type=MARKET&quoteOrderQty=10", -1102),
        (USD_M, LIMIT + "&positionSide=LONG", -1102),
        (USD_M, "side=BUY&type=STOP_MARKET&stopPrice=1&quantity=1&workingType=MARK_PRICE", -1102),
        (USD_M, LIMIT + "&newOrderRespType=FULL", -1102),
    ],
)
def test_refused_by_one_wire_form(of: Listings, query: str, expected: int) -> None:
    assert code(query, of) == expected


def test_a_coin_margined_future_is_settled_in_its_coin() -> None:
    instrument = TapeInstrument("BTCUSD_PERP", Decimal("0.1"), Decimal(1), "BTC", InstrumentKind.INVERSE_FUTURE)
    found = listings_of([instrument], ["USDT"])
    assert (found.wire, found.assets) == (Wire.COIN_M, ("BTC", "USDT"))
    assert (found.all[0].pair, found.all[0].base, found.all[0].settled) == ("BTCUSD", "BTC", "BTC")
