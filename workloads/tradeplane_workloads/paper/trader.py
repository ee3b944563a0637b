"""The trader's own side: the session, and which of the exchange's reports are news to it. No network.

A report tells how much of an order has traded in all. What the session knows of an order tells how much of that it has
been told, so each trade is fed once, in its order, however often, late or out of turn it is reported. A report that
leaves something out puts its order in **doubt**: it is asked for, and what was left out is fed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import DataRefused, StrategyFailed
from tradeplane_workloads.paper.judging import Fed, Unfed, judge
from tradeplane_workloads.paper.promptness import Promptness
from tradeplane_workloads.paper.reports import Told
from tradeplane_workloads.sessions.order_names import order_name, order_of
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_native import OpenOrder, OrderRequest

    from tradeplane_workloads.brokers.binance import Clocks
    from tradeplane_workloads.paper.books import News
    from tradeplane_workloads.paper.market import Traded
    from tradeplane_workloads.paper.reports import Standing
    from tradeplane_workloads.sessions import RecordedSession

Doubt = tuple[int, int]
"""An instrument and the number of an order."""


class AccountShared(DataRefused):
    """Somebody else trades the account: nobody can say whose position it is then."""


class Trader:
    """A session fed with what arrives; ``send`` is given what it asks for, when that is on disk.

    ``prepare`` is given the same before that, while the disk writes, to send it the sooner then.
    """

    def __init__(
        self,
        recorded: RecordedSession,
        name: bytes,
        traded: tuple[Traded, ...],
        clocks: Clocks,
        send: Callable[[list[OrderRequest]], None],
        prepare: Callable[[list[OrderRequest]], None] | None = None,
    ) -> None:
        self.recorded = recorded
        self.session = recorded.session
        self.name = name
        self.traded = traded
        self.doubts: dict[Doubt, int] = {}
        """Orders to be asked for, and when each came in doubt, on the clock that is never set.

        They are not kept: a trader that starts again does not know when it sent what, and doubts all from then on.
        """
        self.doubted: Callable[[], None] = lambda: None
        """Called when an order comes in doubt."""
        self.rearmed: Callable[[], None] = lambda: None
        """Called when something else is due next."""
        self.promptness = Promptness()
        self._heard: dict[Doubt, int] = {}
        """Of orders that belong to others, the highest number of an update that was heard.

        It is not kept: a trader that starts again asks how all of its orders stand, and any number is new to it then.
        """
        self._denials: dict[Doubt, int] = {}
        """How often a request about an order was denied as the order is over, where its end was not told yet."""
        self._due: int | None = None
        self._clocks = clocks
        self._send = send
        self._prepare = prepare
        self._exchange_time = 0

    def begin(self) -> None:
        """Start a session that has had no input, or go on with one: then nobody knows what was missed."""
        if self.session.inputs == 0:
            self.session.start(self._now())
        self._commit()

    def news(self, instrument: int, news: News) -> None:
        """Feed a message of the market."""
        session, now = self.session, self._now()
        self._end_periods(now - 1)
        if news.exchange_time is not None:
            self._exchange_time = news.exchange_time
        exchange_time = self._exchange_time or now
        session.message(now, instrument, session.inputs, exchange_time, news.rows)
        self._commit()

    def wake(self) -> None:
        """Feed the timers and the ends of periods that are due."""
        session, now = self.session, self._now()
        while session.next_timer is not None and session.next_timer <= now and not session.over:
            session.timer(now)
            self._commit()
        self._end_periods(now)

    def due(self) -> int | None:
        """Return when the next timer or end of a period is due, in nanoseconds since 1970."""
        times = [time for time in (self.session.next_timer, self.session.next_period) if time is not None]
        return min(times, default=None)

    def command(self, command: str) -> None:
        """Feed a command of whoever runs the session."""
        self.session.command(self._now(), command)
        self._commit()

    def sync(self) -> None:
        """See that all that was fed is on disk."""
        self._commit(sync=True)

    def name_of(self, order: int) -> str:
        """Return the name an order has at the exchange."""
        return order_name(self.name, order)

    def open_order(self, doubt: Doubt) -> OpenOrder | None:
        """Return an order that is not over as far as is known."""
        instrument, number = doubt
        return next((one for one in self.session.open_orders(instrument) if one.request.order == number), None)

    def open_orders(self) -> list[tuple[Doubt, OpenOrder]]:
        """Return the orders that are not over as far as is known."""
        found = []
        for index in range(len(self.traded)):
            found += [((index, one.request.order), one) for one in self.session.open_orders(index)]
        return found

    def doubt(self, doubt: Doubt) -> None:
        """Take note that nobody knows how an order stands, if it is not over."""
        if not self.session.over and self.open_order(doubt) is not None:
            self.doubts[doubt] = self._clocks.steady()
            self.doubted()

    def doubt_all(self) -> None:
        """Take note that anything may have become of the orders that are not over."""
        for doubt, _ in self.open_orders():
            self.doubt(doubt)

    def told(self, told: Told) -> None:
        """Take in a report. Raises AccountShared for one of an order that is not this session's."""
        number = order_of(told.name, self.name)
        if number is None:
            raise AccountShared(
                f"order {told.name[:64]!r} of {self.traded[told.instrument].symbol} is not this trader's: somebody "
                "else trades this account; give each trader an account of its own"
            )
        if self.session.over:
            return
        doubt = (told.instrument, number)
        order = self.open_order(doubt)
        if order is None:
            return
        news = judge(told, order, self._heard.get(doubt, 0))
        if news is Unfed.DOUBTFUL:
            self.doubt(doubt)
            return
        if told.update > self._heard.get(doubt, 0):
            self._heard[doubt] = told.update
        if isinstance(news, Fed):
            self._report(doubt, _priced(told, order.request), news)
        if self.open_order(doubt) is None:
            self._heard.pop(doubt, None)
            self._tell_denials(doubt)

    def stands(self, standing: Standing, trades: list[Told]) -> None:
        """Take in an order that was asked for, and the trades it had: what was not told before is fed."""
        for told in trades:
            self.told(told)
        number = order_of(standing.name, self.name)
        if number is not None:
            self.doubts.pop((standing.instrument, number), None)
        order = None if number is None else self.open_order((standing.instrument, number))
        told = standing.told
        if order is not None and standing.is_alive and _was_changed(told, order):
            told = replace(told, event=OrderEvent.REPLACE)
        self.told(told)

    def refused(self, doubt: Doubt, event: OrderEvent, reason: OrderReason) -> None:
        """Feed that a request was not done: ``REFUSE`` or ``EXPIRE`` an order, ``DENY`` a cancellation or change."""
        order = None if self.session.over else self.open_order(doubt)
        if order is None and event is OrderEvent.DENY and reason is OrderReason.UNKNOWN_ORDER:
            self.denied(doubt)
        if order is None or (event is not OrderEvent.DENY and order.state != "sent"):
            return
        self.doubts.pop(doubt, None)
        self._denials.pop(doubt, None)
        request, executed = order.request, order.traded
        told = Told(
            instrument=doubt[0],
            name=self.name_of(doubt[1]),
            event=event,
            side=request.side,
            price=_price(request),
            quantity=request.quantity,
            total=request.quantity,
            executed=executed,
            exchange_time=self._clocks.wall(),
        )
        self._report(doubt, told, Fed(event, order.left, reason))

    def denied(self, doubt: Doubt) -> None:
        """Take note that a cancellation or change was denied, as the order is over: that is told after its end."""
        self._denials[doubt] = self._denials.get(doubt, 0) + 1
        self._tell_denials(doubt)
        self.doubt(doubt)

    def _tell_denials(self, doubt: Doubt) -> None:
        """Feed the denials of requests about an order that is over, as the core has them: without its fields."""
        while self._denials.get(doubt) and not self.session.over and self.open_order(doubt) is None:
            self._denials[doubt] -= 1
            told = Told(doubt[0], self.name_of(doubt[1]), OrderEvent.DENY, 1, 0, 0, 0, 0, self._clocks.wall())
            self._report(doubt, told, Fed(OrderEvent.DENY, 0, OrderReason.UNKNOWN_ORDER))
        if not self._denials.get(doubt):
            self._denials.pop(doubt, None)

    def _end_periods(self, until: int) -> None:
        """Feed the ends of periods that are not after a time: what arrives after the end of one belongs to the next.

        So a bar has the trades that arrived within its period, however late the end of it is looked at.
        """
        session = self.session
        while session.next_period is not None and session.next_period <= until and not session.over:
            session.period(self._now())
            self._commit()

    def _report(self, doubt: Doubt, told: Told, fed: Fed) -> None:
        instrument, order = doubt
        self.session.report(
            self._now(),
            instrument,
            exchange_time=told.exchange_time,
            event=fed.event,
            order=order,
            side=told.side,
            price=told.price,
            quantity=told.quantity,
            left=fed.left,
            reason=fed.reason,
            taker=told.taker,
        )
        self._commit()

    def _now(self) -> int:
        """Return the time of what is fed now."""
        self.promptness.fed()
        return self._clocks.wall()

    def _commit(self, *, sync: bool = False) -> None:
        """Put on record what came of an input, and send what it asks for. Raises StoreFailure and StrategyFailed."""
        requests = self.recorded.commit(sync=sync, meanwhile=self._prepare)
        if requests:
            self.promptness.synced(self.recorded.sync_nanoseconds)
            self._send(requests)
        failure = self.session.failure
        if failure is not None:
            self.recorded.commit(sync=True)
            raise StrategyFailed(
                f"the strategy failed ({type(failure).__name__}: {failure}); correct it, and begin a new session"
            ) from failure
        due = self.due()
        if due != self._due:
            self._due = due
            self.rearmed()


def _priced(told: Told, request: OrderRequest) -> Told:
    """Return a report with the price that the core has of an order: the wire has none of one without a limit."""
    traded = told.event in (OrderEvent.TRADE, OrderEvent.FILL)
    return told if traded or request.price is not None else replace(told, price=_price(request))


def _price(request: OrderRequest) -> int:
    """Return the limit of an order, else its trigger or distance, else 0."""
    return request.price or request.trigger or request.distance or 0


def _was_changed(told: Told, order: OpenOrder) -> bool:
    """Whether an order that was asked for has the price or quantity of a change that nobody said was made."""
    request = order.request
    return order.asked and request.price is not None and (told.price, told.total) != (request.price, request.quantity)
