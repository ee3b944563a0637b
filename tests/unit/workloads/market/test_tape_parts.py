"""What a part states of its size is compared with what it has to be before anything is expanded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_api.run import Part
from tradeplane_store.records import BLOCK_ROWS, table_digest
from tradeplane_workloads.market.tape_parts import MAX_ROWS, PartFault, PartReader, StoredPart, part_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = BLOCK_ROWS + 3
BEGINS = {"lz4": b"\x04\x22\x4d\x18", "zstd": b"\x28\xb5\x2f\xfd"}
"""What compressed bytes begin with."""


def planes(rows: int = ROWS) -> pa.Table:
    """Return two planes, one that compresses well and one that does not."""
    noise = np.random.default_rng(7).integers(0, 256, rows, np.uint8)
    return pa.table({"event": np.zeros(rows, np.uint8), "price_0": noise})


def stored(table: pa.Table, data: bytes | None = None) -> StoredPart:
    """Return a table as a part, with the digest it has."""
    digest, blocks = table_digest(table)
    part = Part(name="tape-0", rows=table.num_rows, digest=digest, blocks=blocks)
    return StoredPart(part, part_bytes(table) if data is None else data)


def read(part: StoredPart) -> pa.Table:
    """Return all batches of a part as a table."""
    reader = PartReader(part)
    batches = [pa.record_batch(each, schema=reader.schema) for _, each in reader.batches()]
    return pa.Table.from_batches(batches, schema=reader.schema)


def written(table: pa.Table, rows: int = BLOCK_ROWS, **options: Any) -> bytes:
    """Return an Arrow file of another writer's choices."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("rows", [1, 63, BLOCK_ROWS, ROWS])
def test_batches_are_given_with_their_rows(rows: int) -> None:
    part = stored(planes(rows))
    assert read(part).equals(planes(rows))
    assert [each.stop - each.start for each, _ in PartReader(part).batches()] == (
        [rows] if rows <= BLOCK_ROWS else [BLOCK_ROWS, rows - BLOCK_ROWS]
    )


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_how_a_part_is_compressed_is_free(compression: str | None) -> None:
    assert read(stored(planes(), written(planes(), compression=compression))).equals(planes())


@pytest.mark.parametrize("compression", list(BEGINS))
def test_a_batch_that_states_to_expand_to_more_is_refused_before_it_is(compression: str) -> None:
    data, begin = written(planes(), compression=compression), BEGINS[compression]
    size = BLOCK_ROWS.to_bytes(8, "little") + begin
    assert data.count(size) == 2, "each plane of the first batch states what it expands to"
    for stated in (BLOCK_ROWS + 65, 1 << 40, (1 << 63) - 1):
        bomb = data.replace(size, stated.to_bytes(8, "little") + begin)
        before = pa.default_memory_pool().max_memory()
        with pytest.raises(PartFault, match=rf"batch 0 expands to {stated} bytes a column, not {BLOCK_ROWS}"):
            read(stored(planes(), bomb))
        assert pa.default_memory_pool().max_memory() == before


@pytest.mark.parametrize("compression", [None, *BEGINS])
def test_a_plane_of_fewer_bytes_than_rows_is_refused_before_it_is_read(compression: str | None) -> None:
    data = written(planes(BLOCK_ROWS), compression=compression)
    refused = 0
    for place in range(len(data)):
        # Wherever the number of rows stands in 64 bits: of the batch, of a column, of a buffer.
        if data[place : place + 8] != BLOCK_ROWS.to_bytes(8, "little"):
            continue
        fewer = data[:place] + (BLOCK_ROWS - 1).to_bytes(8, "little") + data[place + 8 :]
        try:
            assert read(stored(planes(BLOCK_ROWS), fewer)).nbytes == 2 * BLOCK_ROWS
        except PartFault as fault:
            refused += f"expands to {BLOCK_ROWS - 1} bytes a column, not {BLOCK_ROWS}" in str(fault)
    assert refused == 2, "each of the two planes states its size"


def test_a_batch_of_many_more_rows_is_refused_before_it_is_expanded() -> None:
    zeros = pa.table({"event": np.zeros(1 << 24, np.uint8)})
    bomb = written(zeros, 1 << 24, compression="zstd")
    assert len(bomb) < 10_000
    few = stored(pa.table({"event": np.zeros(3, np.uint8)}), bomb)
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(PartFault, match="batch 0 has 16777216 rows, not 3"):
        read(few)
    assert pa.default_memory_pool().max_memory() == before


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (1, "it has 2 batches, not the 1 of 1 rows"),
        (ROWS + BLOCK_ROWS, "it has 2 batches, not the 3 of"),
        (ROWS + 1, "batch 1 has 3 rows, not 4"),
        (MAX_ROWS + 1, f"more than the {MAX_ROWS} that are read"),
    ],
)
def test_other_numbers_of_rows_than_stated_are_refused(rows: int, words: str) -> None:
    part = stored(planes())
    with pytest.raises(PartFault, match=words):
        read(replace(part, part=part.part.model_copy(update={"rows": rows})))


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([1, None, 3], pa.uint8()), "batch 0 has a row without a value"),
        (pa.array([1, 2, 3], pa.int64()), "its columns are not planes of bytes"),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "its columns are not planes of bytes"),
        (pa.array([[1], [2], [3]], pa.list_(pa.uint8())), "its columns are not planes of bytes"),
    ],
)
def test_columns_that_are_no_planes_are_refused(column: pa.Array, words: str) -> None:
    part = stored(planes(3), written(pa.table({"event": column})))
    with pytest.raises(PartFault, match=words):
        read(part)


def test_a_batch_outside_the_file_is_refused() -> None:
    data = bytes(part_bytes(planes(3)))
    # The footer's one block: where the batch begins, after the magic and the schema, as a 64-bit integer.
    begin = data.index(b"\xff\xff\xff\xff", 16)
    place = data.rindex(begin.to_bytes(8, "little"))
    for other in (len(data), 1 << 62, -8):
        moved = data[:place] + other.to_bytes(8, "little", signed=True) + data[place + 8 :]
        with pytest.raises(PartFault, match="batch 0 does not lie within the file"):
            read(stored(planes(3), moved))


def test_a_footer_that_leads_nowhere_is_refused() -> None:
    data = bytes(part_bytes(planes(100)))
    length = int.from_bytes(data[-10:-6], "little")
    refused = 0
    for place in range(len(data) - 10 - length, len(data) - 6):
        for byte in (0, 127, 255):
            try:
                read(stored(planes(100), data[:place] + bytes([byte]) + data[place + 1 :]))
            except PartFault:
                refused += 1
    assert refused > length / 4, "most of a footer means something"


CHANGES: list[Callable[[bytes, int, int], bytes]] = [
    lambda data, place, byte: data[:place] + bytes([byte]) + data[place + 1 :],
    lambda data, place, byte: data[:place] + data[place + byte :],
    lambda data, place, byte: data[:place] + bytes([byte]) * byte + data[place:],
    lambda data, place, byte: data[:place] + (byte << 56).to_bytes(8, "little") + data[place + 8 :],
    lambda data, place, _: data[:place],
]
"""Ways in which bytes are other than they were written."""


@settings(max_examples=300)
@given(st.integers(0, 3_000), st.integers(0, 255), st.sampled_from(CHANGES))
def test_changed_bytes_are_read_or_refused(place: int, byte: int, change: Callable[[bytes, int, int], bytes]) -> None:
    data = bytes(part_bytes(planes(100)))
    changed = change(data, place % len(data), byte)
    try:
        table = read(stored(planes(100), changed))
    except PartFault:
        return
    assert table.num_rows == 100
    assert table.nbytes <= 2 * 128


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    for wrapped in (data, b"ARROW1\0\0" + data + b"ARROW1"):
        with pytest.raises(PartFault):
            read(stored(planes(3), wrapped))
