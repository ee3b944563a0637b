"""Quantities as users write them, in units, and as the engine counts them, in lots."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.market.instruments import decimal_text

if TYPE_CHECKING:
    from tradeplane_workloads.market.instruments import TapeInstrument

MAX_LOTS = 2**60
"""What the exchange takes as a quantity; see docs/engine-events.md."""


def lots_of(text: str, instrument: TapeInstrument, field: str) -> int:
    """Read a quantity in units as lots, exactly.

    Raises InvalidSpecification naming the field where they are not whole, or more than the exchange takes.
    """
    lots = Fraction(text) / Fraction(instrument.lot)
    if lots.denominator != 1 or lots > MAX_LOTS:
        lot = decimal_text(instrument.lot)
        raise InvalidSpecification(
            f"{field}: {text} is not a whole number of lots of {lot} {instrument.symbol}, or too many; give a multiple "
            f"of {lot}, at most {MAX_LOTS} lots"
        )
    return lots.numerator
