"""Getting out of a market: orders taken back, positions closed where asked, within a limit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tradeplane_api.paper import Closing, PaperOutcome

from tradeplane_workloads.brokers.errors import BrokerError, RequestRefused
from tradeplane_workloads.paper.requests import cancel_parameters

if TYPE_CHECKING:
    from tradeplane_workloads.paper.trading import Desk

LOOK_SECONDS = 0.05
AGAIN_SECONDS = 2.0
"""How long an order that was taken back may stay open before it is taken back again."""


async def close_desk(desk: Desk, how: Closing, within: float) -> tuple[PaperOutcome, str]:
    """Close what a trader has open; return how that ended, and in words what is left and why.

    Raises WorkloadError and BrokerError where the trader itself failed.
    """
    session = desk.trader.session
    desk.sender.is_leaving = how is Closing.LEAVE
    if session.over:
        return (PaperOutcome.FLAT, "") if session.flat else (PaperOutcome.NOT_FLAT, _left(desk, "the session is over"))
    try:
        async with asyncio.timeout(within):
            while not desk.account_ear.is_settled.is_set():
                await _pause(desk)
            return await (_flatten(desk) if how is Closing.FLATTEN else _leave(desk))
    except TimeoutError:
        waits = "" if desk.account_ear.is_settled.is_set() else ", waiting for the exchange to say how the orders stand"
        why = f"it was not done within {within:g} s{waits}"
        return PaperOutcome.NOT_FLAT, _left(desk, why)


async def take_back(desk: Desk) -> None:
    """Take all orders back, past the session. Raises BrokerError."""
    for (instrument, number), _ in desk.trader.open_orders():
        traded = desk.trader.traded[instrument]
        try:
            await desk.account.cancel(cancel_parameters(traded, desk.trader.name_of(number)))
        except RequestRefused:
            continue  # it is over, which a report tells


async def _flatten(desk: Desk) -> tuple[PaperOutcome, str]:
    desk.trader.command("flatten")
    session = desk.trader.session
    while not session.flat and not session.over:
        if session.gave_up:
            return PaperOutcome.NOT_FLAT, _left(desk, "the exchange refused again and again")
        await _pause(desk)
    if not session.over:
        desk.trader.command("stop")
    desk.trader.sync()
    return PaperOutcome.FLAT, ""


async def _leave(desk: Desk) -> tuple[PaperOutcome, str]:
    loop = asyncio.get_running_loop()
    again = loop.time()
    while desk.trader.open_orders():
        if loop.time() >= again:
            again = loop.time() + AGAIN_SECONDS
            try:
                await take_back(desk)
            except BrokerError as error:
                desk.sender.pause(error.retry_after_seconds or 1)
        await _pause(desk)
    desk.trader.sync()
    return (PaperOutcome.FLAT if desk.trader.session.flat else PaperOutcome.LEFT), ""


async def _pause(desk: Desk) -> None:
    """Wait a little. Raises what a part of the trader failed with."""
    if desk.failed.done():
        desk.failed.result()
    await asyncio.sleep(LOOK_SECONDS)


def _left(desk: Desk, why: str) -> str:
    """Return in words what is left."""
    trader = desk.trader
    held = [
        f"{one.quantity.text(lots)} of {one.symbol}"
        for one in trader.traded
        if (lots := trader.session.holding(one.index)[0])
    ]
    orders = len(trader.open_orders())
    left = ", ".join(held[:8]) or "no position"
    return f"{why}; left are {left} and {orders} open orders: close them at the exchange"
