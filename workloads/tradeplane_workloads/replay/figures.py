"""One side of a comparison in figures: how many orders and fills, what they came to, how long orders took.

Each figure has a digest of all the records it counts, taken as of any table (docs/formats/digests.md), so two sides
whose figures are alike and whose records are not are told apart. docs/formats/replay.md states the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
from tradeplane_api.parity import LatencyFigures, ReplayFigures
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.records import table_digest

from tradeplane_workloads.columns import integers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from tradeplane_api.parity import FirstDivergence

FORMAT_VERSION = 1
"""Version of what the digest of a session's figures covers; raised when the tables change meaning."""


_LONGEST = 2**53 - 1
"""Nanoseconds of the longest latency told, 104 days, the most JSON carries exactly: a clock may jump further."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long orders took to be answered, in nanoseconds, by order, ascending."""

    orders: NDArray[np.uint64]
    nanoseconds: NDArray[np.int64]

    @classmethod
    def between(cls, decided: Iterable[tuple[int, int]], answered: Mapping[int, int]) -> Self:
        """Return how long the orders took that were answered, from when each was decided (orders ascending).

        A clock that jumped back makes none shorter than nothing, and one that jumped ahead none longer than
        2**53 - 1 nanoseconds.
        """
        took = [(order, min(max(0, answered[order] - at), _LONGEST)) for order, at in decided if order in answered]
        return cls(np.array([order for order, _ in took], np.uint64), np.array([time for _, time in took], np.int64))

    def table(self) -> pa.Table:
        """Return them as a table."""
        return pa.table({"order": integers(self.orders), "nanoseconds": integers(self.nanoseconds)})

    def figures(self) -> LatencyFigures | None:
        """Return them in figures, each a latency that was measured (nearest rank); None where there are none."""
        ordered = np.sort(self.nanoseconds)
        if not len(ordered):
            return None
        return LatencyFigures(
            orders=len(ordered),
            median=_at(ordered, 50),
            p90=_at(ordered, 90),
            p99=_at(ordered, 99),
            most=int(ordered[-1]),
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """One side: its tables, and what it came to. ``latencies`` is None where no order has times."""

    orders: pa.Table
    fills: pa.Table
    pnl: str
    accounts: pa.Table
    latencies: Latencies | None


def figures_of(side: Counted) -> ReplayFigures:
    """Return a side in figures."""
    latency = None if side.latencies is None else side.latencies.figures()
    return ReplayFigures(
        orders=side.orders.num_rows,
        orders_digest=table_digest(side.orders)[0],
        fills=side.fills.num_rows,
        fills_digest=table_digest(side.fills)[0],
        pnl=side.pnl,
        pnl_digest=table_digest(side.accounts)[0],
        latency=latency,
        latency_digest=None if side.latencies is None or latency is None else table_digest(side.latencies.table())[0],
    )


def session_digest(figures: ReplayFigures, divergence: FirstDivergence | None) -> str:
    """Return the digest of what one side of a session came to; ``divergence`` is None for the recording itself.

    What differs and changes no figure, an exchange's time say, is in the divergence: so the digests of the two sides
    are equal exactly where nothing differs.
    """
    found = {
        "formatVersion": FORMAT_VERSION,
        "kind": "Session",
        "figures": figures.model_dump(mode="json", by_alias=True),
        "divergence": None if divergence is None else divergence.model_dump(mode="json", by_alias=True),
    }
    return sha256_digest(canonical_json(found))


def _at(ordered: NDArray[np.int64], percent: int) -> int:
    """Return a percentile by nearest rank: the smallest value that so many percent do not lie above."""
    return int(ordered[-(-percent * len(ordered) // 100) - 1])
