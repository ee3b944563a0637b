"""A recording cut anywhere: the pieces, each with the opening derived from the one before, say what the whole says."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_workloads.capture.closing import book_of, opening_lines
from tradeplane_workloads.market.importing.binance_raw import read_messages
from tradeplane_workloads.market.importing.tape_options import TapeOptions

from tests.binance_wire import Book, flow, wire
from tests.unit.workloads.sample_recordings import LOCAL, depth, trade
from tests.unit.workloads.sample_recordings import snapshot as unnamed
from tests.unit.workloads.sample_tapes import CLEAR, GAP, SNAPSHOT, TRADE

if TYPE_CHECKING:
    from tradeplane_native import RecordedInstrument

FEED_LOST = '{"e":"tradeplane.feedLost","s":"BTCUSDT"}'
LOST_TRADES = 2
Level = tuple[str, str]


def snapshot(update: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> str:
    """Return a snapshot as the agent writes it: it says whose it is."""
    return unnamed(update, bids, asks).replace("{", '{"symbol": "BTCUSDT", ', 1)


def read(data: bytes) -> dict[str, RecordedInstrument]:
    return {one.symbol: one for one in read_messages("r", data, TapeOptions())[0]}


def lines(messages: list[str]) -> list[bytes]:
    return [f"{LOCAL + 1_000 * number} {message}\n".encode() for number, message in enumerate(messages)]


def pieces(whole: list[bytes], cuts: list[int]) -> list[dict[str, RecordedInstrument]]:
    """Read the pieces between cuts, each after the opening that the one before leaves."""
    opening, found = b"", []
    for start, end in pairwise([0, *cuts, len(whole)]):
        piece = read(opening + b"".join(whole[start:end]))
        opening = opening_lines(piece.values(), LOCAL)
        found.append(piece)
    return found


def book(one: RecordedInstrument | None) -> object:
    return None if one is None or one.update is None else (one.update, book_of(one))


@dataclass
class Venue:
    """What a venue has and has said: its book after each update, and its messages."""

    messages: list[str] = field(default_factory=list)
    books: list[tuple[int, dict[str, str], dict[str, str]]] = field(default_factory=lambda: [(100, {}, {})])
    number: int = 0

    def change(self, bid: Level, ask: Level, updates: int, *, said: bool) -> None:
        before, bids, asks = self.books[-1]
        sides = [
            {price: quantity for price, quantity in {**side, level[0]: level[1]}.items() if quantity != "0"}
            for side, level in ((bids, bid), (asks, ask))
        ]
        self.books.append((before + updates, sides[0], sides[1]))
        if said:
            self.messages.append(depth(before + 1, before + updates, before, [bid], [ask]))

    def snapshot(self, behind: int) -> None:
        update, bids, asks = self.books[max(0, len(self.books) - 1 - behind)]
        self.messages.append(snapshot(update, list(bids.items()), list(asks.items())))

    def trade(self, lost: int) -> None:
        self.number += 1 + lost
        self.messages.append(trade(self.number, "10.5"))

    def book(self, update: int) -> object:
        """Return what the book was after an update, as ``book`` returns it."""
        (found,) = (each for each in self.books if each[0] == update)
        bids, asks = (sorted(side.items(), key=lambda level: Decimal(level[0])) for side in found[1:])
        return update, (bids[::-1], asks)


@st.composite
def feeds(draw: st.DrawFn) -> Venue:
    """Draw what a feed may do: changes of a book, some lost; snapshots, some late; trades, some lost; breaks."""
    venue, level = (
        Venue(),
        st.tuples(st.sampled_from(["10", "10.5", "11", "11.25"]), st.sampled_from(["0", "1", "2.5"])),
    )
    step = st.sampled_from(
        ["depth"] * 6 + ["lost", "again", "trade", "trade", "trade lost", "snapshot", "late", "break"]
    )
    for kind in draw(st.lists(step, min_size=1, max_size=40)):
        if kind in ("depth", "lost"):
            venue.change(draw(level), draw(level), draw(st.integers(1, 3)), said=kind == "depth")
        elif kind == "again" and venue.messages:
            venue.messages.append(venue.messages[-1])
        elif kind.startswith("trade"):
            venue.trade(2 if kind == "trade lost" else 0)
        elif kind == "break":
            venue.messages.append(FEED_LOST)
        else:
            venue.snapshot(draw(st.integers(1, 3)) if kind == "late" else 0)
    return venue


@given(feeds(), st.data())
@settings(max_examples=150, deadline=None)
def test_pieces_say_what_the_whole_says_and_it_is_so(venue: Venue, data: st.DataObject) -> None:
    whole = lines(venue.messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    blind = False
    for cut, piece in zip([*cuts, len(whole)], pieces(whole, cuts), strict=True):
        expected = read(b"".join(whole[:cut])).get("BTCUSDT")
        found = piece.get("BTCUSDT")
        assert (found and found.last_trade) == (expected and expected.last_trade)
        for one in (found, expected):
            if one is not None and one.update is not None:
                assert book(one) == venue.book(one.update)
        if book(found) != book(expected):
            assert book(found) is None  # nothing is said to be known that the whole does not know
            assert blind  # and less only after a cut where the whole did not know the book either
        blind = blind or book(expected) is None


@given(feeds(), st.data())
@settings(max_examples=80, deadline=None)
def test_each_trade_is_in_one_piece_and_each_lost_one_is_counted_once(venue: Venue, data: st.DataObject) -> None:
    whole = lines(venue.messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))

    def trades(found: list[dict[str, RecordedInstrument]]) -> tuple[list[tuple[int, float, float]], int]:
        rows, lost = [], 0
        for one in (each["BTCUSDT"] for each in found if "BTCUSDT" in each):
            _, _, local, kind, _, price, quantity, _ = one.columns
            rows += [
                (int(local[row]), price[row] / 10**one.price_places, quantity[row] / 10**one.quantity_places)
                for row in np.flatnonzero(kind == TRADE)
            ]
            lost += int(quantity[(kind == GAP) & (price == LOST_TRADES)].sum())
        return rows, lost

    assert trades(pieces(whole, cuts)) == trades([read(b"".join(whole))])


def test_an_opening_is_the_book_at_the_cut_and_the_last_trade() -> None:
    whole = lines(
        [
            snapshot(10, [("100.0", "1"), ("99.5", "2")], [("100.5", "1.5")]),
            depth(11, 12, 10, [("100.0", "0")], [("100.5", "2")]),
            trade(7, "100.5", "0.5"),
        ]
    )
    opening = opening_lines(read(b"".join(whole)).values(), LOCAL)
    time, levels = LOCAL + 2_000, '"bids":[["99.5","2"]],"asks":[["100.5","2"]]'
    assert opening.decode().splitlines() == [
        f'{time} {{"symbol":"BTCUSDT","T":{(LOCAL - 5_000_000) // 1_000},"lastUpdateId":12,{levels}}}',
        f'{time} {{"e":"tradeplane.carriedTrade","s":"BTCUSDT","t":7}}',
    ]
    (following,) = read(opening + lines([depth(13, 14, 12, [("99.5", "0")], [])])[0]).values()
    assert following.columns[3].tolist()[:3] == [CLEAR, SNAPSHOT, SNAPSHOT]
    assert book_of(following) == ([], [("100.5", "2")])


def test_of_a_book_that_is_not_known_its_last_update_is_carried() -> None:
    blind = read(b"".join(lines([depth(11, 12, 10, [("100.0", "1")], [])])))
    opening = opening_lines(blind.values(), LOCAL)
    assert opening.decode() == f'{LOCAL} {{"e":"tradeplane.carriedBook","s":"BTCUSDT","u":12}}\n'
    assert opening_lines(read(opening).values(), LOCAL) == opening
    lost = read(b"".join(lines([depth(11, 12, 10, [], []), FEED_LOST])))
    assert opening_lines(lost.values(), LOCAL) == b""


def test_the_books_of_a_flow_are_those_of_the_venue_at_every_cut() -> None:
    symbols = ("AUSDT", "BUSDT")
    messages = wire(flow(400, symbols=symbols))[:400]
    books = {symbol: Book() for symbol in symbols}
    texts, cuts, expected = [], [], []
    for number, message in enumerate(messages):
        symbol = "AUSDT" if '"s":"AUSDT"' in message.text else "BUSDT"
        if number < 2:  # where the books begin: a snapshot of each, as it would be asked for
            books[symbol].apply(message.text)
            texts.append(books[symbol].snapshot().replace("{", f'{{"symbol":"{symbol}",', 1))
        else:
            books[symbol].apply(message.text)
            texts.append(message.text)
        if number % 40 == 39:
            cuts.append(number + 1)
            expected.append({name: each.levels() for name, each in books.items()})
    found = pieces(lines(texts), cuts[:-1])
    assert [{name: book_of(one) for name, one in piece.items()} for piece in found] == expected
    assert len(expected) == 10
