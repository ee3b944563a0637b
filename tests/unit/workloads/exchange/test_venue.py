"""The exchange without a wire: what orders do, what accounts are told, and how it goes on from its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_workloads.errors import DataRefused, StoreFailure
from tradeplane_workloads.exchange import accounts, answers, wallets
from tradeplane_workloads.exchange.listing import Wire
from tradeplane_workloads.exchange.parameters import Parameters
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.exchange.record_file import RecordFile
from tradeplane_workloads.exchange.refusal import Refusal
from tradeplane_workloads.exchange.routes import routes_of

from tests.unit.workloads.exchange.small_exchange import SPECIFICATION, Small, tape_of

if TYPE_CHECKING:
    from pathlib import Path

BUY = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.004&price=100.0"
SELL = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.004&price=102.0"
SPOT = InstrumentKind.SPOT
REPORTS = ("executionReport", "ORDER_TRADE_UPDATE")


def opened(kind: InstrumentKind = InstrumentKind.LINEAR_FUTURE, record: RecordFile | None = None) -> Small:
    small = Small(kind, record=record)
    assert small.venue.account("one") == 0
    small.play()
    return small


def told(small: Small, *names: str) -> list[tuple[Any, ...]]:
    """Return fields of what the account was told of its orders."""
    reports = [message["o"] if isinstance(message.get("o"), dict) else message for _, message in small.heard.accounts]
    return [tuple(report[name] for name in names) for report in reports if "x" in report]


def said(**fields: Any) -> dict[str, Any]:
    return {"left": "0.015"} | fields


def refused(small: Small, query: str) -> tuple[int, str]:
    with pytest.raises(Refusal) as refusal:
        small.submit(query)
    return refusal.value.code, refusal.value.message


def test_an_order_rests_and_is_filled_by_the_tape() -> None:
    small = opened()
    order = small.submit(BUY)
    assert (order.status, order.executed) == ("NEW", 0)
    small.play(3)  # the third brings an ask through its price
    assert (order.status, order.executed) == ("FILLED", 4)
    assert told(small, "x", "X", "l", "z", "L", "m") == [
        ("NEW", "NEW", "0.000", "0.000", "0.0", False),
        ("TRADE", "FILLED", "0.004", "0.004", "100.0", True),
    ]


def test_an_order_that_takes_is_told_of_level_by_level() -> None:
    small = opened()
    small.submit("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.007&newClientOrderId=mine")
    assert told(small, "c", "x", "X", "l", "z", "L", "ap") == [
        ("mine", "NEW", "NEW", "0.000", "0.000", "0.0", "0.00"),
        ("mine", "TRADE", "PARTIALLY_FILLED", "0.005", "0.005", "100.1", "100.10000000"),
        ("mine", "TRADE", "FILLED", "0.002", "0.007", "100.2", "100.12857143"),
    ]


def test_a_wallet_and_a_position_are_told_before_the_order() -> None:
    small = opened()
    small.submit("symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.005")
    first = small.heard.accounts[0][1]
    assert first["e"] == "ACCOUNT_UPDATE"
    # 0.005 at 100 is 0.5, of which 4 basis points.
    assert (first["a"]["B"][0]["wb"], first["a"]["P"][0]["pa"], first["a"]["P"][0]["ep"]) == (
        "999.99980000",
        "-0.005",
        "100.00000000",
    )


def test_spot_tells_balances_with_what_is_locked() -> None:
    small = opened(SPOT)
    small.submit(BUY)
    report, balances = (message for _, message in small.heard.accounts)
    assert (report["e"], report["w"], report["C"]) == ("executionReport", True, "")
    # 0.4 and the taker's 4 basis points of it.
    assert balances["B"] == [
        {"a": "BTC", "f": "1.00000000", "l": "0.00000000"},
        {"a": "USDT", "f": "999.59984000", "l": "0.40016000"},
    ]


def test_a_cancelled_order_names_both_names_on_spot() -> None:
    small = opened(SPOT)
    order = small.submit(BUY + "&newClientOrderId=mine")
    small.venue.cancel(0, order, "undo")
    assert told(small, "x", "X", "c", "C")[-1] == ("CANCELED", "CANCELED", "undo", "mine")
    with pytest.raises(Refusal, match="Unknown order sent"):
        small.venue.cancel(0, order)


def test_a_changed_order_is_told_of_and_keeps_what_it_traded() -> None:
    small = opened()
    order = small.submit(BUY.replace("0.004", "0.009").replace("100.0", "100.1"))
    assert order.executed == 5
    small.venue.replace(0, order, 990, 20)
    assert (order.price, order.quantity, order.status) == (990, 20, "PARTIALLY_FILLED")
    assert told(small, "x", "q", "p")[-1] == ("AMENDMENT", "0.020", "99.0")
    # From there on what is left is said by itself, and what happens to it has a number.
    reports = [message["o"] for _, message in small.heard.accounts if message["e"] in REPORTS]
    assert [report.get("tradeplane") for report in reports] == [None, None, said(update=3, byAnother=False)]
    assert answers.order_fields(small.venue, order)["tradeplane"] == said(update=3)
    (trade,) = accounts.trades(small.venue, 0, Parameters(f"symbol=BTCUSDT&orderId={order.number}"))
    assert trade["tradeplane"] == {"left": "0.004"}
    with pytest.raises(Refusal) as refusal:
        small.venue.replace(0, order, 990, 5)
    assert refusal.value.code == -2010


def test_an_order_is_changed_at_spot_as_at_futures() -> None:
    small = opened(SPOT)
    order = small.submit(BUY.replace("100.0", "99.0") + "&newClientOrderId=mine")
    amend = routes_of(Wire.SPOT)["PUT", "/api/v3/order"].answer
    assert amend is not None
    named = "symbol=BTCUSDT&side=BUY&origClientOrderId="
    changed = amend(small.venue, 0, Parameters(f"{named}mine&price=99.1&quantity=0.006"))
    assert (changed["price"], changed["origQty"], changed["status"]) == ("99.1", "0.006", "NEW")  # type: ignore[index]
    assert told(small, "x", "X", "q", "p", "c") == [
        ("NEW", "NEW", "0.004", "99.0", "mine"),
        ("REPLACED", "NEW", "0.006", "99.1", "mine"),
    ]
    # 20 at 99.1 are 1,982, more than there is.
    for query, code in (("mine&price=99.1&quantity=20", -2010), ("other&price=99.1&quantity=0.005", -2013)):
        with pytest.raises(Refusal) as refusal:
            amend(small.venue, 0, Parameters(named + query))
        assert refusal.value.code == code
    assert (order.price, order.quantity) == (991, 6)
    stop = small.submit("symbol=BTCUSDT&side=SELL&type=STOP_LOSS&quantity=0.004&stopPrice=90.0&newClientOrderId=stop")
    with pytest.raises(Refusal, match="cannot be changed"):
        amend(small.venue, 0, Parameters(f"{named}stop&price=99.1&quantity=0.005"))
    assert stop.quantity == 4


@pytest.mark.parametrize(
    ("kind", "query", "code"),
    [
        (InstrumentKind.LINEAR_FUTURE, BUY.replace("GTC", "GTX").replace("100.0", "100.1"), -5022),
        (
            InstrumentKind.LINEAR_FUTURE,
            BUY.replace("GTC", "FOK").replace("0.004", "0.5").replace("100.0", "100.1"),
            -5021,
        ),
        (InstrumentKind.LINEAR_FUTURE, BUY.replace("0.004", "500"), -2019),
        (InstrumentKind.LINEAR_FUTURE, "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=1&reduceOnly=true", -2022),
        (InstrumentKind.LINEAR_FUTURE, BUY + "&reduceOnly=true", -1106),
        (InstrumentKind.LINEAR_FUTURE, "side=BUY&type=STOP_MARKET&quantity=1&stopPrice=100.0&symbol=BTCUSDT", -2021),
        (SPOT, "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=0.001&price=100.1", -2010),
        (SPOT, "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=2", -2010),
    ],
)
def test_an_order_that_is_refused_was_never_there(kind: InstrumentKind, query: str, code: int) -> None:
    small = opened(kind)
    assert refused(small, query)[0] == code
    assert small.heard.accounts == []
    assert small.venue.ledger.all(0, 0, 0, 10) == []


def test_a_stop_that_cannot_be_paid_when_it_is_triggered_expires_and_says_why() -> None:
    small = opened(SPOT)
    waits = small.submit("symbol=BTCUSDT&side=BUY&type=TAKE_PROFIT&quantity=0.015&stopPrice=100.0&newClientOrderId=it")
    assert (waits.status, small.venue.balance(0, "USDT")[1]) == ("NEW", 0)
    # 999.31 of the thousand are locked; 0.005 at 100.1 and 0.010 at 100.2 are 1.5.
    small.submit(BUY.replace("100.0", "99.0").replace("0.004", "10.090"))
    small.play(2)
    assert (waits.status, waits.executed) == ("EXPIRED", 0)
    assert told(small, "c", "x", "w")[-1] == ("it", "EXPIRED", False)
    reports = [message for _, message in small.heard.accounts if message["e"] in REPORTS]
    assert reports[-1]["tradeplane"] == {"reason": "NO_CASH"}


def test_a_fill_or_kill_that_finds_too_little_expires_on_spot() -> None:
    small = opened(SPOT)
    order = small.submit(BUY.replace("GTC", "FOK").replace("100.0", "100.1").replace("0.004", "0.006"))
    assert (order.status, order.executed) == ("EXPIRED", 0)
    assert told(small, "x", "X") == [("EXPIRED", "EXPIRED")]


@pytest.mark.parametrize(("kind", "code"), [(SPOT, -2010), (InstrumentKind.LINEAR_FUTURE, -4116)])
def test_a_name_is_refused_while_its_order_lives(kind: InstrumentKind, code: int) -> None:
    small = opened(kind)
    order = small.submit(BUY + "&newClientOrderId=mine")
    assert refused(small, BUY + "&newClientOrderId=mine")[0] == code
    assert small.venue.ledger.find(0, 0, None, "mine") is order
    small.venue.cancel(0, order)
    again = small.submit(BUY + "&newClientOrderId=mine")
    assert small.venue.ledger.find(0, 0, None, "mine") is again
    assert small.venue.ledger.find(0, 0, order.number, None) is order


def test_an_order_is_found_by_its_own_instrument_alone() -> None:
    small = opened()
    order = small.submit(BUY + "&newClientOrderId=mine")
    assert small.venue.ledger.find(0, 1, order.number, None) is None
    assert small.venue.ledger.find(0, 1, None, "mine") is None


@pytest.mark.parametrize("kind", [SPOT, InstrumentKind.LINEAR_FUTURE])
def test_all_orders_are_cancelled_and_on_spot_there_must_be_one(kind: InstrumentKind) -> None:
    small = opened(kind)
    small.submit(BUY)
    small.submit(BUY)
    accounts.cancel_all(small.venue, 0, Parameters("symbol=BTCUSDT"))
    assert small.venue.ledger.alive(0) == []
    if kind is SPOT:
        with pytest.raises(Refusal, match="Unknown order sent"):
            accounts.cancel_all(small.venue, 0, Parameters("symbol=BTCUSDT"))
    else:
        again = accounts.cancel_all(small.venue, 0, Parameters("symbol=BTCUSDT"))
        assert again == {"code": 200, "msg": "The operation of cancel all open order is done."}


def test_what_a_future_has_gained_is_seen_at_the_middle_of_the_book() -> None:
    small = opened()
    small.submit("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.005")  # at 100.1
    small.play(5)  # the book is 99.8 and 100.1, then 100.0 and 100.1
    (position,) = wallets.position_risk(small.venue, 0, Parameters(""))
    assert (position["markPrice"], position["unRealizedProfit"]) == ("100.05000000", "-0.00025000")
    (wallet,) = [one for one in wallets.future_balances(small.venue, 0, Parameters("")) if one["asset"] == "USDT"]
    # 1000 less the fee of 0.0002002, the loss, and a twentieth of 0.50025.
    assert wallet["availableBalance"] == "999.97453730"


def test_a_stop_waits_and_then_takes() -> None:
    small = opened()
    small.play(2)  # the last trade is at 100.0
    order = small.submit("symbol=BTCUSDT&side=BUY&type=STOP_MARKET&quantity=0.001&stopPrice=100.1")
    assert (order.status, order.working) == ("NEW", False)
    small.play(4)
    assert (order.status, order.working) == ("FILLED", True)


def test_accounts_see_their_own_orders_alone() -> None:
    small = opened()
    other = small.venue.account("two")
    order = small.submit(BUY)
    assert small.venue.ledger.find(other, 0, order.number, None) is None
    assert small.venue.ledger.alive(other) == []
    with pytest.raises(Refusal, match="Unknown order"):
        accounts.cancel(small.venue, other, Parameters(f"symbol=BTCUSDT&orderId={order.number}"))
    assert {account for account, _ in small.heard.accounts} == {0}


@pytest.mark.parametrize("kind", [SPOT, InstrumentKind.LINEAR_FUTURE])
def test_what_is_left_of_an_order_that_belongs_to_another_is_told_and_can_be_asked(kind: InstrumentKind) -> None:
    small = opened(kind)
    entry = small.submit(BUY + "&newClientOrderId=entry")
    assert ["tradeplane" in report for report in reports(small, 0)] == [False]
    small.submit(SELL + "&newClientOrderId=profit&parentClientOrderId=entry")
    loss = small.submit(SELL.replace("102.0", "103.0") + "&parentClientOrderId=entry&peerClientOrderId=profit")
    own = {"left": "0.000", "update": 1, "byAnother": False}
    held = [(report["x"], report["X"], report["z"], report["tradeplane"]) for report in reports(small, 0)[1:]]
    assert held == [("NEW", "PENDING_NEW", "0.000", own)] * 2
    asked = accounts.find(small.venue, 0, Parameters(f"symbol=BTCUSDT&orderId={loss.number}"))
    assert (asked["status"], asked["tradeplane"]) == ("PENDING_NEW", {"left": "0.000", "update": 1})
    before = len(small.heard.accounts)
    small.venue.cancel(0, entry)
    ended = [report["tradeplane"] for report in reports(small, before)]
    assert [(said["byAnother"], said["update"]) for said in ended] == [(False, 2), (True, 2), (True, 2)]
    assert {order.status for order in small.venue.ledger.all(0, 0, 1, 9)} == {"CANCELED"}


def test_an_exit_works_for_what_its_entry_traded() -> None:
    small = opened()
    small.submit(BUY + "&newClientOrderId=entry")
    exit_ = small.submit(SELL.replace("0.004", "0.009") + "&parentClientOrderId=entry")
    small.play(3)  # the third brings an ask through the price of the entry
    assert (exit_.status, exit_.left, exit_.quantity) == ("NEW", 4, 9)
    own = [report["tradeplane"] for report in reports(small, 0) if report["i"] == exit_.number]
    assert own[-1] == {"left": "0.004", "update": 2, "byAnother": False}
    (trade,) = accounts.trades(small.venue, 0, Parameters("symbol=BTCUSDT"))
    assert trade["tradeplane"] == {"left": "0.000"}


def reports(small: Small, first: int) -> list[dict[str, Any]]:
    """Return what the account was told of its orders, from a message on."""
    messages = [message for _, message in small.heard.accounts[first:]]
    return [one["o"] if isinstance(one["o"], dict) else one for one in messages if one["e"] in REPORTS]


def test_legs_and_exits_name_orders_that_are_alive_and_of_the_account() -> None:
    small = opened()
    over = small.submit(BUY + "&newClientOrderId=over")
    small.venue.cancel(0, over)
    for name, words in (("peer", "is not alive, or has another leg"), ("parent", "is not alive, or waits itself")):
        for client in ("over", "never"):
            assert refused(small, f"{SELL}&{name}ClientOrderId={client}")[0] == -2010
            assert words in refused(small, f"{SELL}&{name}ClientOrderId={client}")[1]
    small.submit(BUY + "&newClientOrderId=mine")
    assert small.venue.account("two") == 1
    with pytest.raises(Refusal, match="peerClientOrderId"):
        small.submit(f"{SELL}&peerClientOrderId=mine", account=1)
    assert refused(small, SELL + "&icebergQty=0.005") == (-1013, "The icebergQty is above the quantity.")


def state(small: Small) -> tuple[Any, ...]:
    """Return what clients can ask for."""
    return (
        accounts.all_orders(small.venue, 0, Parameters("symbol=BTCUSDT")),
        accounts.trades(small.venue, 0, Parameters("symbol=BTCUSDT")),
        [small.venue.balance(0, asset) for asset in small.venue.listings.assets],
        small.venue.position(0, small.listing),
        small.venue.depth(small.listing, 9)[1:],
    )


def busy(small: Small) -> None:
    """Do something of everything."""
    small.submit(BUY + "&newClientOrderId=rests")
    small.submit("symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.002")
    gone = small.submit(BUY.replace("100.0", "90.0"))
    small.venue.cancel(0, gone)
    with pytest.raises(Refusal):
        small.submit(BUY + "&newClientOrderId=rests")
    small.submit(SELL + "&newClientOrderId=leg&icebergQty=0.001")
    small.submit(SELL.replace("102.0", "103.0") + "&peerClientOrderId=leg")
    small.submit(SELL + "&parentClientOrderId=rests&newClientOrderId=exit")
    small.submit("symbol=BTCUSDT&side=SELL&type=TRAILING_STOP_MARKET&quantity=0.001&trailingDistance=5")
    small.play(2)


@pytest.mark.parametrize("kind", [SPOT, InstrumentKind.LINEAR_FUTURE])
def test_an_exchange_goes_on_from_its_record(tmp_path: Path, kind: InstrumentKind) -> None:
    record = RecordFile(tmp_path / "record")
    small = opened(kind, record)
    busy(small)
    before = state(small)
    record.close()
    with (tmp_path / "record").open("ab") as torn:
        torn.write(b"\x07\x00\x00")

    again = RecordFile(tmp_path / "record")
    resumed = Small(kind, record=again)
    replayed = resumed.venue.resume(again.read())
    again.cut(replayed.whole)
    assert (replayed.accounts, replayed.market_inputs) == (["one"], 3)
    assert resumed.venue.account("one") == 0
    assert state(resumed) == before
    resumed.clock.now_ns, resumed.row = small.clock.now_ns, small.row
    resumed.play(4)
    small.venue._record = None
    small.play(4)
    assert state(resumed) == state(small)
    again.close()
    third = Small(kind)
    assert third.venue.resume((tmp_path / "record").read_bytes()).market_inputs == 7
    assert state(third) == state(small)


def test_a_record_of_other_terms_is_refused(tmp_path: Path) -> None:
    record = RecordFile(tmp_path / "record")
    busy(opened(record=record))
    other = SPECIFICATION.model_copy(update={"leverage": 3})
    with pytest.raises(DataRefused, match="another market or other terms"):
        Small(specification=other).venue.resume(record.read())
    # Speed is no term: what was recorded at one is the same at another.
    assert Small(specification=SPECIFICATION.model_copy(update={"speed": "7"})).venue.resume(record.read()).whole


def test_a_flipped_bit_in_a_record_is_found(tmp_path: Path) -> None:
    record = RecordFile(tmp_path / "record")
    busy(opened(record=record))
    data = bytearray(record.read())
    for place in range(60, len(data), 97):
        data[place] ^= 4
        with pytest.raises(DataRefused, match="was altered"):
            Small().venue.resume(bytes(data))
        data[place] ^= 4


def test_a_record_is_written_by_one_exchange(tmp_path: Path) -> None:
    record = RecordFile(tmp_path / "record")
    with pytest.raises(DataRefused, match="written by another exchange"):
        RecordFile(tmp_path / "record")
    record.close()
    RecordFile(tmp_path / "record").close()


def test_a_record_that_cannot_be_written_stops_the_exchange() -> None:
    from pathlib import Path

    record = RecordFile(Path("/dev/full"))
    small = Small(record=record)
    with pytest.raises(StoreFailure, match=r"No space left on device.*make room and start it again"):
        small.venue.account("one")


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailure, match="give a directory that can be written"):
        RecordFile(tmp_path / "file" / "record")


def test_the_first_outcome_that_differs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two exchanges whose terms differ, and that are made to take each other's records.
    monkeypatch.setattr("tradeplane_workloads.exchange.core.market_bytes", lambda _: b"")
    monkeypatch.setattr("tradeplane_workloads.exchange.parity.tapes_of", lambda *_: (tape_of(),))
    record = RecordFile(tmp_path / "record")
    small = opened(record=record)
    small.submit(BUY)
    small.submit(BUY.replace("0.004", "100"))  # 10,000 on a wallet of 1,000: margin at 20, none at 1
    verdict = replay_record(SPECIFICATION, None, record.read())
    assert (verdict.is_exact, verdict.parting) == (True, None)
    assert verdict.venue.balance(0, "USDT") == small.venue.balance(0, "USDT")

    verdict = replay_record(SPECIFICATION.model_copy(update={"leverage": 1}), None, record.read())
    assert verdict.parting is not None
    assert not verdict.is_exact
    assert (verdict.parting.input, verdict.parting.field) == (4, "event")
    assert verdict.parting.words == "outcome 0 of input 4 differs in event"
    assert verdict.parting.expected is not None
    assert verdict.parting.got is not None
    assert (verdict.parting.expected.event, verdict.parting.got.event) == (5, 11)
    with pytest.raises(DataRefused, match="input 4 differs in event; use the release that wrote it"):
        Small(specification=SPECIFICATION.model_copy(update={"leverage": 1})).venue.resume(record.read())
