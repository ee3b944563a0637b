"""A session as it is attested: one artifact of one snapshot, read from a store only as its id says it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sigstore import dsse
from tradeplane_evidence.errors import DigestMismatch, Malformed, NotAttested, PolicyRefused
from tradeplane_evidence.registry.manifests import artifact, described, parse_manifest
from tradeplane_evidence.snapshot_artifact import SESSION_TYPE, snapshot_in
from tradeplane_evidence.snapshot_manifests import parse_session
from tradeplane_evidence.statements.statement import serialise
from tradeplane_evidence.statements.test_result import TEST_RESULT_TYPE
from tradeplane_evidence.stored_sessions import read_session
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.objects import open_store

from tests.unit.evidence import sample_runs, sample_sessions
from tests.unit.evidence.sample_replays import AMD64, UNJUDGED, replay

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store((tmp_path / "store").as_uri(), create=True)


def _put(store: ObjectStore, environment: bytes | None = None) -> str:
    session = sample_sessions.stored()
    store.put(layout.snapshot_manifest(session.snapshot), session.manifest)
    if environment is not None:
        store.put(layout.snapshot_environment(session.snapshot), environment)
    return session.snapshot


def test_its_artifact_follows_from_the_snapshot_and_names_it() -> None:
    data = sample_sessions.manifest()
    first = sample_sessions.session_artifact(data)
    assert sample_sessions.session_artifact(data) == first
    assert sample_sessions.session_artifact(sample_sessions.manifest(fills=2)) != first
    found = parse_manifest(first, "the artifact")
    assert snapshot_in(found, "the artifact", SESSION_TYPE) == sha256_digest(data)
    session = parse_session(data, sha256_digest(data)).session
    assert session is not None
    assert session.fills == 1


def test_what_is_no_session_is_not_taken_for_one() -> None:
    data = sample_sessions.manifest()
    results = parse_manifest(sample_runs.artifact().manifest, "results")
    with pytest.raises(PolicyRefused, match="no session"):
        snapshot_in(results, "it", SESSION_TYPE)
    two = tuple(described(data, "application/json", name) for name in ("manifest.json", "more.json"))
    for layers in ((), two, (described(data, "application/json"),)):
        with pytest.raises(Malformed, match="other files"):
            snapshot_in(parse_manifest(artifact(SESSION_TYPE, layers), "it"), "it", SESSION_TYPE)
    bars = canonical_json(sample_runs.snapshot())
    with pytest.raises(Malformed, match="no session but bars"):
        parse_session(bars, sha256_digest(bars))
    with pytest.raises(DigestMismatch):
        parse_session(sample_sessions.manifest(fills=2), sha256_digest(data))
    twice = data.replace(b'"kind":', b'"kind":"Snapshot","kind":')
    with pytest.raises(Malformed, match="twice"):
        parse_session(twice, sha256_digest(twice))


def test_it_is_read_from_a_store_with_the_image_that_is_told_beside_it(store: ObjectStore) -> None:
    snapshot = _put(store, canonical_json({"image": sample_runs.IMAGE, "architecture": "x86_64"}))
    assert read_session(store, snapshot) == sample_sessions.stored()


@pytest.mark.parametrize(
    "told",
    [
        None,
        b"{}",
        b"[]",
        b"{",
        b'{"image": 5}',
        b'{"image": "workloads:latest"}',
        b'{"image": "a\\nb@sha256:' + b"0" * 64 + b'"}',
        b'{"image": "x", "image": "y"}',
        b'{"image": "' + b"x" * 70_000 + b'"}',
        b"[" * 10_000,
    ],
)
def test_what_names_no_image_is_no_image_and_no_fault_of_the_session(store: ObjectStore, told: bytes | None) -> None:
    assert read_session(store, _put(store, told)).traded_by is None


def test_one_that_is_gone_or_was_changed_is_not_attested(store: ObjectStore) -> None:
    snapshot = _put(store)
    with pytest.raises(NotAttested, match="restore the snapshot"):
        read_session(store, "sha256:" + "0" * 64)
    store.put(layout.snapshot_manifest(snapshot), sample_sessions.manifest(fills=2))
    with pytest.raises(DigestMismatch, match="not the one of that digest"):
        read_session(store, snapshot)


def test_one_with_more_than_is_attested_is_refused(store: ObjectStore) -> None:
    snapshot, size = _put(store), len(sample_sessions.manifest())
    assert read_session(store, snapshot, size).snapshot == snapshot
    with pytest.raises(Malformed, match="more in its manifest than is attested"):
        read_session(store, snapshot, size - 1)


def test_it_is_stated_of_which_snapshot_replays_were_and_by_which_image_it_was_traded() -> None:
    session = sample_sessions.stored()
    found = sample_sessions.statement(replay(AMD64), image=sample_sessions.OTHER_IMAGE)
    assert found.about(sha256_digest(sample_sessions.session_artifact(session.manifest)))
    assert [one.name for one in found.subject] == [f"snapshots/{session.snapshot.removeprefix('sha256:')}"]
    configuration = {one["name"]: one for one in found.predicate["configuration"]}
    assert configuration[f"{found.subject[0].name}/manifest.json"]["digest"] == {
        "sha256": session.snapshot.removeprefix("sha256:")
    }
    assert configuration["image"]["digest"] == {"sha256": "cd" * 32}
    assert configuration["tradedBy"]["digest"] == {"sha256": "ab" * 32}
    assert "replays/again-amd64-1/record.json" in configuration
    untold = sample_sessions.statement(replay(AMD64), traded_by=None)
    assert "tradedBy" not in {one["name"] for one in untold.predicate["configuration"]}
    assert dsse.Statement(serialise(found))._inner.predicate_type == TEST_RESULT_TYPE


def test_a_session_that_was_not_judged_is_not_stated() -> None:
    with pytest.raises(PolicyRefused, match="was not judged"):
        sample_sessions.statement(replay(AMD64, UNJUDGED))


def test_the_page_names_all_that_is_stated_of_a_session() -> None:
    page = (Path(__file__).parents[3] / "docs" / "evidence" / "replay-v1.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    stated = json.loads(serialise(sample_sessions.statement(replay(AMD64))))["predicate"]["configuration"]
    generic = {
        re.sub(r"^replays/[^/]+/", "replays/<replay>/", re.sub(r"^snapshots/[^/]+/", "snapshots/<id>/", one["name"]))
        for one in stated
    }
    assert generic <= named
    assert SESSION_TYPE in page
