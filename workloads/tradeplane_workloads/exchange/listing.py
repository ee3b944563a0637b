"""What an exchange trades: instruments with their assets and units, and the wire form that follows from their kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import InstrumentKind

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.events.terms import BILLION
from tradeplane_workloads.market.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_workloads.market.instruments import TapeInstrument


class Wire(StrEnum):
    """Which of Binance's three interfaces is spoken."""

    SPOT = "spot"
    USD_M = "usd-m"
    COIN_M = "coin-m"


_WIRES = {
    InstrumentKind.SPOT: Wire.SPOT,
    InstrumentKind.LINEAR_FUTURE: Wire.USD_M,
    InstrumentKind.INVERSE_FUTURE: Wire.COIN_M,
}


@dataclass(frozen=True)
class Listing:
    """An instrument on the wire. ``base`` and ``quote`` are names of assets; a future is settled in ``settled``."""

    index: int
    instrument: TapeInstrument
    base: str
    quote: str
    settled: str

    @property
    def symbol(self) -> str:
        """Its name on the wire."""
        return self.instrument.symbol

    @cached_property
    def price(self) -> Scale:
        """The scale of its prices."""
        return Scale(self.instrument.tick)

    @cached_property
    def quantity(self) -> Scale:
        """The scale of its quantities."""
        return Scale(self.instrument.lot)

    @property
    def pair(self) -> str:
        """What a COIN-M future is of: ``BTCUSD`` of ``BTCUSD_PERP``."""
        return self.symbol.partition("_")[0]


@dataclass(frozen=True)
class Listings:
    """All instruments of an exchange, which are of one kind, and the assets they are paid in."""

    wire: Wire
    all: tuple[Listing, ...]
    assets: tuple[str, ...]

    @cached_property
    def by_symbol(self) -> dict[str, Listing]:
        """The instruments by name."""
        return {listing.symbol: listing for listing in self.all}


def listings_of(instruments: Sequence[TapeInstrument], funded: Sequence[str] = ()) -> Listings:
    """Return what an exchange lists; ``funded`` are assets that accounts have besides.

    Raises DataRefused for instruments of several kinds, and a lot that is no whole number of billionths of the base.
    """
    kinds = sorted({instrument.kind for instrument in instruments})
    if len(kinds) != 1:
        raise DataRefused(f"the instruments are {', '.join(kinds)}; an exchange has one kind, so play each alone")
    listed = tuple(_listing(index, instrument) for index, instrument in enumerate(instruments))
    names = [name for listing in listed for name in ((listing.base, listing.quote) if _spot(listing) else ())]
    names += [listing.settled for listing in listed]
    return Listings(_WIRES[kinds[0]], listed, tuple(dict.fromkeys([*names, *funded])))


def base_per_lot(listing: Listing) -> int:
    """Return billionths of the base asset in a lot of a spot instrument; 0 of a future."""
    if not _spot(listing):
        return 0
    lot = Fraction(listing.instrument.lot) * Fraction(listing.instrument.contract_size) * BILLION
    if lot.denominator != 1:
        raise DataRefused(
            f"a lot of {listing.symbol} is no whole number of billionths of {listing.base}; "
            "import the recording again with another --lot"
        )
    return lot.numerator


def _spot(listing: Listing) -> bool:
    return listing.instrument.kind is InstrumentKind.SPOT


def _listing(index: int, instrument: TapeInstrument) -> Listing:
    """Split a symbol into its assets: ``BTCUSDT``; of COIN-M ``BTCUSD_PERP``, which is settled in BTC."""
    pair = instrument.symbol.partition("_")[0].partition("-")[0]
    if instrument.kind is InstrumentKind.INVERSE_FUTURE:
        base = pair.removesuffix("USD") or pair
        return Listing(index, instrument, base, "USD", base)
    base = pair.removesuffix(instrument.currency) or pair
    return Listing(index, instrument, base, instrument.currency, instrument.currency)
