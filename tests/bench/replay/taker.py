"""A strategy of a user's own, as a package that is installed beside tradeplane has it: it draws, and holds a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from tradeplane_native import Desk, Generator, MarketTrade


class Taker:
    """Follows the takers of two trades of three, as drawn, at the market's price and within a limit."""

    name: ClassVar[str] = "taker"
    api_version: ClassVar[str] = "v1"

    class Parameters(BaseModel):
        """Quantities in lots."""

        lots: int = 10
        most: int = 50

    def trader(self, _: object, parameters: Parameters, rng: Generator) -> object:
        """Return what answers to events."""
        return _Taking(parameters, rng)


class _Taking:
    """What one session has of it."""

    def __init__(self, parameters: Taker.Parameters, rng: Generator) -> None:
        self._lots, self._most, self._rng = parameters.lots, parameters.most, rng

    def on_trade(self, desk: Desk, trade: MarketTrade) -> None:
        """Follow a trade."""
        side, lots = trade.taker, self._lots
        within = abs(desk.position() + side * lots) <= self._most
        if side and within and int(self._rng.integers(0, 3, 1)[0]):
            desk.submit(side, lots, trade.price + 20 * side, terms="IOC")
