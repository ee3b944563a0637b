"""Tapes from DBN, Databento's encoding: schemas mbo, mbp-1, tbbo and trades, plain or compressed by zstd.

Records of one schema have one size, so a file is an array of them; the metadata before it say which schema, and which
instrument has which number. See docs/formats/dbn.md for what becomes of each record.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from tradeplane_api.snapshot import MAX_INSTRUMENTS, InstrumentKind, Recording, SnapshotSource
from tradeplane_store.canonical import sha256_digest

from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.market.importing.recordings import Found, ImportedTapes, to_tape
from tradeplane_workloads.market.importing.source import read_limited
from tradeplane_workloads.market.importing.tape_options import TapeOptions
from tradeplane_workloads.market.series import MAX_INTEGER
from tradeplane_workloads.market.tapes import Tape, TapeInstrument

if TYPE_CHECKING:
    from pathlib import Path

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
_LAYOUTS = {
    "mbo": (160, np.dtype([*_HEAD, *_ORDER, ("action", "u1"), ("side", "u1"), *_TAIL])),
    "mbp-1": (1, np.dtype([*_TRADE, *_TAIL, *_TOUCH])),
    "tbbo": (1, np.dtype([*_TRADE, *_TAIL, *_TOUCH])),
    "trades": (0, np.dtype([*_TRADE, *_TAIL])),
}
"""Of each schema, the type of its records and their fields."""
_PIECE = 1 << 24
_ZSTD = b"\x28\xb5\x2f\xfd"
_UNDEFINED = np.iinfo(np.int64).max
_PRICE_PLACES = 9
_MAYBE_BAD_BOOK = 4
_CLEAR, _TRADE_KIND, _QUOTE, _EXECUTE, _GAP = 0, 3, 4, 8, 9
_KINDS = {ord("R"): _CLEAR, ord("T"): _TRADE_KIND, ord("A"): 5, ord("M"): 6, ord("C"): 7, ord("F"): _EXECUTE}
_SIDES = np.zeros(256, np.uint8)
_SIDES[[ord("B"), ord("A")]] = 1, 2


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that records give: of which record each is, and its columns; ``slot`` orders the rows of one record."""

    record: NDArray[np.intp]
    slot: int
    kind: NDArray[np.uint8]
    side: NDArray[np.uint8]
    price: NDArray[np.int64]
    quantity: NDArray[np.int64]


def import_dbn(path: Path, options: TapeOptions | None = None) -> ImportedTapes:
    """Read a ``.dbn`` or ``.dbn.zst`` file. Raises DataRefused naming file, record and remedy."""
    chosen = options or TapeOptions()
    data = read_limited(path, chosen.max_bytes)
    name = path.name
    plain = _expanded(name, data, chosen.max_expanded_bytes)
    metadata, start = _metadata(name, plain)
    schema = str(metadata.schema)
    records = _records(name, schema, plain, start)
    symbols = _symbols(name, metadata, records)
    source = SnapshotSource(name=name, format=f"dbn {schema}", digest=sha256_digest(data))
    tapes, others = [], 0
    for symbol, number in symbols:
        of_it = np.flatnonzero(records["instrument_id"] == number)
        rows = _rows_of(schema, records[of_it])
        if not len(rows.record):
            others += len(of_it)
            continue
        tapes.append(_tape(name, symbol, (records, of_it, schema), rows, chosen))
    if not tapes:
        raise DataRefused(f"{name} has no record that a tape holds; give a file with trades, quotes or orders")
    return ImportedTapes(tuple(tapes), source, others)


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


def _records(name: str, schema: str, data: bytes, start: int) -> Records:
    if schema not in _LAYOUTS:
        raise DataRefused(f"{name} has the schema {schema}; give a file of one of {', '.join(_LAYOUTS)}")
    kind, layout = _LAYOUTS[schema]
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
    for field in ("ts_event", "ts_recv"):
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


def _rows_of(schema: str, records: Records) -> _Rows:
    pieces = _order_rows(records) if schema == "mbo" else _touch_rows(schema, records)
    bad = records["flags"] & _MAYBE_BAD_BOOK != 0
    begin = np.flatnonzero(bad & ~np.concatenate([[False], bad[:-1]]))
    gap = np.full(len(begin), _GAP, np.uint8)
    pieces.append(_Rows(begin, 0, gap, gap * 0, np.ones(len(begin), np.int64), np.zeros(len(begin), np.int64)))
    order = np.lexsort(
        (
            np.concatenate([np.full(len(piece.record), piece.slot) for piece in pieces]),
            np.concatenate([piece.record for piece in pieces]),
        )
    )

    def joined(field: str) -> NDArray[Any]:
        return np.concatenate([getattr(piece, field) for piece in pieces])[order]

    return _Rows(joined("record"), 0, joined("kind"), joined("side"), joined("price"), joined("quantity"))


def _order_rows(records: Records) -> list[_Rows]:
    """Give a row for each action on an order; the cancel that follows a fill of the same is part of the fill."""
    kinds = np.full(256, _GAP, np.uint8)
    kinds[list(_KINDS)] = list(_KINDS.values())
    kind = kinds[records["action"]]
    after = np.lexsort((np.arange(len(records)), records["sequence"], records["order_id"]))
    before, this = records[after[:-1]], records[after[1:]]
    same = (before["order_id"] == this["order_id"]) & (before["sequence"] == this["sequence"])
    filled = same & (before["action"] == ord("F")) & (this["action"] == ord("C")) & (before["size"] == this["size"])
    kept = kind != _GAP
    kept[after[1:][filled]] = False
    return [_rows(np.flatnonzero(kept), 1, kind, records["side"], records["price"], records["size"])]


def _touch_rows(schema: str, records: Records) -> list[_Rows]:
    """Give a row for each trade, and before it, where the schema has them, the best bid and ask."""
    trades = np.flatnonzero(records["action"] == ord("T"))
    kind = np.full(len(records), _TRADE_KIND, np.uint8)
    pieces = [_rows(trades, 3, kind, records["side"], records["price"], records["size"])]
    if schema != "trades":
        every = np.arange(len(records))
        for slot, (side, letter) in enumerate((("bid", "B"), ("ask", "A")), 1):
            letters = np.full(len(records), ord(letter), np.uint8)
            price, size = records[f"{side}_px"], records[f"{side}_sz"]
            pieces.append(_rows(every, slot, kind * 0 + _QUOTE, letters, price, np.where(price == _UNDEFINED, 0, size)))
    return pieces


def _rows(
    record: NDArray[np.intp],
    slot: int,
    kind: NDArray[np.uint8],
    side: NDArray[np.uint8],
    price: NDArray[np.int64],
    size: NDArray[Any],
) -> _Rows:
    prices = np.where(price == _UNDEFINED, 0, price)[record]
    return _Rows(record, slot, kind[record], _SIDES[side[record]], prices, size[record].astype(np.int64))


def _tape(
    name: str, symbol: str, found: tuple[Records, NDArray[np.intp], str], rows: _Rows, options: TapeOptions
) -> Tape:
    records, of_it, schema = found
    own = of_it[rows.record]
    places = _places(rows.price[rows.kind != _GAP])
    price = np.where(rows.kind == _GAP, rows.price, rows.price // 10 ** (_PRICE_PLACES - places))
    instrument = TapeInstrument(
        symbol,
        tick=Decimal(1),
        lot=Decimal(1),
        currency=options.currency or "USD",
        kind=options.kind or InstrumentKind.SPOT,
        contract_size=options.contract_size or Decimal(1),
    )
    tape = Tape(
        instrument,
        Recording(messages=0),
        sequence=(own + 1).astype(np.uint64),
        exchange_time=records["ts_event"][own].astype(np.int64),
        local_time=records["ts_recv"][own].astype(np.int64),
        kind=rows.kind,
        side=rows.side,
        price=price,
        quantity=rows.quantity,
        order=records["order_id"][own].astype(np.uint64) if schema == "mbo" else np.zeros(0, np.uint64),
    )
    left_out = len(of_it) - len(np.unique(rows.record))
    return to_tape(Found(tape, places, 0, left_out, name, "record"), options)


def _places(prices: NDArray[np.int64]) -> int:
    """Return how many decimal places prices in billionths need."""
    common = int(np.gcd.reduce(prices, initial=0)) or 10**_PRICE_PLACES
    places = _PRICE_PLACES
    while places and common % 10 == 0:
        common, places = common // 10, places - 1
    return places
