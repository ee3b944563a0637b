"""Snapshots compared by what they say, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.snapshot_manifest import SnapshotSource
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.snapshots import write_snapshot, write_tapes
from tradeplane_workloads.replay.fields import FieldDifference
from tradeplane_workloads.replay.snapshots import compare_snapshots

from tests.unit.workloads.sample_bars import series
from tests.unit.workloads.sample_tapes import quotes

if TYPE_CHECKING:
    from tradeplane_workloads.market.tapes import Tape

SOURCE = SnapshotSource(name="feed", format="binance-raw", digest="sha256:" + "1" * 64)


@pytest.fixture
def store() -> ObjectStore:
    return open_store("memory:///")


def written(store: ObjectStore, *tapes: Tape, source: SnapshotSource = SOURCE) -> tuple[ObjectStore, str]:
    return store, write_tapes(store, list(tapes), [source]).id


def with_price(tape: Tape, row: int, ticks: int) -> Tape:
    price = tape.price.copy()
    price[row] = ticks
    return replace(tape, price=price)


def test_a_snapshot_is_the_same_as_itself_without_a_row_read(store: ObjectStore) -> None:
    one = written(store, quotes(10))
    for name in store.list("snapshots"):
        if not name.endswith("manifest.json"):
            store.delete(name)
    assert compare_snapshots(one, one).same


def test_the_first_row_that_differs_is_named(store: ObjectStore) -> None:
    tape = quotes(40_000)
    other = with_price(with_price(tape, 70_001, 5), 70_003, 5)
    found = compare_snapshots(written(store, tape), written(store, other))
    (divergence,) = found.divergences
    assert (divergence.part, divergence.sequence) == ("BTCUSDT", 70_001)
    assert divergence.fields == (FieldDifference("price", str(tape.price[70_001]), "5"),)
    assert (found.same, found.fields) == (False, ())


def test_a_row_more_is_named_where_the_other_ends(store: ObjectStore) -> None:
    found = compare_snapshots(written(store, quotes(3)), written(store, quotes(4)))
    assert found.divergences[0].sequence == 6
    assert found.divergences[0].fields == (FieldDifference("record", None, "there"),)


def test_where_they_came_from_is_a_difference_of_the_manifest_alone(store: ObjectStore) -> None:
    other = SOURCE.model_copy(update={"name": "another feed"})
    found = compare_snapshots(written(store, quotes(3)), written(store, quotes(3), source=other))
    assert (found.fields, found.divergences) == ((FieldDifference("sources[0].name", "feed", "another feed"),), ())


def test_rows_in_other_units_are_not_compared(store: ObjectStore) -> None:
    tape = quotes(3)
    coarse = replace(tape, instrument=replace(tape.instrument, lot=tape.instrument.lot * 2))
    found = compare_snapshots(written(store, tape), written(store, coarse))
    assert FieldDifference("instruments.BTCUSDT.tape.lot", "0.001", "0.002") in found.fields
    assert found.divergences == ()


def test_an_instrument_that_only_one_has_is_one_difference(store: ObjectStore) -> None:
    found = compare_snapshots(written(store, quotes(3)), written(store, quotes(3), quotes(3, "ETHUSDT")))
    assert FieldDifference("instruments.ETHUSDT", None, "tape") in found.fields
    assert found.divergences == ()


def test_another_order_of_instruments_is_a_difference(store: ObjectStore) -> None:
    one, two = quotes(3), quotes(3, "ETHUSDT")
    found = compare_snapshots(written(store, one, two), written(store, two, one))
    assert found.fields == (FieldDifference("instruments", "BTCUSDT, ETHUSDT", "ETHUSDT, BTCUSDT"),)


def test_bars_are_compared_by_their_records(store: ObjectStore) -> None:
    ours, theirs = series("A", [1, 2, 3, 4]), series("A", [1, 2, 9, 4])
    pair = [(store, write_snapshot(store, [one], [SOURCE]).id) for one in (ours, theirs)]
    found = compare_snapshots(pair[0], pair[1])
    (divergence,) = found.divergences
    assert (divergence.part, divergence.sequence) == ("A", 2)
    assert divergence.fields == (FieldDifference("high", "3", "9"), FieldDifference("close", "3", "9"))


def test_bars_and_tapes_are_told_apart_and_not_compared(store: ObjectStore) -> None:
    bars = store, write_snapshot(store, [series("BTCUSDT", [1, 2])], [SOURCE]).id
    found = compare_snapshots(bars, written(store, quotes(3)))
    assert FieldDifference("schemaVersion", "1", "2") in found.fields
    assert found.divergences == ()


def test_a_damaged_snapshot_is_refused_rather_than_compared(store: ObjectStore) -> None:
    one, two = written(store, quotes(3)), written(store, with_price(quotes(3), 1, 5))
    name = next(name for name in store.list("snapshots") if two[1].removeprefix("sha256:") in name and "tape-0" in name)
    store.put(name, store.get(name)[:-1])
    with pytest.raises(DataRefused, match=r"part tape-0 of snapshot"):
        compare_snapshots(one, two)
