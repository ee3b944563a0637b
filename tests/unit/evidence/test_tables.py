"""A table's file holds what its manifest says, and takes no more memory than it has bytes; or it is refused."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest
from tradeplane_evidence.errors import Malformed, ResultsChanged
from tradeplane_evidence.verification.tables import check_table
from tradeplane_store.records import BLOCK_ROWS, arrow_bytes

from tests.unit.evidence import sample_runs

NUMBERS = pa.table({"n": pa.array(range(BLOCK_ROWS + 10), pa.int64())})


def _written(table: pa.Table, rows: int = BLOCK_ROWS, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("table", [*sample_runs.tables().values(), NUMBERS, NUMBERS.slice(0, 0)])
def test_what_a_run_writes_is_taken(table: pa.Table) -> None:
    check_table("equity.arrow", arrow_bytes(table).to_pybytes(), sample_runs.part_of("equity", table))


def test_how_it_is_batched_does_not_matter() -> None:
    check_table("equity.arrow", _written(NUMBERS, rows=1_000), sample_runs.part_of("equity", NUMBERS))


@pytest.mark.parametrize(
    "data", [sample_runs.another_equity(), arrow_bytes(sample_runs.tables()["equity"].select([1, 0])).to_pybytes()]
)
def test_other_records_are_refused(data: bytes) -> None:
    part = sample_runs.part_of("equity", sample_runs.tables()["equity"])
    with pytest.raises(ResultsChanged, match=rf"file equity\.arrow holds records of digest .* has {part.digest}"):
        check_table("equity.arrow", data, part)


def _repeated() -> pa.Table:
    return pa.table({"n": pa.array(["x" * 1_000] * 1_000).dictionary_encode()})


def _without_columns() -> pa.Table:
    return pa.table({"n": pa.array([1, 2])}).select([])


@pytest.mark.parametrize(
    ("table", "compression", "words"),
    [
        (pa.table({"n": pa.array([0] * 60_000)}), "zstd", "it is compressed"),
        (pa.table({"n": pa.array([0] * 60_000)}), "lz4", "it is compressed"),
        (_repeated(), None, "column 'n' is of type dictionary"),
        (pa.table({"n": pa.array(["x" * 1_000]).cast(pa.string_view())}), None, "column 'n' is of type string_view"),
        (pa.table({"n": pa.array([[1]])}), None, "column 'n' is of type list"),
        (pa.table({"n": pa.nulls(1_000)}), None, "column 'n' is of type null"),
        (pa.table({"n": pa.RunEndEncodedArray.from_arrays([2_000_000_000], [1])}), None, "of type run_end_encoded"),
        (_without_columns(), None, "it has no columns"),
    ],
)
def test_a_file_that_takes_more_memory_than_it_has_bytes_is_refused(
    table: pa.Table, compression: str | None, words: str
) -> None:
    part = sample_runs.part_of("equity", NUMBERS).model_copy(update={"rows": table.num_rows})
    with pytest.raises(Malformed, match=rf"file equity\.arrow is no table as a run writes it: .*{words}"):
        check_table("equity.arrow", _written(table, compression=compression), part)


def _packed(places: list[tuple[int, int]]) -> bytes:
    """Return places of buffers as the metadata of a batch have them."""
    return b"".join(struct.pack("<qq", *place) for place in places)


def test_columns_that_are_all_the_whole_file_are_refused() -> None:
    """Ten columns of a thousand numbers, each of which is said to be all that there is."""
    table = pa.table({f"n{number}": pa.array(range(1_000), pa.int64()) for number in range(10)})
    apart = [(number * 8_000, size) for number in range(10) for size in (0, 8_000)]
    together = [(0, size and 80_000) for _, size in apart]
    data = _written(table).replace(_packed(apart), _packed(together))
    assert pa.ipc.open_file(data).read_all().num_rows == 1_000, "Arrow takes it"
    with pytest.raises(Malformed, match="its columns lie on top of each other"):
        check_table("equity.arrow", data, sample_runs.part_of("equity", table))


@pytest.mark.parametrize(
    "data", [b"", b"ARROW1", b"ARROW1\0\0" + b"\xff" * 40 + b"ARROW1", _written(NUMBERS)[:-1], _written(NUMBERS)[1:]]
)
def test_what_is_no_arrow_file_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="not a whole and plain Arrow file"):
        check_table("equity.arrow", data, sample_runs.part_of("equity", NUMBERS))


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS + 9, BLOCK_ROWS + 11, 2**60])
def test_other_numbers_of_rows_than_stated_are_refused(rows: int) -> None:
    part = sample_runs.part_of("equity", NUMBERS).model_copy(update={"rows": rows})
    with pytest.raises(Malformed, match=f"it has {BLOCK_ROWS + 10} rows, not {rows}"):
        check_table("equity.arrow", _written(NUMBERS), part)


def test_a_batch_of_more_rows_than_are_written_is_refused() -> None:
    with pytest.raises(Malformed, match=f"a batch of it has {BLOCK_ROWS + 10} rows"):
        check_table("equity.arrow", _written(NUMBERS, rows=10**6), sample_runs.part_of("equity", NUMBERS))


def test_every_byte_of_a_file_that_is_flipped_is_refused_or_changes_no_record() -> None:
    """And nothing else is raised: padding and metadata that nobody reads may be anything."""
    table = sample_runs.tables()["trades"]
    data, part = arrow_bytes(table).to_pybytes(), sample_runs.part_of("trades", table)
    refused = 0
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 0x41
        try:
            check_table("trades.arrow", bytes(flipped), part)
        except (Malformed, ResultsChanged):
            refused += 1
    assert refused > 100
