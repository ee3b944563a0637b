from __future__ import annotations

import struct
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tradeplane_store.records import (
    BLOCK_ROWS,
    arrow_bytes,
    first_difference,
    logical_type,
    read_arrow,
    table_digest,
)

from tests.unit.store.reference_digest import reference_digest

_DECIMAL = pa.decimal128(38, 9)
_KINDS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int8(): st.integers(-(2**7), 2**7 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint32(): st.integers(0, 2**32 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(codec="utf-8"), max_size=5),
    pa.binary(): st.binary(max_size=5),
    _DECIMAL: st.integers(-(10**38) + 1, 10**38 - 1).map(lambda units: Decimal(f"{units}e-9")),
}


@st.composite
def tables(draw: st.DrawFn, min_rows: int = 0, min_columns: int = 1) -> pa.Table:
    kinds = draw(st.lists(st.sampled_from(list(_KINDS)), min_size=min_columns, max_size=4))
    rows = draw(st.integers(min_rows, 12))
    columns = [pa.array(draw(st.lists(st.none() | _KINDS[kind], min_size=rows, max_size=rows)), kind) for kind in kinds]
    return pa.table(columns, names=[f"c{index}" for index in range(len(kinds))])


@st.composite
def rechunked(draw: st.DrawFn, table: pa.Table) -> pa.Table:
    """Cut a table at any rows, and take each piece out of the middle of a larger buffer."""
    cuts = sorted(draw(st.lists(st.integers(0, table.num_rows), max_size=4)))
    edges = [0, *cuts, table.num_rows]
    padded = pa.concat_tables([table, table, table]).combine_chunks()
    pieces = [padded.slice(table.num_rows + start, end - start) for start, end in pairwise(edges)]
    return pa.concat_tables(pieces)


def _types(table: pa.Table) -> list[tuple[str, str]]:
    return [(field.name, logical_type(field.type)) for field in table.schema]


@given(tables())
def test_it_is_what_the_page_states(table: pa.Table) -> None:
    digest, blocks = table_digest(table)
    assert (digest, list(blocks)) == reference_digest(_types(table), [column.to_pylist() for column in table.columns])


@given(st.data())
def test_chunks_and_slices_do_not_matter(data: st.DataObject) -> None:
    table = data.draw(tables())
    assert table_digest(data.draw(rechunked(table))) == table_digest(table)


@given(tables())
def test_a_trip_through_a_file_does_not_matter(table: pa.Table) -> None:
    assert table_digest(read_arrow(arrow_bytes(table))) == table_digest(table)


@given(tables(), st.integers(1, 5))
def test_record_batches_of_a_file_do_not_matter(table: pa.Table, rows: int) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    assert table_digest(read_arrow(sink.getvalue())) == table_digest(table)


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=3), max_size=10))
def test_encodings_of_text_do_not_matter(values: list[str | None]) -> None:
    plain = pa.array(values, pa.string())
    forms = [plain, plain.cast(pa.large_string()), plain.cast(pa.string_view()), plain.dictionary_encode()]
    assert len({table_digest(pa.table({"c": form})) for form in forms}) == 1


@given(st.data())
def test_every_value_matters(data: st.DataObject) -> None:
    table = data.draw(tables(min_rows=1))
    column = data.draw(st.integers(0, table.num_columns - 1))
    row = data.draw(st.integers(0, table.num_rows - 1))
    kind = table.schema.field(column).type
    values = table.column(column).to_pylist()
    values[row] = data.draw((st.none() | _KINDS[kind]).filter(lambda value: not _same(kind, value, values[row])))
    changed = table.set_column(column, table.schema.field(column), pa.array(values, kind))
    assert table_digest(changed)[0] != table_digest(table)[0]


def _same(kind: pa.DataType, one: Any, other: Any) -> bool:
    if one is None or other is None or not pa.types.is_floating(kind):
        return bool(one == other and (one is None) == (other is None))
    return (one != one and other != other) or struct.pack("<d", one) == struct.pack("<d", other)


@given(tables(min_rows=1, min_columns=2))
def test_names_order_and_rows_matter(table: pa.Table) -> None:
    digest = table_digest(table)[0]
    assert table_digest(table.rename_columns(["x", *table.column_names[1:]]))[0] != digest
    assert table_digest(table.select(table.column_names[::-1]))[0] != digest
    assert table_digest(table.slice(0, table.num_rows - 1))[0] != digest
    assert table_digest(table.drop_columns(["c0"]))[0] != digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([1], pa.int64()), pa.array([1], pa.int32())),
        (pa.array([1], pa.int64()), pa.array([1], pa.uint64())),
        (pa.array([0], pa.int64()), pa.array([0.0], pa.float64())),
        (pa.array(["a"]), pa.array([b"a"])),
        (pa.array([Decimal(1)], pa.decimal128(38, 9)), pa.array([Decimal(1)], pa.decimal128(38, 8))),
        (pa.array([0], pa.timestamp("ns")), pa.array([0], pa.timestamp("us"))),
        (pa.array([0], pa.timestamp("ns")), pa.array([0], pa.timestamp("ns", "UTC"))),
        (pa.array([None], pa.int64()), pa.array([0], pa.int64())),
        (pa.array([None], pa.string()), pa.array([""], pa.string())),
        (pa.array(["a", "b"]), pa.array(["ab", ""])),
        (pa.array([0.0]), pa.array([-0.0])),
    ],
)
def test_these_are_told_apart(one: pa.Array, other: pa.Array) -> None:
    assert table_digest(pa.table({"c": one}))[0] != table_digest(pa.table({"c": other}))[0]


@pytest.mark.parametrize(("form", "word"), [(">d", "7ff8000000000001"), (">d", "fff8000000000000"), (">f", "ffc00001")])
def test_every_nan_is_the_same(form: str, word: str) -> None:
    kind, width = (pa.float64(), 8) if form == ">d" else (pa.float32(), 4)
    raw = pa.py_buffer(int(word, 16).to_bytes(width, "little"))
    odd = pa.Array.from_buffers(kind, 1, [None, raw])
    assert table_digest(pa.table({"c": odd})) == table_digest(pa.table({"c": pa.array([float("nan")], kind)}))


def test_bytes_hidden_under_a_null_do_not_matter() -> None:
    hidden = pa.Array.from_buffers(
        pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.py_buffer(np.array([7, 99], "<i8").tobytes())]
    )
    assert table_digest(pa.table({"c": hidden})) == table_digest(pa.table({"c": pa.array([7, None], pa.int64())}))
    text = pa.Array.from_buffers(
        pa.string(),
        2,
        [pa.py_buffer(b"\x01"), pa.py_buffer(np.array([0, 1, 3], "<i4").tobytes()), pa.py_buffer(b"axy")],
    )
    assert table_digest(pa.table({"c": text})) == table_digest(pa.table({"c": pa.array(["a", None])}))


def test_metadata_and_nullability_do_not_matter() -> None:
    plain = pa.table({"c": pa.array([1], pa.int64())})
    marked = plain.cast(pa.schema([pa.field("c", pa.int64(), nullable=False)])).replace_schema_metadata({"by": "x"})
    assert table_digest(marked) == table_digest(plain)


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.struct([("a", pa.int64())]), pa.float16(), pa.time64("ns")])
def test_a_type_without_a_form_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(TypeError, match="has no canonical form; use"):
        table_digest(pa.table({"c": pa.array([], kind)}))


@settings(max_examples=20)
@given(st.integers(0, 3 * BLOCK_ROWS + 9))
def test_the_first_block_that_differs_is_found(row: int) -> None:
    values = np.zeros(3 * BLOCK_ROWS + 10, np.int64)
    changed = values.copy()
    changed[row] = 1
    blocks = [table_digest(pa.table({"c": each}))[1] for each in (values, changed)]
    assert len(blocks[0]) == 4
    assert first_difference(*blocks) == row // BLOCK_ROWS
    assert first_difference(blocks[0], blocks[0]) is None
    assert first_difference(blocks[0], blocks[0][:2]) == 2


# Of docs/formats/digests.md, computed there by the reference of tests/unit/store/reference_digest.py.
VECTORS = [
    (
        pa.table({"c": pa.array([], pa.int64())}),
        "sha256:23eec2e180e146927125f753012f9c05fe470761f8582b6ede74b1b46fbc9a96",
    ),
    (
        pa.table({"time_ns": pa.array([0, 1], pa.int64()), "close": pa.array([100, -1], pa.int64())}),
        "sha256:d8d20ac9bd22aba8c7b13b8711657d555ba57722d159f3f34f97fa29b26b7bfa",
    ),
    (
        pa.table(
            {
                "f": pa.array([float("nan"), None, -0.0], pa.float64()),
                "s": pa.array(["é", None, ""]),
                "b": pa.array([True, False, None]),
                "d": pa.array([Decimal("-1.5"), None, Decimal("0.000000001")], pa.decimal128(38, 9)),
            }
        ),
        "sha256:7f7fbf030a63725c3fed49d76148b4c8beb6ab4e23c3ac3be816250d05f54a35",
    ),
]


@pytest.mark.parametrize(("table", "digest"), VECTORS)
def test_vectors_of_the_page(table: pa.Table, digest: str) -> None:
    assert table_digest(table)[0] == digest


def test_an_altered_file_is_refused_or_has_another_digest() -> None:
    table = pa.table({"t": pa.array(range(5), pa.int64()), "s": pa.array(["a", None, "ccc", "", "é"])})
    digest = table_digest(table)[0]
    data = bytes(arrow_bytes(table))
    outcomes = {"refused": 0, "another": 0, "same": 0}
    for position in range(len(data)):
        flipped = data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]
        try:
            found = read_arrow(flipped)
            outcome = "same" if table_digest(found)[0] == digest else "another"
        except (ValueError, TypeError):
            outcome = "refused"
        else:
            # Bytes that mean nothing (padding, versions) may change; then the records are the very same.
            assert outcome == "another" or found.to_pydict() == table.to_pydict()
        outcomes[outcome] += 1
    assert outcomes["refused"] > 0
    assert outcomes["another"] >= 5 * 8


@pytest.mark.parametrize("kept", [0, 5, 100, -1, -10])
def test_a_file_cut_short_is_refused(kept: int) -> None:
    data = bytes(arrow_bytes(pa.table({"c": pa.array(range(100), pa.int64())})))
    with pytest.raises(ValueError, match="not a whole Arrow file"):
        read_arrow(data[:kept])
