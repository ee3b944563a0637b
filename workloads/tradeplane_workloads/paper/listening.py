"""What arrives, put in order and fed: the market's messages to the books and trades, the account's to the trader."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from tradeplane_workloads.brokers.errors import BrokerError
from tradeplane_workloads.capture.waits import backoff
from tradeplane_workloads.errors import FeedFailure
from tradeplane_workloads.paper.books import BookFeed, TradeFeed
from tradeplane_workloads.paper.reports import Unreadable, report_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.venue import Market

    from tradeplane_workloads.paper.account import Account
    from tradeplane_workloads.paper.reconciling import Reconciler
    from tradeplane_workloads.paper.sending import Sender
    from tradeplane_workloads.paper.trader import Trader

SETTLE_SECONDS = 60.0
KEEP_SECONDS = 30 * 60.0
"""How often an account's stream is given another hour."""
MOST_BOOKS = 100
"""Snapshots of one book in a row that do not join, after which the trader ends."""
_PAUSE_SECONDS = 0.1
_log = logging.getLogger(__name__)


class MarketEar:
    """Feeds the market's messages to a trader."""

    def __init__(self, market: Market, trader: Trader) -> None:
        self._trader = trader
        self.books = [BookFeed(market, one) for one in trader.traded]
        self._trades = [TradeFeed(one) for one in trader.traded]
        self._by_symbol = {one.symbol: one.index for one in trader.traded}
        self.wanted = asyncio.Event()
        self.is_connected = False

    @property
    def is_ready(self) -> bool:
        """Whether all books are known."""
        return self.is_connected and all(book.is_known for book in self.books)

    async def opened(self) -> None:
        """Ask for the books."""
        self.is_connected = True
        self.wanted.set()

    def closed(self) -> None:
        """Feed that anything may be lost from here on."""
        self.is_connected = False
        self.lose()

    def lose(self) -> None:
        """Feed a gap of anything in each instrument."""
        if self._trader.session.over:
            return
        for index, book in enumerate(self.books):
            self._trader.news(index, book.lose())

    def heard(self, message: bytes, received: int) -> None:
        """Feed a message; what cannot be read loses all books, as nobody knows which it was about."""
        self._trader.promptness.received(received)
        try:
            wrapped = from_json(message)
            data = wrapped.get("data", wrapped) if isinstance(wrapped, dict) else None
            self._take(data)
        except (Unreadable, ValueError) as error:
            _log.warning("the market sent what cannot be read: %s", error)
            self.lose()
        finally:
            self._trader.promptness.handled()
        if not self.is_ready:
            self.wanted.set()

    def _take(self, data: Any) -> None:
        if not isinstance(data, dict):
            raise Unreadable("a message of the market is no JSON object")
        kind, index = data.get("e"), self._by_symbol.get(str(data.get("s")))
        if index is None or self._trader.session.over:
            return
        if kind == "depthUpdate":
            for news in self.books[index].change(data):
                self._trader.news(index, news)
        elif kind in ("trade", "aggTrade"):
            told = self._trades[index].trade(data)
            if told is not None:
                self._trader.news(index, told)


class BookRequests:
    """Asks for the books that are not known, one after the other."""

    def __init__(self, account: Account, trader: Trader, ear: MarketEar, sender: Sender) -> None:
        self._account = account
        self._trader = trader
        self._ear = ear
        self._sender = sender

    async def run(self) -> None:
        """Ask until cancelled. Raises FeedFailure where a book cannot be had for too long."""
        failures = 0
        while True:
            await self._ear.wanted.wait()
            self._ear.wanted.clear()
            while self._ear.is_connected and not self._ear.is_ready:
                joined = [await self._ask(index) for index, book in enumerate(self._ear.books) if not book.is_known]
                failures = 0 if all(joined) else failures + 1
                if failures > MOST_BOOKS:
                    raise FeedFailure(
                        f"the books could not be had in {MOST_BOOKS} attempts; check the exchange, then start the "
                        "trader again: it goes on where it was"
                    )
                wait = backoff(failures) if failures else _PAUSE_SECONDS
                await asyncio.sleep(max(wait, self._sender.paused_seconds))

    async def _ask(self, index: int) -> bool:
        """Ask for a book and feed it; return whether it is known now."""
        book, symbol = self._ear.books[index], self._trader.traded[index].symbol
        try:
            for news in book.snapshot(await self._account.depth(symbol)):
                self._trader.news(index, news)
        except Unreadable as error:
            _log.warning("no book of %s: %s", symbol, error)
        except BrokerError as error:
            _log.warning("no book of %s: %s", symbol, error)
            if error.retry_after_seconds:
                self._sender.pause(error.retry_after_seconds)
        return book.is_known


class AccountEar:
    """Feeds an account's messages to a trader. New orders go out only while it listens and all orders are known."""

    def __init__(self, account: Account, trader: Trader, reconciler: Reconciler, sender: Sender) -> None:
        self._account = account
        self._trader = trader
        self._traded = {one.symbol: one for one in trader.traded}
        self._reconciler = reconciler
        self._sender = sender
        self.is_settled = asyncio.Event()

    async def opened(self) -> None:
        """Ask how all orders stand, then let new ones out, on connections that are open by then."""
        async with asyncio.timeout(SETTLE_SECONDS):
            await self._reconciler.settle()
            await self._account.get_ready()
        self._sender.is_open = True
        self.is_settled.set()

    def closed(self) -> None:
        """Let no order out while nobody would hear what becomes of it."""
        self._sender.is_open = False
        self.is_settled.clear()

    def heard(self, message: bytes, received: int) -> None:
        """Feed a message; where one cannot be read, all orders are in doubt."""
        self._trader.promptness.received(received)
        try:
            told = report_of(from_json(message), self._traded)
            if told is not None:
                self._trader.told(told)
        except (Unreadable, ValueError) as error:
            _log.warning("the account's stream sent what cannot be read: %s", error)
            self._trader.doubt_all()
        finally:
            self._trader.promptness.handled()


async def keep_stream(account: Account, key: Callable[[], str | None]) -> None:
    """Lengthen the life of the account's stream again and again; where that fails the stream ends, and is made anew."""
    while True:
        await asyncio.sleep(KEEP_SECONDS)
        current = key()
        if current is not None:
            try:
                await account.keep_stream(current)
            except BrokerError as error:
                _log.warning("the account's stream was given no more time: %s", error)
