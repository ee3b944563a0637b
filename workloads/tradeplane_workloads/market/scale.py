"""Integers of the core as the decimals of a wire, and back: exact both ways, never through binary floats."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tradeplane_workloads.market.instruments import exponent_of, steps_of

if TYPE_CHECKING:
    from decimal import Decimal

DECIMAL = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


@dataclass(frozen=True)
class Scale:
    """What one of the core's integers is on a wire: a tick of a price, a lot of a quantity."""

    unit: Decimal

    @cached_property
    def _digits(self) -> int:
        """Digits after the point that the unit has."""
        return max(0, -exponent_of(self.unit))

    @cached_property
    def _steps(self) -> int:
        """The unit in the last of those digits."""
        return steps_of(self.unit) if self._digits else int(self.unit)

    @cached_property
    def unit_steps(self) -> tuple[int, int]:
        """The unit as the core has it: its digits after the point, and its steps of the last of them."""
        return self._digits, self._steps

    def text(self, count: int) -> str:
        """Return so many units in as many digits as the unit has."""
        return point(count * self._steps, self._digits)

    def count(self, value: Decimal) -> int | None:
        """Return how many units a decimal is; None where they are not whole."""
        count, rest = divmod(value, self.unit)
        return None if rest else int(count)

    def parse(self, text: object) -> int:
        """Return how many units a plain decimal of zero or more is. Raises ValueError for anything else."""
        if not isinstance(text, str) or DECIMAL.fullmatch(text) is None:
            raise ValueError(f"{str(text)[:40]!r} is no decimal")
        whole, _, fraction = text.partition(".")
        kept = fraction[: self._digits]
        count, rest = divmod(int(whole + kept.ljust(self._digits, "0")), self._steps)
        if rest or fraction[self._digits :].strip("0"):
            raise ValueError(f"{text} is no whole number of {self.unit}")
        return count


def point(number: int, digits: int) -> str:
    """Write an integer with its last ``digits`` after the point."""
    sign, text = ("-" if number < 0 else ""), str(abs(number)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else sign + text
