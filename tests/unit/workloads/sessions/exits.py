"""A strategy that sends orders which belong together, trailing stops and icebergs, and writes down what it hears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_native import Desk, MarketTrade, OrderReport

OVER = (OrderEvent.FILL, OrderEvent.CANCEL, OrderEvent.EXPIRE, OrderEvent.REFUSE)
KINDS = ("pair", "changed", "moved", "bracket", "trailing", "iceberg", "whole", "maker", "later", "covered", "late")


class Exits:
    """Sends orders of a kind, leaves them for some trades, takes back what is left one by one, and sends some more."""

    name: ClassVar[str] = "exits"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        """Which kinds, in turn, and after how many trades of the market each thing is done."""

        kinds: list[str] = list(KINDS)
        trades: int = 12

    runs: ClassVar[list[_Exiting]] = []

    def trader(self, _: Any, parameters: Parameters, __: Any) -> object:
        """Return a trader."""
        self.runs.append(_Exiting(parameters.kinds, parameters.trades))
        return self.runs[-1]


class _Exiting:
    def __init__(self, kinds: list[str], every: int) -> None:
        self.every = every
        self.kinds = [getattr(self, f"_{kind}") for kind in kinds]
        self.trades = self.turn = 0
        self.open: list[int] = []
        self.change: tuple[int, int, int] | None = None
        self.sent: list[tuple[int, str, int]] = []
        self.heard: list[tuple[str, int, int, int, int, int, str]] = []

    def on_trade(self, desk: Desk, _: MarketTrade) -> None:
        touch = desk.touch()
        self.trades += 1
        if self.trades % self.every == self.every // 2 and self.change and self.change[0] in self.open:
            desk.replace(*self.change)
            self.change = None
        if self.trades % self.every or touch is None:
            return
        if self.open:
            desk.cancel(self.open[0])  # what belongs to it ends as well, or is next
            return
        send: Callable[[Desk, int, int], None] = self.kinds[self.turn % len(self.kinds)]
        self.turn += 1
        send(desk, *touch)

    def on_report(self, _: Desk, report: OrderReport) -> None:
        event = OrderEvent(report.event)
        reason = OrderReason(report.reason).name
        said = report.side, report.price, report.quantity, report.left
        self.heard.append((event.name, report.order, *said, reason))
        if event in OVER and report.order in self.open:
            self.open.remove(report.order)

    def _send(self, desk: Desk, side: int, lots: int, *prices: int, **terms: Any) -> int:
        order = desk.submit(side, lots, *prices, **terms)
        self.open.append(order)
        self.sent.append((order, str(sorted(terms)), lots))
        return order

    def _buy(self, desk: Desk, *_: int) -> None:
        self._send(desk, 1, 500)

    def _pair(self, desk: Desk, bid: int, ask: int) -> None:
        above = self._send(desk, -1, 20, ask)
        self._send(desk, -1, 20, trigger=bid - 2, peer=above)

    def _changed(self, desk: Desk, bid: int, ask: int) -> None:
        self._pair(desk, bid, ask)
        self.change = (self.open[0], ask - 1, 15)

    def _moved(self, desk: Desk, bid: int, _: int) -> None:
        self.change = (self._send(desk, 1, 20, bid), bid - 1, 35)

    def _bracket(self, desk: Desk, bid: int, ask: int) -> None:
        entry = self._send(desk, 1, 20, bid)
        profit = self._send(desk, -1, 20, ask + 1, parent=entry)
        self._send(desk, -1, 20, trigger=bid - 2, parent=entry, peer=profit)

    def _trailing(self, desk: Desk, *_: int) -> None:
        self._send(desk, -1, 20, distance=1)

    def _whole(self, desk: Desk, *_: int) -> None:
        side, lots = (-1, 20) if self.turn % 2 else (1, 8_000)  # more than there is
        self._send(desk, side, lots, terms="FOK")

    def _maker(self, desk: Desk, bid: int, ask: int) -> None:
        if self.turn % 3 == 1:
            self._buy(desk)
            return
        side, price, trigger = (1, ask, ask + 1) if self.turn % 3 else (-1, ask - 3, bid - 1)
        self._send(desk, side, 20, price, trigger=trigger, terms="post-only")

    def _later(self, desk: Desk, bid: int, ask: int) -> None:
        terms: tuple[dict[str, int], ...] = ({"trigger": ask + 1}, {"distance": 2}, {"trigger": bid - 1})
        chosen = terms[self.turn % 3]
        self._send(desk, 1, 20, take_profit=self.turn % 3 == 2, **chosen)

    def _covered(self, desk: Desk, bid: int, ask: int) -> None:
        if self.turn % 5 == 1:
            self._buy(desk)
            return
        entry = self._send(desk, -1, 20, ask)
        if self.turn % 5 == 2:
            self._send(desk, 1, 20, parent=entry)  # at the market, as it is sold
            return
        profit = self._send(desk, 1, 20, trigger=bid - 2, take_profit=True, parent=entry)
        self._send(desk, 1, 20, trigger=ask + 2, parent=entry, peer=profit)

    def _late(self, desk: Desk, bid: int, ask: int) -> None:
        done = desk.submit(1, 20, ask, terms="IOC")
        desk.cancel(done)
        desk.replace(done, bid, 10)
        desk.cancel(done)
        self._send(desk, 1, 20, bid)

    def _iceberg(self, desk: Desk, bid: int, _: int) -> None:
        self._send(desk, 1, 20, bid, display=3)
