"""Tapes: what a market published about an instrument, in the order a recorder received it, as columns.

A tape in a store is two parts of planes of bytes, one of its rows and one of the messages they came in
(docs/formats/tape.md), decoded by the Rust core, which refuses whatever is not the one encoding of what it decodes to.
Batches are hashed and decoded one after the other while they are in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from tradeplane_api.snapshot_manifest import SnapshotInstrument, TapeColumn, TapeDescription
from tradeplane_store.records import TableHasher

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.manifests import find_difference
from tradeplane_workloads.market.instruments import TapeInstrument, decimal_text, exponent_of
from tradeplane_workloads.market.tape_parts import PartFault, PartReader, StoredPart

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from tradeplane_api.snapshot_manifest import Recording

    Signed = NDArray[np.int64]
    Columns = tuple[
        NDArray[np.uint64], Signed, Signed, NDArray[np.uint8], NDArray[np.uint8], Signed, Signed, NDArray[np.uint64]
    ]

TRADE, GAP = 3, 9
"""The kinds of rows that are a trade, and that say that messages were lost before them."""
EVENT = "event"
"""The plane that holds kind and side of each row, and whether it begins a message."""
OF_MESSAGES = ("sequence", "exchange_time", "local_time")
"""The columns that rows of one message share: they are stored once a message."""
OF_ROWS = ("price", "quantity", "order")
"""The other columns, in their order; the last only of tapes with rows about orders."""


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

    def columns(self) -> tuple[NDArray[np.integer], ...]:
        """Return the columns in their order."""
        return tuple(getattr(self, field.name) for field in fields(self)[2:])


@dataclass(frozen=True, slots=True)
class EncodedTape:
    """A tape as it is stored: the planes of its rows and of its messages, and what the manifest says of it."""

    instrument: SnapshotInstrument
    rows: pa.Table
    messages: pa.Table


def encode(tape: Tape) -> EncodedTape:
    """Return a tape as it is stored. Raises DataRefused where its columns are no tape, naming the row."""
    try:
        import tradeplane_native  # only here: what reads bars must not need the core for it

        messages, event, rows = tradeplane_native.encode_tape(tape)
    except ValueError as error:
        raise DataRefused(f"the tape of {tape.instrument.symbol}: {error}; correct the rows") from error
    stored = [*messages, *rows]
    columns = tuple(TapeColumn(name=name, first=str(first), unit=str(unit)) for name, first, unit, _ in stored)
    return EncodedTape(_described(tape, columns), pa.table({EVENT: event} | _planes(rows)), pa.table(_planes(messages)))


def decode(instrument: SnapshotInstrument, rows: StoredPart, messages: StoredPart) -> Tape:
    """Return the tape of two parts. Raises PartFault for a part that is not what manifest and digest say."""
    described = _description(instrument)
    names = tuple(column.name for column in described.columns)
    if names not in ((*OF_MESSAGES, *OF_ROWS), (*OF_MESSAGES, *OF_ROWS[:-1])):
        raise PartFault(rows.part.name, f"the manifest states the columns {', '.join(names)}, not those of a tape")
    of_rows, of_messages = PartReader(rows), PartReader(messages)
    widths = _widths(messages, of_messages.names, names[: len(OF_MESSAGES)])
    widths |= _widths(rows, of_rows.names, names[len(OF_MESSAGES) :], EVENT)
    stated = [(int(column.first), int(column.unit), widths[column.name]) for column in described.columns]
    columns = room(rows.part.rows, orders=names[-1] == OF_ROWS[-1])
    import tradeplane_native

    try:
        decoder = tradeplane_native.TapeDecoder(rows.part.rows, messages.part.rows, stated)
    except ValueError as error:
        raise PartFault(rows.part.name, str(error)) from error
    _feed(messages, of_messages, lambda planes, _: decoder.push_messages(planes), decoder.end_messages)
    _feed(rows, of_rows, lambda planes, part: decoder.push(planes, *_slices(columns, part)), decoder.finish)
    return Tape(instrument_of(instrument), described.recording, *columns)


def room(rows: int, *, orders: bool) -> Columns:
    """Return columns for rows that come, of one piece of memory; without ``orders``, their column has shape (0,).

    NumPy asks for its memory in large pages, of which a piece for each column would have fewer, and what is made in
    Rust none: to be given small ones by the kernel would take longer than all that is done with them. Of what is not
    written the kernel gives nothing.
    """
    wide = (5 + orders) * rows
    memory = np.empty(wide + -(-rows // 4), np.int64)
    exchange_time, local_time, price, quantity = memory[: 4 * rows].reshape(4, rows)
    unsigned, small = memory[4 * rows : wide].view(np.uint64), memory[wide:].view(np.uint8)
    kind, side = small[:rows], small[rows : 2 * rows]
    return unsigned[:rows], exchange_time, local_time, kind, side, price, quantity, unsigned[rows:]


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


def _planes(stored: list[tuple[str, int, int, list[NDArray[np.uint8]]]]) -> dict[str, NDArray[np.uint8]]:
    return {f"{name}_{index}": plane for name, _, _, planes in stored for index, plane in enumerate(planes)}


def _widths(stored: StoredPart, planes: list[str], columns: tuple[str, ...], *first: str) -> dict[str, int]:
    """Return how many planes each column has. Raises PartFault for planes that are not those of the columns."""
    widths = {name: sum(plane.rpartition("_")[0] == name for plane in planes) for name in columns}
    if planes != [*first, *(f"{name}_{index}" for name in columns for index in range(widths[name]))]:
        found, named = ", ".join(planes), ", ".join(columns)
        raise PartFault(stored.part.name, f"the columns {found} are not the planes of {named}")
    return widths


def _feed(
    stored: StoredPart,
    reader: PartReader,
    push: Callable[[list[NDArray[np.uint8]], slice], None],
    finish: Callable[[], None],
) -> None:
    """Decode a part. All of it is hashed before what it decodes to is believed, or found impossible."""
    hasher = TableHasher(reader.schema)
    fault: ValueError | None = None
    for rows, planes in reader.batches():
        hasher.add_block(planes)
        try:
            if fault is None:
                push([_plane(column) for column in planes], rows)
        except ValueError as error:
            fault = error
    difference = find_difference(*hasher.digests(), stored.part)
    if difference is not None:
        raise PartFault(stored.part.name, f"it {difference}")
    try:
        if fault is not None:
            raise fault
        finish()
    except ValueError as error:
        raise PartFault(stored.part.name, str(error)) from error


def _slices(columns: Columns, part: slice) -> Columns:
    sequence, exchange_time, local_time, kind, side, price, quantity, order = columns
    times = sequence[part], exchange_time[part], local_time[part]
    return *times, kind[part], side[part], price[part], quantity[part], order[part]


def _plane(column: pa.Array) -> NDArray[np.uint8]:
    plane = np.frombuffer(column.buffers()[1] or b"", np.uint8)
    return plane[column.offset : column.offset + len(column)]
