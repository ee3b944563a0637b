"""A run is read to be attested whole, within its budget, and as it was recorded; or it is said why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.errors import DigestMismatch, EvidenceError, Malformed, NotAttested
from tradeplane_evidence.statements import run as statements
from tradeplane_evidence.stored_runs import read_run
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
