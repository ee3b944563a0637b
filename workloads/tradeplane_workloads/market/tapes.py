"""Tapes: what a market published about an instrument, in the order a recorder received it, as columns.

A tape in a store is planes of bytes (docs/formats/tape.md), decoded by the Rust core, which refuses whatever is not the
one encoding of what it decodes to. Batches are hashed and decoded one after the other while they are in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from tradeplane_api.snapshot import InstrumentKind, SnapshotInstrument, TapeColumn, TapeDescription
from tradeplane_store.records import BLOCK_ROWS, TableHasher

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.manifests import find_difference

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tradeplane_api.run import Part
    from tradeplane_api.snapshot import Recording
    from tradeplane_native import TapeDecoder

    Signed = NDArray[np.int64]
    Columns = tuple[
        NDArray[np.uint64], Signed, Signed, NDArray[np.uint8], NDArray[np.uint8], Signed, Signed, NDArray[np.uint64]
    ]

TRADE, GAP = 3, 9
"""The kinds of rows that are a trade, and that say that messages were lost before them."""
EVENT = "event"
"""The plane that holds kind and side of each row."""
STORED = ("sequence", "exchange_time", "local_time", "price", "quantity", "order")
"""The columns that are stored as planes, in their order; the last only of tapes with rows about orders."""
COMPRESSION_LEVEL = 1
"""Of zstd. Enters no digest; higher ones cost more time than they save room."""


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


@dataclass(frozen=True, slots=True)
class Tape:
    """The rows of an instrument's recording; all arrays have shape (rows,) and are C-contiguous.

    ``sequence``: uint64, number of the message in the whole recording, shared by the rows of one message, ascending.
    ``exchange_time``, ``local_time``: int64, nanoseconds since the Unix epoch by the venue's and the recorder's clock.
    ``kind``: uint8, 0 clear, 1 snapshot, 2 level, 3 trade, 4 quote, 5 add, 6 modify, 7 cancel, 8 execute, 9 gap.
    ``side``: uint8, 0 none, 1 bid, 2 ask; of a trade, who took. ``price``: int64, ticks. ``quantity``: int64, lots.
    ``order``: uint64, the order a row is about; of shape (0,) for a tape without such rows.
    """

    instrument: TapeInstrument
    recording: Recording
    sequence: NDArray[np.uint64]
    exchange_time: NDArray[np.int64]
    local_time: NDArray[np.int64]
    kind: NDArray[np.uint8]
    side: NDArray[np.uint8]
    price: NDArray[np.int64]
    quantity: NDArray[np.int64]
    order: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.sequence)

    def columns(self) -> tuple[NDArray[np.generic], ...]:
        """Return the columns in their order."""
        return tuple(getattr(self, field.name) for field in fields(self)[2:])


@dataclass(frozen=True, slots=True)
class EncodedTape:
    """A tape as it is stored: the table of planes, and what the manifest says of it."""

    instrument: SnapshotInstrument
    table: pa.Table


def encode(tape: Tape) -> EncodedTape:
    """Return a tape as it is stored. Raises DataRefused where its columns are no tape, naming the row."""
    try:
        import tradeplane_native  # only here: what reads bars must not need the core for it

        event, stored = tradeplane_native.encode_tape(tape)
    except ValueError as error:
        raise DataRefused(f"the tape of {tape.instrument.symbol}: {error}; correct the rows") from error
    planes = {EVENT: event}
    for name, _, _, each in stored:
        planes.update((f"{name}_{index}", plane) for index, plane in enumerate(each))
    columns = tuple(TapeColumn(name=name, first=str(first), unit=str(unit)) for name, first, unit, _ in stored)
    return EncodedTape(_described(tape, columns), pa.table(planes))


def part_bytes(table: pa.Table) -> pa.Buffer:
    """Return planes as an Arrow IPC file, compressed, in batches of as many rows as a digest's block has."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", COMPRESSION_LEVEL), use_threads=False)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=BLOCK_ROWS)
    return sink.getvalue()


def decode(instrument: SnapshotInstrument, part: Part, data: bytes | memoryview | pa.Buffer) -> Tape:
    """Return the tape of a part's bytes. Raises ValueError for bytes that are not what manifest and digest say."""
    try:
        reader = pa.ipc.open_file(pa.py_buffer(data), options=pa.ipc.IpcReadOptions(use_threads=False))
        columns = _read(reader, instrument, part)
    except (pa.ArrowException, OSError, TypeError) as error:
        raise ValueError(f"not a whole Arrow file: {error}") from error
    return Tape(instrument_of(instrument), _description(instrument).recording, *columns)


def instrument_of(stored: SnapshotInstrument) -> TapeInstrument:
    """Return the instrument of a tape as its manifest states it."""
    described = _description(stored)
    return TapeInstrument(
        symbol=stored.symbol,
        tick=Decimal(described.tick),
        lot=Decimal(described.lot),
        currency=stored.currency,
        kind=described.kind,
        contract_size=Decimal(described.contract_size),
    )


def decimal_text(number: Decimal) -> str:
    """Return a decimal in its one shortest form: "0.1", never "0.10" or "1e-1"."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def exponent_of(unit: Decimal) -> int:
    """Return the largest power of ten of which a unit is a whole multiple: 0.25 gives -2, 100 gives 2."""
    return int(unit.normalize().as_tuple().exponent)


def _described(tape: Tape, columns: tuple[TapeColumn, ...]) -> SnapshotInstrument:
    instrument = tape.instrument
    return SnapshotInstrument(
        symbol=instrument.symbol,
        currency=instrument.currency,
        price_exponent=exponent_of(instrument.tick),
        quantity_exponent=exponent_of(instrument.lot),
        tape=TapeDescription(
            kind=instrument.kind,
            tick=decimal_text(instrument.tick),
            lot=decimal_text(instrument.lot),
            contract_size=decimal_text(instrument.contract_size),
            columns=columns,
            recording=tape.recording,
        ),
    )


def _description(instrument: SnapshotInstrument) -> TapeDescription:
    if instrument.tape is None:
        raise ValueError(f"the manifest describes no tape of {instrument.symbol}")
    return instrument.tape


def _read(reader: pa.ipc.RecordBatchFileReader, instrument: SnapshotInstrument, part: Part) -> Columns:
    """Return the columns of a part. All of it is hashed before what it decodes to is believed, or found impossible."""
    hasher, decoder = TableHasher(reader.schema), _decoder(_description(instrument), part.rows, reader.schema)
    fault: ValueError | None = None
    for index in range(reader.num_record_batches):
        planes = reader.get_batch(index).columns
        hasher.add_block(planes)
        try:
            if fault is None:
                decoder.push([_plane(column) for column in planes])
        except ValueError as error:
            fault = error
    difference = find_difference(*hasher.digests(), part)
    if difference is not None:
        raise ValueError(f"it {difference}")
    if fault is not None:
        raise fault
    return decoder.finish()


def _decoder(described: TapeDescription, rows: int, schema: pa.Schema) -> TapeDecoder:
    """Return a decoder for planes in just the columns that the manifest states. Raises ValueError for others."""
    names = [column.name for column in described.columns]
    if tuple(names) != STORED[: len(names)]:
        raise ValueError(f"the manifest states the columns {', '.join(names)}, not those of a tape")
    widths = {name: sum(plane.rpartition("_")[0] == name for plane in schema.names) for name in names}
    expected = [EVENT, *(f"{name}_{index}" for name in names for index in range(widths[name]))]
    if schema.names != expected or any(field.type != pa.uint8() for field in schema):
        raise ValueError(f"the columns {', '.join(schema.names)} are not the planes of {', '.join(names)}")
    import tradeplane_native

    return tradeplane_native.TapeDecoder(
        rows, [(int(one.first), int(one.unit), widths[one.name]) for one in described.columns]
    )


def _plane(column: pa.Array) -> NDArray[np.uint8]:
    if column.null_count:
        raise ValueError("a plane has a row without a value")
    plane = np.frombuffer(column.buffers()[1] or b"", np.uint8)
    return plane[column.offset : column.offset + len(column)]
