"""What is traded on a tape, and its ticks and lots as decimals.

Apart from the tapes, whose columns are slow to load: a session that is replayed has instruments and no tape.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tradeplane_api.snapshot_manifest import InstrumentKind


@dataclass(frozen=True, slots=True)
class TapeInstrument:
    """What is traded, and what its integers are in.

    A price of ``p`` is ``p * tick`` units of ``currency``; a quantity of ``q`` is ``q * lot`` units, or contracts.
    A contract is ``contract_size`` units of the underlying, of an inverse future that many units of the currency.
    """

    symbol: str
    tick: Decimal
    lot: Decimal
    currency: str = "USD"
    kind: InstrumentKind = InstrumentKind.SPOT
    contract_size: Decimal = Decimal(1)


def decimal_text(number: Decimal) -> str:
    """Return a decimal in its one shortest form: "0.1", never "0.10" or "1e-1"."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def exponent_of(unit: Decimal) -> int:
    """Return the largest power of ten of which a unit is a whole multiple: 0.25 gives -2, 100 gives 2."""
    return int(unit.normalize().as_tuple().exponent)


def steps_of(unit: Decimal) -> int:
    """Return how many units of ten to the ``exponent_of`` a tick or lot has: 1 but for such as 0.25, which has 25."""
    return int(unit.scaleb(-exponent_of(unit)))
