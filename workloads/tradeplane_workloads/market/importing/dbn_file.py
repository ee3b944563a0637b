"""Files of DBN, Databento's encoding: records of one schema, plain or compressed by zstd, and whose they are.

Records of one schema have one size, so a file is an array of them; the metadata before it say which schema, and which
instrument has which number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from tradeplane_api.snapshot_manifest import MAX_INSTRUMENTS, SnapshotSource
from tradeplane_store.canonical import sha256_digest

from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.market.series import MAX_INTEGER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Records = NDArray[np.void]

_HEAD = [("length", "u1"), ("rtype", "u1"), ("publisher_id", "<u2"), ("instrument_id", "<u4"), ("ts_event", "<u8")]
_TRADE = [*_HEAD, ("price", "<i8"), ("size", "<u4"), ("action", "u1"), ("side", "u1"), ("flags", "u1"), ("depth", "u1")]
_TAIL = [("ts_recv", "<u8"), ("ts_in_delta", "<i4"), ("sequence", "<u4")]
_TOUCH = [
    ("bid_px", "<i8"),
    ("ask_px", "<i8"),
    ("bid_sz", "<u4"),
    ("ask_sz", "<u4"),
    ("bid_ct", "<u4"),
    ("ask_ct", "<u4"),
]
_ORDER = [("order_id", "<u8"), ("price", "<i8"), ("size", "<u4"), ("flags", "u1"), ("channel_id", "u1")]
_BAR = np.dtype([*_HEAD, ("open", "<i8"), ("high", "<i8"), ("low", "<i8"), ("close", "<i8"), ("volume", "<u8")])
TAPES: Mapping[str, tuple[int, np.dtype[np.void]]] = {
    "mbo": (160, np.dtype([*_HEAD, *_ORDER, ("action", "u1"), ("side", "u1"), *_TAIL])),
    "mbp-1": (1, np.dtype([*_TRADE, *_TAIL, *_TOUCH])),
    "mbp-10": (10, np.dtype([*_TRADE, *_TAIL, ("levels", np.dtype(_TOUCH), (10,))])),
    "tbbo": (1, np.dtype([*_TRADE, *_TAIL, *_TOUCH])),
    "trades": (0, np.dtype([*_TRADE, *_TAIL])),
}
"""Of each schema that becomes a tape, the type of its records and their fields."""
BARS: Mapping[str, tuple[int, np.dtype[np.void]]] = {
    "ohlcv-1s": (32, _BAR),
    "ohlcv-1m": (33, _BAR),
    "ohlcv-1h": (34, _BAR),
    "ohlcv-1d": (35, _BAR),
}
"""The same of each schema that becomes bars."""
PRICE_PLACES = 9
"""Decimal places of every price."""
UNDEFINED = np.iinfo(np.int64).max
"""A price that there is none."""
_PIECE = 1 << 24
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class DbnFile:
    """The records of a file, and symbol and number of each instrument it has, by symbol."""

    name: str
    schema: str
    records: Records
    symbols: tuple[tuple[str, int], ...]
    source: SnapshotSource


def read_dbn(name: str, data: bytes, schemas: Mapping[str, tuple[int, np.dtype[np.void]]], limit: int) -> DbnFile:
    """Read a file of one of some schemas that expands to at most ``limit`` bytes.

    Raises DataRefused naming file, record and remedy, and InvalidSpecification where Databento's package is missing.
    """
    plain = _expanded(name, data, limit)
    metadata, start = _metadata(name, plain)
    schema = str(metadata.schema)
    if schema not in schemas:
        other = "bars" if schema in BARS else "dbn" if schema in TAPES else None
        remedy = f"give a file of one of {', '.join(schemas)}" if other is None else f"import it with --format {other}"
        raise DataRefused(f"{name} has the schema {schema}; {remedy}")
    records = _records(name, schema, schemas[schema], plain, start)
    source = SnapshotSource(name=name, format=f"dbn {schema}", digest=sha256_digest(data))
    return DbnFile(name, schema, records, tuple(_symbols(name, metadata, records)), source)


def _expanded(name: str, data: bytes, limit: int) -> bytes:
    if not data.startswith(_ZSTD):
        return data
    stream, plain = pa.CompressedInputStream(pa.BufferReader(data), "zstd"), bytearray()
    try:
        while piece := stream.read(_PIECE):
            plain += piece
            if len(plain) > limit:
                raise DataRefused(f"{name} expands to more than {limit} bytes; split it, or raise the limit")
    except OSError as error:
        raise DataRefused(f"{name} cannot be expanded: {error}; it was cut short or damaged: copy it again") from error
    return bytes(plain)


def _metadata(name: str, data: bytes) -> tuple[Any, int]:
    """Return what stands before the records, and where those begin."""
    try:
        from databento_dbn import DBNError, Metadata
    except ImportError as error:
        raise InvalidSpecification(
            "reading DBN needs the package databento-dbn; install tradeplane-workloads[dbn]"
        ) from error
    start = 8 + int.from_bytes(data[4:8], "little")
    if not data.startswith(b"DBN") or start > len(data):
        raise DataRefused(f"{name} does not begin with the metadata of a DBN file; give a .dbn or .dbn.zst file, whole")
    try:
        return Metadata.decode(data[:start]), start
    except (DBNError, ValueError) as error:
        raise DataRefused(f"{name}: its metadata cannot be read: {error}; download the file again") from error


def _records(name: str, schema: str, form: tuple[int, np.dtype[np.void]], data: bytes, start: int) -> Records:
    kind, layout = form
    rest = (len(data) - start) % layout.itemsize
    if rest:
        raise DataRefused(f"{name} ends within a record, {rest} bytes after its begin; copy the file again, whole")
    records = np.frombuffer(data, layout, offset=start)
    other = (records["rtype"] != kind) | (records["length"] != layout.itemsize // 4)
    if other.any():
        raise DataRefused(
            f"{name}, record {int(np.argmax(other)) + 1}: is no record of {schema}; give a file of one schema, without "
            "send timestamps"
        )
    for field in [name for name in ("ts_event", "ts_recv") if name in (layout.names or ())]:
        wrong = records[field] >= MAX_INTEGER
        if wrong.any():
            raise DataRefused(
                f"{name}, record {int(np.argmax(wrong)) + 1}: has no {field} that can be used; leave it out"
            )
    return records


def _symbols(name: str, metadata: Any, records: Records) -> list[tuple[str, int]]:
    """Return the instruments of the records, by symbol. Raises DataRefused where a number or a symbol is of two."""
    named: dict[int, set[str]] = {}
    for symbol, intervals in metadata.mappings.items():
        for interval in intervals:
            if interval["symbol"].isdecimal():
                named.setdefault(int(interval["symbol"]), set()).add(symbol)
    numbers = np.unique(records["instrument_id"]).tolist()
    if len(numbers) > MAX_INSTRUMENTS:
        raise DataRefused(
            f"{name} has {len(numbers)} instruments, more than the {MAX_INSTRUMENTS} of a snapshot; split it"
        )
    symbols = []
    for number in numbers:
        names = sorted(named.get(number, {str(number)}))
        if len(names) > 1:
            raise DataRefused(f"{name}: the instrument {number} is {' and '.join(names)}; give a file of one of them")
        symbols.append((names[0], number))
    return sorted(symbols)
