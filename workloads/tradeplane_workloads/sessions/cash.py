"""What fills came to: cash, less fees, and what is left of positions at the last price that was told."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from tradeplane_api.snapshot_manifest import InstrumentKind

from tradeplane_workloads.events.terms import lot_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradeplane_workloads.market.instruments import TapeInstrument
    from tradeplane_workloads.sessions.journal_survey import Told
    from tradeplane_workloads.sessions.verdict import Came


def last_prices(told: Sequence[Told]) -> dict[int, int]:
    """Return the price of each instrument's last fill."""
    return {one.instrument: one.price for one in told}


class Held(NamedTuple):
    """What fills of an instrument left: lots, below zero when short, and cash less fees, in billionths."""

    lots: int = 0
    cash: int = 0


def holdings(fills: Sequence[Told | Came], instruments: Sequence[TapeInstrument]) -> dict[int, Held]:
    """Return what fills left of each instrument that traded; those of an unknown instrument do not count."""
    held: dict[int, Held] = {}
    for one in fills:
        if 0 <= one.instrument < len(instruments) and one.price > 0:
            before, lots = held.get(one.instrument, Held()), one.side * one.quantity
            came = _cash(instruments[one.instrument], -lots, one.price) - (one.fee or 0)
            held[one.instrument] = Held(before.lots + lots, before.cash + came)
    return held


def worth(held: Mapping[int, Held], marks: Mapping[int, int], instruments: Sequence[TapeInstrument]) -> int:
    """Return in billionths what is held comes to, positions at ``marks``; one without a mark does not count."""
    at_marks = (
        _cash(instruments[index], one.lots, marks[index]) for index, one in held.items() if marks.get(index, 0) > 0
    )
    return sum(one.cash for one in held.values()) + sum(at_marks)


def _cash(instrument: TapeInstrument, lots: int, price: int) -> int:
    """Return what lots come to when they are sold, or below zero bought; of an inverse contract the other way round."""
    lot = lot_value(instrument) * lots
    inverse = instrument.kind is InstrumentKind.INVERSE_FUTURE
    return round(-lot / price if inverse else lot * Fraction(price))
