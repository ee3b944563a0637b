"""Results compared: by digest where that settles it, else by the parts that differ."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from tradeplane_store import layout
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_store.records import arrow_bytes
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.replay.fields import FieldDifference
from tradeplane_workloads.replay.results import compare_results
from tradeplane_workloads.results import write_results

from tests.unit.workloads.sample_results import sample_result, specification


@pytest.fixture
def store() -> ObjectStore:
    return open_store("memory:///")


def test_the_same_result_is_the_same_whatever_it_is_called(store: ObjectStore) -> None:
    for run in ("r1", "r2"):
        write_results(store, specification(run=run), sample_result(), {})
    for name in ("equity", "trades", "positions"):
        store.delete(layout.results_part("r2", name))
    found = compare_results((store, "r1"), (store, "r2"))  # nothing is read: no part of r2 is left
    assert (found.same, found.specification, found.divergences, found.summary) == (True, (), (), ())


def test_what_was_asked_what_diverged_and_what_came_of_it(store: ObjectStore) -> None:
    write_results(store, specification(run="r1", seed=1), sample_result(1000, 1010), {})
    write_results(store, specification(run="r2", seed=2), sample_result(1000, 1011), {})
    found = compare_results((store, "r1"), (store, "r2"))
    assert not found.same
    assert found.specification == (FieldDifference("simulation.seed", "1", "2"),)
    assert found.summary == (FieldDifference("finalEquity", "1010.000000000", "1011.000000000"),)
    (divergence,) = found.divergences
    assert (divergence.part, divergence.sequence) == ("equity", 1)
    assert divergence.fields == (FieldDifference("equity", "1010.000000000", "1011.000000000"),)


def test_causes_come_before_what_they_lead_to(store: ObjectStore) -> None:
    write_results(store, specification(run="r1"), sample_result(), {})
    other = sample_result(1000, 1011)
    trades = pa.table({"time_ns": pa.array([1], pa.int64()), "symbol": pa.array(["A"])})
    write_results(store, specification(run="r2"), replace(other, trades=trades), {})
    assert [one.part for one in compare_results((store, "r1"), (store, "r2")).divergences] == ["trades", "equity"]


def test_runs_may_lie_in_two_stores(store: ObjectStore) -> None:
    other = open_store("memory:///")
    write_results(store, specification(), sample_result(), {})
    write_results(other, specification(), sample_result(1000, 1020), {})
    found = compare_results((store, "r1"), (other, "r1"))
    assert found.divergences[0].fields[0].got == str(Decimal("1020.000000000"))


def test_a_run_without_a_result_is_refused_by_name(store: ObjectStore) -> None:
    write_results(store, specification(), sample_result(), {})
    with pytest.raises(DataRefused, match="run r9 is not in the store"):
        compare_results((store, "r1"), (store, "r9"))


def test_a_part_that_was_altered_since_is_refused_rather_than_compared(store: ObjectStore) -> None:
    write_results(store, specification(run="r1"), sample_result(1000, 1010), {})
    write_results(store, specification(run="r2"), sample_result(1000, 1011), {})
    store.put(layout.results_part("r2", "equity"), memoryview(arrow_bytes(sample_result(1000, 1010).equity)))
    with pytest.raises(DataRefused, match="part equity of run r2"):
        compare_results((store, "r1"), (store, "r2"))
