"""What an Arrow file states of its batches, read before Arrow believes it: where they are, and what they expand to.

What metadata say of sizes Arrow takes for true, and makes room for. Metadata whose offsets lead nowhere raise one of
``MALFORMED``, here as there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from flatbuffers import encode, number_types, packer
from flatbuffers.table import Table

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

MALFORMED = (TypeError, ValueError, IndexError, struct.error)
"""What reading numbers raises where offsets lead outside the bytes there are."""
_TAIL = 10
"""Bytes at the end of an Arrow file: the length of the footer, and six letters."""
_HEADER, _LENGTH, _NODES, _BUFFERS, _COMPRESSION, _BATCHES = 8, 4, 6, 8, 10, 10
"""Places of fields in the tables of Arrow's Message, RecordBatch (four) and Footer, as its Message.fbs numbers them."""
_BLOCK = np.dtype([("offset", "<i8"), ("metadata", "<i4"), ("padding", "<i4"), ("body", "<i8")])
_SIZE = 8
"""Bytes before a compressed buffer that state its size."""
_AS_IT_IS = -1
"""The size that a buffer states which is not compressed though the others are."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What the metadata of a batch state: rows, how many values of each column are null, and where its buffers are."""

    rows: int
    nulls: list[int]
    buffers: list[list[int]]
    compressed: bool

    @classmethod
    def of(cls, message: pa.ipc.Message) -> Stated:
        """Read the metadata of a message. Raises one of ``MALFORMED``."""
        metadata = memoryview(message.metadata)
        record = Table(metadata, 0)
        root = Table(metadata, encode.Get(packer.uoffset, metadata, 0))
        root.Union(record, root.Offset(_HEADER))
        length = record.Offset(_LENGTH)
        return cls(
            rows=int(record.Get(number_types.Int64Flags, record.Pos + length)) if length else 0,
            nulls=[nulls for _, nulls in _pairs(record, _NODES)],
            buffers=_pairs(record, _BUFFERS),
            compressed=record.Offset(_COMPRESSION) != 0,
        )

    def sizes(self, body: pa.Buffer) -> list[int]:
        """Return how many bytes each of the buffers in a message's body states to expand to."""
        return [_expanded(body, place) if self.compressed else place[1] for place in self.buffers]


def _pairs(table: Table, field: int) -> list[list[int]]:
    """Return a vector of pairs of integers."""
    place = table.Offset(field)
    if not place:
        return []
    pairs = np.frombuffer(table.Bytes, "<i8", 2 * table.VectorLen(place), table.Vector(place))
    listed: list[list[int]] = pairs.reshape(-1, 2).tolist()
    return listed


def _expanded(body: pa.Buffer, place: list[int]) -> int:
    """Return how many bytes a buffer of a compressed batch states to expand to."""
    offset, length = place
    if length < _SIZE:
        return length
    size = int.from_bytes(memoryview(body)[offset : offset + _SIZE], "little", signed=True)
    return length - _SIZE if size == _AS_IT_IS else size


def blocks(data: pa.Buffer) -> NDArray[np.void]:
    """Return where the batches of an Arrow file lie, from its footer. Raises one of ``MALFORMED``."""
    view = memoryview(data)
    length = int.from_bytes(view[-_TAIL:][:4], "little")
    footer = view[-_TAIL - length : -_TAIL]
    table = Table(footer, encode.Get(packer.uoffset, footer, 0))
    place = table.Offset(_BATCHES)
    if not place:
        return np.zeros(0, _BLOCK)
    return np.frombuffer(footer, _BLOCK, table.VectorLen(place), table.Vector(place))
