"""What is stated of a release: about every file, of a commit, and never of a snapshot."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.release_build import FILE_NAME, MAX_FILES, ReleaseBuild, ReleaseFile
from tradeplane_evidence.build_records import MAX_RECORD_BYTES
from tradeplane_evidence.errors import DigestMismatch, Incomplete, Malformed, NotAttested
from tradeplane_evidence.release_attestation import check_files, parse_release
from tradeplane_evidence.statements.provenance import provenance_of
from tradeplane_evidence.statements.release import RELEASE_BUILD_TYPE, RELEASE_PARAMETERS, release_statement
from tradeplane_evidence.statements.statement import MAX_SUBJECTS, parse_statement, serialise
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.unit.evidence import sample_releases

PAGE = Path(__file__).parents[3] / "docs" / "evidence" / "release-v1.md"


def _stated(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(serialise(release_statement(sample_releases.evidence(**changes))))
    return plain


def test_it_is_about_each_file_once_by_name_and_digest() -> None:
    files = sample_releases.contents()
    assert _stated()["subject"] == [
        {"name": name, "digest": {"sha256": sha256_digest(files[name]).removeprefix("sha256:")}}
        for name in sorted(files)
    ]


@given(order=st.permutations(sorted(sample_releases.contents())))
def test_the_order_of_the_record_changes_nothing(order: list[str]) -> None:
    files = sample_releases.described()
    assert _stated(files=tuple(files[name] for name in order)) == _stated()


def test_its_parameters_are_all_that_there_are() -> None:
    parameters = _stated()["predicate"]["buildDefinition"]["externalParameters"]
    assert set(parameters) == RELEASE_PARAMETERS
    assert (parameters["version"], parameters["tag"]) == ("0.1.0", "v0.1.0")
    assert parameters["images"] == dict(sample_releases.build().images)


def test_it_names_the_commit_the_locks_and_the_images() -> None:
    found = {one["name"]: one for one in _stated()["predicate"]["buildDefinition"]["resolvedDependencies"]}
    assert set(found) == {"source", "uv.lock", "image/operator", "image/workloads"}
    assert found["source"] == {
        "name": "source",
        "uri": f"git+{sample_releases.REPOSITORY}@{sample_releases.COMMIT}",
        "digest": {"gitCommit": sample_releases.COMMIT, "gitTree": sample_releases.TREE},
    }
    digest = sha256_digest(b"operator").removeprefix("sha256:")
    assert found["image/operator"]["digest"] == {"sha256": digest}


def test_a_snapshot_is_not_stated() -> None:
    with pytest.raises(NotAttested, match=r"tag the commit v0\.1\.0"):
        _stated(tag=None)


def test_the_documented_example_is_a_statement_of_this_version() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert json.loads(example) == _stated()
    assert f"`{RELEASE_BUILD_TYPE}`" in page
    assert provenance_of(parse_statement(example.encode())).build_definition.build_type == RELEASE_BUILD_TYPE
    for parameter in RELEASE_PARAMETERS:
        assert f"`externalParameters.{parameter}`" in page


def test_one_statement_is_enough_for_all_files_there_may_be() -> None:
    assert MAX_FILES <= MAX_SUBJECTS


def test_a_record_is_read_as_it_was_written() -> None:
    assert parse_release(canonical_json(sample_releases.build())) == sample_releases.build()


_FILE = {"name": "SHA256SUMS", "digest": "sha256:" + "0" * 64, "size": 1}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"version": "1.0"}, "version"),
        ({"version": "0.1.0; rm -rf /"}, "version"),
        ({"tag": "v0.2.0"}, r"must be v0\.1\.0"),
        ({"source": {"commit": "ee" * 20, "tree": "ee" * 20, "modified": True}}, "has no tag"),
        ({"source": None}, "source"),
        ({"images": {"operator": "registry.example.com/tradeplane/operator:latest"}}, "images"),
        ({"files": []}, "files"),
        ({"files": [_FILE, _FILE]}, "must stand there once"),
        ({"files": [{**_FILE, "name": "x"}]}, "must be SHA256SUMS"),
        ({"files": [_FILE, {**_FILE, "name": "../x"}]}, "files.1.name"),
        ({"files": [_FILE, {**_FILE, "name": ".hidden"}]}, "files.1.name"),
        ({"files": [_FILE, {**_FILE, "name": "a\nb"}]}, "files.1.name"),
        ({"files": [_FILE, {**_FILE, "name": "x" * 201}]}, "files.1.name"),
        ({"schemaVersion": 2}, "schemaVersion"),
        ({"another": 1}, "another"),
    ],
)
def test_a_record_that_is_none_is_refused(changed: dict[str, Any], words: str) -> None:
    plain = sample_releases.build().model_dump(mode="json", by_alias=True)
    with pytest.raises(Malformed, match=words):
        parse_release(canonical_json(plain | changed))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"kind": "ReleaseBuild", "kind": "ReleaseBuild"}', b" " * (MAX_RECORD_BYTES + 1)]
)
def test_a_record_in_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="the record of the release"):
        parse_release(data)


@given(name=st.from_regex(FILE_NAME, fullmatch=True).filter(lambda name: name not in sample_releases.contents()))
def test_no_file_is_signed_that_was_not_built(name: str) -> None:
    files = sample_releases.described()
    with pytest.raises(NotAttested):
        check_files(
            sample_releases.build(), files | {name: ReleaseFile(name=name, digest="sha256:" + "0" * 64, size=0)}
        )


@pytest.mark.parametrize("name", sorted(sample_releases.contents()))
def test_nothing_is_signed_where_a_file_is_another_or_missing(name: str) -> None:
    build: ReleaseBuild = sample_releases.build()
    files = sample_releases.described()
    check_files(build, files)
    with pytest.raises(DigestMismatch, match=re.escape(name)):
        check_files(build, files | {name: files[name].model_copy(update={"digest": "sha256:" + "0" * 64})})
    with pytest.raises(Incomplete, match=re.escape(name)):
        check_files(build, {other: one for other, one in files.items() if other != name})
