"""Streams of the market: their names and messages, and that our own importer reads what they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_workloads.exchange import public
from tradeplane_workloads.exchange.faults import FaultPlan
from tradeplane_workloads.exchange.hub import MAX_WAITING, MAX_WAITING_BYTES, Hub, Listener
from tradeplane_workloads.exchange.market import schedule_of, tapes_of
from tradeplane_workloads.exchange.parameters import Parameters
from tradeplane_workloads.exchange.streams import compact, stream_of
from tradeplane_workloads.exchange.venue import Venue
from tradeplane_workloads.market.importing.binance_raw import import_binance
from tradeplane_workloads.market.importing.tape_options import TapeOptions

from tests.unit.workloads.exchange.small_exchange import (
    ASK,
    BID,
    BOOK,
    CLEAR,
    LEVEL,
    NONE,
    SNAPSHOT,
    TRADE,
    Clock,
    Small,
)

if TYPE_CHECKING:
    from pathlib import Path

KINDS = list(InstrumentKind)


class Ear:
    """A listener at a hub, and what it got."""

    def __init__(self, small: Small, *names: str) -> None:
        self.small = small
        self.hub = Hub(small.venue, FaultPlan((), lambda _, __: None))
        self.listener = Listener(is_combined=True)
        for name in names:
            stream = stream_of(name, small.venue.listings)
            assert stream is not None, name
            self.hub.subscribe(self.listener, stream)

    def heard(self) -> list[dict[str, Any]]:
        """Return what came since the last time."""
        messages = []
        while (text := self.listener.take()) is not None:
            messages.append(json.loads(text))
        return messages


def test_a_change_of_the_book_as_futures_tell_it() -> None:
    small = Small()
    ear = Ear(small, "btcusdt@depth@0ms")
    small.play(2)
    first, second = (message["data"] for message in ear.heard())
    assert (first["U"], first["u"], first["pu"]) == (1, 1, 0)
    assert second == {
        "e": "depthUpdate",
        "E": 1_700_000_000_020,
        "T": 1_700_000_000_020,
        "s": "BTCUSDT",
        "U": 2,
        "u": 2,
        "pu": 1,
        "b": [["100.0", "0.007"]],
        "a": [],
    }


def test_spot_has_no_number_of_the_update_before() -> None:
    small = Small(InstrumentKind.SPOT)
    ear = Ear(small, "btcusdt@depth@0ms")
    small.play()
    assert {"T", "pu", "ps"}.isdisjoint(ear.heard()[0]["data"])


def test_coin_margined_futures_name_their_pair() -> None:
    small = Small(InstrumentKind.INVERSE_FUTURE)
    ear = Ear(small, "btcusd_perp@depth@0ms")
    small.play()
    assert ear.heard()[0]["data"]["ps"] == "BTCUSD"


def test_what_an_update_removes_on_the_other_side_is_told() -> None:
    small = Small()
    ear = Ear(small, "btcusdt@depth@0ms")
    small.play(4)
    last = ear.heard()[-1]["data"]
    assert (last["b"], last["a"]) == ([["99.9", "0.000"], ["100.0", "0.000"]], [["99.9", "0.003"]])


def test_changes_are_gathered_for_as_long_as_the_stream_says() -> None:
    small = Small()
    ear = Ear(small, "btcusdt@depth@100ms")
    ear.hub.flush(1_000)
    small.play(2)
    small.clock.turn(-3_600_000)  # a clock that is set back holds nothing up
    ear.hub.flush(1_099)
    assert ear.heard() == []
    small.play(3)
    ear.hub.flush(1_100)
    (message,) = (one["data"] for one in ear.heard())
    assert (message["U"], message["u"], message["pu"]) == (1, 5, 0)
    assert dict(message["b"])["99.8"] == "0.004"
    ear.hub.flush(1_200)
    assert ear.heard() == []


def test_trades_are_numbered_and_say_who_made_the_market() -> None:
    small = Small()
    ear = Ear(small, "btcusdt@trade", "btcusdt@aggTrade")
    small.play(7)
    told = [message["data"] for message in ear.heard()]
    assert [(one["e"], one.get("t", one.get("a")), one["p"], one["q"], one["m"]) for one in told] == [
        ("trade", 1, "100.0", "0.002", True),
        ("aggTrade", 1, "100.0", "0.002", True),
        ("trade", 2, "100.1", "0.001", False),
        ("aggTrade", 2, "100.1", "0.001", False),
    ]


def test_the_best_prices_are_told_when_they_change() -> None:
    small = Small()
    ear = Ear(small, "btcusdt@bookTicker")
    small.play(7)
    told = [message["data"] for message in ear.heard()]
    # The third brings one ask and no bid; the fourth leaves one side empty as well.
    assert [(one["u"], one["b"], one["B"], one["a"], one["A"]) for one in told] == [
        (1, "100.0", "0.005", "100.1", "0.005"),
        (2, "100.0", "0.007", "100.1", "0.005"),
        (5, "99.8", "0.004", "100.1", "0.005"),
        (6, "100.0", "0.001", "100.1", "0.001"),
    ]


def test_a_change_behind_the_best_prices_is_no_news_of_them() -> None:
    small = Small(rows=(*BOOK, (1, LEVEL, BID, 999, 3), (2, LEVEL, ASK, 1001, 9)))
    ear = Ear(small, "btcusdt@bookTicker")
    small.play(3)
    assert [message["data"]["u"] for message in ear.heard()] == [1, 3]


@pytest.mark.parametrize(
    "name",
    [
        "btcusdt@depth",
        "btcusdt@depth@100ms",
        "btcusdt@trade",
        "btcusdt@aggTrade",
        "btcusdt@bookTicker",
    ],
)
@pytest.mark.parametrize("kind", [InstrumentKind.SPOT, InstrumentKind.LINEAR_FUTURE])
def test_names_there_are(name: str, kind: InstrumentKind) -> None:
    assert stream_of(name, Small(kind).venue.listings) is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "btcusdt",
        "BTCUSDT@trade",
        "ethusdt@trade",
        "btcusdt@depth5",
        "btcusdt@depth@99ms",
        "btcusdt@trade@100ms",
        "x" * 9_999,
    ],
)
def test_names_there_are_not(name: str) -> None:
    assert stream_of(name, Small().venue.listings) is None


def test_a_client_that_does_not_read_is_cut_off() -> None:
    for text, count in (("x" * 1_000, MAX_WAITING_BYTES // 1_000 + 1), ("x", MAX_WAITING + 1)):
        listener = Listener(is_combined=False)
        for _ in range(count - 1):
            listener.push(text)
        assert listener.cut is None
        listener.push(text)
        assert listener.cut == "it reads too slowly"
        assert listener.take() is None
        listener.push(text)
        assert not listener.waiting


def test_who_leaves_hears_no_more_and_others_do() -> None:
    small = Small()
    ear = Ear(small, "btcusdt@depth@0ms", "btcusdt@trade")
    other = Listener(is_combined=False)
    stream = stream_of("btcusdt@depth@0ms", small.venue.listings)
    assert stream is not None
    ear.hub.subscribe(other, stream)
    ear.hub.leave(ear.listener)
    small.play(3)
    assert ear.heard() == []
    assert len(other.waiting) == 2
    ear.hub.unsubscribe(other, "btcusdt@depth@0ms")
    ear.hub.unsubscribe(other, "btcusdt@depth@0ms")
    small.play()
    assert len(other.waiting) == 2


def test_streams_of_one_book_have_their_own_numbers() -> None:
    small = Small()
    ear = Ear(small, "btcusdt@depth@0ms")
    small.play(2)
    stream = stream_of("btcusdt@depth@100ms", small.venue.listings)
    assert stream is not None
    ear.hub.subscribe(ear.listener, stream)
    ear.hub.flush(0)
    small.play(2)
    ear.hub.flush(100)
    told = [(one["stream"], one["data"]["pu"], one["data"]["u"]) for one in ear.heard()]
    assert told[-1] == ("btcusdt@depth@100ms", 2, 4)
    assert told[:-1] == [("btcusdt@depth@0ms", number - 1, number) for number in (1, 2)] + [("btcusdt@depth@0ms", 2, 4)]


def _levels(rows: st.DataObject) -> list[tuple[int, int, int, int, int]]:
    draw = rows.draw
    made = list(BOOK)
    for message in range(1, draw(st.integers(1, 12))):
        kind = draw(st.sampled_from([LEVEL, LEVEL, LEVEL, TRADE, CLEAR]))
        if kind == CLEAR:
            made.append((message, CLEAR, NONE, 0, 0))
            made += [(message, SNAPSHOT, BID, 995, 1), (message, SNAPSHOT, ASK, 1005, 2)]
        else:
            side, price = draw(st.sampled_from([BID, ASK])), draw(st.integers(990, 1_010))
            made.append((message, kind, side, price, draw(st.integers(int(kind == TRADE), 9))))
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("interval", [0, 100])
@settings(max_examples=15, deadline=None)
@given(rows=st.data())
def test_our_importer_reads_the_streams_and_has_the_same_book(
    tmp_path_factory: pytest.TempPathFactory, kind: InstrumentKind, interval: int, rows: st.DataObject
) -> None:
    small = Small(kind, _levels(rows))
    symbol = small.listing.symbol.lower()
    ear = Ear(small, f"{symbol}@depth@{interval}ms", f"{symbol}@trade")
    lines: list[str] = []

    def keep(messages: list[dict[str, Any]]) -> None:
        lines.extend(f"{small.clock.now_ns} {compact(message)}" for message in messages)

    small.play()
    keep(ear.heard())
    ask = Parameters(f"symbol={small.listing.symbol}&limit=1000")
    lines.append(f"{small.clock.now_ns} {compact(public.depth(small.venue, ask))}")
    passed_ms = 0
    while small.row < len(small.tape):
        ear.hub.flush(passed_ms)
        keep(ear.heard())
        small.play(2 if interval else 1)
        passed_ms += 60
    ear.hub.flush(passed_ms + interval)
    keep(ear.heard())

    path: Path = tmp_path_factory.mktemp("recording") / "recording.txt"
    path.write_text("\n".join(lines) + "\n")
    (tape,) = import_binance(path, TapeOptions(symbol=small.listing.symbol)).tapes
    # One message came before the first snapshot, where each is told of at once.
    assert tape.recording.gaps == (0 if interval else 1)
    assert _book(small, tape) == small.venue.depth(small.listing, 100)[1:]
    assert int((tape.kind == TRADE).sum()) == int((small.tape.kind == TRADE).sum())


def _book(small: Small, tape: Any) -> Any:
    """Return the book that an imported tape ends with, in the ticks and lots of the exchange."""
    ticks = tape.instrument.tick / small.listing.instrument.tick
    lots = tape.instrument.lot / small.listing.instrument.lot
    held: dict[tuple[int, int], int] = {}
    for kind, side, price, quantity in zip(tape.kind, tape.side, tape.price, tape.quantity, strict=True):
        if kind == CLEAR:
            held = {}
        elif kind in (LEVEL, SNAPSHOT):
            held[int(side), int(price * ticks)] = int(quantity * lots)
    bids = sorted(((price, lots) for (side, price), lots in held.items() if side == BID and lots), reverse=True)
    asks = sorted((price, lots) for (side, price), lots in held.items() if side == ASK and lots)
    return bids, asks


@pytest.mark.parametrize("kind", KINDS)
def test_a_synthetic_market_is_of_the_kind_that_is_asked_for(kind: InstrumentKind) -> None:
    document = {"synthetic": {"flow": "pair", "messages": 200, "kind": kind, "seed": 5}}
    specification = ExchangeSpecification.model_validate(document)
    tapes = tapes_of(specification, None)
    schedule = schedule_of(tapes)
    assert np.all(np.diff(schedule.time_ns) >= 0)
    assert int((schedule.end - schedule.first).sum()) == sum(map(len, tapes))
    venue = Venue(specification, tapes, Clock())
    assert [listing.instrument.kind for listing in venue.listings.all] == [kind, kind]
    again = tapes_of(specification, None)
    assert all(np.array_equal(one.price, two.price) for one, two in zip(tapes, again, strict=True))
