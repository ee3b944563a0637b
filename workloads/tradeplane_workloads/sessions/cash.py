"""What fills came to: cash, less fees, and what is left of positions at the last price that was told."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from tradeplane_api.snapshot import InstrumentKind

from tradeplane_workloads.events.terms import lot_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradeplane_workloads.market.tapes import TapeInstrument
    from tradeplane_workloads.sessions.journal_survey import Told
    from tradeplane_workloads.sessions.verdict import Came


def last_prices(told: Sequence[Told]) -> dict[int, int]:
    """Return the price of each instrument's last fill."""
    return {one.instrument: one.price for one in told}


def gained(fills: Sequence[Told | Came], marks: Mapping[int, int], instruments: Sequence[TapeInstrument]) -> int:
    """Return in billionths what fills came to, positions at ``marks``; those of an unknown instrument do not count."""
    total, lots = 0, dict[int, int]()
    for one in fills:
        if 0 <= one.instrument < len(instruments) and one.price > 0:
            total += _cash(instruments[one.instrument], -one.side * one.quantity, one.price) - (one.fee or 0)
            lots[one.instrument] = lots.get(one.instrument, 0) + one.side * one.quantity
    return total + sum(
        _cash(instruments[index], held, marks[index]) for index, held in lots.items() if marks.get(index, 0) > 0
    )


def _cash(instrument: TapeInstrument, lots: int, price: int) -> int:
    """Return what lots come to when they are sold, or below zero bought; of an inverse contract the other way round."""
    lot = lot_value(instrument) * lots
    inverse = instrument.kind is InstrumentKind.INVERSE_FUTURE
    return round(-lot / price if inverse else lot * Fraction(price))
