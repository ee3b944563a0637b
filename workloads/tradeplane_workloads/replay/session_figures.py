"""A session in figures, as it was recorded and as it was replayed.

Latency is by the trader's clock: from the input that an order was decided on to the first report of it. Reports are
inputs, so a replay has the recorded ones; what it may have otherwise is what it decided, and when.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from tradeplane_api.parity import Compared

from tradeplane_workloads.columns import amounts, booleans, integers, words
from tradeplane_workloads.replay.figures import Counted, Latencies, figures_of
from tradeplane_workloads.replay.session_sides import Replayed, first_reports, recorded_orders
from tradeplane_workloads.replay.tolerance import Outcome, Traded
from tradeplane_workloads.sessions.cash import holdings, last_prices, worth

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from tradeplane_api.parity import ReplayFigures

    from tradeplane_workloads.market.instruments import TapeInstrument
    from tradeplane_workloads.sessions.cash import Held
    from tradeplane_workloads.sessions.journal_survey import Survey, Told

    Fills = Sequence[Told]


def compare_session(survey: Survey, again: Replayed, instruments: Sequence[TapeInstrument]) -> tuple[Compared, int]:
    """Return both sides in figures, and in billionths how much more the replay's fills came to.

    Positions are valued alike on both sides: at the price of the last fill that was told of, or, where none was, that
    the replay had.
    """
    marks = last_prices(again.fills) | last_prices(survey.fills)
    recorded = Replayed(recorded_orders(survey), survey.fills, first_reports(survey))
    held = [holdings(side.fills, instruments) for side in (recorded, again)]
    before, after = (worth(one, marks, instruments) for one in held)
    compared = Compared(
        expected=figures_of(_counted(recorded, held[0], before)), got=figures_of(_counted(again, held[1], after))
    )
    return compared, after - before


def outcome_of(fills: Fills, figures: ReplayFigures, instruments: Sequence[TapeInstrument]) -> Outcome:
    """Return what a tolerance looks at of one side."""
    traded: dict[Hashable, list[Traded]] = {}
    for one in fills:
        if 0 <= one.instrument < len(instruments):
            units = instruments[one.instrument]
            fill = Traded(one.price * Fraction(units.tick), one.quantity * Fraction(units.lot))
            traded.setdefault(one.order, []).append(fill)
    return Outcome(traded, Fraction(figures.pnl), figures.latency)


def _counted(side: Replayed, held: Mapping[int, Held], came_to: int) -> Counted:
    return Counted(
        orders=side.orders.table(),
        fills=_fills(side.fills),
        pnl=money(came_to),
        accounts=pa.table(
            {
                "instrument": integers(np.array(sorted(held), np.uint32)),
                "lots": amounts(words([held[index].lots * 10**9 for index in sorted(held)])),
                "cash": amounts(words([held[index].cash for index in sorted(held)])),
            }
        ),
        latencies=Latencies.between(
            zip(side.orders.order.tolist(), side.orders.time_ns.tolist(), strict=True), side.answered
        ),
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
