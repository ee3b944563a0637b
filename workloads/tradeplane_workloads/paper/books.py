"""A book kept in step with its market: a snapshot, and the changes that follow it. Pure.

Changes that arrive while no book is known wait; the snapshot that was asked for is told first, then the newer of them.
How changes follow each other: docs/formats/binance-raw.md, "How a book joins together".
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.venue import Market
from tradeplane_native import read_levels

from tradeplane_workloads.market.tapes import GAP, TRADE
from tradeplane_workloads.paper.reports import NANOSECONDS, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_workloads.paper.market import Traded

CLEAR, SNAPSHOT, LEVEL = 0, 1, 2
BID, ASK = 1, 2
LOST_ANYTHING, LOST_CHANGES, LOST_TRADES = 0, 1, 2
"""What a gap says was lost (docs/formats/tape.md)."""
MOST_WAITING = 1_000
"""Changes that wait for a snapshot; where there are more the oldest is dropped, and the snapshot will not join."""
MOST_LEVELS = 20_000
"""Of one message."""
_LATEST_MS = 253_402_300_799_999

Row = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class News:
    """One message of the market in the session's units; ``exchange_time`` is None where it says none."""

    exchange_time: int | None
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class _Change:
    first: int
    last: int
    before: int | None
    news: News


class BookFeed:
    """One book."""

    def __init__(self, market: Market, traded: Traded) -> None:
        self._market = market
        self._traded = traded
        self._update: int | None = None
        self._waiting: deque[_Change] = deque(maxlen=MOST_WAITING)

    @property
    def is_known(self) -> bool:
        """Whether the book is in step; otherwise a snapshot is wanted."""
        return self._update is not None

    def lose(self, what: int = LOST_ANYTHING) -> News:
        """Forget the book, because messages were lost, and return what says so."""
        self._update = None
        self._waiting.clear()
        return News(None, [(GAP, 0, what, 0)])

    def change(self, message: Mapping[str, Any]) -> list[News]:
        """Take in a change. Raises Unreadable; the book is lost then, as the change is."""
        change = _change(self._traded, message)
        if self._update is None:
            self._waiting.append(change)
            return []
        if change.last <= self._update:
            return []
        if not self._follows(change, self._update):
            lost = self.lose(LOST_CHANGES)
            self._waiting.append(change)
            return [lost]
        self._update = change.last
        return [change.news] if change.news.rows else []

    def snapshot(self, answer: Any) -> list[News]:
        """Take in a snapshot. Nothing comes of one that what arrived since does not follow. Raises Unreadable."""
        if not isinstance(answer, dict):
            raise Unreadable("a snapshot of a book is no JSON object")
        update = _number(answer, "lastUpdateId")
        if self._update is not None and update <= self._update:
            return []
        newer = [change for change in self._waiting if change.last > update]
        if newer and not self._follows(newer[0], update):
            return []
        rows: list[Row] = [(CLEAR, 0, 0, 0)]
        rows += _levels(self._traded, answer, "bids", SNAPSHOT, BID)
        rows += _levels(self._traded, answer, "asks", SNAPSHOT, ASK)
        told = [News(_time(answer), rows)]
        for change in newer:
            if not self._follows(change, update):
                told.append(self.lose(LOST_CHANGES))
                return told
            update = change.last
            if change.news.rows:
                told.append(change.news)
        self._waiting.clear()
        self._update = update
        return told

    def _follows(self, change: _Change, update: int) -> bool:
        if self._market is not Market.SPOT and change.before is not None and change.before <= update:
            return True
        return change.first <= update + 1


class TradeFeed:
    """The trades of one instrument, each once."""

    def __init__(self, traded: Traded) -> None:
        self._traded = traded
        self._last: int | None = None

    def trade(self, message: Mapping[str, Any]) -> News | None:
        """Take in a trade; None where it was told before or is none of the book. Raises Unreadable."""
        if message.get("X", "MARKET") != "MARKET":
            return None
        number = _number(message, "a" if message.get("e") == "aggTrade" else "t")
        last, self._last = self._last, max(number, self._last or 0)
        if last is not None and number <= last:
            return None
        rows: list[Row] = []
        if last is not None and number > last + 1:
            rows.append((GAP, 0, LOST_TRADES, number - last - 1))
        taker = {True: ASK, False: BID}.get(message.get("m"), 0)  # type: ignore[arg-type] # whatever JSON has
        try:
            price, quantity = self._traded.price.parse(message.get("p")), self._traded.quantity.parse(message.get("q"))
        except ValueError as error:
            raise Unreadable(f"a trade of {self._traded.symbol}: {error}") from error
        return News(_time(message), [*rows, (TRADE, taker, price, quantity)])


def _change(traded: Traded, message: Mapping[str, Any]) -> _Change:
    before = message.get("pu")
    if before is not None and not isinstance(before, int):
        raise Unreadable('a change of a book has no number in "pu"')
    rows = _levels(traded, message, "b", LEVEL, BID) + _levels(traded, message, "a", LEVEL, ASK)
    return _Change(_number(message, "U"), _number(message, "u"), before, News(_time(message), rows))


def _levels(traded: Traded, message: Mapping[str, Any], key: str, kind: int, side: int) -> list[Row]:
    levels = message.get(key)
    if not isinstance(levels, list) or len(levels) > MOST_LEVELS:
        raise Unreadable(f'a book of {traded.symbol} has no list of at most {MOST_LEVELS} levels in "{key}"')
    rows = read_levels(levels, kind, side, traded.price.unit_steps, traded.quantity.unit_steps)
    if rows is not None:
        return rows
    price, quantity = traded.price.parse, traded.quantity.parse  # several times slower, and says what is wrong
    try:
        return [(kind, side, price(level[0]), quantity(level[1])) for level in levels]
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise Unreadable(f'a level in "{key}" of {traded.symbol}: {error}') from error


def _number(message: Mapping[str, Any], key: str) -> int:
    number = message.get(key)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**62:
        raise Unreadable(f'a message of the market has no number in "{key}"')
    return number


def _time(message: Mapping[str, Any]) -> int | None:
    told = message.get("T", message.get("E"))
    if not isinstance(told, int) or isinstance(told, bool) or not 0 < told < 10**18:
        return None
    return told * NANOSECONDS if told <= _LATEST_MS else told * 1_000
