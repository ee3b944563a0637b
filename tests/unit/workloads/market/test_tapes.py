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
from tradeplane_api.snapshot import InstrumentKind
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_store.records import BLOCK_ROWS, table_digest
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market import tapes
from tradeplane_workloads.market.snapshots import (
    read_bars,
    read_manifest,
    read_tapes,
    verify_snapshot,
    write_snapshot,
    write_tapes,
)
from tradeplane_workloads.market.tapes import Tape, TapeInstrument

from tests.unit.workloads.sample_bars import SOURCE, series
from tests.unit.workloads.sample_tapes import ADD, ASK, BEGIN, BID, GAP, LEVEL, NONE, TRADE, Row, quotes, tape_of

if TYPE_CHECKING:
    from pathlib import Path

SMALL: list[Row] = [
    (4, 10, 11, LEVEL, BID, 100, 5),
    (4, 10, 11, TRADE, ASK, 90, 10),
    (6, 30, 12, GAP, NONE, 110, 0),
]
"""The example of docs/formats/tape.md."""


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(tmp_path.as_uri())


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
    assert (manifest.schema_version, manifest.records, [part.name for part in manifest.parts]) == (
        2,
        83,
        ["tape-0", "tape-1"],
    )
    assert (manifest.start, manifest.end) == ("1970-01-01T00:00:00.000000011Z", "2023-11-14T22:13:20.0390005Z")
    assert [each.price_exponent for each in manifest.instruments] == [-1, -2]


def test_the_example_of_the_documentation(store: ObjectStore) -> None:
    encoded = tapes.encode(tape_of(SMALL))
    assert encoded.table.to_pydict() == {
        "event": [18, 35, 9],
        "sequence_0": [0, 0, 1],
        "exchange_time_0": [0, 0, 2],
        "local_time_0": [0, 0, 2],
        "price_0": [0, 1, 4],
        "quantity_0": [1, 2, 0],
    }
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
    made: list[Row] = [(row, one, two, ADD, BID, three, abs(three) // 2) for row, (one, two, three) in enumerate(rows)]
    names = [one % 2**64 for one, _, _ in rows] if orders else []
    tape = tape_of(made, orders=names)
    encoded = tapes.encode(tape)
    digest, blocks = table_digest(encoded.table)
    part = Part(name="tape-0", rows=len(tape), digest=digest, blocks=blocks)
    assert equal(tapes.decode(encoded.instrument, part, tapes.part_bytes(encoded.table)), tape)


def test_a_tape_of_several_blocks(store: ObjectStore) -> None:
    tape = quotes(BLOCK_ROWS // 2 + 3)
    written = write_tapes(store, [tape], [SOURCE])
    assert len(written.manifest.parts[0].blocks) == 2
    assert equal(read_tapes(store, written.id)[0], tape)
    tape.price[BLOCK_ROWS + 1] += 1
    store.put(layout.snapshot_part(written.id, "tape-0"), memoryview(tapes.part_bytes(tapes.encode(tape).table)))
    (fault,) = verify_snapshot(store, written.id)
    assert "part tape-0" in fault
    assert "the first block that differs is block 1" in fault


def test_no_flipped_bit_of_a_part_changes_what_is_read() -> None:
    store = open_store("memory:///")
    tape = tape_of(SMALL)
    digest = write_tapes(store, [tape], [SOURCE]).id
    name = layout.snapshot_part(digest, "tape-0")
    data = store.get(name)
    refusals = []
    for position in range(len(data)):
        store.put(name, data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        faults = verify_snapshot(store, digest)
        if not faults:  # bytes that mean nothing, such as padding
            assert equal(read_tapes(store, digest)[0], tape)
        refusals.extend(faults)
    assert all(f"part tape-0 of snapshot {digest}" in refusal for refusal in refusals)
    assert len(refusals) >= 18, "each byte of a plane, and more"


@pytest.mark.parametrize("kept", [0, 8, 200, -1, -100])
def test_a_part_cut_short_is_refused(store: ObjectStore, kept: int) -> None:
    digest = write_tapes(store, [quotes(3), tape_of(SMALL, "B")], [SOURCE]).id
    name = layout.snapshot_part(digest, "tape-1")
    store.put(name, store.get(name)[:kept])
    with pytest.raises(DataRefused, match=r"part tape-1 of snapshot .* not a whole Arrow file.*import the data again"):
        read_tapes(store, digest)


def test_a_missing_part_is_named_and_written_again(store: ObjectStore) -> None:
    recorded = [quotes(3), tape_of(SMALL, "B")]
    digest = write_tapes(store, recorded, [SOURCE]).id
    store.delete(layout.snapshot_part(digest, "tape-1"))
    with pytest.raises(DataRefused, match=r"part tape-1 of snapshot .* is not in the store"):
        read_tapes(store, digest)
    assert write_tapes(store, recorded, [SOURCE]).id == digest
    assert verify_snapshot(store, digest) == []


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"event": [18, 35, 9]}, r"column sequence: its unit is not the greatest"),
        ({"events": [1]}, r"the columns events are not the planes of sequence"),
        ({"event": [18, 35, 9], "price_1": [0, 0, 0]}, r"are not the planes"),
        ({"event": [18, 35]}, r"has 2 rows, not those that are stated"),
        ({"event": [18, 35, 99]}, r"row 2: its event is no kind and side"),
    ],
)
def test_planes_that_no_tape_has_are_refused_though_their_digest_is_right(
    store: ObjectStore, table: dict[str, list[int]], words: str
) -> None:
    planes = pa.table(table, schema=pa.schema([(name, pa.uint8()) for name in table]))
    digest, blocks = table_digest(planes)

    def change(manifest: Any) -> None:
        manifest["parts"][0].update(digest=digest, blocks=list(blocks))

    other = replaced(store, write_tapes(store, [tape_of(SMALL)], [SOURCE]).id, change)
    store.put(layout.snapshot_part(other, "tape-0"), memoryview(tapes.part_bytes(planes)))
    with pytest.raises(DataRefused, match=rf"part tape-0 of snapshot .*{words}"):
        read_tapes(store, other)


def test_planes_with_nulls_or_of_another_type_are_refused() -> None:
    encoded = tapes.encode(tape_of(SMALL))
    for planes in (
        encoded.table.set_column(0, "event", pa.array([18, None, 9], pa.uint8())),
        encoded.table.set_column(0, "event", pa.array([18, 35, 9], pa.int64())),
    ):
        digest, blocks = table_digest(planes)
        part = Part(name="tape-0", rows=3, digest=digest, blocks=blocks)
        with pytest.raises(ValueError, match=r"without a value|are not the planes"):
            tapes.decode(encoded.instrument, part, tapes.part_bytes(planes))


def test_batches_of_other_sizes_are_refused() -> None:
    encoded = tapes.encode(tape_of(SMALL))
    digest, blocks = table_digest(encoded.table)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, encoded.table.schema) as writer:
        writer.write_table(encoded.table, max_chunksize=2)
        writer.write_table(encoded.table, max_chunksize=2)
    with pytest.raises(ValueError, match="batches do not have 65536 rows"):
        tapes.decode(encoded.instrument, Part(name="t", rows=3, digest=digest, blocks=blocks), sink.getvalue())


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


@pytest.mark.parametrize(("version", "words"), [(1, "version 1 holds bars"), (3, "reads up to 2; use a tradeplane")])
def test_the_version_of_a_manifest_says_what_it_holds(store: ObjectStore, version: int, words: str) -> None:
    digest = write_tapes(store, [tape_of(SMALL)], [SOURCE]).id
    with pytest.raises(DataRefused, match=words):
        read_tapes(store, replaced(store, digest, lambda manifest: manifest.update(schemaVersion=version)))


def test_another_tick_size_is_refused(store: ObjectStore) -> None:
    digest = write_tapes(store, [tape_of(SMALL, tick="0.5")], [SOURCE]).id
    assert len(read_tapes(store, digest, {"BTCUSDT": Decimal("0.50"), "OTHER": Decimal(1)})) == 1
    with pytest.raises(DataRefused, match=r"the tape of BTCUSDT .* has a tick size of 0\.5, not of 0\.1; set"):
        read_tapes(store, digest, {"BTCUSDT": Decimal("0.1")})


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
    assert (tapes.decimal_text(Decimal(unit)), tapes.exponent_of(Decimal(unit))) == (text, exponent)
