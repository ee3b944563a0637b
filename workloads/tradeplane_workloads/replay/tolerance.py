"""Whether what came of a replay lies within a tolerance of its baseline. Pure, and exact: no floats.

Fills of an order are compared by the lot: the n-th unit that an order traded has a price on either side, however the
fills were cut. Units that only one side traded are a difference of quantity.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from tradeplane_api.parity import Parity

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from tradeplane_api.parity import LatencyFigures, Tolerance, Verdict

MICROSECOND = 1_000


class Traded(NamedTuple):
    """A fill: its price in money, and its quantity in units."""

    price: Fraction
    quantity: Fraction


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one side: the fills of each order, final equity or what comes to the same, and latency."""

    fills: Mapping[Hashable, Sequence[Traded]]
    equity: Fraction
    latency: LatencyFigures | None


def judged_within(verdict: Verdict, tolerance: Tolerance, expected: Outcome, got: Outcome) -> tuple[Verdict, str]:
    """Return the verdict where a tolerance is allowed, and what exceeds it, empty where nothing does.

    Decisions have none: what was decided is the same, or it diverged.
    """
    exceeded = exceeding(tolerance, expected, got)
    if exceeded is not None:
        return verdict.model_copy(update={"execution": Parity.DIVERGED}), exceeded
    same = verdict.execution is Parity.EXACT
    return verdict.model_copy(update={"execution": Parity.EXACT if same else Parity.WITHIN}), ""


def exceeding(tolerance: Tolerance, expected: Outcome, got: Outcome) -> str | None:
    """Say what lies beyond a tolerance, and by how much; None where nothing does."""
    return next(_beyond(tolerance, expected, got), None)


def _beyond(tolerance: Tolerance, expected: Outcome, got: Outcome) -> Iterator[str]:
    more = abs(got.equity - expected.equity)
    if more > Fraction(tolerance.pnl):
        yield f"pnl: differs by {_text(more)}, more than {tolerance.pnl}"
    for order in {**expected.fills, **got.fills}:
        ours, theirs = expected.fills.get(order, ()), got.fills.get(order, ())
        short = abs(_total(ours) - _total(theirs))
        if short > Fraction(tolerance.fill_quantity):
            yield f"fillQuantity: of order {order} differs by {_text(short)}, more than {tolerance.fill_quantity}"
        worst = max((abs(one - other) for one, other in _prices(ours, theirs)), default=Fraction(0))
        if worst > Fraction(tolerance.fill_price):
            yield f"fillPrice: of order {order} differs by {_text(worst)}, more than {tolerance.fill_price}"
    if tolerance.latency_microseconds is not None:
        yield from _slower(tolerance.latency_microseconds * MICROSECOND, expected.latency, got.latency)


def _slower(most: int, expected: LatencyFigures | None, got: LatencyFigures | None) -> Iterator[str]:
    if expected is None or got is None:
        if expected is not got:
            yield "latencyMicroseconds: orders were answered on one side alone"
        return
    for name in ("median", "p99"):
        more = abs(getattr(expected, name) - getattr(got, name))
        if more > most:
            yield f"latencyMicroseconds: the {name} differs by {more} ns, more than {most}"


def _prices(ours: Sequence[Traded], theirs: Sequence[Traded]) -> Iterator[tuple[Fraction, Fraction]]:
    """Return the two prices of each stretch of units that both sides traded."""
    left, right = [*reversed(ours)], [*reversed(theirs)]
    while left and right:
        one, other = left.pop(), right.pop()
        yield one.price, other.price
        rest = one.quantity - other.quantity
        if rest > 0:
            left.append(Traded(one.price, rest))
        elif rest < 0:
            right.append(Traded(other.price, -rest))


def _total(fills: Sequence[Traded]) -> Fraction:
    return sum((one.quantity for one in fills), Fraction(0))


def _text(value: Fraction) -> str:
    """Return a number for people, up to nine decimals."""
    rounded = round(value, 9)
    return format(Decimal(rounded.numerator) / Decimal(rounded.denominator), ".9f").rstrip("0").rstrip(".")
