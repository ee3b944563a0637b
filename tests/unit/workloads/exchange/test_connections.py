"""What clients ask for over a connection, keys of accounts, the player's clock, and faults on purpose; no sockets."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.exchange import AtEnd, Fault
from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.exchange.credentials import KeyDirectory
from tradeplane_workloads.exchange.faults import GARBAGE, FaultPlan
from tradeplane_workloads.exchange.hub import MAX_SUBSCRIPTIONS, Hub, Listener
from tradeplane_workloads.exchange.listen_keys import LIFETIME_MS, ListenKeys
from tradeplane_workloads.exchange.market import schedule_of
from tradeplane_workloads.exchange.player import BATCH, Player
from tradeplane_workloads.exchange.refusal import Refusal
from tradeplane_workloads.exchange.specification import specification_from
from tradeplane_workloads.exchange.subscriptions import MAX_MESSAGES_A_SECOND, Pace, Subscriptions

from tests.unit.workloads.exchange.small_exchange import BOOK, LEVEL, Small, keys_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Asking:
    """A client that says things over a connection."""

    def __init__(self) -> None:
        self.small = Small()
        hub = Hub(self.small.venue, FaultPlan((), lambda _, __: None))
        self.subscriptions = Subscriptions(hub, self.small.venue.listings, {"k" * 64: 0}.get)
        self.listener = Listener(is_combined=False)

    def __call__(self, message: Any) -> Any:
        text = message if isinstance(message, str) else json.dumps(message)
        return json.loads(self.subscriptions.answer(self.listener, text))


def test_streams_come_and_go() -> None:
    ask = Asking()
    names = ["btcusdt@trade", "btcusdt@depth@0ms"]
    assert ask({"method": "SUBSCRIBE", "params": names, "id": 1}) == {"result": None, "id": 1}
    assert ask({"method": "SUBSCRIBE", "params": names[:1], "id": "again"}) == {"result": None, "id": "again"}
    assert ask({"method": "LIST_SUBSCRIPTIONS", "id": 2}) == {"result": names, "id": 2}
    assert ask({"method": "UNSUBSCRIBE", "params": ["btcusdt@trade", "never@there"], "id": 3})["result"] is None
    ask.small.play(3)
    assert len(ask.listener.waiting) == 2


def test_the_stream_of_an_account_is_asked_for_by_its_key() -> None:
    ask = Asking()
    ask.small.venue.account("one")
    ask({"method": "SUBSCRIBE", "params": ["k" * 64], "id": 1})
    ask.small.play()
    ask.small.submit("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001")
    told = [json.loads(text)["e"] for text in ask.listener.waiting]
    assert told == ["ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE", "ORDER_TRADE_UPDATE"]
    assert ask({"method": "SUBSCRIBE", "params": ["q" * 64], "id": 2})["error"]["code"] == 2


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "[1]",
        "[" * 50_000,
        '"SUBSCRIBE"',
        {"method": "SUBSCRIBE"},
        {"method": "SUBSCRIBE", "params": "btcusdt@trade"},
        {"method": "SUBSCRIBE", "params": [1]},
        {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "no@stream"]},
        {"method": "SUBSCRIBE", "params": ["x" * 129]},
        {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": {}},
        {"method": "SET_PROPERTY", "params": ["combined"]},
        {"params": []},
    ],
)
def test_what_cannot_be_done_changes_nothing(message: Any) -> None:
    ask = Asking()
    assert ask(message)["error"]["code"] == 2
    assert ask.listener.subscriptions == {}


def test_a_connection_has_so_many_streams_at_most() -> None:
    ask = Asking()
    ask.listener.subscriptions = {str(number): 0 for number in range(MAX_SUBSCRIPTIONS)}
    assert "at most 1024" in ask({"method": "SUBSCRIBE", "params": ["btcusdt@trade"]})["error"]["msg"]


def test_a_client_keeps_its_pace() -> None:
    pace = Pace()
    assert all(pace.is_kept(5_000) for _ in range(MAX_MESSAGES_A_SECOND))
    assert not pace.is_kept(5_999)
    assert pace.is_kept(6_000)


def test_a_listen_key_lives_while_it_is_asked_to() -> None:
    keys = ListenKeys()
    key = keys.open(0, 0)
    assert keys.open(0, LIFETIME_MS - 1) == key
    assert keys.account_of(key, 2 * LIFETIME_MS - 2) == 0
    assert keys.account_of(key, 2 * LIFETIME_MS - 1) is None
    with pytest.raises(Refusal, match="listenKey does not exist"):
        keys.extend(0, 2 * LIFETIME_MS)
    assert keys.open(0, 2 * LIFETIME_MS) != key
    assert keys.close(0) is not None
    with pytest.raises(Refusal):
        keys.extend(0, 2 * LIFETIME_MS)
    assert keys.account_of("", 0) is None


def test_keys_that_lapsed_are_told_once() -> None:
    keys = ListenKeys()
    keys.open(0, 0)
    keys.open(1, 1)
    assert keys.lapsed(LIFETIME_MS - 1) == []
    assert [keys.lapsed(LIFETIME_MS), keys.lapsed(LIFETIME_MS)] == [[0], []]


def test_keys_are_read_again_when_they_change(tmp_path: Path) -> None:
    keys = KeyDirectory(keys_in(tmp_path))
    assert [(one.account, one.key[0]) for one in keys.known()] == [("default", "k")]
    keys_in(tmp_path / "second", key="q" * 64)
    assert [one.account for one in keys.known()] == ["default", "second"]
    (tmp_path / "new").write_text("z" * 64)
    (tmp_path / "new").rename(tmp_path / "apiKey")
    assert keys.known()[0].key == "z" * 64
    (tmp_path / "apiSecret").unlink()
    assert [one.account for one in keys.known()] == ["second"]


def test_a_mounted_secret_is_a_link_that_is_swapped(tmp_path: Path) -> None:
    keys_in(tmp_path / "..2024_1", key="a" * 64)
    (tmp_path / "..data").symlink_to("..2024_1")
    for name in ("apiKey", "apiSecret"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    keys = KeyDirectory(tmp_path)
    assert [(one.account, one.key[0]) for one in keys.known()] == [("default", "a")]
    keys_in(tmp_path / "..2024_2", key="b" * 64)
    (tmp_path / "..fresh").symlink_to("..2024_2")
    (tmp_path / "..fresh").rename(tmp_path / "..data")
    assert keys.known()[0].key == "b" * 64


def test_keys_that_are_none_let_nobody_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert KeyDirectory(None).known() == ()
    assert KeyDirectory(tmp_path / "nowhere").known() == ()
    keys_in(tmp_path, key="k" * 5_000, secret="hush")  # noqa: S106 -- of nobody
    assert KeyDirectory(tmp_path).known() == ()
    (tmp_path / "apiKey").write_bytes(b"\xff\xfe")
    assert KeyDirectory(tmp_path).known() == ()
    (tmp_path / "apiKey").write_text("  \n")
    assert KeyDirectory(tmp_path).known() == ()
    assert "hush" not in caplog.text
    assert "write it again" in caplog.text


def player(small: Small, speed: str = "1", at_end: AtEnd = AtEnd.STAND, played: int = 0) -> Player:
    made = Player(small.venue, schedule_of((small.tape,)), speed, at_end, small.clock, played)
    made._begin()
    return made


def played(small: Small) -> int:
    return len(small.heard.market)


@pytest.mark.parametrize(("speed", "milliseconds"), [("1", 10), ("10", 1), ("0.5", 20)])
def test_messages_are_played_when_they_are_due(speed: str, milliseconds: int) -> None:
    small = Small()
    playing = player(small, speed)
    assert (playing.play_due(), played(small)) == (1, 1)
    small.clock.turn(milliseconds)
    small.clock.now_ns -= 1
    assert playing.play_due() == 0
    small.clock.now_ns += 1
    assert playing.play_due() == 1
    small.clock.turn(3 * milliseconds)
    assert playing.play_due() == 3


def test_a_market_that_is_over_stands() -> None:
    small = Small()
    playing = player(small)
    small.clock.turn(1_000)
    assert (playing.play_due(), playing.is_over) == (7, True)
    assert playing.play_due() == 0


def test_a_market_begins_again_with_an_empty_book() -> None:
    small = Small()
    playing = player(small, at_end=AtEnd.REPEAT)
    small.clock.turn(60)
    assert playing.play_due() == 9  # seven messages, the end, and the first of them again
    assert not playing.is_over
    ended, first = small.heard.market[7:]
    assert [change[2] for change in ended.changes] == [0, 0]
    assert len(first.changes) == 4


@pytest.mark.parametrize(("so_far", "expected"), [(3, 3), (7, 7), (8, 0), (11, 3)])
def test_a_market_goes_on_where_it_was(so_far: int, expected: int) -> None:
    assert player(Small(), at_end=AtEnd.REPEAT, played=so_far)._place == expected


async def test_the_player_lets_others_have_their_turn() -> None:
    small = Small(rows=(*BOOK, *((number, LEVEL, 1, 990, number % 2) for number in range(1, 500))))
    small.clock.turn(10_000)
    playing = Player(small.venue, schedule_of((small.tape,)), "1000", AtEnd.STAND, small.clock)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            small.clock.turn(1)
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await playing.play()
    counting.cancel()
    assert played(small) == 500
    assert turns >= 500 // BATCH


def plan(later: Callable[[float, Callable[[], None]], object] = lambda _, __: None, **fault: Any) -> FaultPlan:
    return FaultPlan([Fault.model_validate(fault)], later)


def sent(faults: FaultPlan, count: int = 5) -> list[str]:
    listener = Listener(is_combined=False)
    for number in range(count):
        faults.market(listener, str(number))
    return [*listener.waiting, *([listener.cut] if listener.cut else [])]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Garbage", ["0", GARBAGE, GARBAGE, "3", "4"]),
        ("Double", ["0", "1", "1", "2", "2", "3", "4"]),
        ("Reorder", ["0", "3", "1", "2", "4"]),
        ("Drop", ["it is dropped on purpose"]),
    ],
)
def test_a_fault_hits_the_messages_it_says(kind: str, expected: list[str]) -> None:
    assert sent(plan(kind=kind, channel="Market", after=1, count=2)) == expected


def test_a_fault_of_another_channel_hits_nothing() -> None:
    assert sent(plan(kind="Garbage", channel="User", after=0, count=9)) == list("01234")
    assert sent(FaultPlan((), lambda _, __: None)) == list("01234")


def test_a_stall_holds_everything_back_for_a_while() -> None:
    held: list[tuple[float, Callable[[], None]]] = []
    faults = plan(
        lambda delay, call: held.append((delay, call)), kind="Stall", channel="Market", after=1, milliseconds=250
    )
    listener = Listener(is_combined=False)
    for number in range(4):
        faults.market(listener, str(number))
    assert list(listener.waiting) == ["0"]
    ((delay, go_on),) = held
    go_on()
    faults.market(listener, "4")
    assert (delay, list(listener.waiting)) == (0.25, list("01234"))


@pytest.mark.parametrize(("kind", "status"), [("RateLimited", 429), ("Banned", 418)])
def test_a_request_is_refused_on_purpose(kind: str, status: int) -> None:
    faults = plan(kind=kind, channel="Request", after=1, milliseconds=1_500)
    assert faults.request() is None
    with pytest.raises(Refusal) as refusal:
        faults.request()
    assert (refusal.value.status, refusal.value.retry_after) == (status, 2)
    assert faults.request() is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty or not set"),
        ("{", "TRADEPLANE_EXCHANGE: Invalid JSON"),
        ("{}", "give one of snapshot and synthetic"),
        ('{"synthetic":{},"speed":"fast"}', "speed: must be a decimal"),
        ('{"synthetic":{"messages":1}}', "synthetic.messages: Input should be greater"),
        (" " * 65_537, "has 65537 bytes, more than 65536"),
    ],
)
def test_a_specification_that_is_none_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidSpecification, match=words):
        specification_from({"TRADEPLANE_EXCHANGE": text})
