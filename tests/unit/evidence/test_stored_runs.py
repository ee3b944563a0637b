"""A run is read to be attested whole, within its budget, and as it was recorded; or it is said why not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.attestation import statement_of
from tradeplane_evidence.errors import DigestMismatch, EvidenceError, Malformed, NotAttested, ResultsChanged
from tradeplane_evidence.results_artifact import digest_over
from tradeplane_evidence.statements import run as statements
from tradeplane_evidence.statements.statement import hexadecimal
from tradeplane_evidence.stored_runs import StoredRun, read_run
from tradeplane_store.canonical import canonical_json, document_digest, sha256_digest
from tradeplane_store.objects import ObjectStore, open_store

from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from pathlib import Path

RUN = sample_runs.RUN
IDENTITY = document_digest(sample_runs.snapshot())
SNAPSHOT = f"snapshots/{IDENTITY.removeprefix('sha256:')}/manifest.json"
WHOLE = sum(map(len, sample_runs.files().values())) + len(canonical_json(sample_runs.snapshot()))


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    found = open_store(tmp_path.as_uri())
    sample_runs.store_it(found)
    return found


def test_a_run_is_read_as_it_lies_there(store: ObjectStore) -> None:
    recorded = sha256_digest(sample_runs.files()["manifest.json"])
    assert read_run(store, RUN, manifest_digest=recorded, most_bytes=WHOLE) == sample_runs.stored()


@pytest.mark.parametrize("less", [1, 50, WHOLE - 1])
def test_a_run_over_the_budget_is_not_read(store: ObjectStore, less: int) -> None:
    with pytest.raises(Malformed, match="too large to be attested"):
        read_run(store, RUN, most_bytes=WHOLE - less)


@pytest.mark.parametrize("name", ["manifest.json", "summary.json", "equity.arrow", "positions.arrow"])
def test_a_run_that_is_not_whole_is_not_attested(store: ObjectStore, name: str) -> None:
    store.delete(f"results/{RUN}/{name}")
    with pytest.raises(NotAttested, match=rf"run {RUN}: .*; what is attested must be whole"):
        read_run(store, RUN)


def test_a_run_whose_data_are_gone_is_not_attested(store: ObjectStore) -> None:
    store.delete(SNAPSHOT)
    with pytest.raises(NotAttested, match="must be whole"):
        read_run(store, RUN)


def test_a_manifest_that_was_recorded_as_another_is_refused(store: ObjectStore) -> None:
    with pytest.raises(DigestMismatch, match="it was changed since"):
        read_run(store, RUN, manifest_digest="sha256:" + "00" * 32)


def _read_as_recorded(store: ObjectStore) -> StoredRun:
    """Read the run by what is recorded of it at its end."""
    files = sample_runs.files()
    recorded = sha256_digest(files["manifest.json"])
    return read_run(store, RUN, manifest_digest=recorded, files_digest=digest_over(files))


def test_files_that_are_as_the_pod_left_them_are_read(store: ObjectStore) -> None:
    assert _read_as_recorded(store) == sample_runs.stored()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (
            "equity.arrow",
            sample_runs.another_equity(),
            "equity.arrow, positions.arrow, trades.arrow were changed since",
        ),
        ("trades.arrow", b"", "that its pod said at its end that it left"),
        ("positions.arrow", sample_runs.table_file("equity"), "see who may write"),
        ("manifest.json", canonical_json(sample_runs.results(machine="aarch64")), "manifest .* was changed since"),
        ("summary.json", canonical_json(sample_runs.results().summary) + b"\n", "were changed since"),
        ("summary.json", b"{}", "summary.json of run .* does not have the figures of its manifest"),
    ],
)
def test_a_file_that_was_changed_since_is_refused(store: ObjectStore, name: str, data: bytes, words: str) -> None:
    store.put(f"results/{RUN}/{name}", data)
    with pytest.raises(ResultsChanged, match=words):
        _read_as_recorded(store)


def _figures(**changes: Any) -> bytes:
    return canonical_json(sample_runs.results().summary.model_dump(mode="json", by_alias=True) | changes)


@pytest.mark.parametrize(
    "data",
    [
        _figures(totalReturn="9.99"),
        _figures(trades=True),
        _figures(more="1"),
        b"{}",
        b"[]",
        b"",
        b"\xff",
        b'{"trades": 1, "trades": 420}',
        b'{"trades": NaN}',
    ],
)
def test_a_summary_of_other_figures_is_refused_also_where_nothing_is_said_of_files(
    store: ObjectStore, data: bytes
) -> None:
    store.put(f"results/{RUN}/summary.json", data)
    with pytest.raises(ResultsChanged, match=r"summary\.json of run .* does not have the figures of its manifest"):
        read_run(store, RUN)


def test_a_summary_is_not_told_by_how_it_is_spelled(store: ObjectStore) -> None:
    figures = json.loads(sample_runs.files()["summary.json"])
    store.put(f"results/{RUN}/summary.json", json.dumps(figures, indent=2).encode())
    assert read_run(store, RUN).results == sample_runs.results()


def test_the_manifest_of_another_run_is_refused(store: ObjectStore) -> None:
    store.put(f"results/{RUN}/manifest.json", sample_runs.files("another-run")["manifest.json"])
    with pytest.raises(DigestMismatch, match="is of run another-run"):
        read_run(store, RUN)


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"{}", DigestMismatch), (b"", DigestMismatch), (canonical_json({"kind": "Snapshot"}), DigestMismatch)],
)
def test_data_that_were_changed_are_refused(store: ObjectStore, data: bytes, error: type[EvidenceError]) -> None:
    store.put(SNAPSHOT, data)
    with pytest.raises(error, match="is not the one of that digest"):
        read_run(store, RUN)


def test_a_manifest_that_names_a_part_twice_is_refused(store: ObjectStore) -> None:
    results = sample_runs.results()
    doubled = results.model_copy(update={"parts": (*results.parts, results.parts[0])})
    store.put(f"results/{RUN}/manifest.json", canonical_json(doubled))
    with pytest.raises(Malformed, match="a part twice"):
        read_run(store, RUN)


def test_a_run_made_from_more_than_a_statement_names_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was made from is all named, or it is not attested: a statement that leaves something out says less."""
    monkeypatch.setattr(statements, "MAX_DEPENDENCIES", 3)
    stated = statements.RunEvidence(sample_runs.results(), sample_runs.stored().snapshots)
    with pytest.raises(Malformed, match="made from 4 things, and a statement names 3"):
        statements.run_provenance(stated)


def _with_attempt(store: ObjectStore, attempt: str) -> None:
    results = sample_runs.results()
    results = results.model_copy(update={"environment": {**results.environment, "attempt": attempt}})
    store.put(f"results/{RUN}/manifest.json", canonical_json(results))


def test_the_log_of_the_attempt_that_left_the_results_is_stated(store: ObjectStore) -> None:
    _with_attempt(store, "sp500-macd-1-x7f2")
    for attempt, log in (("sp500-macd-1-x7f2", b"it ended well"), ("sp500-macd-1-a000", b"it was stopped")):
        store.put(f"results/{RUN}/log-{attempt}.txt", log)
    found = read_run(store, RUN)
    assert found.logs == {"log-sp500-macd-1-x7f2.txt": sha256_digest(b"it ended well")}
    statement = statement_of(found, sample_runs.artifact(), sample_runs.EXECUTION)
    byproducts = {one["name"]: one["digest"] for one in statement.predicate["runDetails"]["byproducts"]}
    assert byproducts["log-sp500-macd-1-x7f2.txt"] == {"sha256": hexadecimal(sha256_digest(b"it ended well"))}
    store.delete(f"results/{RUN}/log-sp500-macd-1-x7f2.txt")
    assert read_run(store, RUN).logs == {}


@pytest.mark.parametrize("attempt", ["", "../../other/log", "a/b", "A", "x" * 300, "-"])
def test_what_names_no_pod_names_no_log(store: ObjectStore, attempt: str) -> None:
    _with_attempt(store, attempt)
    assert read_run(store, RUN).logs == {}


def test_a_log_counts_in_the_budget(store: ObjectStore) -> None:
    _with_attempt(store, "x")
    store.put(f"results/{RUN}/log-x.txt", b"x" * WHOLE)
    with pytest.raises(Malformed, match="too large to be attested"):
        read_run(store, RUN, most_bytes=2 * WHOLE - 1)
