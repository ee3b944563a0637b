"""Tables of Arrow files that take no more memory than the file has bytes, however they were made.

Whoever may write a file may have it state anything: buffers that expand to a thousand times their size, values that are
named once and repeated, a batch that is listed again and again. Results are written by ``arrow_bytes``, which does none
of this, and what does is refused before Arrow makes room for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tradeplane_store import arrow_metadata
from tradeplane_store.records import BLOCK_ROWS, is_plain

if TYPE_CHECKING:
    import numpy as np


def read_plain(data: bytes, rows: int) -> pa.Table:
    """Return the table of an Arrow IPC file, of so many rows, its structure fully checked.

    Raises ValueError for bytes that are no such file, or one that is not as ``arrow_bytes`` writes them.
    """
    held = pa.py_buffer(data)
    try:
        reader = pa.ipc.open_file(held, options=pa.ipc.IpcReadOptions(use_threads=False))
        _check_columns(reader.schema)
        _check_batches(held, rows)
        table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, EOFError, *arrow_metadata.MALFORMED) as error:
        raise ValueError(f"not a whole and plain Arrow file: {error}") from error
    return table


def _check_columns(schema: pa.Schema) -> None:
    """Raise ValueError where a column's values are not all written out; rows of no column would be written nowhere."""
    if not schema.names:
        raise ValueError("it has no columns")
    for column in schema:
        if not is_plain(column.type):
            raise ValueError(f"column {column.name[:100]!r} is of type {str(column.type)[:100]}")


def _check_batches(held: pa.Buffer, rows: int) -> None:
    """Raise ValueError where batches have other rows than they are to have, or more bytes than there are."""
    blocks = arrow_metadata.blocks(held)
    found, room = 0, held.size
    for block in blocks:
        message = _message(held, block)
        stated = arrow_metadata.Stated.of(message)
        if stated.compressed:
            raise ValueError("it is compressed")
        if not 0 <= stated.rows <= BLOCK_ROWS:
            raise ValueError(f"a batch of it has {stated.rows} rows, and {BLOCK_ROWS} at most are written")
        sizes = stated.sizes(message.body)
        room -= sum(sizes) + message.metadata.size
        if room < 0 or min(sizes, default=0) < 0:
            raise ValueError("its columns lie on top of each other")
        found += stated.rows
    if found != rows:
        raise ValueError(f"it has {found} rows, not {rows}")


def _message(held: pa.Buffer, block: np.void) -> pa.ipc.Message:
    offset, metadata, body = (int(block[field]) for field in ("offset", "metadata", "body"))
    if min(offset, metadata, body) < 0 or offset + metadata + body > held.size:
        raise ValueError("a batch of it does not lie within the file")
    message = pa.ipc.read_message(held.slice(offset, metadata + body))
    if message.type != "record batch":
        raise ValueError("what it lists as a batch is none")
    return message
