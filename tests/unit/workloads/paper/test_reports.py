"""What an exchange tells of an order: the simulated exchange's own words are read, and what cannot be is refused."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_api.venue import Market
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.rejections import order_refused
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.paper.market import Traded, traded_of
from tradeplane_workloads.paper.reports import Told, Unreadable, report_of, standing_of, trades_of
from tradeplane_workloads.paper.requests import Unsendable, change_parameters, reason_of, submit_parameters
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

ONE = Traded(
    0, TapeInstrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"), "USDT", InstrumentKind.LINEAR_FUTURE, Decimal(1))
)
KNOWN = {"BTCUSDT": ONE}
FIELDS: dict[str, Any] = {
    "s": "BTCUSDT",
    "c": "tp-1",
    "S": "SELL",
    "o": "LIMIT",
    "x": "TRADE",
    "q": "0.010",
    "z": "0.004",
    "l": "0.003",
    "L": "100.1",
    "p": "100.0",
    "T": 7,
    "m": False,
}
ORDER: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": 5,
    "clientOrderId": "tp-1",
    "side": "BUY",
    "type": "LIMIT",
    "status": "PARTIALLY_FILLED",
    "origQty": "0.010",
    "executedQty": "0.004",
    "price": "100.0",
    "updateTime": 7,
}


def futures(**fields: Any) -> dict[str, Any]:
    return {"e": "ORDER_TRADE_UPDATE", "o": FIELDS | fields}


def test_a_trade_says_how_much_has_traded_in_all() -> None:
    told = report_of(futures(), KNOWN)
    assert told == Told(0, "tp-1", OrderEvent.TRADE, -1, 1_001, 3, 10, 4, 7_000_000, taker=True)
    filled = report_of(futures(z="0.010"), KNOWN)
    assert filled is not None
    assert filled.event is OrderEvent.FILL


def test_a_cancellation_on_spot_names_the_order_it_took_back() -> None:
    told = report_of({"e": "executionReport"} | FIELDS | {"x": "CANCELED", "c": "x-9", "C": "tp-1"}, KNOWN)
    assert told is not None
    assert (told.name, told.event, told.price, told.quantity) == ("tp-1", OrderEvent.CANCEL, 1_000, 10)


def test_a_stop_waits_until_it_works() -> None:
    waits = {"e": "executionReport"} | FIELDS | {"x": "NEW", "o": "STOP_LOSS_LIMIT", "w": False}
    works = waits | {"w": True}
    events = [told.event for told in (report_of(waits, KNOWN), report_of(works, KNOWN)) if told]
    assert events == [OrderEvent.WAIT, OrderEvent.OPEN]


@pytest.mark.parametrize("message", [{"e": "ACCOUNT_UPDATE"}, {"e": "listenKeyExpired"}, futures(s="ETHUSDT")])
def test_what_is_about_no_order_of_ours_is_passed_over(message: dict[str, Any]) -> None:
    assert report_of(message, KNOWN) is None


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ([], "no JSON object"),
        ({"e": "ORDER_TRADE_UPDATE"}, 'no "o"'),
        (futures(x="ODD"), "\"x\" 'ODD'"),
        (futures(S="HOLD"), "\"S\" 'HOLD'"),
        (futures(z=4), '"z" of an order of BTCUSDT'),
        (futures(l="0.0001"), "no whole number of 0.001"),
        (futures(L="-1"), "is no decimal"),
        (futures(T="7"), 'no time in "T"'),
        (futures(T=10**18), 'no time in "T"'),
    ],
)
def test_what_cannot_be_read_is_refused(message: Any, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        report_of(message, KNOWN)


def test_an_order_and_its_trades_are_read_in_their_order() -> None:
    standing = standing_of(ORDER, KNOWN)
    assert standing is not None
    assert (standing.is_alive, standing.told.event, standing.told.executed) == (True, OrderEvent.OPEN, 4)
    trade = {"orderId": 5, "price": "100.0", "time": 7, "maker": True}
    answers = [trade | {"id": 9, "qty": "0.003"}, trade | {"id": 2, "qty": "0.001"}, trade | {"id": 3, "orderId": 6}]
    found = [(one.event, one.quantity, one.executed) for one in trades_of(answers, standing, ONE)]
    assert found == [(OrderEvent.TRADE, 1, 1), (OrderEvent.TRADE, 3, 4)]


@pytest.mark.parametrize(
    ("status", "event"),
    [("CANCELED", OrderEvent.CANCEL), ("EXPIRED", OrderEvent.EXPIRE), ("REJECTED", OrderEvent.REFUSE)],
)
def test_an_order_that_is_over_says_how(status: str, event: OrderEvent) -> None:
    standing = standing_of(ORDER | {"status": status}, KNOWN)
    assert standing is not None
    assert (standing.is_alive, standing.told.event) == (False, event)


@pytest.mark.parametrize("broken", [{"orderId": "5"}, {"side": 1}, {"origQty": "x"}, {"updateTime": None}])
def test_an_order_that_cannot_be_read_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        standing_of(ORDER | broken, KNOWN)


def order(**fields: Any) -> Any:
    """Return an order as the session asks for it."""
    given = {"order": 7, "side": 1, "kind": "limit", "price": 1_000, "trigger": None, "quantity": 10, "terms": "GTC"}
    return SimpleNamespace(**(given | {"distance": None, "display": 0, "peer": 0, "parent": 0} | fields))


def name_of(number: int) -> str:
    return f"n-{number}"


def test_an_order_is_sent_in_the_markets_words() -> None:
    spot = submit_parameters(Market.SPOT, ONE, name_of, order(terms="post-only"))
    assert (spot["type"], spot["price"], spot["quantity"], "timeInForce" in spot) == (
        "LIMIT_MAKER",
        "100.0",
        "0.010",
        False,
    )
    future = submit_parameters(Market.USD_MARGINED, ONE, name_of, order(terms="post-only", side=-1))
    assert (future["side"], future["type"], future["timeInForce"]) == ("SELL", "LIMIT", "GTX")
    stop = submit_parameters(Market.USD_MARGINED, ONE, name_of, order(kind="stop", price=None, trigger=990))
    assert (stop["type"], stop["stopPrice"], "price" in stop) == ("STOP_MARKET", "99.0", False)


def test_an_order_says_what_it_shows_how_it_trails_and_to_which_it_belongs() -> None:
    leg = submit_parameters(Market.SPOT, ONE, name_of, order(display=3, peer=5, parent=6))
    own = ("newClientOrderId", "icebergQty", "peerClientOrderId", "parentClientOrderId")
    assert [leg[name] for name in own] == ["n-7", "0.003", "n-5", "n-6"]
    trails = submit_parameters(Market.SPOT, ONE, name_of, order(kind="trailing-stop", price=None, distance=15))
    assert (trails["type"], trails["trailingDistance"]) == ("TRAILING_STOP_MARKET", "1.5")
    assert not {"price", "stopPrice", "timeInForce", *own[1:]} & set(trails)


@pytest.mark.parametrize("market", [Market.SPOT, Market.USD_MARGINED])
def test_terms_are_sent_whatever_the_order_waits_for(market: Market) -> None:
    waits = order(kind="stop-limit", trigger=990, terms="post-only")
    assert submit_parameters(market, ONE, name_of, waits)["timeInForce"] == "GTX"
    for kind, trigger in (("market", None), ("stop", 990), ("take-profit", 990)):
        whole = order(kind=kind, price=None, trigger=trigger, terms="FOK")
        assert submit_parameters(market, ONE, name_of, whole)["timeInForce"] == "FOK"
        assert "timeInForce" not in submit_parameters(market, ONE, name_of, order(kind=kind, price=None, terms="IOC"))


def test_a_change_names_the_quantity_in_all() -> None:
    changed = change_parameters(ONE, "n", order(price=999, quantity=6), side=1, gone=4)
    assert (changed["price"], changed["quantity"], changed["side"]) == ("99.9", "0.010", "BUY")
    for fields, reason in (
        ({"quantity": 0}, OrderReason.NO_QUANTITY),
        ({"quantity": -3}, OrderReason.NO_QUANTITY),
        ({"price": 0}, OrderReason.BEYOND_RANGE),
    ):
        with pytest.raises(Unsendable) as refused:
            change_parameters(ONE, "n", order(**fields), side=1, gone=4)
        assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"display": -1}, OrderReason.WRONG_DISPLAY),
        ({"kind": "trailing-stop", "price": None, "distance": 0}, OrderReason.BEYOND_RANGE),
        ({"kind": "trailing-stop", "price": None, "distance": -3}, OrderReason.BEYOND_RANGE),
        ({"display": 11}, OrderReason.WRONG_DISPLAY),
        ({"quantity": 0}, OrderReason.NO_QUANTITY),
        ({"quantity": -1}, OrderReason.NO_QUANTITY),
        ({"price": 0}, OrderReason.BEYOND_RANGE),
        ({"kind": "stop", "price": None, "trigger": -5}, OrderReason.BEYOND_RANGE),
        ({"kind": "market", "price": None, "terms": "post-only"}, OrderReason.WRONG_TERMS),
        ({"kind": "stop", "price": None, "trigger": 990, "terms": "post-only"}, OrderReason.WRONG_TERMS),
    ],
)
def test_what_the_protocol_has_no_words_for_is_not_sent(fields: dict[str, Any], reason: OrderReason) -> None:
    with pytest.raises(Unsendable) as refused:
        submit_parameters(Market.SPOT, ONE, name_of, order(**fields))
    assert refused.value.reason is reason


def test_refusals_are_told_in_the_cores_words() -> None:
    assert reason_of(-5022, "") is OrderReason.WOULD_TAKE
    assert reason_of(-2010, "Account has insufficient balance for requested action.") is OrderReason.NO_CASH
    for reason in (OrderReason.UNKNOWN_PEER, OrderReason.UNKNOWN_PARENT, OrderReason.WRONG_DISPLAY):
        for wire in Wire:
            refusal = order_refused(wire, reason)
            assert reason_of(refusal.code, refusal.message) is reason
    assert reason_of(-9_999, "odd") is OrderReason.WRONG_TERMS


SYMBOL: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "stepSize": "0.00100000"},
    ],
}


def test_an_instrument_has_the_steps_of_its_filters() -> None:
    for market, base in ((Market.USD_MARGINED, None), (Market.SPOT, "BTC")):
        (traded,) = traded_of(market, ["BTCUSDT"], {"symbols": [SYMBOL]})
        found = traded.instrument
        assert (found.tick, found.lot, found.currency) == (Decimal("0.1"), Decimal("0.001"), "USDT")
        assert (traded.index, traded.base) == (0, base)
    contract = SYMBOL | {"contractSize": 100}
    del contract["status"]
    listed = {"symbols": [contract | {"contractStatus": "TRADING"}]}
    (inverse,) = traded_of(Market.COIN_MARGINED, ["BTCUSDT"], listed)
    assert (inverse.instrument.contract_size, inverse.instrument.currency) == (Decimal(100), "BTC")


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ([], "lists no symbols"),
        ({"symbols": []}, "BTCUSDT is not traded there; it has nothing"),
        ({"symbols": [SYMBOL | {"status": "HALT"}]}, "BTCUSDT is HALT; wait until it trades"),
        ({"symbols": [SYMBOL | {"filters": []}]}, "BTCUSDT has 'None' for a step"),
        ({"symbols": [SYMBOL | {"quoteAsset": 1}]}, "no asset it is settled in"),
    ],
)
def test_what_cannot_be_traded_is_refused(info: Any, words: str) -> None:
    with pytest.raises(DataRefused, match=words):
        traded_of(Market.USD_MARGINED, ["BTCUSDT"], info)


BELONGS = {"left": "0.006", "update": 4, "byAnother": True}


def test_what_is_left_of_an_order_that_belongs_to_another_is_said_by_itself() -> None:
    told = report_of(futures(x="AMENDMENT", z="0.000", tradeplane=BELONGS), KNOWN)
    assert told is not None
    assert (told.event, told.total, told.left, told.update, told.by_another) == (OrderEvent.REPLACE, 10, 6, 4, True)
    held = report_of(futures(x="NEW", X="PENDING_NEW", z="0.000", tradeplane={"left": "0.000", "update": 1}), KNOWN)
    assert held is not None
    assert (held.event, held.left, held.by_another) == (OrderEvent.HOLD, 0, False)
    standing = standing_of(ORDER | {"status": "PENDING_NEW", "tradeplane": BELONGS}, KNOWN)
    assert standing is not None
    assert (standing.is_alive, standing.told.event, standing.told.left) == (True, OrderEvent.HOLD, 6)
    trade = {"orderId": 5, "price": "100.0", "time": 7, "id": 2, "qty": "0.004", "tradeplane": {"left": "0.001"}}
    assert [(one.left, one.update) for one in trades_of([trade], standing, ONE)] == [(1, 0)]


def test_why_an_order_ended_is_said_by_itself() -> None:
    ended = {"x": "EXPIRED", "X": "EXPIRED", "z": "0.000"}
    told = report_of(futures(**ended, tradeplane={"reason": "WOULD_TAKE"}), KNOWN)
    assert told is not None
    assert (told.event, told.reason, told.left, told.update) == (OrderEvent.EXPIRE, OrderReason.WOULD_TAKE, None, 0)
    told = report_of(futures(**ended, tradeplane=BELONGS | {"reason": "NOT_FILLED"}), KNOWN)
    assert told is not None
    assert (told.reason, told.left, told.update) == (OrderReason.NOT_FILLED, 6, 4)
    standing = standing_of(ORDER | {"status": "CANCELED", "tradeplane": BELONGS | {"reason": "LINKED"}}, KNOWN)
    assert standing is not None
    assert (standing.event, standing.told.reason) == (OrderEvent.CANCEL, OrderReason.LINKED)


@pytest.mark.parametrize(
    "said",
    [
        "6",
        {},
        {"reason": "odd"},
        {"reason": 12},
        {"reason": "NONE"},
        {"left": "-1"},
        BELONGS | {"update": True},
        BELONGS | {"update": -1},
        BELONGS | {"update": 2**63},
    ],
)
def test_what_is_said_of_one_that_belongs_to_another_is_held_to_limits(said: Any) -> None:
    with pytest.raises(Unreadable):
        report_of(futures(tradeplane=said), KNOWN)
    with pytest.raises(Unreadable):
        standing_of(ORDER | {"tradeplane": said}, KNOWN)
