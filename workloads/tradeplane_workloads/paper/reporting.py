"""What a trader says at its end, from its session as it stands."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.paper import MAX_PAPER_WORDS, MAX_POSITIONS_TOLD, Held, PaperOutcome, PaperReport
from tradeplane_api.run import ExitCode

from tradeplane_workloads.events.terms import BILLION
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from tradeplane_workloads.paper.trader import Trader
    from tradeplane_workloads.paper.volume import SessionPlace


def report(
    trader: Trader,
    place: SessionPlace,
    outcome: PaperOutcome,
    message: str = "",
    *,
    exit_code: ExitCode = ExitCode.OK,
    snapshot: str | None = None,
) -> PaperReport:
    """Return the report of a session as it stands."""
    session = trader.session
    held = [(one, session.holding(one.index)) for one in trader.traded]
    events = session.run().column("event")
    return PaperReport(
        exit_code=exit_code,
        outcome=outcome,
        message=message[:MAX_PAPER_WORDS],
        session=place.name.hex(),
        number=place.number,
        snapshot=snapshot,
        inputs=session.inputs,
        orders=int(np.count_nonzero(events == OrderEvent.SUBMIT)),
        fills=sum(holding[5] for _, holding in held),
        equity=f"{Decimal(session.equity) / BILLION:f}",
        positions=tuple(
            Held(symbol=one.symbol, quantity=one.quantity.text(holding[0])) for one, holding in held if holding[0]
        )[:MAX_POSITIONS_TOLD],
        open_orders=len(trader.open_orders()),
    )


def failure(exit_code: ExitCode, message: str, place: SessionPlace | None = None) -> PaperReport:
    """Return the report of a trader that could not go on."""
    return PaperReport(
        exit_code=exit_code,
        outcome=PaperOutcome.FAILED,
        message=message[:MAX_PAPER_WORDS],
        session=None if place is None else place.name.hex(),
        number=None if place is None else place.number,
    )
