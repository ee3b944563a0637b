"""A trader put together: the session, the account, the two connections, and what runs beside them on one loop."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.brokers.binance import Binance, Clocks
from tradeplane_workloads.brokers.errors import BrokerError, CredentialsRefused, SecretMissing
from tradeplane_workloads.capture.waits import backoff
from tradeplane_workloads.errors import FeedFailure, InvalidSpecification
from tradeplane_workloads.paper.account import Account
from tradeplane_workloads.paper.listening import AccountEar, BookRequests, MarketEar, keep_stream
from tradeplane_workloads.paper.market import PATHS, Traded, traded_of
from tradeplane_workloads.paper.opening import Balances, compared, opening_of, read_opening, write_opening
from tradeplane_workloads.paper.reconciling import Reconciler
from tradeplane_workloads.paper.sending import Sender
from tradeplane_workloads.paper.streams import Connection
from tradeplane_workloads.paper.trader import Trader
from tradeplane_workloads.sessions import SessionSpecification, has_begun, open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence
    from pathlib import Path
    from typing import Any

    from tradeplane_api.paper import PaperSpecification

    from tradeplane_workloads.paper.volume import SessionPlace

SYNC_SECONDS = 0.1
"""How often inputs that led to no order are synced to disk: what a crash of the machine may lose."""
LONGEST_SLEEP_SECONDS = 1.0
"""The clock of the day may be set: what waits for it looks again so often."""
FIRST_ATTEMPTS = 20
"""Attempts to reach the broker before a session begins; about five minutes."""
SILENT_SECONDS = 60.0
ANSWER_SECONDS = 3.0
"""How long a trader that ends waits for answers to what it sent."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Desk:
    """A trader at work, and its parts."""

    trader: Trader
    sender: Sender
    account: Account
    reconciler: Reconciler
    market_ear: MarketEar
    account_ear: AccountEar
    failed: asyncio.Future[None]
    """Has the error of whatever part failed."""

    def waits_for(self) -> str:
        """Return what the trader waits for before it trades; nothing where it trades."""
        if not self.market_ear.is_connected:
            return "the market's stream"
        if not self.market_ear.is_ready:
            return "the books"
        return "" if self.account_ear.is_settled.is_set() else "the account's stream, or how its orders stand"


@asynccontextmanager
async def at_desk(specification: PaperSpecification, place: SessionPlace, credentials: Path) -> AsyncIterator[Desk]:
    """Open a session and trade it while the block runs. Raises WorkloadError and BrokerError."""
    market = specification.market
    if specification.secret is None:
        raise InvalidSpecification("credentialsSecretRef: a connection that is traded needs a key; give it a Secret")
    async with AsyncExitStack() as stack:
        clocks = Clocks()
        limits = specification.rate_limits
        broker = await stack.enter_async_context(Binance(market, specification.endpoint, limits, clocks))
        account = Account(broker, market, credentials, specification.secret, clocks)
        traded, opening = await _reached(specification, account, place.folder)
        instruments = tuple(one.instrument for one in traded)
        recorded = open_session(
            place.folder, place.name, SessionSpecification.of(instruments, specification.simulation)
        )
        stack.callback(recorded.close)
        sender = Sender(account, market, traded, limits)
        trader = Trader(recorded, place.name, traded, clocks, sender.send, sender.prepare)
        sender.bind(trader)
        desk = _desk(specification, trader, sender, account, clocks, opening)
        await stack.enter_async_context(_running(specification, desk, recovered=recorded.recovered))
        yield desk


async def _reached(
    specification: PaperSpecification, account: Account, folder: Path
) -> tuple[tuple[Traded, ...], Balances]:
    """Return what is traded, and what the account had of it as the session of a folder began, once the broker answers.

    Raises FeedFailure, DataRefused, StoreFailure and CredentialsRefused.
    """
    error: BrokerError | None = None
    for attempt in range(1, FIRST_ATTEMPTS + 1):
        try:
            await account.set_clock()
            traded = traded_of(specification.market, specification.symbols, await account.info())
            return traded, await _opening(folder, traded, account)
        except (CredentialsRefused, SecretMissing):
            raise
        except BrokerError as found:
            error = found
            _log.warning("%s", found)
            await asyncio.sleep(max(backoff(attempt), min(found.retry_after_seconds or 0, 60)))
    raise FeedFailure(f"the broker could not be reached in {FIRST_ATTEMPTS} attempts: {error}")


async def _opening(folder: Path, traded: Sequence[Traded], account: Account) -> Balances:
    """Return what the account had as the session began, written down where it begins now; nothing where nobody did.

    Raises BrokerError, DataRefused and StoreFailure.
    """
    opening = read_opening(folder)
    if opening is not None or not compared(traded):
        return opening or {}
    if has_begun(folder):
        _log.warning("what the account had as this session began was not written down: balances are not compared")
        return {}
    opening = opening_of(traded, await account.balances())
    write_opening(folder, opening)
    return opening


def _desk(
    specification: PaperSpecification,
    trader: Trader,
    sender: Sender,
    account: Account,
    clocks: Clocks,
    opening: Balances,
) -> Desk:
    reconciler = Reconciler(account, trader, sender, clocks.steady, opening)
    market_ear = MarketEar(specification.market, trader)
    account_ear = AccountEar(account, trader, reconciler, sender)
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return Desk(trader, sender, account, reconciler, market_ear, account_ear, failed)


@asynccontextmanager
async def _running(specification: PaperSpecification, desk: Desk, *, recovered: bool) -> AsyncIterator[None]:
    """Run the parts of a trader; the first that fails is what ``failed`` has."""
    key: list[str] = []

    async def account_address() -> str:
        key[:] = [await desk.account.open_stream()]
        return f"{specification.endpoint.stream}/ws/{key[0]}"

    desk.trader.begin()
    if recovered:
        desk.market_ear.lose()
    parts: list[Coroutine[Any, Any, None]] = [
        Connection("the account's stream", account_address, desk.account_ear).run(),
        _market_connection(specification, desk).run(),
        BookRequests(desk.account, desk.trader, desk.market_ear, desk.sender).run(),
        desk.reconciler.run(),
        keep_stream(desk.account, lambda: key[0] if key else None),
        _wake_when_due(desk.trader),
        _sync(desk.trader),
        _raise_of(desk.sender.failure),
    ]
    tasks = [asyncio.ensure_future(part) for part in parts]
    for task in tasks:
        task.add_done_callback(lambda done: _failed(desk, done))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await desk.sender.end(ANSWER_SECONDS)
        if desk.trader.session.failure is None:
            desk.trader.sync()


def _market_connection(specification: PaperSpecification, desk: Desk) -> Connection:
    channels = ("depth@100ms", PATHS[specification.market].trade_stream)
    names = "/".join(f"{symbol.lower()}@{channel}" for symbol in specification.symbols for channel in channels)

    async def address() -> str:
        await desk.account_ear.is_settled.wait()
        return f"{specification.endpoint.stream}/stream?streams={names}"

    return Connection("the market's stream", address, desk.market_ear, SILENT_SECONDS)


def _failed(desk: Desk, task: asyncio.Future[None]) -> None:
    if task.cancelled() or task.exception() is None or desk.failed.done():
        return
    desk.failed.set_exception(task.exception() or RuntimeError("a part failed"))


async def _raise_of(failure: asyncio.Future[None]) -> None:
    await failure


async def _wake_when_due(trader: Trader) -> None:
    """Feed timers and ends of periods as they are due; what is due next may change with any input."""
    changed = asyncio.Event()
    trader.rearmed = changed.set
    while not trader.session.over:
        trader.wake()
        due = trader.due()
        seconds = LONGEST_SLEEP_SECONDS if due is None else max(0.0, (due - time.time_ns()) / 1e9)
        with suppress(TimeoutError):
            # Not wait_for, which in Python 3.11 forgets a cancellation that comes together with what is waited for.
            async with asyncio.timeout(min(seconds, LONGEST_SLEEP_SECONDS)):
                await changed.wait()
        changed.clear()


async def _sync(trader: Trader) -> None:
    while not trader.session.over:
        await asyncio.sleep(SYNC_SECONDS)
        trader.sync()
        trader.recorded.make_room()
