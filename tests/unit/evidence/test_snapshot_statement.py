"""What is stated of a snapshot: how it came to be, from what, the same each time; and of a run on attested data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.run import Part
from tradeplane_api.snapshot_manifest import Holding, SnapshotSource
from tradeplane_evidence.errors import DigestMismatch, Malformed, NotAttested, PolicyRefused
from tradeplane_evidence.registry.manifests import artifact, described, parse_manifest
from tradeplane_evidence.results_artifact import results_artifact
from tradeplane_evidence.snapshot_artifact import SESSION_TYPE, SNAPSHOT_TYPE, snapshot_artifact, snapshot_in
from tradeplane_evidence.statements import snapshot as statements_snapshot
from tradeplane_evidence.statements.packages import in_registry, oci_package
from tradeplane_evidence.statements.provenance import provenance_of
from tradeplane_evidence.statements.run import without_what_was_looked_up
from tradeplane_evidence.statements.snapshot import SNAPSHOT_BUILD_TYPE, Imported
from tradeplane_evidence.statements.statement import serialise
from tradeplane_evidence.stored_snapshots import read_snapshot
from tradeplane_evidence.verification.snapshots import made_in, named_snapshots
from tradeplane_store import layout
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.objects import open_store

from tests.unit.evidence import sample_runs, sample_sessions, sample_snapshots

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_evidence.statements.provenance import Provenance

Json = dict[str, Any]
PAGE = Path(__file__).parents[3] / "docs" / "evidence" / "snapshot-v1.md"
SNAPSHOT = sample_snapshots.stored().snapshot
DIGITS = SNAPSHOT.removeprefix("sha256:")


def _stated(evidence: statements_snapshot.SnapshotEvidence | None = None) -> Json:
    plain: Json = json.loads(serialise(sample_snapshots.statement(evidence)))
    return plain


def test_it_is_about_the_artifact_and_the_manifest_in_it() -> None:
    artifact_digest = sample_snapshots.artifact().removeprefix("sha256:")
    assert _stated()["subject"] == [
        {"name": f"snapshots/{DIGITS}", "digest": {"sha256": artifact_digest}},
        {"name": f"snapshots/{DIGITS}/manifest.json", "digest": {"sha256": DIGITS}},
    ]


def test_one_that_was_imported_says_from_which_sources_and_where_these_were_had_from() -> None:
    predicate = _stated()["predicate"]
    definition, details = predicate["buildDefinition"], predicate["runDetails"]
    assert definition["externalParameters"] == {
        "import": {"holds": "Bars", "sources": [{"name": "sp500.csv.gz", "format": "csv"}]}
    }
    source = {"sha256": sha256_digest(b"prices").removeprefix("sha256:")}
    assert definition["resolvedDependencies"] == [
        {"name": "source/sp500.csv.gz", "uri": sample_snapshots.PLACE, "digest": source}
    ]
    assert details["builder"] == {"id": "https://tradeplane.dev/evidence/builders/local-v1"}
    part = sample_runs.snapshot().parts[0].digest.removeprefix("sha256:")
    assert details["byproducts"] == [
        {"name": f"snapshots/{DIGITS}/bars-0.arrow", "digest": {"tradeplane.records.v1": part}}
    ]
    untold = _stated(sample_snapshots.imported(origin=Imported()))
    assert "uri" not in untold["predicate"]["buildDefinition"]["resolvedDependencies"][0]


def test_one_that_was_captured_says_by_what_and_after_which() -> None:
    definition = _stated(sample_snapshots.captured())["predicate"]["buildDefinition"]
    capture = definition["externalParameters"]["capture"]
    assert set(definition["externalParameters"]) == {"capture"}
    assert (capture["namespace"], capture["name"], capture["bundle"]) == ("research", "btcusdt", 3)
    assert capture["spec"] == sample_snapshots.CAPTURED.specification
    assert definition["resolvedDependencies"][-1] == {
        "name": f"snapshots/{'33' * 32}/manifest.json",
        "digest": {"sha256": "33" * 32},
    }


def test_the_same_is_stated_in_the_same_bytes() -> None:
    assert serialise(sample_snapshots.statement()) == serialise(sample_snapshots.statement())
    assert serialise(sample_snapshots.statement(sample_snapshots.imported(sample_snapshots.other()))) != serialise(
        sample_snapshots.statement()
    )


def test_the_documented_example_is_a_statement_of_this_version() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert json.loads(example) == _stated(sample_snapshots.captured())
    assert SNAPSHOT_BUILD_TYPE in page
    assert SNAPSHOT_TYPE in page


def test_a_session_is_not_stated_so() -> None:
    session = sample_sessions.stored()
    manifest = sample_snapshots.stored().manifest.model_validate_json(session.manifest)
    with pytest.raises(PolicyRefused, match="holds a session, which nobody states the making of"):
        sample_snapshots.statement(sample_snapshots.imported(sample_snapshots.stored(manifest)))


def test_a_place_of_no_source_is_refused() -> None:
    with pytest.raises(Malformed, match=r"has no source 'other\.csv'; it was made from: sp500\.csv\.gz"):
        sample_snapshots.statement(sample_snapshots.imported(origin=Imported({"other.csv": sample_snapshots.PLACE})))


@pytest.mark.parametrize("field", ["sources", "parts"])
def test_one_of_more_than_a_statement_names_is_refused(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements_snapshot, "MAX_DEPENDENCIES", 1)
    digest = sha256_digest(b"more")
    more: dict[str, Any] = {
        "sources": tuple(SnapshotSource(name=name, format="csv", digest=digest) for name in "ab"),
        "parts": tuple(Part(name=f"bars-{number}", rows=1, digest=digest) for number in range(2)),
    }
    manifest = sample_runs.snapshot().model_copy(update={field: more[field]})
    with pytest.raises(Malformed, match="a statement names 1 at most"):
        sample_snapshots.statement(sample_snapshots.imported(sample_snapshots.stored(manifest), Imported()))


def test_a_statement_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements_snapshot, "MAX_STATEMENT_BYTES", 100)
    with pytest.raises(Malformed, match="more than 100 bytes"):
        sample_snapshots.statement()


def test_the_artifact_follows_from_the_manifest_and_says_what_it_holds() -> None:
    data = sample_snapshots.stored().data
    found = parse_manifest(snapshot_artifact(data, Holding.BARS), "it")
    assert found.artifact_type == SNAPSHOT_TYPE
    assert snapshot_in(found, "it", SNAPSHOT_TYPE) == SNAPSHOT
    assert snapshot_artifact(data, Holding.TAPES) == snapshot_artifact(data, Holding.BARS)
    assert parse_manifest(snapshot_artifact(data, Holding.SESSION), "it").artifact_type == SESSION_TYPE


def test_what_is_no_snapshot_is_not_taken_for_one() -> None:
    data = sample_snapshots.stored().data
    run = sample_runs.stored()
    results = results_artifact(run.results, run.files).manifest
    for other in (results, snapshot_artifact(data, Holding.SESSION)):
        with pytest.raises(PolicyRefused, match="no snapshot of market data"):
            snapshot_in(parse_manifest(other, "it"), "it", SNAPSHOT_TYPE)
    two = tuple(described(data, "application/json", name) for name in ("manifest.json", "more.json"))
    for layers in ((), two, (described(data, "application/json"),)):
        with pytest.raises(Malformed, match="other files"):
            snapshot_in(parse_manifest(artifact(SNAPSHOT_TYPE, layers), "it"), "it", SNAPSHOT_TYPE)


def test_it_is_read_from_a_store_only_as_its_id_says(tmp_path: Path) -> None:
    store, snapshot = open_store((tmp_path / "store").as_uri(), create=True), sample_snapshots.stored()
    with pytest.raises(NotAttested, match="restore the snapshot from a copy"):
        read_snapshot(store, SNAPSHOT)
    store.put(layout.snapshot_manifest(SNAPSHOT), snapshot.data)
    assert read_snapshot(store, SNAPSHOT) == snapshot
    with pytest.raises(Malformed, match="more in its manifest than is attested"):
        read_snapshot(store, SNAPSHOT, len(snapshot.data) - 1)
    store.put(layout.snapshot_manifest(SNAPSHOT), sample_snapshots.other().data)
    with pytest.raises(DigestMismatch):
        read_snapshot(store, SNAPSHOT)


def _of_a_run(**changes: Any) -> Provenance:
    """Return the provenance of a run on attested data, its dependency on that changed."""
    provenance = provenance_of(sample_runs.statement(sample_snapshots.on_attested_data()))
    definition = provenance.build_definition
    name = layout.snapshot_manifest(SNAPSHOT)
    dependencies = tuple(
        one.model_copy(update=changes) if one.name == name else one for one in definition.resolved_dependencies
    )
    changed = definition.model_copy(update={"resolved_dependencies": dependencies})
    return provenance.model_copy(update={"build_definition": changed})


def test_a_run_names_the_attestations_of_its_data() -> None:
    execution = sample_snapshots.on_attested_data()
    (found,) = named_snapshots(_of_a_run(), [SNAPSHOT])
    assert (found,) == execution.snapshots
    dependencies = {one.name: one for one in _of_a_run().build_definition.resolved_dependencies}
    stated = dependencies[layout.snapshot_manifest(SNAPSHOT)]
    assert stated.annotations == {"attestation": f"sha256:{'d0' * 32}"}
    assert stated.digest == {"sha256": DIGITS}
    assert stated.uri == (
        f"pkg:oci/snapshots@{sample_snapshots.artifact().replace(':', '%3A')}"
        "?repository_url=registry.example.com%3A5000/tradeplane/runs/research/snapshots"
    )


def test_without_an_attestation_nothing_more_is_stated() -> None:
    provenance = provenance_of(sample_runs.statement(sample_runs.ATTESTED_IMAGE))
    assert not named_snapshots(provenance, [SNAPSHOT])
    dependencies = {one.name: one for one in provenance.build_definition.resolved_dependencies}
    assert dependencies[layout.snapshot_manifest(SNAPSHOT)].plain() == {
        "name": layout.snapshot_manifest(SNAPSHOT),
        "digest": {"sha256": DIGITS},
    }


def test_only_data_that_the_run_was_made_from_are_looked_at() -> None:
    assert not named_snapshots(_of_a_run(), [sample_snapshots.other().snapshot])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"annotations": {"attestation": "latest"}}, "which is no digest"),
        ({"annotations": {"attestation": ["sha256:" + "00" * 32]}}, "which is no digest"),
        ({"uri": None}, "no package URL"),
        ({"uri": "file:///etc/passwd"}, "no package URL"),
        ({"uri": f"pkg:oci/x@sha256%3A{'AB' * 32}?repository_url=example.com/x"}, "no package URL"),
        ({"uri": f"pkg:oci/x@sha256%3A{'ab' * 32}"}, "no package URL"),
    ],
)
def test_what_names_no_attestation_that_can_be_followed_is_refused(changes: Json, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        named_snapshots(_of_a_run(**changes), [SNAPSHOT])


def test_a_snapshot_that_is_named_twice_is_refused() -> None:
    provenance = _of_a_run()
    definition = provenance.build_definition
    twice = definition.model_copy(update={"resolved_dependencies": definition.resolved_dependencies * 2})
    with pytest.raises(Malformed, match=r"names snapshot .* twice"):
        named_snapshots(provenance.model_copy(update={"build_definition": twice}), [SNAPSHOT])


@pytest.mark.parametrize("reference", ["127.0.0.1:5000/runs/research/snapshots", "[::1]:5000/x", "example.com/a/b"])
def test_a_package_url_leads_back_to_where_it_is(reference: str) -> None:
    digest = f"sha256:{'ab' * 32}"
    assert in_registry(oci_package(reference, digest)) == f"{reference}@{digest}"
    assert in_registry(oci_package(reference, digest, "linux/arm64/v8")) == f"{reference}@{digest}"


@pytest.mark.parametrize(
    ("parameters", "passes"),
    [({"import": {}}, True), ({"capture": {}}, True), ({}, False), ({"import": {}, "capture": {}}, False)],
)
def test_a_snapshot_came_to_be_in_one_way(parameters: Json, passes: bool) -> None:
    provenance = provenance_of(sample_snapshots.statement())
    definition = provenance.build_definition.model_copy(update={"external_parameters": parameters})
    changed = provenance.model_copy(update={"build_definition": definition})
    if passes:
        assert made_in(changed) in parameters
    else:
        with pytest.raises(Malformed, match="does not say that it was imported"):
            made_in(changed)


def _other_attestation(plain: Json) -> None:
    plain["annotations"]["attestation"] = f"sha256:{'e0' * 32}"


def _none(plain: Json) -> None:
    del plain["annotations"], plain["uri"]


def _other_digest(plain: Json) -> None:
    plain["digest"] = {"sha256": "00" * 32}


def _other_name(plain: Json) -> None:
    plain["name"] = "other"


@pytest.mark.parametrize(
    ("change", "same"), [(_other_attestation, True), (_none, True), (_other_digest, False), (_other_name, False)]
)
def test_runs_are_the_same_but_for_what_attests_their_data(change: Callable[[Json], None], same: bool) -> None:
    predicate = dict(sample_runs.statement(sample_snapshots.on_attested_data()).predicate)
    changed = json.loads(json.dumps(predicate))
    (one,) = [
        each
        for each in changed["buildDefinition"]["resolvedDependencies"]
        if each["name"] == layout.snapshot_manifest(SNAPSHOT)
    ]
    change(one)
    assert (without_what_was_looked_up(changed) == without_what_was_looked_up(predicate)) is same


def test_runs_are_the_same_but_for_the_manifest_of_the_image_that_was_looked_up() -> None:
    listed = tuple(one.model_copy(update={"attestation": None}) for one in sample_runs.ATTESTED_IMAGE.image_manifests)
    named = sample_runs.statement(replace(sample_runs.EXECUTION, image_manifests=listed)).predicate
    plain = sample_runs.statement().predicate
    assert named != plain
    assert without_what_was_looked_up(named) == without_what_was_looked_up(plain)


def test_what_attests_the_image_is_no_such_difference() -> None:
    with_image = sample_runs.statement(sample_snapshots.on_attested_data())
    execution = replace(sample_snapshots.on_attested_data(), image_attestation=f"sha256:{'ee' * 32}")
    other = sample_runs.statement(execution)
    assert without_what_was_looked_up(with_image.predicate) != without_what_was_looked_up(other.predicate)
