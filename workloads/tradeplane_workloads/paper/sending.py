"""What a session asks for goes out: each request once, those of one order, or of some that belong together, in turn.

What is known not to have been done is told the session at once. What may or may not have been done, because no answer
came that says so, puts its order in doubt: nothing is sent again before the exchange has been asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.brokers.errors import (
    BrokerError,
    ClockRefused,
    CredentialsRefused,
    RateLimited,
    RequestRefused,
)
from tradeplane_workloads.errors import WorkloadError
from tradeplane_workloads.paper.account import NO_SUCH_ORDER
from tradeplane_workloads.paper.requests import (
    EXPIRED,
    Unsendable,
    cancel_parameters,
    change_parameters,
    reason_of,
    submit_parameters,
)
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from tradeplane_api.broker_connection import RateLimits
    from tradeplane_api.venue import Market
    from tradeplane_native import OrderRequest

    from tradeplane_workloads.brokers.kept_connections import Ready
    from tradeplane_workloads.paper.account import Account
    from tradeplane_workloads.paper.market import Traded
    from tradeplane_workloads.paper.trader import Doubt, Trader

_STATUS_UNKNOWN = (-1006, -1007)
"""Codes of requests that the broker does not know the end of."""
_SECOND = 1.0
OVERDUE_SECONDS = 1.0
"""How long after its answer the report of a request is overdue: it was lost, or waits behind another."""
FRESH_SECONDS = 1.0
"""How long a request may be sent as it was signed; the exchange takes it for five (``RECEIVE_WINDOW_MILLISECONDS``)."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A request about an order, and what is sent of it, or why nothing is."""

    doubt: Doubt
    request: OrderRequest
    ready: Ready | Unsendable | RateLimited


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is made of requests before they are on record: what will leave at once, and what follows others."""

    requests: list[OrderRequest]
    since: float
    first: list[_Leaving]
    later: list[tuple[Doubt, OrderRequest]]


class Sender:
    """Sends requests of one session.

    ``is_open`` is False while nobody would hear what becomes of an order, ``is_leaving`` True when the trader is to
    leave the market as it is: new orders are not sent then, but refused.
    """

    def __init__(self, account: Account, market: Market, traded: tuple[Traded, ...], limits: RateLimits) -> None:
        self.is_open = False
        self.is_leaving = False
        self._account = account
        self._market = market
        self._traded = traded
        self._most = limits.orders_per_second
        self._recent: deque[float] = deque()
        self._tasks: dict[Doubt, asyncio.Task[None]] = {}
        self._paused_until = 0.0
        self._clock_is_wrong = False
        self._plan: _Plan | None = None
        self._loop = asyncio.get_running_loop()
        self.failure: asyncio.Future[None] = self._loop.create_future()

    def bind(self, trader: Trader) -> None:
        """Take the trader that is told what was not done."""
        self._trader = trader

    def prepare(self, requests: list[OrderRequest]) -> None:
        """Sign what ``send`` will send at once, while the disk writes it down. Nothing leaves, and nothing is told."""
        self._plan = self._planned(requests)

    def send(self, requests: list[OrderRequest]) -> None:
        """Send requests that are on record. All that can be are on the wire before anything waits for an answer."""
        plan, self._plan = self._plan, None
        if plan is None or plan.requests is not requests or self._loop.time() - plan.since >= FRESH_SECONDS:
            plan = self._planned(requests)
        written = self._trader.promptness.following()
        started = [(one, self._depart(one, written)) for one in plan.first]
        for one, asking in started:
            if asking is not None:
                self._wait(one.doubt, self._answer(one.doubt, one.request, asking))
        for doubt, request in plan.later:
            before = {self._tasks[one] for one in _follows(request) if one in self._tasks}
            self._wait(doubt, self._after(before, doubt, request, written))

    def is_busy(self, doubt: Doubt) -> bool:
        """Whether a request about an order is on its way."""
        return doubt in self._tasks

    @property
    def paused_seconds(self) -> float:
        """How long the broker wants no request."""
        return max(0.0, self._paused_until - self._loop.time())

    async def end(self, seconds: float) -> None:
        """Wait for the answers to what was sent, at most so long."""
        if self._tasks:
            await asyncio.wait(set(self._tasks.values()), timeout=seconds)
        for task in self._tasks.values():
            task.cancel()

    def _wait(self, doubt: Doubt, answer: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[doubt] = asyncio.ensure_future(answer)
        task.add_done_callback(lambda done: self._done(doubt, done))

    def _done(self, doubt: Doubt, task: asyncio.Task[None]) -> None:
        if self._tasks.get(doubt) is task:
            del self._tasks[doubt]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self.failure.done():
            self.failure.set_exception(error)

    def _planned(self, requests: list[OrderRequest]) -> _Plan:
        first, later = [], []
        asked: set[Doubt] = set()
        for request in requests:
            doubt = (request.instrument, request.order)
            if any(one in self._tasks or one in asked for one in _follows(request)):
                later.append((doubt, request))
            else:
                first.append(self._leaving(doubt, request))
            asked.add(doubt)
        return _Plan(requests, self._loop.time(), first, later)

    def _leaving(self, doubt: Doubt, request: OrderRequest) -> _Leaving:
        """Return a request as it will leave, counted and signed, or why it will not."""
        try:
            if request.action != "cancel":
                self._admit()
            return _Leaving(doubt, request, self._signed(doubt, request))
        except (Unsendable, RateLimited) as error:
            return _Leaving(doubt, request, error)

    def _depart(self, one: _Leaving, written: Callable[[], None]) -> Awaitable[None] | None:
        """Send a request, and return what waits for its answer; None where it is known at once not to be done.

        ``written`` is called when an order is on the wire.
        """
        ready = one.ready
        if isinstance(ready, (Unsendable, RateLimited)):
            self._loop.call_soon(self._not_sent, one.doubt, one.request, ready)
            return None
        if one.request.action == "submit":
            ready.written = written
        return self._account.send(ready)

    def _not_sent(self, doubt: Doubt, request: OrderRequest, error: Unsendable | RateLimited) -> None:
        """Tell that a request was not sent; not from within the input that asked for it."""
        if isinstance(error, RateLimited):
            self.pause(error.retry_after_seconds or 1)
        try:
            self._refuse(doubt, request, error.reason if isinstance(error, Unsendable) else OrderReason.RATE)
        except WorkloadError as failed:
            self._fail(failed)

    async def _after(
        self, before: set[asyncio.Task[None]], doubt: Doubt, request: OrderRequest, written: Callable[[], None]
    ) -> None:
        """Send a request once those that it follows are answered."""
        if before:
            await asyncio.wait(before)
        asking = self._depart(self._leaving(doubt, request), written)
        if asking is not None:
            await self._answer(doubt, request, asking)

    def _signed(self, doubt: Doubt, request: OrderRequest) -> Ready:
        """Return a request as the exchange takes it. Raises Unsendable and RateLimited."""
        traded, name = self._traded[request.instrument], self._trader.name_of(request.order)
        if request.action == "submit":
            parameters = submit_parameters(self._market, traded, self._trader.name_of, request)
        elif request.action == "cancel":
            parameters = cancel_parameters(traded, name)
        else:
            parameters = self._changed(doubt, traded, name, request)
        return self._account.ready(request.action, parameters)

    async def _answer(self, doubt: Doubt, request: OrderRequest, asking: Awaitable[None]) -> None:
        """Tell what is known of a request by its answer. Raises CredentialsRefused."""
        try:
            await asking
        except RequestRefused as error:
            self._answered(doubt, request, error)
        except RateLimited as error:
            self.pause(error.retry_after_seconds or 1)
            self._refuse(doubt, request, OrderReason.RATE)
        except ClockRefused:
            self._clock_is_wrong = True
            self._refuse(doubt, request, OrderReason.HALTED)
        except CredentialsRefused:
            self._refuse(doubt, request, OrderReason.HALTED)
            raise
        except BrokerError as error:
            _log.warning("%s", error)
            self._trader.doubt(doubt)
        else:
            self._loop.call_later(OVERDUE_SECONDS, self._look_after, doubt)

    def _look_after(self, doubt: Doubt) -> None:
        """Put an order in doubt where no report came of what the broker said it had done."""
        order = self._trader.open_order(doubt)
        if order is not None and (order.state == "sent" or order.asked) and not self.is_busy(doubt):
            self._trader.doubt(doubt)

    def pause(self, seconds: float) -> None:
        """Send no order for a while: the broker asked for that."""
        self._paused_until = max(self._paused_until, self._loop.time() + seconds)
        _log.warning("the broker wants no request for %g s", seconds)

    async def mend_clock(self) -> None:
        """Measure the broker's clock again where it refused a request for its time."""
        if self._clock_is_wrong:
            self._clock_is_wrong = False
            await self._account.set_clock()

    def _admit(self) -> None:
        """Raise Unsendable for an order that may not go out now."""
        if not self.is_open or self.is_leaving:
            raise Unsendable(OrderReason.HALTED)
        if self.paused_seconds:
            raise Unsendable(OrderReason.RATE)
        now = self._loop.time()
        while self._recent and now - self._recent[0] >= _SECOND:
            self._recent.popleft()
        if len(self._recent) >= self._most:
            raise Unsendable(OrderReason.RATE)
        self._recent.append(now)

    def _changed(self, doubt: Doubt, traded: Traded, name: str, request: OrderRequest) -> dict[str, str]:
        order = self._trader.open_order(doubt)
        if order is None:
            raise Unsendable(OrderReason.UNKNOWN_ORDER)
        side, gone = order.request.side, order.request.quantity - order.left
        return change_parameters(traded, name, request, side=side, gone=gone)

    def _answered(self, doubt: Doubt, request: OrderRequest, error: RequestRefused) -> None:
        if error.code in _STATUS_UNKNOWN:
            self._trader.doubt(doubt)
            return
        if request.action != "submit" and error.code in NO_SUCH_ORDER:
            self._trader.denied(doubt)  # the report of its end may be on its way, or lost
            return
        if request.action == "cancel":
            self._trader.doubt(doubt)
            return
        _log.info("%s", error)
        self._refuse(doubt, request, reason_of(error.code, str(error)))

    def _refuse(self, doubt: Doubt, request: OrderRequest, reason: OrderReason) -> None:
        if request.action != "submit":
            event = OrderEvent.DENY
        else:
            event = OrderEvent.EXPIRE if reason in EXPIRED else OrderEvent.REFUSE
        self._trader.refused(doubt, event, reason)


def _follows(request: OrderRequest) -> list[Doubt]:
    """Return the orders whose requests arrive before one: its own, and of a new order those that it belongs to.

    An exchange knows only what has arrived. So a leg or an exit leaves when the order it names was answered.
    """
    return [(request.instrument, one) for one in (request.order, request.peer, request.parent) if one]
