"""What the import of a recording may be told, each with its default and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.market.importing.options import MAX_SOURCE_BYTES, ImportOptions, check_names
from tradeplane_workloads.market.instruments import decimal_text

if TYPE_CHECKING:
    from decimal import Decimal

    from tradeplane_api.snapshot_manifest import InstrumentKind

MAX_EXPANDED_BYTES = 16 * 1024**3
"""Size that a compressed recording may expand to: a tape takes about as much memory."""
FINEST, COARSEST = -12, 6
"""Powers of ten that a tick or lot may be a multiple of."""


class Flaw(StrEnum):
    """What may be wrong with a recording. It is recorded and counted; by choice it is refused."""

    GAP = "gap"
    """Messages were lost."""
    CROSSED = "crossed"
    """The best bid was above the best ask."""
    LOCKED = "locked"
    """The best bid was the best ask."""
    DISORDER = "disorder"
    """A local time was below that of the message before."""
    SKEW = "skew"
    """An exchange time was above the local time: the clocks disagree."""
    UNKNOWN = "unknown"
    """A row was about an order that is not in the book, or added one that is."""


@dataclass(frozen=True, slots=True)
class TapeOptions:
    """How a recording is read. Raises InvalidSpecification for values that cannot be."""

    symbol: str | None = None
    """Symbol of what the recording does not name. Binance: whose the snapshots of the book are that name none."""
    currency: str | None = None
    """Currency of the prices. None: what the symbol says."""
    kind: InstrumentKind | None = None
    """What is traded. None: what the messages say."""
    tick: Decimal | None = None
    """Price of a tick. None: the largest power of ten, at most 1, in which all prices are whole."""
    lot: Decimal | None = None
    """Quantity of a lot; as ``tick``."""
    contract_size: Decimal | None = None
    """Units in a contract. None: what the market says, or 1."""
    columns: ImportOptions = field(default_factory=ImportOptions)
    """How the columns of a file of ticks are found and read: headers, times, delimiter."""
    refuse: frozenset[Flaw] = frozenset()
    """What is refused where it is found; all else is recorded."""
    max_bytes: int = MAX_SOURCE_BYTES
    """Size above which a file is refused: it is held in memory."""
    max_expanded_bytes: int = MAX_EXPANDED_BYTES
    """Size above which what it expands to is refused."""

    def __post_init__(self) -> None:
        check_names(self.symbol, self.currency)
        for name, unit in (("tick", self.tick), ("lot", self.lot), ("contract size", self.contract_size)):
            if unit is not None:
                _check(name, unit)


def _check(name: str, unit: Decimal) -> None:
    if not unit.is_finite() or unit <= 0 or unit >= 10**18:
        raise InvalidSpecification(f"a {name} of {unit} is not above zero and below 1e18; give one such as 0.01")
    exponent = int(unit.normalize().as_tuple().exponent)
    if not FINEST <= exponent <= COARSEST:
        raise InvalidSpecification(
            f"a {name} of {decimal_text(unit)} is no multiple of a power of ten from 1e-12 to 1e6; write such as 0.01"
        )
