from __future__ import annotations

import json
from typing import Any

import pytest
from tradeplane_api.run import ExitCode
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, document_digest, files_digest, sha256_digest
from tradeplane_store.errors import StoreFull
from tradeplane_store.objects import ObjectStore, open_store
from tradeplane_store.records import arrow_bytes
from tradeplane_workloads.errors import DataRefused, ResultConflict
from tradeplane_workloads.results import (
    list_results,
    open_results,
    read_results_manifest,
    verify_results,
    write_results,
)

from tests.unit.workloads.sample_results import other_summary, sample_result, specification


@pytest.fixture
def store() -> ObjectStore:
    return open_store("memory:///")


def alter_manifest(store: ObjectStore, run: str, **changes: Any) -> None:
    manifest = json.loads(store.get(layout.results_manifest(run)))
    store.put(layout.results_manifest(run), canonical_json({**manifest, **changes}))


def test_what_is_written_is_read(store: ObjectStore) -> None:
    result = sample_result()
    manifest = write_results(store, specification(), result, {"architecture": "x86_64"}).manifest
    found = open_results(store, "r1")
    assert found.manifest == manifest == read_results_manifest(store, "r1")
    assert (found.equity, found.trades, found.positions) == (result.equity, result.trades, result.positions)
    assert found.summary == result.summary
    assert found.manifest.environment == {"architecture": "x86_64"}
    assert document_digest(manifest) == sha256_digest(store.get(layout.results_manifest("r1")))
    assert json.loads(store.get(layout.results_summary("r1")))["finalEquity"] == "1010.000000000"
    assert verify_results(store, "r1") == []
    assert store.list() == [
        "results/r1/equity.arrow",
        "results/r1/manifest.json",
        "results/r1/positions.arrow",
        "results/r1/summary.json",
        "results/r1/trades.arrow",
    ]


def test_a_result_has_one_digest_wherever_it_ran_and_whatever_it_is_called(store: ObjectStore) -> None:
    one = write_results(store, specification(), sample_result(), {"architecture": "x86_64"}).manifest
    other = write_results(store, specification(run="r2"), sample_result(), {"architecture": "aarch64"}).manifest
    assert one.result_digest == other.result_digest
    assert one.run_digest == other.run_digest
    assert document_digest(one) != document_digest(other)


@pytest.mark.parametrize(
    "result",
    [sample_result(1000, 1011), sample_result(1000, 1010, 1010), other_summary(sample_result(), sharpe="1.000000000")],
)
def test_another_result_has_another_digest(store: ObjectStore, result: Any) -> None:
    one = write_results(store, specification(), sample_result(), {}).manifest
    other = write_results(store, specification(run="r2"), result, {}).manifest
    assert other.result_digest != one.result_digest


def test_the_first_manifest_stays(store: ObjectStore) -> None:
    first = write_results(store, specification(), sample_result(), {"attempt": "1"})
    before = {name: store.get(name) for name in store.list()}
    assert write_results(store, specification(), sample_result(), {"attempt": "2"}) == first
    assert {name: store.get(name) for name in store.list()} == before


def test_an_attempt_that_was_first_by_a_moment_wins(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other attempt writes its manifest after we have looked for one."""
    put = ObjectStore.put_if_absent

    def beaten(self: ObjectStore, name: str, data: bytes) -> None:
        with monkeypatch.context() as undone:
            undone.setattr(ObjectStore, "put_if_absent", put)
            write_results(self, specification(), sample_result(), {"attempt": "other"})
        put(self, name, data)

    monkeypatch.setattr(ObjectStore, "put_if_absent", beaten)
    assert write_results(store, specification(), sample_result(), {"attempt": "ours"}).manifest.environment == {
        "attempt": "other"
    }


def test_the_digest_over_the_files_is_that_of_what_lies_there(store: ObjectStore) -> None:
    written = write_results(store, specification(), sample_result(), {})
    digests = {name.rpartition("/")[2]: sha256_digest(store.get(name)) for name in store.list("results/r1")}
    assert set(digests) == {"manifest.json", "summary.json", "equity.arrow", "trades.arrow", "positions.arrow"}
    assert written.files == files_digest(digests)
    other = write_results(store, specification(run="r2"), sample_result(1000, 1011), {})
    assert other.files != written.files


def _better(store: ObjectStore) -> dict[str, bytes]:
    """Return files of a run that did better, as they lie in a store."""
    there = open_store("memory:///")
    write_results(there, specification(), sample_result(1000, 1999), {})
    return {name: bytes(there.get(name)) for name in there.list("results/r1")}


@pytest.mark.parametrize(
    ("file", "data", "words"),
    [
        ("equity.arrow", None, "part equity of run r1 has the digest"),
        ("equity.arrow", b"no table", "part equity of run r1: not a whole Arrow file"),
        ("equity.arrow", b"", "part equity of run r1 is not in the store"),
        ("summary.json", None, r"results/r1/summary.json was altered: its figures"),
        ("summary.json", b"{}", r"results/r1/summary.json was altered, and is no summary"),
        ("summary.json", b"", r"results/r1/summary.json is not in the store any more"),
    ],
)
def test_a_later_attempt_does_not_vouch_for_files_that_were_altered(
    store: ObjectStore, file: str, data: bytes | None, words: str
) -> None:
    write_results(store, specification(), sample_result(), {})
    name = f"results/r1/{file}"
    store.delete(name)
    if data != b"":
        store.put(name, _better(store)[name] if data is None else data)
    with pytest.raises(ResultConflict, match=words):
        write_results(store, specification(), sample_result(), {})


def test_another_result_of_the_same_run_is_a_conflict_and_changes_nothing(store: ObjectStore) -> None:
    write_results(store, specification(), sample_result(), {})
    before = {name: store.get(name) for name in store.list()}
    with pytest.raises(ResultConflict, match="not deterministic, or the results were altered") as raised:
        write_results(store, specification(), sample_result(1000, 999), {})
    assert raised.value.exit_code == ExitCode.REFUSED
    assert {name: store.get(name) for name in store.list()} == before
    with pytest.raises(ResultConflict, match="results of another specification"):
        write_results(store, specification(capital="5"), sample_result(), {})
    assert {name: store.get(name) for name in store.list()} == before


def test_a_store_that_fills_up_at_any_write_leaves_no_results(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was written before, the run has no results until a later attempt has written all of them."""
    whole = write_results(open_store("memory:///"), specification(), sample_result(), {})
    for room in range(5):
        left = [room]

        def put(self: ObjectStore, name: str, data: bytes, *, real: Any, left: list[int] = left) -> None:
            if not left[0]:
                raise StoreFull("no room")
            left[0] -= 1
            real(self, name, data)

        with monkeypatch.context() as patch:
            for method in ("put", "put_if_absent"):
                real = getattr(ObjectStore, method)
                patch.setattr(ObjectStore, method, lambda s, n, d, real=real: put(s, n, d, real=real))
            with pytest.raises(StoreFull):
                write_results(store, specification(), sample_result(), {})
        assert list_results(store) == []
        with pytest.raises(DataRefused, match="the result of run r1 is not in the store"):
            open_results(store, "r1")
    assert write_results(store, specification(), sample_result(), {}) == whole


def test_only_finished_runs_are_listed(store: ObjectStore) -> None:
    assert list_results(store) == []
    for run in ("b", "a"):
        write_results(store, specification(run=run), sample_result(), {})
    store.put(layout.results_log("c", "pod"), b"")
    assert list_results(store) == ["a", "b"]


def test_an_altered_part_is_named(store: ObjectStore) -> None:
    write_results(store, specification(), sample_result(), {})
    store.put(layout.results_part("r1", "equity"), memoryview(arrow_bytes(sample_result(1000, 1011).equity)))
    store.delete(layout.results_part("r1", "trades"))
    with pytest.raises(
        DataRefused, match=r"part equity of run r1 has the digest .*first block that differs is block 0"
    ):
        open_results(store, "r1")
    equity, trades = verify_results(store, "r1")
    assert "part equity" in equity
    assert "part trades of run r1 is not in the store" in trades


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resultDigest": "sha256:" + "0" * 64}, "does not have the result digest it states"),
        ({"runDigest": "sha256:" + "0" * 64}, "does not have the run digest it states"),
        ({"parts": []}, "does not have the result digest it states"),
        ({"schemaVersion": 2}, "schema version 2, and this tradeplane reads up to 1"),
        ({"summary": {}}, "summary"),
    ],
)
def test_an_altered_manifest_is_refused(store: ObjectStore, changes: dict[str, Any], words: str) -> None:
    write_results(store, specification(), sample_result(), {})
    alter_manifest(store, "r1", **changes)
    with pytest.raises(DataRefused, match=words):
        open_results(store, "r1")


def test_the_manifest_of_another_run_is_refused(store: ObjectStore) -> None:
    write_results(store, specification(), sample_result(), {})
    store.put(layout.results_manifest("r2"), store.get(layout.results_manifest("r1")))
    with pytest.raises(DataRefused, match="the manifest of run r2 is of the run r1"):
        open_results(store, "r2")
