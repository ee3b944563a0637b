"""A session in figures, as it was recorded and as it was replayed.

Latency is by the trader's clock: from the input that an order was decided on to the first report of it. Reports are
inputs, so a replay has the recorded ones; what it may have otherwise is what it decided, and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
from tradeplane_api.parity import Compared

from tradeplane_workloads.columns import amounts, booleans, integers, words
from tradeplane_workloads.replay.figures import Counted, Latencies, figures_of
from tradeplane_workloads.replay.tolerance import Outcome, Traded
from tradeplane_workloads.sessions.cash import gained, holdings, last_prices, worth
from tradeplane_workloads.sessions.journal_survey import FILLS, Survey, Told
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray
    from tradeplane_api.parity import ReplayFigures

    from tradeplane_workloads.market.tapes import TapeInstrument

    Fills = Sequence[Told]

BUYS = 1
"""In a log's column of sides; 2 sells."""


class Log(Protocol):
    """A log of what was asked, answered and traded, as the core gives it."""

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of the log but ``fee``."""

    def fees(self) -> NDArray[np.uint64]:
        """Return the column ``fee``, 128-bit integers as pairs of words, the lower first."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: orders, fills, and when each order had its first report."""

    orders: SentOrders
    fills: Fills
    answered: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SentOrders:
    """Orders that were sent, by number: columns of one length. ``side`` is 1 to buy, -1 to sell."""

    order: NDArray[np.uint64]
    instrument: NDArray[np.uint32]
    time_ns: NDArray[np.int64]
    side: NDArray[np.int8]
    price: NDArray[np.int64]
    quantity: NDArray[np.int64]

    def table(self) -> pa.Table:
        """Return them as a table."""
        return pa.table({name: integers(getattr(self, name)) for name in self.__slots__})


def recorded_orders(survey: Survey) -> SentOrders:
    """Return the orders that a session sent, by its journal."""
    sent = [survey.sent[order] for order in sorted(survey.sent)]
    return SentOrders(
        order=np.array([one.order for one in sent], np.uint64),
        instrument=np.array([one.instrument for one in sent], np.uint32),
        time_ns=np.array([one.time_ns for one in sent], np.int64),
        side=np.array([one.side for one in sent], np.int8),
        price=np.array([one.shown for one in sent], np.int64),
        quantity=np.array([one.quantity for one in sent], np.int64),
    )


def logged_orders(run: Log, rows: int | None = None) -> SentOrders:
    """Return the orders in a log, or in the first ``rows`` of it."""
    sent = np.flatnonzero(run.column("event")[:rows] == OrderEvent.SUBMIT)
    sent = sent[np.argsort(run.column("order")[sent], kind="stable")]
    return SentOrders(
        order=run.column("order")[sent].astype(np.uint64),
        instrument=run.column("instrument")[sent].astype(np.uint32),
        time_ns=run.column("local_time")[sent].astype(np.int64),
        side=np.where(run.column("side")[sent] == BUYS, 1, -1).astype(np.int8),
        price=run.column("price")[sent].astype(np.int64),
        quantity=run.column("quantity")[sent].astype(np.int64),
    )


def no_orders() -> SentOrders:
    """Return what a session sent that did not run."""
    return recorded_orders(Survey())


def logged_fills(run: Log) -> list[Told]:
    """Return the fills in a log."""
    columns = [run.column(name) for name in ("instrument", "event", "order", "side", "price", "quantity", "left")]
    taker, fees = run.column("taker"), run.fees()
    found = []
    for row in np.flatnonzero(np.isin(columns[1], FILLS)).tolist():
        instrument, event, order, half, price, quantity, left = (int(column[row]) for column in columns)
        fee = int.from_bytes(fees[row].tobytes(), "little", signed=True)
        side = 1 if half == BUYS else -1
        found.append(Told(0, instrument, event, order, side, price, quantity, left, bool(taker[row]), fee))
    return found


def first_reports(survey: Survey) -> dict[int, int]:
    """Return when a session had the first report of each order."""
    first: dict[int, int] = {}
    for one in survey.told:
        first.setdefault(one.order, one.time_ns)
    return first


def answered_in(run: Log) -> dict[int, int]:
    """Return when the first report of each order was heard, by a log."""
    orders = run.column("order")
    heard = np.flatnonzero((run.column("exchange_time") != 0) & (orders != 0))
    names, first = np.unique(orders[heard], return_index=True)
    return dict(zip(names.tolist(), run.column("local_time")[heard[first]].tolist(), strict=True))


def compare_session(survey: Survey, again: Replayed, instruments: Sequence[TapeInstrument]) -> tuple[Compared, int]:
    """Return both sides in figures, and in billionths how much more the replay's fills came to.

    Positions are valued alike on both sides: at the price of the last fill that was told of, or, where none was, that
    the replay had.
    """
    marks = last_prices(again.fills) | last_prices(survey.fills)
    recorded = Replayed(recorded_orders(survey), survey.fills, first_reports(survey))
    expected, got = (figures_of(_counted(side, marks, instruments)) for side in (recorded, again))
    difference = gained(again.fills, marks, instruments) - gained(survey.fills, marks, instruments)
    return Compared(expected=expected, got=got), difference


def outcome_of(fills: Fills, figures: ReplayFigures, instruments: Sequence[TapeInstrument]) -> Outcome:
    """Return what a tolerance looks at of one side."""
    traded: dict[Hashable, list[Traded]] = {}
    for one in fills:
        if 0 <= one.instrument < len(instruments):
            units = instruments[one.instrument]
            fill = Traded(one.price * Fraction(units.tick), one.quantity * Fraction(units.lot))
            traded.setdefault(one.order, []).append(fill)
    return Outcome(traded, Fraction(figures.pnl), figures.latency)


def _counted(side: Replayed, marks: Mapping[int, int], instruments: Sequence[TapeInstrument]) -> Counted:
    held = holdings(side.fills, instruments)
    return Counted(
        orders=side.orders.table(),
        fills=_fills(side.fills),
        pnl=money(worth(held, marks, instruments)),
        accounts=pa.table(
            {
                "instrument": integers(np.array(sorted(held), np.uint32)),
                "lots": amounts(words([held[index].lots * 10**9 for index in sorted(held)])),
                "cash": amounts(words([held[index].cash for index in sorted(held)])),
            }
        ),
        latencies=_latencies(side.orders, side.answered),
    )


def money(billionths: int) -> str:
    """Return billionths as a decimal without an exponent."""
    return format(Decimal(billionths).scaleb(-9).normalize(), "f") if billionths else "0"


def _fills(fills: Fills) -> pa.Table:
    """Tabulate fills by order, and of one order as they came."""
    ordered = sorted(fills, key=attrgetter("order"))
    return pa.table(
        {
            "order": integers(np.array([one.order for one in ordered], np.uint64)),
            "instrument": integers(np.array([one.instrument for one in ordered], np.int64)),
            "side": integers(np.array([one.side for one in ordered], np.int8)),
            "price": integers(np.array([one.price for one in ordered], np.int64)),
            "quantity": integers(np.array([one.quantity for one in ordered], np.int64)),
            "left": integers(np.array([one.left for one in ordered], np.int64)),
            "taker": booleans(np.array([one.taker for one in ordered], np.bool_)),
            "fee": amounts(words([one.fee or 0 for one in ordered])),
        }
    )


def _latencies(orders: SentOrders, answered: Mapping[int, int]) -> Latencies:
    """Return how long the orders took that were answered; a clock that jumped back makes none shorter than nothing."""
    pairs = zip(orders.order.tolist(), orders.time_ns.tolist(), strict=True)
    took = [(order, max(0, answered[order] - decided)) for order, decided in pairs if order in answered]
    return Latencies(
        np.array([order for order, _ in took], np.uint64), np.array([nanoseconds for _, nanoseconds in took], np.int64)
    )
