"""Parts of a tape as they lie in a store: planes of bytes in Arrow files, read within bounds.

A number that a file states is no reason to take memory. How many batches a part has, how many rows each of them and how
many bytes each plane follow from what its manifest says, so they are compared with what the file states before Arrow,
which believes it, expands anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from flatbuffers import encode as flat_encode
from flatbuffers import number_types, packer
from flatbuffers.table import Table
from tradeplane_store.records import BLOCK_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from tradeplane_api.run import Part

COMPRESSION = "lz4"
"""Enters no digest. What zstd saves beside it, a quarter, costs more time to expand than all else that reading does."""
MAX_ROWS = 500_000_000
"""Rows of a part above which it is refused: they are held in memory."""
_TAIL = 10
"""Bytes at the end of an Arrow file: the length of the footer, and six letters."""
_HEADER, _LENGTH, _NODES, _BUFFERS, _COMPRESSION, _BATCHES = 8, 4, 6, 8, 10, 10
"""Places of fields in the tables of Arrow's Message, RecordBatch (four) and Footer, as its Message.fbs numbers them."""
_BLOCK = np.dtype([("offset", "<i8"), ("metadata", "<i4"), ("padding", "<i4"), ("body", "<i8")])
_ALIGNED = 64
"""Buffers are padded to multiples of at most so many bytes."""
_AS_IT_IS = -1
"""The size that a buffer states which is not compressed though the others are."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part as the manifest states it, and its bytes."""

    part: Part
    data: bytes | memoryview | pa.Buffer


class PartFault(ValueError):
    """A part is not what manifest and digest say, or no tape is stored like this."""

    def __init__(self, part: str, what: str) -> None:
        super().__init__(what)
        self.part = part


def part_bytes(table: pa.Table) -> pa.Buffer:
    """Return planes as an Arrow IPC file, compressed, in batches of as many rows as a digest's block has."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=COMPRESSION, use_threads=False)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=BLOCK_ROWS)
    return sink.getvalue()


class PartReader:
    """The batches of a part, each found to expand to no more than it may before it is.

    Raises PartFault for bytes that are no Arrow file of planes, or not of as many rows as the manifest states.
    """

    def __init__(self, stored: StoredPart) -> None:
        self._part = stored.part
        self._data = pa.py_buffer(stored.data)
        if self._part.rows > MAX_ROWS:
            raise self._fault(f"it is stated to have {self._part.rows} rows, more than the {MAX_ROWS} that are read")
        try:
            self._reader = pa.ipc.open_file(self._data, options=pa.ipc.IpcReadOptions(use_threads=False))
        except (pa.ArrowException, OSError) as error:
            raise self._fault(f"not a whole Arrow file: {error}") from error
        self.schema: pa.Schema = self._reader.schema
        if any(field.type != pa.uint8() for field in self.schema):
            raise self._fault("its columns are not planes of bytes")
        self._blocks = _blocks(self._data)
        needed = -(-self._part.rows // BLOCK_ROWS)
        if len(self._blocks) != needed:
            raise self._fault(f"it has {len(self._blocks)} batches, not the {needed} of {self._part.rows} rows")

    def batches(self) -> Iterator[tuple[slice, list[pa.Array]]]:
        """Give the rows and the planes of each batch. Raises PartFault for one that is not as it has to be."""
        for index, block in enumerate(self._blocks):
            rows = slice(index * BLOCK_ROWS, min((index + 1) * BLOCK_ROWS, self._part.rows))
            try:
                fault = self._excess(block, rows.stop - rows.start)
                if fault is not None:
                    raise self._fault(f"batch {index} {fault}")
                yield rows, self._reader.get_batch(index).columns
            except (pa.ArrowException, OSError, EOFError) as error:
                raise self._fault(f"not a whole Arrow file: {error}") from error

    def _excess(self, block: np.void, rows: int) -> str | None:
        """Say in what a batch is more or other than it has to be, from what it states of itself."""
        offset, metadata, body = (int(block[field]) for field in ("offset", "metadata", "body"))
        if min(offset, metadata, body) < 0 or offset + metadata + body > self._data.size:
            return "does not lie within the file"
        message = pa.ipc.read_message(self._data.slice(offset, metadata + body))
        if message.type != "record batch":
            return "is no batch of records"
        stated = _Stated.of(message)
        if stated.rows != rows:
            return f"has {stated.rows} rows, not {rows}"
        if len(stated.buffers) != 2 * len(self.schema):
            return f"has {len(stated.buffers)} buffers, not the two of each of {len(self.schema)} columns"
        if any(stated.nulls):
            return "has a row without a value"
        limit = -(-rows // _ALIGNED) * _ALIGNED
        largest = max((_expanded(message.body, place, stated.compressed) for place in stated.buffers), default=0)
        return f"expands to {largest} bytes a column, not {rows}" if largest > limit else None

    def _fault(self, what: str) -> PartFault:
        return PartFault(self._part.name, what)


@dataclass(frozen=True, slots=True)
class _Stated:
    """What the metadata of a batch state: rows, how many values of each column are null, and where its buffers are."""

    rows: int
    nulls: list[int]
    buffers: list[list[int]]
    compressed: bool

    @classmethod
    def of(cls, message: pa.ipc.Message) -> _Stated:
        """Read metadata, which Arrow has found to be well formed."""
        metadata = memoryview(message.metadata)
        record = Table(metadata, 0)
        root = Table(metadata, flat_encode.Get(packer.uoffset, metadata, 0))
        root.Union(record, root.Offset(_HEADER))
        length = record.Offset(_LENGTH)
        return cls(
            rows=int(record.Get(number_types.Int64Flags, record.Pos + length)) if length else 0,
            nulls=[nulls for _, nulls in _pairs(record, _NODES)],
            buffers=_pairs(record, _BUFFERS),
            compressed=record.Offset(_COMPRESSION) != 0,
        )


def _pairs(table: Table, field: int) -> list[list[int]]:
    """Return a vector of pairs of integers."""
    place = table.Offset(field)
    if not place:
        return []
    pairs = np.frombuffer(table.Bytes, "<i8", 2 * table.VectorLen(place), table.Vector(place))
    listed: list[list[int]] = pairs.reshape(-1, 2).tolist()
    return listed


def _expanded(body: pa.Buffer, place: list[int], compressed: bool) -> int:
    """Return how many bytes a buffer states to expand to."""
    offset, length = place
    if not compressed or length < 8:
        return length
    size = int.from_bytes(memoryview(body)[offset : offset + 8], "little", signed=True)
    return length - 8 if size == _AS_IT_IS else size


def _blocks(data: pa.Buffer) -> NDArray[np.void]:
    """Return where the batches of an Arrow file lie, from its footer, which Arrow has found to be well formed."""
    view = memoryview(data)
    length = int.from_bytes(view[-_TAIL:][:4], "little")
    footer = view[-_TAIL - length : -_TAIL]
    table = Table(footer, flat_encode.Get(packer.uoffset, footer, 0))
    place = table.Offset(_BATCHES)
    if not place:
        return np.zeros(0, _BLOCK)
    return np.frombuffer(footer, _BLOCK, table.VectorLen(place), table.Vector(place))
