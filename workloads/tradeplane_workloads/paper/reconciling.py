"""What is in doubt is asked for, until the session knows all that became of its orders.

An order the exchange does not have either never arrived, or is on its way yet. A request says when it was sent and is
refused once that is longer ago than its window (``brokers.signing``), so after that it never will arrive: only then is
the session told that it was not done. So nothing is sent twice, and nothing that was sent is forgotten. The time is
taken from a clock that is never set, and from before the exchange was asked: a clock of the day that jumps forward, or
an answer that stalls, does not make a request older than it is.
"""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_workloads.brokers.errors import BrokerError, CredentialsRefused, RateLimited
from tradeplane_workloads.brokers.signing import RECEIVE_WINDOW_MILLISECONDS
from tradeplane_workloads.capture.waits import backoff
from tradeplane_workloads.errors import FeedFailure
from tradeplane_workloads.paper.opening import held
from tradeplane_workloads.paper.reports import Unreadable, standing_of, trades_of
from tradeplane_workloads.paper.requests import cancel_parameters
from tradeplane_workloads.paper.trader import AccountShared
from tradeplane_workloads.sessions.order_names import order_of
from tradeplane_workloads.strategies.protocol import OrderEvent, OrderReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_workloads.paper.account import Account
    from tradeplane_workloads.paper.opening import Balances
    from tradeplane_workloads.paper.reports import Standing, Told
    from tradeplane_workloads.paper.sending import Sender
    from tradeplane_workloads.paper.trader import Doubt, Trader

WINDOW_NS = (RECEIVE_WINDOW_MILLISECONDS + 1_500) * 1_000_000
"""How long after a request may have been sent it can still be taken; with a second for clocks that differ."""
MOST_ATTEMPTS = 100
"""Rounds in a row that the exchange cannot be asked, after which the trader ends: about 45 minutes."""
POSITION_ATTEMPTS = 5
POSITION_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Reconciler:
    """Asks an exchange for orders, and holds the session to what it has."""

    def __init__(
        self, account: Account, trader: Trader, sender: Sender, steady: Callable[[], int], opening: Balances
    ) -> None:
        """``steady``: nanoseconds on the clock by which ``trader.doubts`` says when each came in doubt.

        ``opening``: what the account had of the assets that are compared, where it has balances.
        """
        self._account = account
        self._trader = trader
        self._sender = sender
        self._steady = steady
        self._opening = opening
        self._wake = asyncio.Event()
        trader.doubted = self._wake.set

    async def run(self) -> None:
        """Ask for what is in doubt, until cancelled. Raises FeedFailure and what cannot be mended."""
        failures = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._trader.doubts:
                failures = 0 if await self._round() else failures + 1
                if failures > MOST_ATTEMPTS:
                    raise FeedFailure(
                        f"the exchange did not say in {MOST_ATTEMPTS} attempts how the orders stand; check the "
                        "network, then start the trader again: it goes on where it was"
                    )
                if self._trader.doubts:
                    await asyncio.sleep(max(self._sender.paused_seconds, backoff(max(failures, 1))))

    async def settle(self) -> None:
        """Ask for every order that is not over, and wait until none is in doubt; then look for what is not ours.

        Raises BrokerError where the exchange cannot be asked, and AccountShared.
        """
        self._trader.doubt_all()
        while self._trader.doubts:
            for doubt in sorted(self._trader.doubts):
                await self._resolve(doubt)
            if self._trader.doubts:
                await asyncio.sleep(backoff(1))
        await self._look_for_strangers()
        await self._compare_holdings()

    async def _round(self) -> bool:
        """Ask for each order in doubt once; return whether the exchange could be asked."""
        try:
            await self._sender.mend_clock()
            for doubt in sorted(self._trader.doubts):
                await self._resolve(doubt)
        except RateLimited as error:
            self._sender.pause(error.retry_after_seconds or 1)
            return False
        except CredentialsRefused:
            raise
        except BrokerError as error:
            _log.warning("%s", error)
            return False
        return True

    async def _resolve(self, doubt: Doubt) -> None:
        trader = self._trader
        since = trader.doubts.get(doubt)
        if since is None or self._sender.is_busy(doubt):
            return
        order = trader.open_order(doubt)
        if order is None:
            trader.doubts.pop(doubt, None)
            return
        traded = trader.traded[doubt[0]]
        named = cancel_parameters(traded, trader.name_of(doubt[1]))
        is_late = self._steady() - since > WINDOW_NS
        try:
            answer = await self._account.order(named)
            if answer is None:
                self._missing(doubt, is_late=is_late)
                return
            standing = standing_of(answer, {traded.symbol: traded})
            trades = [] if standing is None else await self._trades(standing)
        except Unreadable as error:
            _log.warning("%s; the order is asked for again", error)
            return
        if standing is not None:
            self._take(doubt, standing, trades, is_late=is_late)

    def _missing(self, doubt: Doubt, *, is_late: bool) -> None:
        """Take note that the exchange has no such order; once the time of its request is over it never will."""
        if not is_late:
            return
        order = self._trader.open_order(doubt)
        if order is not None and order.state != "sent":
            _log.error("the exchange no longer knows order %s", self._trader.name_of(doubt[1]))
            raise FeedFailure(
                f"the exchange does not know order {self._trader.name_of(doubt[1])}, which it had accepted: it lost "
                "what it was told; close this trader, and begin a new session"
            )
        self._trader.refused(doubt, OrderEvent.REFUSE, OrderReason.UNKNOWN_ORDER)

    async def _trades(self, standing: Standing) -> list[Told]:
        traded = self._trader.traded[standing.instrument]
        if not standing.told.executed:
            return []
        found = trades_of(await self._account.trades(traded.symbol, standing.number), standing, traded)
        if not found or found[-1].executed < standing.told.executed:
            raise Unreadable(f"order {standing.name[:64]}: the exchange lists fewer trades than it had")
        return found

    def _take(self, doubt: Doubt, standing: Standing, trades: list[Told], *, is_late: bool) -> None:
        trader = self._trader
        before = trader.doubts.get(doubt)
        trader.stands(standing, trades)
        order = trader.open_order(doubt)
        if order is None or not order.asked or self._sender.is_busy(doubt) or not standing.is_alive:
            return
        if is_late:  # what was asked of it will not arrive any more
            trader.refused(doubt, OrderEvent.DENY, OrderReason.NONE)
        elif before is not None:
            trader.doubts[doubt] = before

    async def _look_for_strangers(self) -> None:
        """Cancel orders of ours that the session knows to be over. Raises AccountShared for those of others."""
        trader = self._trader
        for traded in trader.traded:
            for answer in await self._account.open_orders(traded.symbol):
                name = str(answer.get("clientOrderId")) if isinstance(answer, dict) else ""
                number = order_of(name, trader.name)
                if number is None:
                    raise AccountShared(
                        f"the account has order {name[:64]!r} of {traded.symbol}, which is not this trader's: "
                        "somebody else trades it; take the order back, or give each trader an account of its own"
                    )
                if trader.open_order((traded.index, number)) is None:
                    await self._account.cancel(cancel_parameters(traded, name))

    async def _compare_holdings(self) -> None:
        """Hold what the exchange says is held to the session's; reports may be on their way, so more than once."""
        for attempt in range(POSITION_ATTEMPTS):
            wrong = [found for traded in self._trader.traded if (found := await self._position(traded.index))]
            wrong += await self._balances()
            if not wrong:
                return
            if attempt + 1 == POSITION_ATTEMPTS:
                raise AccountShared(wrong[0])
            await asyncio.sleep(POSITION_SECONDS)

    async def _position(self, index: int) -> str | None:
        """Return what is wrong with a position."""
        traded = self._trader.traded[index]
        told = await self._account.position(traded.symbol)
        if told is None:
            return None
        lots = traded.quantity.parse(told.removeprefix("-")) * (-1 if told.startswith("-") else 1)
        held = self._trader.session.holding(index)[0]
        if lots == held:
            return None
        return (
            f"the account holds {told[:40]} of {traded.symbol}, and this session {traded.quantity.text(held)}: "
            "somebody else trades it, or something is left of before; close that position, or give each trader an "
            "account of its own"
        )

    async def _balances(self) -> list[str]:
        """Return what is wrong with balances, where there are any."""
        if not self._opening:
            return []
        told, traded = await self._account.balances(), self._trader.traded
        lots = [self._trader.session.holding(one.index)[0] for one in traded]
        ours = {asset: amount + held(traded, lots, asset) for asset, amount in self._opening.items()}
        return [
            f"the account has {_plain(told.get(asset, Decimal(0)))} {asset[:40]}, which by this session are "
            f"{_plain(amount)}, {_plain(self._opening[asset])} of them from before it: somebody else trades it, or put "
            "some there or took some; undo that, and give each trader an account of its own"
            for asset, amount in ours.items()
            if told.get(asset, Decimal(0)) != amount
        ]


def _plain(amount: Decimal) -> str:
    """Write an amount without zeros at its end."""
    return f"{amount.normalize():f}"
