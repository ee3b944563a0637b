"""Integers of the core as the decimals of the wire, and back: exact both ways, never through binary floats."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_workloads.market.tapes import exponent_of, steps_of

if TYPE_CHECKING:
    from fractions import Fraction

DECIMAL = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_WIRE_DIGITS = 8
"""Digits after the point that amounts have on the wire, unless they need another."""


def decimal_of(text: str) -> Decimal | None:
    """Read a plain decimal of zero or more; None for anything else, such as ``1e5``."""
    return Decimal(text) if DECIMAL.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Scale:
    """What one of the core's integers is on the wire: a tick of a price, a lot of a quantity."""

    unit: Decimal

    def text(self, count: int) -> str:
        """Return so many units in as many digits as the unit has."""
        exponent = exponent_of(self.unit)
        return point(count * steps_of(self.unit), -exponent) if exponent < 0 else str(int(self.unit) * count)

    def count(self, value: Decimal) -> int | None:
        """Return how many units a decimal is; None where they are not whole."""
        count, rest = divmod(value, self.unit)
        return None if rest else int(count)


def point(number: int, digits: int) -> str:
    """Write an integer with its last ``digits`` after the point."""
    sign, text = ("-" if number < 0 else ""), str(abs(number)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else sign + text


def amount_text(billionths: int) -> str:
    """Write an amount with eight digits after the point, or nine where it has that many."""
    whole, ninth = divmod(abs(billionths), 10)
    signed = -whole if billionths < 0 else whole
    return point(billionths, _WIRE_DIGITS + 1) if ninth else point(signed, _WIRE_DIGITS)


def ratio_text(value: Fraction, digits: int = _WIRE_DIGITS) -> str:
    """Write a ratio with so many digits after the point, rounded half to even."""
    return point(round(value * 10**digits), digits)
