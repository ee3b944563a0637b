"""Decimal text to integers of a power of ten, exactly.

A price in a file is a decimal; reading it as a binary float would already have changed it. Columns of floats come here
as their shortest decimal that reads back as the same float, which is what a person who wrote them meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tradeplane_workloads.market.series import MAX_INTEGER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradeplane_workloads.market.importing.source import Place

_PLAIN = r"^[+-]?([0-9]{1,19}(\.[0-9]{0,18})?|\.[0-9]{1,18})$"
_EXPONENT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][+-]?[0-9]{1,3}")
_NOT_A_NUMBER = {"", "nan", "na", "n/a", "null", "none", "inf", "-inf", "+inf", "infinity", "-infinity"}
MAX_DIGITS = 12
"""Decimal places that a tick can have (SnapshotInstrument.price_exponent >= -12)."""


@dataclass(frozen=True, slots=True)
class DecimalColumn:
    """A column of plain decimal text, and the most decimal places any of it needs."""

    header: str
    text: pa.Array
    places: int


def decimal_column(values: pa.Array, header: str, place: Place) -> DecimalColumn:
    """Return a column as plain decimals without trailing zeros. Raises DataRefused naming the first that is none."""
    text = pc.utf8_trim_whitespace(pc.fill_null(values.cast(pa.string()), ""))
    plain = pc.match_substring_regex(text, _PLAIN)
    if not pc.all(plain, min_count=0).as_py():
        text = _with_exponents_written_out(text, np.asarray(plain), header, place)
    text = pc.replace_substring_regex(text, r"(\.[0-9]*?)0+$", r"\1")
    text = pc.replace_substring_regex(text, r"\.$", "")
    places = pc.utf8_length(pc.replace_substring_regex(text, r"^[^.]*\.?", ""))
    return DecimalColumn(header, text, pc.max(places).as_py() or 0)


def to_integers(column: DecimalColumn, exponent: int, place: Place) -> NDArray[np.int64]:
    """Return a column in units of ``10**exponent``, int64, rounded half to even where it has more decimal places.

    Raises DataRefused for a value that does not fit into 62 bits.
    """
    scaled = column.text.cast(pa.decimal128(38, max(column.places, -exponent, 0)))
    if column.places > -exponent:
        scaled = pc.round(scaled, ndigits=-exponent, round_mode="half_to_even")
    units = scaled.cast(pa.decimal128(38, -exponent))
    words = np.frombuffer(units.buffers()[1], "<i8").reshape(-1, 2)[units.offset : units.offset + len(units)]
    low, high = words[:, 0], words[:, 1]
    wide = (high != low >> 63) | (np.abs(low) >= MAX_INTEGER)
    if wide.any():
        row = int(np.argmax(wide))
        what = f"{column.text[row].as_py()} does not fit into 62 bits in units of 1e{exponent}"
        raise place.refused(row, column.header, what, "give a larger exponent")
    return np.ascontiguousarray(low)


def needed_exponent(columns: list[DecimalColumn], place: Place, option: str) -> int:
    """Return the largest exponent (zero or below) in which all values are whole. Raises DataRefused below -12."""
    finest = max(columns, key=lambda column: column.places)
    if finest.places > MAX_DIGITS:
        row = pc.index(pc.utf8_length(pc.replace_substring_regex(finest.text, r"^[^.]*\.?", "")), finest.places).as_py()
        what = f"{finest.text[row].as_py()} has {finest.places} decimal places, more than {MAX_DIGITS}"
        raise place.refused(row, finest.header, what, f"give the {option} to round to, such as -6")
    return -finest.places


def _with_exponents_written_out(text: pa.Array, plain: NDArray[np.bool_], header: str, place: Place) -> pa.Array:
    """Return the column with numbers such as 1e-05 in plain form; few columns have any, so one by one."""
    values = text.to_pylist()
    for row in np.flatnonzero(~plain).tolist():
        written = _written_out(values[row])
        if written is None:
            shown = values[row][:64]
            missing = shown.lower() in _NOT_A_NUMBER
            what = f'"{shown}" is no price or volume' if missing else f'"{shown}" is not a decimal number'
            remedy = "fill the value or leave the row out" if missing else "write it in digits, with '.' for the point"
            raise place.refused(row, header, what, remedy)
        values[row] = written
    return pa.array(values, pa.string())


def _written_out(value: str) -> str | None:
    if not _EXPONENT.fullmatch(value):
        return None
    written = format(Decimal(value), "f")
    return written if re.fullmatch(_PLAIN, written) else None
