from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.run import Part
from tradeplane_api.snapshot_manifest import InstrumentKind
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_store.records import BLOCK_ROWS, table_digest
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market import tapes
from tradeplane_workloads.market.instruments import TapeInstrument, decimal_text, exponent_of
from tradeplane_workloads.market.snapshot_manifests import read_manifest
from tradeplane_workloads.market.snapshots import read_bars, read_tapes, verify_snapshot, write_snapshot, write_tapes
from tradeplane_workloads.market.tape_parts import PartFault, StoredPart, part_bytes

from tests.unit.workloads.sample_bars import SOURCE, series
from tests.unit.workloads.sample_tapes import ADD, ASK, BEGIN, BID, GAP, LEVEL, NONE, TRADE, Row, quotes, tape_of

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_workloads.market.tapes import Tape

SMALL: list[Row] = [
    (4, 10, 11, LEVEL, BID, 100, 5),
    (4, 10, 11, TRADE, ASK, 90, 10),
    (6, 30, 12, GAP, NONE, 110, 0),
]
"""The example of docs/formats/tape.md."""


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(tmp_path.as_uri())


def stored(table: pa.Table, name: str = "part") -> StoredPart:
    """Return a table as a part, with the digest it has."""
    digest, blocks = table_digest(table)
    return StoredPart(Part(name=name, rows=table.num_rows, digest=digest, blocks=blocks), part_bytes(table))


def equal(one: Tape, other: Tape) -> bool:
    """Say whether two tapes are the same to the type of each column."""
    pairs = zip(one.columns(), other.columns(), strict=True)
    same = all(mine.dtype == theirs.dtype and np.array_equal(mine, theirs) for mine, theirs in pairs)
    return same and (one.instrument, one.recording) == (other.instrument, other.recording)


def replaced(store: ObjectStore, digest: str, change: Any) -> str:
    """Store a snapshot whose manifest is changed, under the id that it has then, with the same parts."""
    manifest = json.loads(store.get(layout.snapshot_manifest(digest)))
    change(manifest)
    data = canonical_json(manifest)
    other = sha256_digest(data)
    store.put(layout.snapshot_manifest(other), data)
    for part in manifest["parts"]:
        store.put(layout.snapshot_part(other, part["name"]), store.get(layout.snapshot_part(digest, part["name"])))
    return other


def test_what_is_written_is_read(store: ObjectStore) -> None:
    instrument = TapeInstrument("ES", Decimal("0.25"), Decimal(1), "USD", InstrumentKind.LINEAR_FUTURE, Decimal(50))
    one, other = quotes(40), replace(tape_of(SMALL, "ES", [7, 2**64 - 1, 0]), instrument=instrument)
    written = write_tapes(store, [one, other], [SOURCE])
    assert written.created
    assert not write_tapes(store, [one, other], [SOURCE]).created
    assert [equal(*pair) for pair in zip(read_tapes(store, written.id), [one, other], strict=True)] == [True, True]
    assert verify_snapshot(store, written.id) == []
    manifest = read_manifest(store, written.id)
    assert (manifest.schema_version, manifest.records) == (2, 83)
    assert [(part.name, part.rows) for part in manifest.parts] == [
        ("tape-0", 80),
        ("messages-0", 40),
        ("tape-1", 3),
        ("messages-1", 2),
    ]
    assert (manifest.start, manifest.end) == ("1970-01-01T00:00:00.000000011Z", "2023-11-14T22:13:20.0390005Z")
    assert [each.price_exponent for each in manifest.instruments] == [-1, -2]


def test_in_memory_a_tape_is_an_arrow_array_a_column_without_a_copy(store: ObjectStore) -> None:
    (tape,) = read_tapes(store, write_tapes(store, [tape_of(SMALL, "ES", [7, 2**64 - 1, 0])], [SOURCE]).id)
    assert sum(column.itemsize for column in tape.columns()) == 50
    for column in tape.columns():
        array = pa.array(column)
        assert (array.null_count, array.buffers()[1].address) == (0, column.ctypes.data)
        assert array.to_numpy(zero_copy_only=True).ctypes.data == column.ctypes.data


def test_the_example_of_the_documentation(store: ObjectStore) -> None:
    encoded = tapes.encode(tape_of(SMALL))
    assert encoded.rows.to_pydict() == {"event": [82, 35, 73], "price_0": [0, 1, 4], "quantity_0": [1, 2, 0]}
    assert encoded.messages.to_pydict() == {"sequence_0": [0, 1], "exchange_time_0": [0, 2], "local_time_0": [0, 2]}
    assert encoded.instrument.tape is not None
    assert [(one.name, one.first, one.unit) for one in encoded.instrument.tape.columns] == [
        ("sequence", "4", "2"),
        ("exchange_time", "10", "20"),
        ("local_time", "11", "1"),
        ("price", "100", "10"),
        ("quantity", "0", "5"),
    ]


def test_bars_keep_the_ids_they_had_before_there_were_tapes() -> None:
    written = write_snapshot(open_store("memory:///"), [series("A", [100, 110])], [SOURCE])
    assert written.id == "sha256:b864c78b855e458dff6ce3f93da8304d18bede18c8d1ccc90d4384201690c50f"


@given(
    st.lists(st.tuples(*[st.integers(-(2**62), 2**62 - 1)] * 3), max_size=8),
    st.booleans(),
)
def test_every_tape_comes_back(rows: list[tuple[int, int, int]], orders: bool) -> None:
    made: list[Row] = [
        (row // 2, one // 2**40, two // 2**62, ADD, BID, three, abs(three) // 2)
        for row, (one, two, three) in enumerate(rows)
    ]
    names = [one % 2**64 for one, _, _ in rows] if orders else []
    tape = tape_of(made, orders=names)
    encoded = tapes.encode(tape)
    assert equal(tapes.decode(encoded.instrument, stored(encoded.rows), stored(encoded.messages)), tape)


def test_a_tape_of_several_blocks(store: ObjectStore) -> None:
    tape = quotes(BLOCK_ROWS // 2 + 3)
    written = write_tapes(store, [tape], [SOURCE])
    assert [len(part.blocks) for part in written.manifest.parts] == [2, 1]
    assert equal(read_tapes(store, written.id)[0], tape)
    tape.price[BLOCK_ROWS + 1] += 1
    store.put(layout.snapshot_part(written.id, "tape-0"), memoryview(part_bytes(tapes.encode(tape).rows)))
    (fault,) = verify_snapshot(store, written.id)
    assert "part tape-0" in fault
    assert "the first block that differs is block 1" in fault


@pytest.mark.parametrize("part", ["tape-0", "messages-0"])
def test_no_flipped_bit_of_a_part_changes_what_is_read(part: str) -> None:
    store = open_store("memory:///")
    tape = tape_of(SMALL)
    digest = write_tapes(store, [tape], [SOURCE]).id
    name = layout.snapshot_part(digest, part)
    data = store.get(name)
    refusals = []
    for position in range(len(data)):
        store.put(name, data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        faults = verify_snapshot(store, digest)
        if not faults:  # bytes that mean nothing, such as padding
            assert equal(read_tapes(store, digest)[0], tape)
        refusals.extend(faults)
    assert all(f"part {part} of snapshot {digest}" in refusal for refusal in refusals)
    assert len(refusals) >= 6, "each byte of a plane, and more"


@pytest.mark.parametrize("part", ["tape-1", "messages-1"])
@pytest.mark.parametrize("kept", [0, 8, 200, -1, -100])
def test_a_part_cut_short_is_refused(store: ObjectStore, part: str, kept: int) -> None:
    digest = write_tapes(store, [quotes(3), tape_of(SMALL, "B")], [SOURCE]).id
    name = layout.snapshot_part(digest, part)
    store.put(name, store.get(name)[:kept])
    with pytest.raises(DataRefused, match=rf"part {part} of snapshot .* not a whole Arrow file.*import the data again"):
        read_tapes(store, digest)


@pytest.mark.parametrize("part", ["tape-1", "messages-0"])
def test_a_missing_part_is_named_and_written_again(store: ObjectStore, part: str) -> None:
    recorded = [quotes(3), tape_of(SMALL, "B")]
    digest = write_tapes(store, recorded, [SOURCE]).id
    store.delete(layout.snapshot_part(digest, part))
    with pytest.raises(DataRefused, match=rf"part {part} of snapshot .* is not in the store"):
        read_tapes(store, digest)
    assert write_tapes(store, recorded, [SOURCE]).id == digest
    assert verify_snapshot(store, digest) == []


ROWS = {"event": [82, 35, 73], "price_0": [0, 1, 4], "quantity_0": [1, 2, 0]}
MESSAGES = {"sequence_0": [0, 1], "exchange_time_0": [0, 2], "local_time_0": [0, 2]}


@pytest.mark.parametrize(
    ("index", "planes", "words"),
    [
        (0, {"event": [82, 35, 73]}, "tape-0 .*: column price: its unit is not the greatest"),
        (0, {"events": [1]}, "tape-0 .*: the columns events are not the planes of price, quantity"),
        (0, ROWS | {"price_2": [0, 0, 0]}, "tape-0 .*: the columns .* are not the planes of price, quantity"),
        (0, {name: plane[:2] for name, plane in ROWS.items()}, "tape-0 .*: batch 0 has 2 rows, not 3"),
        (0, ROWS | {"event": [82, 35, 91]}, "tape-0 .*: row 2: its event is none of a tape"),
        (0, ROWS | {"event": [82, 99, 73]}, "tape-0 .*: it has 2 messages, not those that are stated"),
        (0, ROWS | {"event": [18, 35, 73]}, "tape-0 .*: row 0: its event is none of a tape"),
        (1, MESSAGES | {"sequence_0": [0, 2]}, "messages-0 .*: column sequence: its unit is not the greatest"),
        (1, MESSAGES | {"sequence_0": [1, 1]}, "messages-0 .*: column sequence: the first row is not the first value"),
        (1, {"sequence_0": [0]}, "messages-0 .*: batch 0 has 1 rows, not 2"),
        (1, ROWS, "messages-0 .*: the columns event, price_0, quantity_0 are not the planes of sequence"),
    ],
)
def test_planes_that_no_tape_has_are_refused_though_their_digest_is_right(
    store: ObjectStore, index: int, planes: dict[str, list[int]], words: str
) -> None:
    table = pa.table(planes, schema=pa.schema([(name, pa.uint8()) for name in planes]))
    digest, blocks = table_digest(table)

    def change(manifest: Any) -> None:
        manifest["parts"][index].update(digest=digest, blocks=list(blocks))

    other = replaced(store, write_tapes(store, [tape_of(SMALL)], [SOURCE]).id, change)
    name = ("tape-0", "messages-0")[index]
    store.put(layout.snapshot_part(other, name), memoryview(part_bytes(table)))
    with pytest.raises(DataRefused, match=f"part {words}"):
        read_tapes(store, other)


def test_planes_with_nulls_or_of_another_type_are_refused() -> None:
    encoded = tapes.encode(tape_of(SMALL))
    for rows in (
        encoded.rows.set_column(0, "event", pa.array([82, None, 73], pa.uint8())),
        encoded.rows.set_column(0, "event", pa.array([82, 35, 73], pa.int64())),
    ):
        with pytest.raises(PartFault, match=r"without a value|are not planes of bytes"):
            tapes.decode(encoded.instrument, stored(rows), stored(encoded.messages))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tape: tape["columns"][4].update(first="1"), "column quantity: no column has this first value or unit"),
        (lambda tape: tape["columns"][3].update(unit="0"), "column price: no column has this first value or unit"),
        (lambda tape: tape["columns"][3].update(first=str(2**64)), "a first value of more than 64 bits"),
        (lambda tape: tape["columns"].reverse(), "the manifest states the columns quantity, price"),
        (lambda tape: tape["columns"][0].update(unit="1e3"), "columns.0.unit"),
        (lambda tape: tape.update(tick="0"), "tape.tick"),
        (lambda tape: tape.update(tick="0.10"), "tape.tick"),
        (lambda tape: tape.update(kind="Option"), "tape.kind"),
        (lambda tape: tape["recording"].update(gaps=-1), "tape.recording.gaps"),
    ],
)
def test_a_description_that_no_tape_has_is_refused(store: ObjectStore, change: Any, words: str) -> None:
    digest = write_tapes(store, [tape_of(SMALL)], [SOURCE]).id
    other = replaced(store, digest, lambda manifest: change(manifest["instruments"][0]["tape"]))
    with pytest.raises(DataRefused, match=words):
        read_tapes(store, other)


@pytest.mark.parametrize(
    ("version", "words"),
    [(1, "version 1 holds bars"), (3, "version 1 holds bars"), (4, "reads up to 3; use a tradeplane")],
)
def test_the_version_of_a_manifest_says_what_it_holds(store: ObjectStore, version: int, words: str) -> None:
    digest = write_tapes(store, [tape_of(SMALL)], [SOURCE]).id
    with pytest.raises(DataRefused, match=words):
        read_tapes(store, replaced(store, digest, lambda manifest: manifest.update(schemaVersion=version)))


def test_another_tick_size_is_refused(store: ObjectStore) -> None:
    digest = write_tapes(store, [tape_of(SMALL, tick="0.5")], [SOURCE]).id
    assert len(read_tapes(store, digest, Decimal("0.50"))) == 1
    with pytest.raises(
        DataRefused, match=r"the tape of BTCUSDT .* has a tick size of 0\.5, not of 0\.1; set execution.tick to 0\.5"
    ):
        read_tapes(store, digest, Decimal("0.1"))


def test_bars_are_no_tapes_and_tapes_are_no_bars(store: ObjectStore) -> None:
    with pytest.raises(DataRefused, match="holds bars, not tapes"):
        read_tapes(store, write_snapshot(store, [series("A", [100])], [SOURCE]).id)
    with pytest.raises(DataRefused, match="holds tapes, not bars"):
        read_bars(store, write_tapes(store, [tape_of(SMALL)], [SOURCE]).id)


def test_a_symbol_given_twice_and_a_tape_without_rows_are_refused(store: ObjectStore) -> None:
    with pytest.raises(DataRefused, match="the symbol BTCUSDT is there twice"):
        write_tapes(store, [tape_of(SMALL), quotes(2)], [SOURCE])
    digests = [write_tapes(store, [tape], [SOURCE]).id for tape in (tape_of(SMALL), quotes(2))]
    with pytest.raises(DataRefused, match="the symbol BTCUSDT is there twice"):
        read_tapes(store, digests)
    with pytest.raises(DataRefused, match="the tape of BTCUSDT has no rows"):
        write_tapes(store, [tape_of([])], [SOURCE])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((5, 1, 1, 10, BID, 1, 1), "row 1: its kind is not known"),
        ((5, 1, 1, TRADE, 3, 1, 1), "row 1: its side is not 0, 1 or 2"),
        ((3, 1, 1, TRADE, BID, 1, 1), "row 1: its sequence is below"),
        ((5, 1, 1, TRADE, BID, 1, -1), "row 1: its quantity is below zero"),
        ((5, 1, 1, TRADE, BID, 2**62, 1), "row 1: its price does not fit into 62 bits"),
        ((5, 2**62, 1, TRADE, BID, 1, 1), "row 1: its exchange_time does not fit"),
        ((2**63, 1, 1, TRADE, BID, 1, 1), "row 1: its sequence does not fit"),
    ],
)
def test_rows_that_no_tape_has_are_refused(row: Row, words: str) -> None:
    with pytest.raises(DataRefused, match=f"the tape of BTCUSDT: {words}"):
        tapes.encode(tape_of([(4, BEGIN, BEGIN, LEVEL, BID, 1, 1), row]))


@pytest.mark.parametrize(
    ("unit", "text", "exponent"),
    [("0.25", "0.25", -2), ("0.10", "0.1", -1), ("100", "100", 2), ("1E-5", "0.00001", -5)],
)
def test_units_have_one_form(unit: str, text: str, exponent: int) -> None:
    assert (decimal_text(Decimal(unit)), exponent_of(Decimal(unit))) == (text, exponent)
