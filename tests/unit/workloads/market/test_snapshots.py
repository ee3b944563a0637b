from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_store.records import BLOCK_ROWS, arrow_bytes
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.series import BarSeries
from tradeplane_workloads.market.snapshot_manifests import read_manifest
from tradeplane_workloads.market.snapshots import align, read_bars, read_series, verify_snapshot, write_snapshot
from tradeplane_workloads.market.timestamps import rfc3339

from tests.unit.workloads.sample_bars import DAY, SOURCE, series

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(tmp_path.as_uri())


def replaced_manifest(store: ObjectStore, digest: str, **changes: Any) -> str:
    """Store a manifest with changed fields, under the id that its bytes have then, and return that."""
    manifest = {**json.loads(store.get(layout.snapshot_manifest(digest))), **changes}
    data = canonical_json(manifest)
    store.put(layout.snapshot_manifest(sha256_digest(data)), data)
    return sha256_digest(data)


def test_what_is_written_is_read(store: ObjectStore) -> None:
    one, other = series("A", [100, 110, 120]), series("B", [50, 40], days=[1, 2])
    written = write_snapshot(store, [one, other], [SOURCE])
    assert written.created
    assert written.id == sha256_digest(store.get(layout.snapshot_manifest(written.id)))
    manifest = read_manifest(store, written.id)
    assert manifest == written.manifest
    assert [each.symbol for each in manifest.instruments] == ["A", "B"]
    assert (manifest.records, manifest.start, manifest.end) == (5, "1970-01-02T00:00:00Z", "1970-01-04T00:00:00Z")
    assert [each.table for each in read_series(store, written.id)] == [one.table, other.table]
    assert verify_snapshot(store, written.id) == []


def test_importing_the_same_again_is_the_same_and_writes_nothing(store: ObjectStore, tmp_path: Path) -> None:
    bars = [series("A", [100, 110])]
    first = write_snapshot(store, bars, [SOURCE])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    again = write_snapshot(store, [BarSeries(bars[0].instrument, pa.concat_tables([bars[0].table]))], [SOURCE])
    assert (again.id, again.created) == (first.id, False)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before
    assert write_snapshot(store, [series("A", [100, 111])], [SOURCE]).id != first.id


def test_importing_again_repairs_what_was_damaged(store: ObjectStore) -> None:
    bars = [series("A", [100, 110]), series("B", [5])]
    digest = write_snapshot(store, bars, [SOURCE]).id
    store.put(layout.snapshot_part(digest, "bars-0"), b"damaged")
    store.delete(layout.snapshot_part(digest, "bars-1"))
    store.put(layout.snapshot_manifest(digest), b"{}")
    assert write_snapshot(store, bars, [SOURCE]).id == digest
    assert verify_snapshot(store, digest) == []


def test_instruments_stand_on_one_clock(store: ObjectStore) -> None:
    first = write_snapshot(store, [series("B", [50, 40, 45], days=[1, 2, 4]), series("A", [7], days=[3])], [SOURCE]).id
    second = write_snapshot(store, [series("C", [100, 110], days=[0, 4])], [SOURCE]).id
    bars = read_bars(store, [first, second])
    assert [each.symbol for each in bars.instruments] == ["B", "A", "C"]
    assert bars.time_ns.tolist() == [DAY * day for day in (1, 2, 3, 4, 5)]
    assert bars.present.T.tolist() == [
        [False, True, True, False, True],
        [False, False, False, True, False],
        [True, False, False, False, True],
    ]
    assert bars.close.T.tolist() == [[0, 50, 40, 40, 45], [0, 0, 0, 7, 7], [100, 100, 100, 100, 110]]
    assert bars.open.T.tolist() == [[0, 50, 50, 40, 40], [0, 0, 0, 7, 7], [100, 100, 100, 100, 100]]
    assert bars.volume.T.tolist() == [[0, 10, 10, 0, 10], [0, 0, 0, 10, 0], [10, 0, 0, 0, 10]]
    for values in (bars.open, bars.high, bars.low, bars.close, bars.volume):
        assert values.dtype == np.int64
        assert values.flags.c_contiguous


@given(st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=1, max_size=4))
def test_alignment_keeps_every_bar_and_invents_none(days: list[set[int]]) -> None:
    listed = [series(f"S{index}", [100 + day for day in sorted(each)], sorted(each)) for index, each in enumerate(days)]
    bars = align(listed)
    assert bars.time_ns.tolist() == [DAY * (day + 1) for day in sorted(set().union(*days))]
    for index, one in enumerate(listed):
        present = bars.present[:, index]
        assert bars.time_ns[present].tolist() == one.column("time_ns").tolist()
        assert bars.close[present, index].tolist() == one.column("close").tolist()
        last = 0
        for row in range(len(bars.time_ns)):
            last = int(bars.close[row, index]) if present[row] else last
            assert bars.high[row, index] >= bars.low[row, index]
            if not present[row]:
                prices = {int(values[row, index]) for values in (bars.open, bars.high, bars.low, bars.close)}
                assert (prices, bars.volume[row, index]) == ({last}, 0)


def test_a_symbol_given_twice_is_refused(store: ObjectStore) -> None:
    with pytest.raises(DataRefused, match="the symbol A is there twice"):
        write_snapshot(store, [series("A", [1]), series("A", [2])], [SOURCE])
    digests = [write_snapshot(store, [series("A", [close])], [SOURCE]).id for close in (1, 2)]
    with pytest.raises(DataRefused, match="the symbol A is there twice"):
        read_bars(store, digests)
    with pytest.raises(DataRefused, match="at least one instrument"):
        write_snapshot(store, [], [SOURCE])


def test_a_snapshot_that_is_not_there_says_how_to_get_it(store: ObjectStore) -> None:
    with pytest.raises(DataRefused, match=f"snapshot sha256:{'0' * 64} is not in the store file://.* import"):
        read_bars(store, "sha256:" + "0" * 64)


def test_every_flipped_bit_of_a_manifest_is_refused() -> None:
    store = open_store("memory:///")
    digest = write_snapshot(store, [series("A", [100, 110])], [SOURCE]).id
    data = store.get(layout.snapshot_manifest(digest))
    for position in range(len(data)):
        store.put(layout.snapshot_manifest(digest), _flipped(data, position))
        with pytest.raises(DataRefused, match=f"the manifest of snapshot {digest} has the digest sha256:"):
            read_bars(store, digest)


def test_no_flipped_bit_of_a_part_changes_what_is_read() -> None:
    store = open_store("memory:///")
    one = series("A", [100, 110, 120])
    digest = write_snapshot(store, [one], [SOURCE]).id
    name = layout.snapshot_part(digest, "bars-0")
    data = store.get(name)
    refusals = []
    for position in range(len(data)):
        store.put(name, _flipped(data, position))
        faults = verify_snapshot(store, digest)
        if not faults:  # bytes that mean nothing, such as padding: what is read is the very same
            assert read_series(store, digest)[0].table.to_pydict() == one.table.to_pydict()
        refusals.extend(faults)
    assert all(f"part bars-0 of snapshot {digest}" in refusal for refusal in refusals)
    assert len(refusals) >= one.table.nbytes, "each byte of a value, and more"


def _flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


@pytest.mark.parametrize("kept", [0, 8, 200, -1, -100])
def test_a_part_cut_short_is_refused(store: ObjectStore, kept: int) -> None:
    digest = write_snapshot(store, [series("A", [100, 110]), series("B", [5])], [SOURCE]).id
    name = layout.snapshot_part(digest, "bars-1")
    store.put(name, store.get(name)[:kept])
    with pytest.raises(DataRefused, match=r"part bars-1 of snapshot .* not a whole Arrow file.*import the data again"):
        read_bars(store, digest)
    (fault,) = verify_snapshot(store, digest)
    assert "bars-1" in fault


def test_a_missing_part_is_named(store: ObjectStore) -> None:
    digest = write_snapshot(store, [series("A", [100]), series("B", [5])], [SOURCE]).id
    store.delete(layout.snapshot_part(digest, "bars-1"))
    with pytest.raises(DataRefused, match=r"part bars-1 of snapshot .* is not in the store"):
        read_bars(store, digest)


def test_the_block_that_differs_is_named(store: ObjectStore) -> None:
    closes = [100] * (2 * BLOCK_ROWS + 5)
    digest = write_snapshot(store, [series("A", closes, step=1)], [SOURCE]).id
    closes[BLOCK_ROWS + 7] = 101
    store.put(layout.snapshot_part(digest, "bars-0"), memoryview(arrow_bytes(series("A", closes, step=1).table)))
    (fault,) = verify_snapshot(store, digest)
    assert "the first block that differs is block 1" in fault


def test_a_newer_schema_says_which_version_is_needed(store: ObjectStore) -> None:
    digest = write_snapshot(store, [series("A", [100])], [SOURCE]).id
    newer = replaced_manifest(store, digest, schemaVersion=4, surprise={"x": 1})
    with pytest.raises(DataRefused, match="has schema version 4, and this tradeplane reads up to 3; use a tradeplane"):
        read_manifest(store, newer)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schemaVersion": "1"}, "schemaVersion"),
        ({"kind": "Results"}, "kind"),
        ({"instruments": []}, "instruments"),
        ({"surprise": 1}, "surprise"),
        ({"parts": []}, "one part of bars for each instrument"),
        ({"parts": [{"name": "../../etc/passwd", "rows": 1, "digest": "sha256:" + "0" * 64}]}, "parts.0.name"),
        ({"parts": [{"name": "other", "rows": 1, "digest": "sha256:" + "0" * 64}]}, "one part of bars for each"),
    ],
)
def test_a_manifest_that_is_none_is_refused(store: ObjectStore, changes: dict[str, Any], words: str) -> None:
    digest = write_snapshot(store, [series("A", [100])], [SOURCE]).id
    with pytest.raises(DataRefused, match=words):
        read_bars(store, replaced_manifest(store, digest, **changes))


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_manifest_are_refused(store: ObjectStore, data: bytes) -> None:
    digest = sha256_digest(data)
    store.put(layout.snapshot_manifest(digest), data)
    with pytest.raises(DataRefused, match=f"snapshot {digest}"):
        read_manifest(store, digest)


@pytest.mark.parametrize(
    ("column", "row", "value", "words"),
    [
        ("time_ns", 1, DAY, "row 1, column time: has the time of the bar before it"),
        ("time_ns", 1, 0, "row 1, column time: is earlier"),
        ("close", 0, -1, "row 0, column close: is not above zero"),
        ("high", 1, 1, "row 1, column high: is below the low"),
        ("open", 1, 999, "row 1, column open: is outside the range"),
        ("volume", 0, -1, "row 0, column volume: is negative"),
        ("low", 1, None, "row 1, column low: has no value"),
    ],
)
def test_bars_that_could_not_have_been_are_refused_though_their_digest_is_right(
    store: ObjectStore, column: str, row: int, value: int | None, words: str
) -> None:
    one = series("A", [100, 110])
    values = one.table.to_pydict()
    values[column][row] = value
    wrong = BarSeries(one.instrument, pa.table(values, schema=one.table.schema))
    digest = write_snapshot(store, [wrong], [SOURCE]).id
    assert verify_snapshot(store, digest) == []
    with pytest.raises(DataRefused, match=words):
        read_bars(store, digest)


def test_a_part_of_other_columns_is_refused(store: ObjectStore) -> None:
    one = series("A", [100])
    digest = write_snapshot(store, [BarSeries(one.instrument, one.table.append_column("x", [[1]]))], [SOURCE]).id
    with pytest.raises(DataRefused, match=r"has the columns time_ns, .*, x, not those of bars"):
        read_bars(store, digest)


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1546290000_000_000_000, "2018-12-31T21:00:00Z"),
    ],
)
def test_times_are_written_exactly(time_ns: int, text: str) -> None:
    assert rfc3339(time_ns) == text
