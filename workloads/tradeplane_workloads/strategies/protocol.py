"""What a strategy is: a name, its parameters, and targets decided on each bar's close, or answers to events.

A strategy on bars answers for all bars at once, so that it can be written with arrays; what it says at a bar must not
depend on any bar after it. ``tradeplane_workloads.strategies.causality`` checks that. On a tape it is given the bars of
the trades in each period, and its targets are traded as they come due; in a session it is asked at the end of each
period, with the bars so far, and the last of its targets is traded.

A strategy on events is asked as things happen, and can know nothing that comes later.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel
    from tradeplane_native import Generator
    from typing_extensions import TypeIs

    from tradeplane_workloads.market.bars import Bars
    from tradeplane_workloads.market.instruments import TapeInstrument

API_VERSION = "v1"
"""Version of this protocol. A strategy states the one it was written for and is refused where it is another."""


class Strategy(Protocol):
    """A strategy; registered as a class under the entry point group ``tradeplane.strategies`` by its name.

    A class may also set ``requires_short = True`` to be refused where short positions are not allowed (a pair is no
    pair without its short leg).
    """

    name: ClassVar[str]
    """Kebab-case, at most 63 characters; the name of its entry point."""
    api_version: ClassVar[str]
    """The version of this protocol it was written for."""

    @property
    def Parameters(self) -> type[BaseModel]:  # noqa: N802 - a class, written as one nested in the strategy's
        """Model of its parameters, with defaults and ranges."""
        ...

    def targets(self, bars: Bars, parameters: Any, rng: Generator) -> NDArray[np.float64]:
        """Targets decided on the close of each bar: float64 of shape (n, k), finite, each from -1 to 1.

        A target is the share of what sizing would invest: 1 is all of it long, -1 all of it short, 0 no position. An
        order is made when an instrument's target differs from the one acted on last, and fills at its next open.
        Raises DataRefused when the bars cannot be used (another number of instruments than it needs).
        """
        ...


class EventStrategy(Protocol):
    """A strategy that answers to events; registered like :class:`Strategy`."""

    name: ClassVar[str]
    """Kebab-case, at most 63 characters; the name of its entry point."""
    api_version: ClassVar[str]
    """The version of this protocol it was written for."""

    @property
    def Parameters(self) -> type[BaseModel]:  # noqa: N802 - a class, written as one nested in the strategy's
        """Model of its parameters, with defaults and ranges."""
        ...

    def trader(self, instruments: tuple[TapeInstrument, ...], parameters: Any, rng: Generator) -> object:
        """Return what trades: a new object for each run, with the methods it wants to be called.

        Each is given the desk (``tradeplane_native.Desk``: the time, the touch, the position, orders to send) and:

        - ``start(desk)``: nothing more, before the first message;
        - ``on_depth(desk, instrument)``: the number of the instrument whose book a message changed;
        - ``on_trade(desk, trade)``: a ``MarketTrade``;
        - ``on_bar(desk, bar)``: a ``MarketBar`` of each instrument that traded in the period;
        - ``on_report(desk, report)``: an ``OrderReport``, of whatever became of an order;
        - ``on_fill(desk, report)``: the same, only where an order traded, after ``on_report``;
        - ``on_timer(desk)``: nothing more, at the time asked for by ``desk.wake``.

        Prices are in ticks, quantities in lots, times in nanoseconds by the trader's clock. Objects given are filled
        anew for each call: keep what they say, not them. Raises DataRefused when the instruments cannot be traded.
        """
        ...


def trades_events(strategy: Strategy | EventStrategy) -> TypeIs[EventStrategy]:
    """Say whether a strategy answers to events; it decides on bars otherwise."""
    return callable(getattr(strategy, "trader", None))


class OrderEvent(IntEnum):
    """What an ``OrderReport`` says happened, as its ``event``; docs/engine-events.md tells more."""

    SUBMIT = 0
    ASK_CANCEL = 1
    ASK_REPLACE = 2
    HOLD = 3
    WAIT = 4
    OPEN = 5
    TRADE = 6
    FILL = 7
    REPLACE = 8
    CANCEL = 9
    EXPIRE = 10
    REFUSE = 11
    DENY = 12
    HALT = 13


class OrderReason(IntEnum):
    """Why, as an ``OrderReport``'s ``reason``."""

    NONE = 0
    DUPLICATE_ID = 1
    UNKNOWN_ORDER = 2
    NO_QUANTITY = 3
    BEYOND_RANGE = 4
    WRONG_SIDE = 5
    NO_MARKET = 6
    WRONG_DISPLAY = 7
    WRONG_TERMS = 8
    UNKNOWN_PEER = 9
    UNKNOWN_PARENT = 10
    TOO_MANY_ORDERS = 11
    WOULD_TAKE = 12
    NOT_FILLED = 13
    NO_LIQUIDITY = 14
    LINKED = 15
    ORDER_SIZE = 16
    POSITION = 17
    NOTIONAL = 18
    RATE = 19
    COLLAR = 20
    DAILY_LOSS = 21
    HALTED = 22
    NO_PRICE = 23
    NO_CASH = 24
