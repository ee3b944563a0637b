"""What a side of a session did, from its journal or from a log: orders, fills, and when each order was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from tradeplane_workloads.columns import integers
from tradeplane_workloads.sessions.journal_survey import FILLS, Survey, Told
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

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
    fills: Sequence[Told]
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
