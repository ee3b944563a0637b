"""A trader's own Sender, Reconciler and AccountEar at an account whose answers and reports come when a test says so.

The exchange is a model; session, journal and all that sends, reconciles and settles are the real ones. Time is the
loop's (``stepped_loop``), so that windows, pauses and overdue reports are lived through without waiting.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from tradeplane_api.broker_connection import RateLimits
from tradeplane_api.venue import Market
from tradeplane_workloads.brokers.binance import Clocks
from tradeplane_workloads.brokers.errors import (
    BrokerError,
    ClockRefused,
    EndpointUnreachable,
    RateLimited,
    RequestRefused,
)
from tradeplane_workloads.brokers.signing import RECEIVE_WINDOW_MILLISECONDS
from tradeplane_workloads.paper.books import BID, LEVEL, News
from tradeplane_workloads.paper.listening import AccountEar
from tradeplane_workloads.paper.market import Traded
from tradeplane_workloads.paper.reconciling import Reconciler
from tradeplane_workloads.paper.sending import Sender
from tradeplane_workloads.paper.trader import Trader
from tradeplane_workloads.sessions import open_session

from tests.integration.workloads.paper.session_world import ALIVE, ASK, Held, Model, whole_of
from tests.unit.workloads.sessions.sample_sessions import INSTRUMENT, NAME, START, specification

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tradeplane_native import OrderRequest
    from tradeplane_workloads.paper.account import Account

TRADED = Traded(0, INSTRUMENT, "BTC")
WINDOW_S = RECEIVE_WINDOW_MILLISECONDS / 1_000
SETTLED_S = 12
ANSWERS = ("done", "unheard", "overtaken", "garbled", "refused", "expired", "limited", "lost", "unknown")
"""What comes of a request.

Nothing says what happened of one that is ``unheard`` or ``garbled`` (it was done), ``overtaken`` (it is on the way yet,
and may arrive), ``lost`` or ``unknown`` (it never arrives).
"""
_DONE = ("done", "unheard", "garbled")
_SILENT = ("unheard", "overtaken", "garbled", "lost", "unknown")


@dataclass(eq=False)
class Waiting:
    """A request on the way: the exchange does not have it yet, or nobody has answered it, or both."""

    action: str
    parameters: dict[str, str]
    signed: float
    reply: asyncio.Future[None]
    arrived: str | None = None
    """What the exchange makes of it, once it has it."""
    written: Callable[[], None] | None = None


class FakeAccount:
    """An account at a model of an exchange: requests wait until they are answered, questions are answered at once."""

    def __init__(self, exchange: Model, loop: asyncio.AbstractEventLoop) -> None:
        self.exchange, self._loop = exchange, loop
        self.waiting: list[Waiting] = []
        self.submitted: list[str] = []
        self.signed: list[float] = []
        """When each request was signed."""
        self.held: str | None = None
        """The position that is told; None as of a spot market."""
        self.beside = Decimal(0)
        """What a spot market has of what is traded beside what orders made of it."""

    def ready(self, action: str, parameters: dict[str, str]) -> Waiting:
        """Sign a request."""
        self.signed.append(self._loop.time())
        return Waiting(action, parameters, self._loop.time(), self._loop.create_future())

    def send(self, ready: Waiting) -> Awaitable[None]:
        """Put a request on the way. Each name of an order may be sent once."""
        if ready.action == "submit":
            name = ready.parameters["newClientOrderId"]
            assert name not in self.submitted, f"{name} was sent twice"
            self.submitted.append(name)
        if ready.written is not None:
            ready.written()
        self.waiting.append(ready)
        return ready.reply

    def cancel(self, parameters: dict[str, str]) -> Awaitable[None]:
        """Put a cancellation on the way."""
        return self.send(self.ready("cancel", parameters))

    def answer(self, which: int, how: str) -> None:
        """Let a request arrive, or not, and be answered, or not."""
        if self.waiting:
            waiting = self.waiting[which % len(self.waiting)]
            if how in _DONE:
                self.arrive(waiting)
            self.tell(waiting, how)
            if how != "overtaken":
                self.waiting.remove(waiting)

    def arrive(self, waiting: Waiting) -> None:
        """Let a request arrive that has not yet; one that is older than its window is refused."""
        if waiting.arrived is None:
            late = self._loop.time() - waiting.signed > WINDOW_S
            waiting.arrived = "late" if late else self._take(waiting)

    def tell(self, waiting: Waiting, how: str) -> None:
        """Answer whoever asked, if that was not done, and if it is still there."""
        if not waiting.reply.done():
            known = waiting.arrived is not None and how not in _SILENT  # what arrived is not answered with a lie
            named = waiting.arrived if known and waiting.arrived is not None else how
            error = _ERRORS[named]() if named in _ERRORS else None
            if error is None:
                waiting.reply.set_result(None)
            else:
                waiting.reply.set_exception(error)

    async def order(self, parameters: dict[str, str]) -> Any:
        """Tell how an order stands."""
        order = self.exchange.orders.get(parameters["origClientOrderId"])
        return None if order is None else _order(order)

    async def trades(self, _: str, number: int) -> list[Any]:
        """Tell the trades of an order."""
        order = next(one for one in self.exchange.orders.values() if one.number == number)
        return [
            {
                "orderId": number,
                "id": index,
                "price": TRADED.price.text(price),
                "qty": TRADED.quantity.text(lots),
                "time": START // 1_000_000,
                "maker": True,
            }
            for index, (price, lots) in enumerate(order.fills)
        ]

    async def open_orders(self, _: str) -> list[Any]:
        """Tell the orders that may still trade."""
        return [_order(one) for one in self.exchange.orders.values() if one.status in ALIVE]

    async def position(self, _: str) -> str | None:
        """Tell what is held."""
        return self.held

    async def balances(self) -> dict[str, Decimal]:
        """Tell what there is of each asset."""
        traded = sum(one.side * one.executed for one in self.exchange.orders.values())
        return {"USDT": Decimal(7), "BTC": self.beside + INSTRUMENT.lot * traded}

    async def set_clock(self) -> int:
        """Find the clock as it ought to be."""
        return 0

    async def get_ready(self) -> None:
        """Open no connection."""

    def _take(self, waiting: Waiting) -> str:
        given = waiting.parameters
        if waiting.action == "cancel":
            return "done" if self.exchange.cancel(given["origClientOrderId"]) else "nothing to cancel"
        price = TRADED.price.parse(given["price"]) if "price" in given else 500_000
        side = 1 if given["side"] == "BUY" else -1
        self.exchange.take(given["newClientOrderId"], side, price, TRADED.quantity.parse(given["quantity"]))
        return "done"


_ERRORS: dict[str, Callable[[], Exception]] = {
    "unheard": lambda: EndpointUnreachable("the connection was lost"),
    "overtaken": lambda: EndpointUnreachable("the connection was lost"),
    "garbled": lambda: RequestRefused("it is not known what became of it", -1007),
    "refused": lambda: RequestRefused("margin is insufficient", -2019),
    "expired": lambda: RequestRefused("it would take", -5022),
    "limited": lambda: RateLimited("too much was asked", 1),
    "lost": lambda: EndpointUnreachable("the connection was lost"),
    "unknown": lambda: RequestRefused("it is not known what became of it", -1007),
    "late": lambda: ClockRefused("the request is too old"),
    "nothing to cancel": lambda: RequestRefused("there is no such order", -2011),
}


def _order(order: Held) -> dict[str, Any]:
    return {
        "symbol": INSTRUMENT.symbol,
        "orderId": order.number,
        "clientOrderId": order.name,
        "status": order.status,
        "type": "LIMIT",
        "side": "BUY" if order.side > 0 else "SELL",
        "price": TRADED.price.text(order.price),
        "origQty": TRADED.quantity.text(order.total),
        "executedQty": TRADED.quantity.text(order.executed),
        "updateTime": START // 1_000_000,
    }


class DeskWorld:
    """A trader with its real parts, a model of its exchange, and what is on the way between them."""

    def __init__(
        self, folder: Path, limits: RateLimits | None = None, opening: dict[str, Decimal] | None = None
    ) -> None:
        folder.mkdir()
        self.had = opening or {}
        self.loop = asyncio.get_running_loop()
        self.folder, self.exchange = folder, Model()
        self.account = FakeAccount(self.exchange, self.loop)
        self.limits = limits or RateLimits(orders_per_second=1_000)
        self.jumped, self.synced = 0, 0
        self._tasks: list[asyncio.Task[None]] = []
        self.open()

    @property
    def clocks(self) -> Clocks:
        """The clock of the day, which a test sets, and the one that is never set."""
        return Clocks(lambda: START + self.jumped + self._steady(), self._steady)

    def _steady(self) -> int:
        return int(self.loop.time() * 1e9)

    def open(self) -> None:
        """Open the session, as a process that starts does; its account is not connected yet."""
        recorded = open_session(self.folder, NAME, specification())
        account = cast("Account", self.account)
        self.sender = Sender(account, Market.USD_MARGINED, (TRADED,), self.limits)
        self.trader = Trader(recorded, NAME, (TRADED,), self.clocks, self._send, self.sender.prepare)
        self.sender.bind(self.trader)
        self.reconciler = Reconciler(account, self.trader, self.sender, self.clocks.steady, self.had)
        self.ear = AccountEar(account, self.trader, self.reconciler, self.sender)
        self.trader.begin()
        self._tasks = [asyncio.ensure_future(self.reconciler.run())]
        self.connect()

    def connect(self) -> None:
        """Connect the account's stream: how the orders stand is asked, while other things go on."""
        self.opening = asyncio.ensure_future(self.ear.opened())
        self._tasks.append(self.opening)

    async def spin(self) -> None:
        """Let everything run that need not wait."""
        for _ in range(12):
            await asyncio.sleep(0)
        self.raise_failures()

    def raise_failures(self) -> None:
        """Raise what a part failed with, as a trader ends with it; a stream that could not be opened is made anew."""
        for task in (*self._tasks, self.sender.failure):
            if task.done() and not task.cancelled() and not isinstance(task.exception(), (BrokerError, TimeoutError)):
                task.result()

    async def tick(self, which: int, lots: int) -> None:
        """Let time pass and the market move."""
        await asyncio.sleep(0.06)
        middle = 500_000 + (which + lots) % 9
        levels = [(LEVEL, BID, middle - 1, 50), (LEVEL, ASK, middle + 1, 50)]
        self.trader.news(0, News(self.clocks.wall(), levels))
        self.trader.wake()

    async def wait(self, which: int, _: int) -> None:
        """Let more time pass: reports are overdue, pauses end, windows are over."""
        await asyncio.sleep((0.3, 1.1, 4.0, 7.0)[which % 4])

    async def answer(self, which: int, lots: int) -> None:
        """Have a request done and answered."""
        self.account.answer(which, "done")

    async def answer_otherwise(self, which: int, lots: int) -> None:
        """Have a request answered in another way, or not at all."""
        self.account.answer(which, ANSWERS[lots % len(ANSWERS)])

    async def arrive(self, which: int, _: int) -> None:
        """Let a request reach the exchange; it is answered later."""
        if self.account.waiting:
            self.account.arrive(self.account.waiting[which % len(self.account.waiting)])

    async def report(self, which: int, lots: int) -> None:
        """Deliver a report, early or late, and perhaps keep it to be delivered again."""
        reports = self.exchange.reports
        if reports and self.sender.is_open:
            index = which % len(reports)
            self.trader.told(reports[index] if lots % 3 == 0 else reports.pop(index))

    async def fill(self, which: int, lots: int) -> None:
        """Trade at the exchange: a part of an order, or all that is left of it."""
        self.exchange.fill(which, lots if lots % 2 else 1_000)

    async def reconnect(self, which: int, _: int) -> None:
        """Lose the account's stream, and reports with it, and connect anew."""
        del self.exchange.reports[which % (len(self.exchange.reports) + 1) :]
        self.opening.cancel()
        self.ear.closed()
        await self.spin()
        self.connect()

    async def set_clock(self, which: int, _: int) -> None:
        """Set the clock of the day forward or back, by up to an hour."""
        self.jumped += (3_600_000_000_000, -3_600_000_000_000, 6_000_000_000)[which % 3]

    async def crash(self, which: int, lots: int) -> None:
        """End the process; of what was not synced, any part may be gone. What it sent is on the way all the same."""
        await self.stop()
        path = self.folder / "journal"
        length = path.stat().st_size
        os.truncate(path, self.synced + (which * 97 + lots) % (length - self.synced + 1))
        if lots % 2:
            self.exchange.reports.clear()
        self.open()

    async def stop(self) -> None:
        """End what runs; nothing that it sent is answered to it any more."""
        for one in self.account.waiting:
            one.reply.cancel()
        for task in self._tasks:
            task.cancel()
        await self.sender.end(0)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.trader.recorded.close()

    async def end(self) -> None:
        """End the process as it ought to: what it was fed is on disk."""
        self.trader.sync()
        await self.stop()

    async def settle(self) -> None:
        """Let all that is on the way arrive or be too late, and wait until nothing is in doubt."""
        for _ in range(20):
            while self.account.waiting:
                self.account.answer(0, "done")
                await self.spin()
            await self.reconnect(0, 0)
            for _ in range(SETTLED_S):
                await asyncio.sleep(1)
                while self.account.waiting:
                    self.account.answer(0, "done")
                    await self.spin()
            await self.spin()
            unknown = [one for _, one in self.trader.open_orders() if one.asked or one.state == "sent"]
            if not (self.account.waiting or self.trader.doubts or unknown):
                assert self.sender.is_open
                return
        raise AssertionError("what is in doubt never ends")

    def _send(self, requests: list[OrderRequest]) -> None:
        self.synced = whole_of(self.folder / "journal")
        self.sender.send(requests)
