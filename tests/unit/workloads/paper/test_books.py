"""A book kept in step: snapshots and changes in every order come to the book there is, or say that it is not known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_api.venue import Market
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.tapes import GAP
from tradeplane_workloads.paper.books import BID, CLEAR, LEVEL, SNAPSHOT, BookFeed, News, TradeFeed
from tradeplane_workloads.paper.market import Traded
from tradeplane_workloads.paper.reports import Unreadable

TRADED = Traded(
    0, TapeInstrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"), "USDT", InstrumentKind.LINEAR_FUTURE, Decimal(1))
)


def change(number: int, price: int, lots: int) -> dict[str, Any]:
    """Return the change of one level, as futures tell it."""
    levels = [[f"{price}.0", f"{lots / 1_000:.3f}"]]
    return {"e": "depthUpdate", "T": number, "U": number, "u": number, "pu": number - 1, "b": levels, "a": []}


def snapshot(number: int, levels: dict[int, int]) -> dict[str, Any]:
    """Return a book as it is asked for."""
    bids = [[f"{price}.0", f"{lots / 1_000:.3f}"] for price, lots in levels.items()]
    return {"lastUpdateId": number, "T": number, "bids": bids, "asks": []}


def heard(told: list[News], levels: dict[int, int] | None) -> dict[int, int] | None:
    """Apply what was told to a book as whoever listens has it; None where it is not known."""
    for news in told:
        for kind, _, price, lots in news.rows:
            if kind == GAP:
                levels = None
            elif kind == CLEAR:
                levels = {}
            elif levels is not None:
                levels[price // 10] = lots
    return levels


@given(
    changes=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9)), min_size=1, max_size=30),
    lost=st.sets(st.integers(1, 30), max_size=3),
    asked=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=6),
)
def test_a_book_that_is_known_is_the_markets(
    changes: list[tuple[int, int]], lost: set[int], asked: list[tuple[int, int]]
) -> None:
    feed = BookFeed(Market.USD_MARGINED, TRADED)
    there: dict[int, int] = {}
    books: list[dict[int, int]] = [{}]
    listened: dict[int, int] | None = None
    for number, (price, lots) in enumerate(changes, start=1):
        there[price] = lots
        books.append(dict(there))
        if number not in lost:
            listened = heard(feed.change(change(number, price, lots)), listened)
        for when, age in asked:
            if when == number:  # the answer is of a while ago
                taken = max(0, number - age)
                listened = heard(feed.snapshot(snapshot(taken, books[taken])), listened)
        assert feed.is_known == (listened is not None)
        if listened is not None and number not in lost:
            assert {p: q for p, q in listened.items() if q} == {p: q for p, q in there.items() if q}


def test_changes_wait_for_their_snapshot() -> None:
    feed = BookFeed(Market.SPOT, TRADED)
    assert [feed.change(change(number, 1, number)) for number in (5, 6, 7)] == [[], [], []]
    told = feed.snapshot(snapshot(5, {1: 5, 2: 9}))
    assert [[row[0] for row in news.rows] for news in told] == [[CLEAR, SNAPSHOT, SNAPSHOT], [LEVEL], [LEVEL]]
    assert told[-1].rows == [(LEVEL, BID, 10, 7)]
    assert feed.change(change(7, 1, 7)) == []


def test_a_snapshot_that_is_too_old_makes_no_book_known() -> None:
    feed = BookFeed(Market.USD_MARGINED, TRADED)
    feed.change(change(5, 1, 5))
    assert (feed.snapshot(snapshot(3, {})), feed.is_known) == ([], False)
    assert feed.snapshot(snapshot(4, {})) != []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"b": None}, 'no list of at most 20000 levels in "b"'),
        ({"b": [["1.05", "1"]]}, "1.05 is no whole number of 0.1"),
        ({"b": [["1e3", "1"]]}, "'1e3' is no decimal"),
        ({"b": [["1.0"]]}, 'a level in "b"'),
        ({"b": [7]}, 'a level in "b"'),
        ({"u": "7"}, 'no number in "u"'),
        ({"u": True}, 'no number in "u"'),
        ({"U": -1}, 'no number in "U"'),
        ({"pu": "x"}, 'no number in "pu"'),
        ({"b": [["1.0", "1"]] * 20_001}, "at most 20000"),
    ],
)
def test_what_cannot_be_read_is_refused(broken: dict[str, Any], words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        BookFeed(Market.USD_MARGINED, TRADED).change(change(1, 1, 1) | broken)


def test_a_trade_is_told_once_and_what_is_missing_is_a_gap() -> None:
    feed = TradeFeed(TRADED)
    trades = [{"e": "aggTrade", "a": number, "p": "1.0", "q": "0.002", "T": 1, "m": True} for number in (4, 4, 5, 3, 8)]
    told = [feed.trade(trade) for trade in trades]
    assert [None if news is None else [row[0] for row in news.rows] for news in told] == [[3], None, [3], None, [9, 3]]
    assert told[4] is not None
    assert told[4].rows[0] == (GAP, 0, 2, 2)
    assert feed.trade({"e": "trade", "t": 9, "X": "INSURANCE_FUND"}) is None
    with pytest.raises(Unreadable, match="a trade of BTCUSDT"):
        feed.trade({"e": "aggTrade", "a": 9, "p": "1.0", "q": "0.0005"})
