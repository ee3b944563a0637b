"""From columns of a source to bars in ticks, by instrument: exact, adjusted where asked, and checked.

Adjustment multiplies open, high, low and close of a bar by adjusted close / close, in exact integer arithmetic, and
rounds each half to even to a tick. One factor for a bar and a rounding that keeps order leave
low <= open, close <= high true. Volume is not adjusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.bars import Instrument
from tradeplane_workloads.market.importing.decimals import decimal_column, needed_exponent, to_integers
from tradeplane_workloads.market.importing.options import SYMBOLS, is_symbol
from tradeplane_workloads.market.importing.times import close_times
from tradeplane_workloads.market.series import PRICE_COLUMNS, SCHEMA, BarSeries, find_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tradeplane_workloads.market.importing.options import ImportOptions
    from tradeplane_workloads.market.importing.source import SourceColumns

MAX_INSTRUMENTS = 4096
"""As many as a snapshot's manifest lists."""
FINEST_ADJUSTED = -4
"""Adjusted prices have at least four decimal places: the factor makes small prices of old bars."""


def to_series(source: SourceColumns, symbol: str, options: ImportOptions) -> tuple[BarSeries, ...]:
    """Return the bars of each instrument of a source, by symbol. Raises DataRefused naming the first fault.

    All instruments of one source have the same exponents: the finest that any of its prices needs.
    """
    times = close_times(source.columns["time"], source.headers["time"], source.place, options)
    prices, price_exponent = _prices(source, options)
    volume, quantity_exponent = _volume(source, options)
    values = {"time_ns": times, **prices, "volume": volume}
    series = []
    for name, rows in by_symbol(source, symbol):
        instrument = Instrument(name, options.currency, price_exponent, quantity_exponent)
        table = pa.table([values[column][rows] for column in SCHEMA.names], schema=SCHEMA)
        fault = find_fault(table)
        if fault is not None:
            row, header = int(rows[fault.row]), source.headers[fault.column]
            raise source.place.refused(row, header, fault.what, fault.remedy)
        series.append(BarSeries(instrument, table))
    return tuple(series)


def _prices(source: SourceColumns, options: ImportOptions) -> tuple[dict[str, NDArray[np.int64]], int]:
    place = source.place
    names = [*PRICE_COLUMNS, *(["adjusted"] if options.adjust and "adjusted" in source.columns else [])]
    decimals = {name: decimal_column(source.columns[name], source.headers[name], place) for name in names}
    exponent = options.price_exponent
    if exponent is None:
        exponent = needed_exponent(list(decimals.values()), place, "price exponent")
    prices = {name: to_integers(column, exponent, place) for name, column in decimals.items()}
    if "adjusted" in prices and (prices["adjusted"] != prices["close"]).any():
        if options.price_exponent is None and exponent > FINEST_ADJUSTED:
            exponent = FINEST_ADJUSTED
            prices = {name: to_integers(column, exponent, place) for name, column in decimals.items()}
        prices = _adjusted(prices, source)
    return {name: prices[name] for name in PRICE_COLUMNS}, exponent


def _volume(source: SourceColumns, options: ImportOptions) -> tuple[NDArray[np.int64], int]:
    column = decimal_column(source.columns["volume"], source.headers["volume"], source.place)
    exponent = options.quantity_exponent
    if exponent is None:
        exponent = needed_exponent([column], source.place, "quantity exponent")
    return to_integers(column, exponent, source.place), exponent


def _adjusted(prices: dict[str, NDArray[np.int64]], source: SourceColumns) -> dict[str, NDArray[np.int64]]:
    for name in ("close", "adjusted"):
        wrong = prices[name] <= 0
        if wrong.any():
            row = int(np.argmax(wrong))
            raise source.place.refused(row, source.headers[name], "is not above zero", "correct the price")
    changed = np.flatnonzero(prices["adjusted"] != prices["close"])
    above, below = prices["adjusted"][changed].tolist(), prices["close"][changed].tolist()
    result = dict(prices)
    for name in PRICE_COLUMNS:
        column = prices[name].copy()
        ticks = column[changed].tolist()
        column[changed] = [_quotient(tick * up, down) for tick, up, down in zip(ticks, above, below, strict=True)]
        result[name] = column
    return result


def _quotient(numerator: int, denominator: int) -> int:
    """Divide integers (denominator above zero), half to even."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return whole + (twice > denominator or (twice == denominator and whole % 2 == 1))


def by_symbol(source: SourceColumns, symbol: str) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield each symbol, in order, and the rows that are its, in the order of the file.

    Raises DataRefused for a symbol that is none, and for more than a snapshot can hold.
    """
    if "symbol" not in source.columns:
        if not is_symbol(symbol):
            raise DataRefused(
                f"{source.place.name} names no symbol, and {symbol[:64]!r} is none; give its symbol, {SYMBOLS}"
            )
        yield symbol, np.arange(len(source.columns["time"]))
        return
    header = source.headers["symbol"]
    encoded = source.columns["symbol"].cast(pa.string()).fill_null("").dictionary_encode()
    names, codes = encoded.dictionary.to_pylist(), np.asarray(encoded.indices)
    for code, name in enumerate(names):
        if not is_symbol(name):
            row = int(np.argmax(codes == code))
            raise source.place.refused(row, header, f"{name[:64]!r} is no symbol", f"give {SYMBOLS}")
    if len(names) > MAX_INSTRUMENTS:
        raise DataRefused(
            f"{source.place.name} has {len(names)} symbols, more than the {MAX_INSTRUMENTS} of a snapshot; split it"
        )
    rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    yield from sorted(zip(names, rows, strict=True), key=lambda pair: str(pair[0]))
