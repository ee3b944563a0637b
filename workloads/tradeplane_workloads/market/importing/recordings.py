"""From what a reader of recordings found to tapes: units, what is wrong with them, and what of that is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.snapshot_manifest import Recording
from tradeplane_native import audit_tape

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.importing.tape_options import Flaw
from tradeplane_workloads.market.instruments import decimal_text
from tradeplane_workloads.market.series import MAX_INTEGER
from tradeplane_workloads.market.tapes import GAP, Tape

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray
    from tradeplane_api.snapshot_manifest import SnapshotSource
    from tradeplane_native import TapeFindings

    from tradeplane_workloads.market.importing.tape_options import TapeOptions

_FLAWS = {
    Flaw.GAP: ("gaps", "messages before it were lost"),
    Flaw.CROSSED: ("crossed", "the best bid is above the best ask after it"),
    Flaw.LOCKED: ("locked", "the best bid is the best ask after it"),
    Flaw.DISORDER: ("out_of_order", "its local time is below that of the message before"),
    Flaw.SKEW: ("ahead", "its exchange time is above its local time"),
    Flaw.UNKNOWN: ("unknown", "it is about an order that is not in the book, or adds one that is"),
}


@dataclass(frozen=True, slots=True)
class ImportedTapes:
    """The instruments of one recording, by symbol, and the source itself for the manifest.

    ``others``: messages that are about no instrument, or of a kind no tape holds.
    """

    tapes: tuple[Tape, ...]
    source: SnapshotSource
    others: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader found of one instrument: columns in units of ten to the minus places, in ``tape``.

    ``place`` says what the sequence of a row counts in the source: a line, a row, a record.
    """

    tape: Tape
    price_places: int
    quantity_places: int
    left_out: int
    source: str
    place: str


def to_tape(found: Found, options: TapeOptions) -> Tape:
    """Return a tape in ticks and lots, with what is wrong with it. Raises DataRefused for what is to be refused.

    The instrument's tick and lot are those of the options, or the largest powers of ten in which all values are whole.
    """
    tick = options.tick or Decimal(10) ** -found.price_places
    lot = options.lot or Decimal(10) ** -found.quantity_places
    columns = found.tape
    values = columns.kind != GAP
    price = _in_units(found, columns.price, values, ("price", "tick", found.price_places, tick))
    quantity = _in_units(found, columns.quantity, values, ("quantity", "lot", found.quantity_places, lot))
    instrument = replace(columns.instrument, tick=tick, lot=lot)
    tape = replace(columns, instrument=instrument, price=price, quantity=quantity)
    try:
        findings = audit_tape(tape)
    except ValueError as error:
        raise DataRefused(f"{found.source}, {tape.instrument.symbol}: {error}; correct the source") from error
    _refuse(found, findings, options.refuse)
    return replace(tape, recording=to_recording(findings, found.left_out))


def _in_units(
    found: Found, values: NDArray[np.int64], where: NDArray[np.bool_], unit: tuple[str, str, int, Decimal]
) -> NDArray[np.int64]:
    """Return values in another unit, exactly. Raises DataRefused naming the first that is no multiple of it."""
    name, unit_name, places, size = unit
    ratio = Fraction(1, 10**places) / Fraction(size)
    if ratio == 1:
        return values
    largest = int(np.abs(values).max(initial=0))
    if max(largest, 1) * ratio.numerator >= MAX_INTEGER or ratio.denominator >= MAX_INTEGER:
        raise DataRefused(
            f"{found.source}: a {name} of {found.tape.instrument.symbol} does not fit into 62 bits with a {unit_name} "
            f"of {decimal_text(size)}; give a larger one"
        )
    scaled = values * ratio.numerator
    off = where & (scaled % ratio.denominator != 0)
    if off.any():
        row = int(np.argmax(off))
        value = decimal_text(int(values[row]) * Decimal(10) ** -places)
        raise DataRefused(
            f"{found.source}, {found.place} {int(found.tape.sequence[row])}: the {name} {value} is no multiple of the "
            f"{unit_name} {decimal_text(size)}; give that of {found.tape.instrument.symbol}, or none to find it"
        )
    return np.where(where, scaled // ratio.denominator, values)


def _refuse(found: Found, findings: TapeFindings, flaws: Collection[Flaw]) -> None:
    for flaw, (name, what) in _FLAWS.items():
        times, first = getattr(findings, name)
        if flaw in flaws and times:
            more = f", as {times - 1:,} more" if times > 1 else ""
            raise DataRefused(
                f"{found.source}, {found.place} {first}: {what}{more}; correct the recording, or do not refuse {flaw}"
            )


def to_recording(findings: TapeFindings, left_out: int) -> Recording:
    """Return what a manifest says of a recording, from what was found on its tape and the messages left out of it."""
    return Recording(
        messages=findings.messages,
        left_out=left_out,
        gaps=findings.gaps[0],
        lost=findings.lost,
        crossed=findings.crossed[0],
        locked=findings.locked[0],
        out_of_order=findings.out_of_order[0],
        ahead=findings.ahead[0],
        blind_rows=findings.blind_rows,
        unknown_orders=findings.unknown[0],
        min_latency_ns=str(findings.min_latency),
    )
