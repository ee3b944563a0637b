"""Digests of tables over their logical records, and Arrow files that carry them.

Arrow's file bytes change with its version, with how records are batched, with dictionaries and padding; what they mean
does not. So a digest is taken over a form of our own of the values (docs/formats/digests.md), in blocks of 65,536 rows:
two tables that differ can be told apart to the block from their digests alone. Buffers are hashed whole, no value
passes through Python.

NaN is written as one bit pattern, because its sign and payload differ between processors (0/0 has another sign bit on
arm64). Zero keeps its sign: +0.0 and -0.0 are two values here, as they are to division.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tradeplane_store.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BLOCK_ROWS = 65_536
"""Rows of a block. Part of the format: another number gives other digests."""
CANONICAL_NAN = {4: 0x7FC0_0000, 8: 0x7FF8_0000_0000_0000}
"""The quiet NaN of positive sign and no payload, by width in bytes."""

_TABLE_MARK = b"tradeplane.table.v1\0"
_BLOCK_MARK = b"tradeplane.block.v1\0"
_FIXED_WIDTH = {
    pa.int8(): "int8",
    pa.int16(): "int16",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.uint8(): "uint8",
    pa.uint16(): "uint16",
    pa.uint32(): "uint32",
    pa.uint64(): "uint64",
    pa.float32(): "float32",
    pa.float64(): "float64",
    pa.date32(): "date32",
}


def table_digest(table: pa.Table) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a table and those of its blocks of 65,536 rows (none for an empty table).

    Equal for equal column names, logical types, order and values, however the table is chunked, sliced or
    dictionary-encoded. Metadata and nullability of the schema enter nothing. Raises TypeError for a column type that
    has no canonical form.
    """
    hasher = TableHasher(table.schema)
    columns = [_plain(column) for column in table.columns]
    for start in range(0, table.num_rows, BLOCK_ROWS):
        hasher.add_block([_contiguous(column.slice(start, BLOCK_ROWS)) for column in columns])
    return hasher.digests()


class TableHasher:
    """The digest of a table whose blocks come one after the other, so that none need be kept.

    Raises TypeError for a column type that has no canonical form.
    """

    def __init__(self, schema: pa.Schema) -> None:
        names = canonical_json([[field.name, logical_type(field.type)] for field in schema])
        self._schema = hashlib.sha256(names).digest()
        self._rows = 0
        self._blocks: list[bytes] = []

    def add_block(self, columns: list[pa.Array]) -> None:
        """Add the next block: its columns, of plain types, each in one piece.

        Raises ValueError for a block of more than ``BLOCK_ROWS`` rows, and for any after one that had fewer.
        """
        rows = len(columns[0]) if columns else 0
        if rows > BLOCK_ROWS or self._rows % BLOCK_ROWS:
            raise ValueError(f"its batches do not have {BLOCK_ROWS} rows each but the last")
        self._rows += rows
        self._blocks.append(_block_digest(self._schema, columns))

    def digests(self) -> tuple[str, tuple[str, ...]]:
        """Return the digest of the table and those of its blocks."""
        whole = hashlib.sha256(_TABLE_MARK + self._schema + self._rows.to_bytes(8, "little") + b"".join(self._blocks))
        return f"sha256:{whole.hexdigest()}", tuple(f"sha256:{block.hex()}" for block in self._blocks)


def logical_type(kind: pa.DataType) -> str:
    """Return the name of a column's logical type in the digest; a dictionary has the type of its values."""
    if pa.types.is_dictionary(kind):
        return logical_type(kind.value_type)
    if kind in _FIXED_WIDTH:
        return _FIXED_WIDTH[kind]
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "utf8"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return "binary"
    if pa.types.is_decimal128(kind):
        return f"decimal128({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return f"timestamp({kind.unit},{kind.tz or ''})"
    raise TypeError(
        f"a column of type {kind} has no canonical form; use integers, floats, bool, utf8, binary, decimal128, date32 "
        "or timestamp"
    )


def is_plain(kind: pa.DataType) -> bool:
    """Return whether a column of a type has each of its values written out, one after the other, in a form of ours."""
    return (
        kind in _FIXED_WIDTH
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal128(kind)
        or pa.types.is_timestamp(kind)
        or kind in (pa.utf8(), pa.large_utf8(), pa.binary(), pa.large_binary())
    )


def first_difference(ours: Sequence[str], theirs: Sequence[str]) -> int | None:
    """Return the index of the first block in which two tables differ, or None when all blocks are equal.

    Where one table is a prefix of the other, that is the index of the first block only one of them has.
    """
    for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            return index
    return None if len(ours) == len(theirs) else min(len(ours), len(theirs))


def arrow_bytes(table: pa.Table) -> pa.Buffer:
    """Return a table as an Arrow IPC file, uncompressed, so that reading it copies nothing."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=BLOCK_ROWS)
    return sink.getvalue()


def read_arrow(data: bytes | memoryview | pa.Buffer) -> pa.Table:
    """Return the table of an Arrow IPC file, its structure fully checked.

    Raises ValueError for bytes that are no such file, are cut short, or whose offsets lead outside them.
    """
    try:
        table = pa.ipc.open_file(pa.py_buffer(data)).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"not a whole Arrow file: {error}") from error
    return table


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column without dictionary encoding or views; casts only where there are any: they cost imports."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if pa.types.is_string_view(kind):
        column = column.cast(pa.large_string())
    elif pa.types.is_binary_view(kind):
        column = column.cast(pa.large_binary())
    return column


def _contiguous(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _block_digest(schema: bytes, columns: list[pa.Array]) -> bytes:
    rows = len(columns[0]) if columns else 0
    digest = hashlib.sha256(_BLOCK_MARK + schema + rows.to_bytes(8, "little"))
    for column in columns:
        valid = None if column.null_count == 0 else _bits(column, 0)
        digest.update(b"\0" if valid is None else b"\1")
        if valid is not None:
            digest.update(valid.tobytes())
        for buffer in _canonical_buffers(column, valid):
            digest.update(buffer)
    return digest.digest()


def _canonical_buffers(column: pa.Array, valid: NDArray[np.bool_] | None) -> list[Any]:
    """Return the bytes of a column's values, little-endian and contiguous, with zeros where a value is null."""
    kind = column.type
    if pa.types.is_boolean(kind):
        values = _bits(column, 1) if valid is None else _bits(column, 1) & valid
        return [values.view(np.uint8)]
    if logical_type(kind) in ("utf8", "binary"):
        return _lengths_and_bytes(column, valid)
    if pa.types.is_decimal128(kind):
        words = np.frombuffer(column.buffers()[1], "<u8").reshape(-1, 2)
        return [_null_as_zero(words[column.offset : column.offset + len(column)], valid)]
    width = kind.bit_width // 8
    words = np.frombuffer(column.buffers()[1] or b"", f"<u{width}")[column.offset : column.offset + len(column)]
    words = _null_as_zero(words, valid)
    if pa.types.is_floating(kind):
        words = _one_nan(words, width)
    return [words]


def _bits(column: pa.Array, buffer: int) -> NDArray[np.bool_]:
    """Return a bit-packed buffer (0: whether a value is there, 1: booleans) as one byte a value."""
    packed = np.frombuffer(column.buffers()[buffer] or b"", np.uint8)
    bits = np.unpackbits(packed, count=column.offset + len(column), bitorder="little")
    return bits[column.offset :].view(np.bool_)


def _null_as_zero(words: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[Any]:
    if valid is None:
        return words
    shown = valid if words.ndim == 1 else valid[:, None]
    return np.where(shown, words, words.dtype.type(0))


def _one_nan(words: NDArray[Any], width: int) -> NDArray[Any]:
    nan = np.isnan(words.view(f"<f{width}"))
    return np.where(nan, words.dtype.type(CANONICAL_NAN[width]), words) if nan.any() else words


def _lengths_and_bytes(column: pa.Array, valid: NDArray[np.bool_] | None) -> list[Any]:
    """Return lengths as 64-bit integers, then all bytes one after the other; a null has length 0 and no bytes."""
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    all_offsets = np.frombuffer(column.buffers()[1], "<i8" if wide else "<i4")
    offsets = all_offsets[column.offset : column.offset + len(column) + 1].astype("<i8")
    text = column.buffers()[2]
    if valid is not None and bool((np.diff(offsets)[~valid] != 0).any()):
        # A null may hide bytes: take the values out, which leaves none behind.
        return _lengths_and_bytes(column.take(pa.array(np.arange(len(column)))).fill_null(""), None)
    data = memoryview(text or b"")[int(offsets[0]) : int(offsets[-1])]
    return [np.diff(offsets), data]
