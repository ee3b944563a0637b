"""A trader, a model of an exchange, and what is on the way between them; session, journal and trader are real."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_native import read_journal
from tradeplane_workloads.brokers.binance import Clocks
from tradeplane_workloads.paper.books import BID, LEVEL, News
from tradeplane_workloads.paper.market import Traded
from tradeplane_workloads.paper.reports import Standing, Told
from tradeplane_workloads.paper.trader import Trader
from tradeplane_workloads.sessions import open_session, replay
from tradeplane_workloads.sessions.journal_file import read_in_place
from tradeplane_workloads.sessions.journal_holes import SECTOR_BYTES
from tradeplane_workloads.sessions.order_names import order_of
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

from tests.unit.workloads.sessions.sample_sessions import INSTRUMENT, NAME, START, specification

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_native import OrderRequest

STEP_NS = 60_000_000
ASK = 2
ALIVE = ("NEW", "PARTIALLY_FILLED")


@dataclass
class Held:
    """An order as the model has it."""

    number: int
    name: str
    side: int
    price: int
    total: int
    status: str = "NEW"
    fills: list[tuple[int, int]] = field(default_factory=list)

    @property
    def executed(self) -> int:
        """Lots that traded."""
        return sum(quantity for _, quantity in self.fills)

    def told(self, event: OrderEvent, quantity: int | None = None) -> Told:
        """Return a report of the order as it is now."""
        return Told(
            0, self.name, event, self.side, self.price, quantity or self.total, self.total, self.executed, START
        )


class Model:
    """An exchange that takes requests and trades when it is told to; what it reports waits in ``reports``."""

    def __init__(self) -> None:
        self.orders: dict[str, Held] = {}
        self.reports: list[Told] = []

    def receive(self, name: str, request: OrderRequest) -> None:
        """Take a request in."""
        if request.action == "submit":
            self.take(name, request.side, request.price or 500_000, request.quantity)
        else:
            self.cancel(name)

    def take(self, name: str, side: int, price: int, quantity: int) -> None:
        """Take a new order in."""
        assert name not in self.orders, f"{name} was sent twice"
        order = self.orders[name] = Held(len(self.orders) + 1, name, side, price, quantity)
        self.reports.append(order.told(OrderEvent.OPEN))

    def cancel(self, name: str) -> bool:
        """Take an order back; return whether it is there and could still trade."""
        order = self.orders.get(name)
        if order is None or order.status not in ALIVE:
            return False
        order.status = "CANCELED"
        self.reports.append(order.told(OrderEvent.CANCEL))
        return True

    def fill(self, which: int, lots: int) -> None:
        """Trade a part of an order, or all that is left of it."""
        alive = [order for order in self.orders.values() if order.status in ALIVE]
        if alive:
            order = alive[which % len(alive)]
            quantity = min(lots, order.total - order.executed)
            order.fills.append((order.price, quantity))
            order.status = "FILLED" if order.executed == order.total else "PARTIALLY_FILLED"
            self.reports.append(order.told(OrderEvent.TRADE, quantity))


class World:
    """A trader, its exchange, and what is on the way between them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.exchange = folder, Model()
        self.now, self.steady, self.synced = START, 0, 0
        self.clocks = Clocks(lambda: self.now, lambda: self.steady)
        self.sent: list[OrderRequest] = []
        self.open()

    def open(self) -> None:
        """Open the session, as a process that starts does."""
        recorded = open_session(self.folder, NAME, specification())
        self.trader = Trader(recorded, NAME, (Traded(0, INSTRUMENT),), self.clocks, self.send)
        self.trader.begin()
        self.trader.recorded.make_room()
        self.trader.doubt_all()

    def send(self, requests: list[OrderRequest]) -> None:
        """Put requests on the way: all that led to them is on disk."""
        self.sent += requests
        self.synced = whole_of(self.folder / "journal")

    def tick(self, which: int, lots: int) -> None:
        """Let time pass and the market move."""
        self.now += STEP_NS
        self.steady += STEP_NS
        middle = 500_000 + (which + lots) % 9
        self.trader.news(0, News(self.now, [(LEVEL, BID, middle - 1, 50), (LEVEL, ASK, middle + 1, 50)]))
        self.trader.wake()

    def arrive(self, which: int, _: int) -> None:
        """Let a request reach the exchange, in any order but that of one order."""
        if self.sent:
            wanted = self.sent[which % len(self.sent)].order
            request = next(one for one in self.sent if one.order == wanted)
            self.sent.remove(request)
            self.exchange.receive(self.trader.name_of(request.order), request)

    def lose(self, which: int, _: int) -> None:
        """Lose a request on the way: no answer comes, which puts its order in doubt."""
        if self.sent:
            request = self.sent.pop(which % len(self.sent))
            self.trader.doubt((0, request.order))

    def report(self, which: int, lots: int) -> None:
        """Deliver a report, early or late, and perhaps keep it to be delivered again."""
        if self.exchange.reports:
            index = which % len(self.exchange.reports)
            told = self.exchange.reports[index] if lots % 3 == 0 else self.exchange.reports.pop(index)
            self.trader.told(told)

    def reconnect(self, which: int, _: int) -> None:
        """Lose reports with their connection: all orders are in doubt then."""
        del self.exchange.reports[which % (len(self.exchange.reports) + 1) :]
        self.trader.doubt_all()

    def fill(self, which: int, lots: int) -> None:
        """Trade at the exchange."""
        self.exchange.fill(which, lots)

    def resolve(self, *_: int) -> None:
        """Ask the exchange for what is in doubt, as the reconciler does."""
        on_the_way = {request.order for request in self.sent}
        for doubt in sorted(self.trader.doubts):
            if doubt[1] in on_the_way:
                continue
            order = self.exchange.orders.get(self.trader.name_of(doubt[1]))
            if order is None:
                self.sent += [o.request for d, o in self.trader.open_orders() if d == doubt]
                self.trader.doubts.pop(doubt, None)
                continue
            event = OrderEvent.CANCEL if order.status == "CANCELED" else OrderEvent.OPEN
            standing = Standing(0, order.name, order.number, order.status, order.told(event))
            self.trader.stands(standing, list(_trades(order)))
            if standing.is_alive:
                self.trader.refused(doubt, OrderEvent.DENY, OrderReason.NONE)

    def crash(self, which: int, lots: int) -> None:
        """End the machine; of what was not synced, any part may be gone, at any byte."""
        path = self.folder / "journal"
        disk, whole = path.read_bytes(), whole_of(path)
        kept = self.synced + (which * 97 + lots) % (whole - self.synced + 1)
        self.trader.recorded.close()
        path.write_bytes(_left(disk, whole, kept, which % 3))
        if lots % 2:
            self.exchange.reports.clear()
        self.open()

    def settle(self) -> None:
        """Let all that is on the way arrive, and ask until nothing is in doubt."""
        for _ in range(100):
            while self.sent:
                self.arrive(0, 0)
            self.trader.doubt_all()
            self.resolve()
            if not self.sent and not any(one.asked or one.state == "sent" for _, one in self.trader.open_orders()):
                return
        raise AssertionError("what is in doubt never ends")


def whole_of(path: Path) -> int:
    """Return how many bytes of a journal are records; what comes after them is room."""
    return read_journal(read_in_place(path)).whole


def _left(disk: bytes, whole: int, kept: int, how: int) -> bytes:
    """Return what is left of a journal: up to a byte, or to a sector with room after it, or all but a sector."""
    if how == 0:
        return disk[:kept]
    begins = -(-kept // SECTOR_BYTES) * SECTOR_BYTES
    if begins >= whole:
        return disk
    after = b"" if how == 1 else disk[begins + SECTOR_BYTES : whole]
    return (disk[:begins] + bytes(SECTOR_BYTES) + after).ljust(len(disk), b"\0")


def _trades(order: Held) -> list[Told]:
    executed, told = 0, []
    for price, quantity in order.fills:
        executed += quantity
        told.append(Told(0, order.name, OrderEvent.TRADE, order.side, price, quantity, order.total, executed, START))
    return told


def held_to(exchange: Model, trader: Trader, folder: Path) -> None:
    """Assert that each order was sent once, and told what it traded, all of it and once; and that its replay is exact.

    What it was fed is on disk.
    """
    session = trader.session
    run = session.run()
    told, sent = defaultdict(list), []
    columns = [run.column(name).tolist() for name in ("event", "order", "price", "quantity")]
    for event, order, price, quantity in zip(*columns, strict=True):
        if event in (OrderEvent.TRADE, OrderEvent.FILL):
            told[order].append((price, quantity))
        elif event == OrderEvent.SUBMIT:
            sent.append(order)
    assert len(set(sent)) == len(sent)
    for name, order in exchange.orders.items():
        number = order_of(name, NAME)
        assert number in sent
        assert told.pop(number, []) == order.fills, name
    assert not told, "the session was told of fills that were none"
    assert session.holding(0)[0] == sum(order.side * order.executed for order in exchange.orders.values())
    assert replay(read_in_place(folder / "journal"), specification()).exact
