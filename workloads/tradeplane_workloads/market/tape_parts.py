"""Parts of a tape as they lie in a store: planes of bytes in Arrow files, read within bounds.

A number that a file states is no reason to take memory. How many batches a part has, how many rows each of them and how
many bytes each plane follow from what its manifest says, so they are compared with what the file states before Arrow,
which believes it, expands anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from tradeplane_store.records import BLOCK_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from tradeplane_api.run import Part

COMPRESSION = "lz4"
"""Enters no digest. zstd makes a quarter less of the bytes, and takes three times as long to expand them."""
MAX_ROWS = 500_000_000
"""Rows of a part above which it is refused: they are held in memory."""
_ALIGNED = 64
"""Buffers are padded to multiples of at most so many bytes."""


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
        from tradeplane_store import arrow_metadata  # only here: what reads bars has no use for it

        self._metadata = arrow_metadata
        self._part = stored.part
        self._data = pa.py_buffer(stored.data)
        if self._part.rows > MAX_ROWS:
            raise self._fault(f"it is stated to have {self._part.rows} rows, more than the {MAX_ROWS} that are read")
        try:
            self._reader = pa.ipc.open_file(self._data, options=pa.ipc.IpcReadOptions(use_threads=False))
            self.schema: pa.Schema = self._reader.schema
            self.names: list[str] = self.schema.names
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._fault(f"not a whole Arrow file: {error}") from error
        if any(field.type != pa.uint8() for field in self.schema):
            raise self._fault("its columns are not planes of bytes")
        try:
            self._blocks = arrow_metadata.blocks(self._data)
        except arrow_metadata.MALFORMED as error:
            raise self._fault(f"not a whole Arrow file: its footer leads nowhere ({error})") from error
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
        try:
            stated = self._metadata.Stated.of(message)
            sizes = stated.sizes(message.body)
        except self._metadata.MALFORMED:
            return "has metadata that lead nowhere"
        if stated.rows != rows:
            return f"has {stated.rows} rows, not {rows}"
        if len(stated.buffers) != 2 * len(self.schema):
            return f"has {len(stated.buffers)} buffers, not the two of each of {len(self.schema)} columns"
        if any(stated.nulls):
            return "has a row without a value"
        values = sizes[1::2]  # before each of them, whether its values are there
        least, most = min(values, default=rows), max(sizes, default=0)
        limit = -(-rows // _ALIGNED) * _ALIGNED
        wrong = most if most > limit else least
        return f"expands to {wrong} bytes a column, not {rows}" if wrong < rows or wrong > limit else None

    def _fault(self, what: str) -> PartFault:
        return PartFault(self._part.name, what)
