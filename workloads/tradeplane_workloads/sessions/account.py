"""What a session's account came to, by the session's own arithmetic: sealed with it, and compared when it is replayed.

The journal has each fill and its fee, and no cash: a release that reckons cash otherwise decides the same, and is found
out by this alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tradeplane_api.snapshot_manifest import SessionHolding

if TYPE_CHECKING:
    from collections.abc import Sequence

_AMOUNTS = ("position", "cash", "fees")


class Holds(Protocol):
    """A session, or the run that a replay left."""

    def holding(self, instrument: int = 0, /) -> tuple[int, int, int, int, int, int]:
        """Return position, cash and fees of an instrument, and more."""


def account_of(held: Holds, symbols: Sequence[str]) -> tuple[SessionHolding, ...]:
    """Return what is held of each instrument: lots, and cash and fees in billionths."""
    return tuple(
        SessionHolding(symbol=one, **dict(zip(_AMOUNTS, map(str, held.holding(index)), strict=False)))
        for index, one in enumerate(symbols)
    )


def first_difference(
    sealed: Sequence[SessionHolding], again: Sequence[SessionHolding]
) -> tuple[str, str | None, str | None] | None:
    """Return the first amount that differs, by its name, and what each side has; None where all are the same."""
    for index in range(max(len(sealed), len(again))):
        ours, theirs = (side[index] if index < len(side) else None for side in (sealed, again))
        if ours is None or theirs is None or ours.symbol != theirs.symbol:
            return "symbol", None if ours is None else ours.symbol, None if theirs is None else theirs.symbol
        for name in _AMOUNTS:
            sides = getattr(ours, name), getattr(theirs, name)
            if sides[0] != sides[1]:
                return f"{ours.symbol[:48]}.{name}", *sides
    return None
