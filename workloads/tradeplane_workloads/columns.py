"""Arrays as Arrow columns, over the same memory.

Made over buffers: ``pa.array`` imports pandas wherever it is installed, and casts import all of Arrow's compute
functions; either takes longer than most runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

AMOUNT = pa.decimal128(38, 9)
"""Money and prices: exact, nine decimals."""
_WORD = 2**64 - 1


def integers(values: NDArray[np.integer]) -> pa.Array:
    """Return a column of integers of the array's own width; shape (n,)."""
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def booleans(values: NDArray[np.bool_]) -> pa.Array:
    """Return a column of booleans; shape (n,)."""
    packed = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(packed)])


def amounts(words: NDArray[np.uint64]) -> pa.Array:
    """Return a column of amounts from billionths as 128-bit words, the lower first; shape (n, 2)."""
    return pa.Array.from_buffers(AMOUNT, len(words), [None, pa.py_buffer(np.ascontiguousarray(words))])


def amount_words(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Return a column of amounts, none of them absent, as billionths in 128-bit words; shape (n, 2)."""
    whole_column = column.combine_chunks()
    flat = np.frombuffer(whole_column.buffers()[1] or b"", np.uint64).reshape(-1, 2)
    return flat[whole_column.offset : whole_column.offset + len(whole_column)]


def words(billionths: Sequence[int]) -> NDArray[np.uint64]:
    """Return integers as 128-bit words, shape (n, 2)."""
    flat = [part for value in billionths for part in (value & _WORD, (value >> 64) & _WORD)]
    return np.array(flat, dtype=np.uint64).reshape(len(billionths), 2)


def whole(words: NDArray[np.uint64]) -> list[int]:
    """Return 128-bit words, shape (n, 2), as integers."""
    halves = zip(words[:, 0].tolist(), words[:, 1].view(np.int64).tolist(), strict=True)
    return [(high << 64) | low for low, high in halves]


def names(choices: Sequence[str], indices: NDArray[np.int64]) -> pa.Array:
    """Return a column of strings from a list of them and places in it; shape (n,)."""
    encoded = [name.encode() for name in choices]
    rows = [encoded[index] for index in indices.tolist()]
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(b"".join(rows)))
