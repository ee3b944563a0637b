"""Times of bars, from text, dates, timestamps or integers, to nanoseconds at which each bar closed.

A date alone says on which day a bar closed, not when; the option ``daily_close`` says that, in the zone of the option
``time_zone``. Local times that a change of clocks makes ambiguous or skips are refused, never guessed.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.market.importing.options import EPOCHS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tradeplane_workloads.market.importing.options import ImportOptions
    from tradeplane_workloads.market.importing.source import Place

_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_LOCAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?$"
_ZONED = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_ISO_REMEDY = "write dates as 2018-12-31 or times as 2018-12-31T21:00:00Z, or give the time format"


class _Reader:
    """One column of times being read, with what its errors need."""

    def __init__(self, header: str, place: Place, options: ImportOptions) -> None:
        self.header = header
        self.place = place
        self.options = options

    def from_text(self, text: pa.Array) -> pa.Array:
        text = pc.utf8_trim_whitespace(pc.fill_null(text.cast(pa.string()), ""))
        form = self.options.time_format
        if form is None:
            return self._from_iso(text)
        if form in EPOCHS:
            return self.from_epoch(self.cast(text, pa.int64(), "write whole numbers"), EPOCHS[form])
        parsed = self._one_by_one(text, form)
        if "%z" in form:
            return parsed.cast(pa.timestamp("ns", "UTC"))
        return self.zoned(parsed) if "%H" in form else self.from_dates(parsed)

    def from_dates(self, dates: pa.Array) -> pa.Array:
        close = self.options.daily_close
        seconds = close.hour * 3600 + close.minute * 60 + close.second
        midnight = self.cast(dates, pa.timestamp("ns"), "give dates from 1678 to 2261")
        return self.zoned(pc.add(midnight, pa.scalar(seconds * 1_000_000_000, pa.duration("ns"))))

    def from_epoch(self, numbers: pa.Array, unit_ns: int) -> pa.Array:
        def convert(part: pa.Array) -> pa.Array:
            return pc.multiply_checked(part, pa.scalar(unit_ns, pa.int64())).cast(pa.timestamp("ns", "UTC"))

        return self._checked(numbers, convert, "check the unit of the time format")

    def zoned(self, local: pa.Array) -> pa.Array:
        """Return local times in the option's zone as instants."""
        local = self.cast(local, pa.timestamp("ns"), "give times from 1678 to 2261")
        zone = self.options.time_zone
        if zone == "UTC":
            return local.cast(pa.timestamp("ns", "UTC"))
        remedy = f"it does not exist, or exists twice, in the zone {zone}; give times in UTC"
        return self._checked(local, lambda part: pc.assume_timezone(part, zone), remedy)

    def _from_iso(self, text: pa.Array) -> pa.Array:
        first = text[0]
        for pattern in (_DATE, _LOCAL, _ZONED):
            if pc.match_substring_regex(first, pattern).as_py():
                break
        fits = pc.match_substring_regex(text, pattern)
        if not pc.all(fits, min_count=0).as_py():
            row = pc.index(fits, False).as_py()
            alike = "" if row == 0 else " of the form of the first"
            raise self.place.refused(row, self.header, f'"{text[row].as_py()[:64]}" is no time{alike}', _ISO_REMEDY)
        if pattern == _DATE:
            return self.from_dates(self.cast(text, pa.date32(), _ISO_REMEDY))
        if pattern == _ZONED:
            return self.cast(text, pa.timestamp("ns", "UTC"), _ISO_REMEDY)
        return self.zoned(self.cast(text, pa.timestamp("ns"), _ISO_REMEDY))

    def _one_by_one(self, text: pa.Array, form: str) -> pa.Array:
        """Parse by strptime, each distinct text once; Arrow's own takes the 30th of February for a date."""
        encoded = text.dictionary_encode()
        parsed = []
        for value in encoded.dictionary.to_pylist():
            try:
                parsed.append(datetime.strptime(value, form))  # noqa: DTZ007 - the zone is the caller's to add
            except ValueError as error:
                row = pc.index(text, value).as_py()
                what = f'"{value[:64]}" is not of the form {form}'
                raise self.place.refused(row, self.header, what, "correct it, or give the time format") from error
        zone = "UTC" if "%z" in form else None
        return pa.array(parsed, pa.timestamp("us", zone)).take(encoded.indices)

    def cast(self, values: pa.Array, kind: pa.DataType, remedy: str) -> pa.Array:
        return self._checked(values, lambda part: part.cast(kind), remedy)

    def _checked(self, values: pa.Array, convert: Callable[[pa.Array], pa.Array], remedy: str) -> pa.Array:
        try:
            return convert(values)
        except pa.ArrowException as error:
            row = _first_failing(values, convert)
            what = f'"{_shown(values[row])}" is no time that can be used'
            raise self.place.refused(row, self.header, what, remedy) from error


def close_times(column: pa.Array, header: str, place: Place, options: ImportOptions) -> NDArray[np.int64]:
    """Return when each bar closed, int64 nanoseconds since the Unix epoch. Raises DataRefused naming the first fault.

    ``column`` holds text, dates, timestamps (with a zone, or local to ``options.time_zone``), or integers where
    ``options.time_format`` is one of the epochs. Raises InvalidSpecification for a zone that there is not.
    """
    _check_zone(options.time_zone)
    if column.null_count:
        row = pc.index(column.is_null(), True).as_py()
        raise place.refused(row, header, "has no time", "fill it or leave the row out")
    reader, kind = _Reader(header, place, options), column.type
    if pa.types.is_date(kind):
        instants = reader.from_dates(column)
    elif pa.types.is_timestamp(kind):
        instants = reader.zoned(column) if kind.tz is None else column
    elif pa.types.is_integer(kind) and options.time_format in EPOCHS:
        instants = reader.from_epoch(column.cast(pa.int64()), EPOCHS[options.time_format])
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind):
        instants = reader.from_text(column.cast(pa.string()))
    else:
        raise place.refused(0, header, f"is of type {kind}", "store times as timestamp, date or text")
    nanoseconds = reader.cast(instants, pa.timestamp("ns", "UTC"), "give times from 1678 to 2261")
    return np.asarray(nanoseconds.cast(pa.int64()), dtype=np.int64)


def _check_zone(zone: str) -> None:
    try:
        pc.assume_timezone(pa.array([0], pa.timestamp("ns")), zone, ambiguous="earliest", nonexistent="earliest")
    except pa.ArrowException as error:
        raise InvalidSpecification(
            f"there is no time zone {zone[:64]!r}; give its IANA name, such as America/New_York"
        ) from error


def _shown(time: pa.Scalar) -> str:
    try:
        return str(time.as_py())
    except (OverflowError, ValueError):  # it is further from 1970 than Python's own times go
        return f"{time.value} {time.type}"


def _first_failing(values: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> int:
    """Return the first row that cannot be converted, by bisection: Arrow says that one fails, not which."""
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(values.slice(low, middle - low))
        except pa.ArrowException:
            high = middle
        else:
            low = middle
    return low
