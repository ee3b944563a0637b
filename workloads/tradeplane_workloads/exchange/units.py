"""Amounts as the decimals of the wire: billionths of the core, exact, never through binary floats."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_workloads.market.scale import DECIMAL, point

if TYPE_CHECKING:
    from fractions import Fraction

_WIRE_DIGITS = 8
"""Digits after the point that amounts have on the wire, unless they need another."""


def decimal_of(text: str) -> Decimal | None:
    """Read a plain decimal of zero or more; None for anything else, such as ``1e5``."""
    return Decimal(text) if DECIMAL.fullmatch(text) else None


def amount_text(billionths: int) -> str:
    """Write an amount with eight digits after the point, or nine where it has that many."""
    whole, ninth = divmod(abs(billionths), 10)
    signed = -whole if billionths < 0 else whole
    return point(billionths, _WIRE_DIGITS + 1) if ninth else point(signed, _WIRE_DIGITS)


def ratio_text(value: Fraction, digits: int = _WIRE_DIGITS) -> str:
    """Write a ratio with so many digits after the point, rounded half to even."""
    return point(round(value * 10**digits), digits)
