"""What is stated of an image: complete, the same each time, and of sources only what is true of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.image_build import ImageBuild, SourceRevision
from tradeplane_evidence.build_records import MAX_RECORD_BYTES
from tradeplane_evidence.errors import DigestMismatch, Malformed, NotAttested
from tradeplane_evidence.image_attestation import parse_record, sboms_of
from tradeplane_evidence.statements.image import (
    IMAGE_BUILD_TYPE,
    IMAGE_PARAMETERS,
    SBOM_PREDICATE_TYPE,
    image_statement,
    sbom_digest,
    sbom_statement,
)
from tradeplane_evidence.statements.provenance import provenance_of
from tradeplane_evidence.statements.statement import parse_statement, serialise
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.unit.evidence import sample_images
from tests.unit.evidence.sample_images import PLATFORMS

AMD64, ARM64 = PLATFORMS
PAGE = Path(__file__).parents[3] / "docs" / "evidence" / "image-v1.md"


def _stated(build: ImageBuild | None = None) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(serialise(image_statement(sample_images.evidence(build))))
    return plain


def _dependency(build: ImageBuild, name: str) -> dict[str, Any]:
    entries = _stated(build)["predicate"]["buildDefinition"]["resolvedDependencies"]
    (found,) = [one for one in entries if one["name"] == name]
    return dict(found)


def test_it_is_about_the_index_and_each_platform() -> None:
    image = sample_images.image()
    hexadecimal = [
        sha256_digest(data).removeprefix("sha256:")
        for data in (image.index, *(image.manifests[one] for one in PLATFORMS))
    ]
    names = [f"pkg:oci/workloads@sha256%3A{digest}" for digest in hexadecimal]
    assert _stated()["subject"] == [
        {"name": name, "digest": {"sha256": digest}}
        for name, digest in zip(
            [names[0], f"{names[1]}?arch=amd64", f"{names[2]}?arch=arm64"], hexadecimal, strict=True
        )
    ]


def test_its_parameters_are_all_that_there_are() -> None:
    parameters = _stated()["predicate"]["buildDefinition"]["externalParameters"]
    assert parameters == {
        "image": "tradeplane/workloads",
        "platforms": ["linux/amd64", "linux/arm64"],
        "base": "scratch",
    }
    assert set(parameters) == IMAGE_PARAMETERS


def test_it_names_sources_locks_and_packages() -> None:
    build = sample_images.build()
    assert _dependency(build, "source") == {
        "name": "source",
        "uri": f"git+https://git.example.com/tradeplane@{sample_images.COMMIT}",
        "digest": {"gitCommit": sample_images.COMMIT, "gitTree": sample_images.TREE},
    }
    assert _dependency(build, "uv.lock")["digest"] == {"sha256": sha256_digest(b"uv.lock").removeprefix("sha256:")}
    assert _dependency(build, "libc6:amd64")["uri"] == "pkg:deb/debian/libc6@2.36-9?arch=amd64"


@given(modified=st.booleans(), commit=st.text("0123456789abcdef", min_size=40, max_size=40))
def test_only_a_commit_as_it_is_has_the_digest_of_a_commit(modified: bool, commit: str) -> None:
    source = SourceRevision(
        commit=commit, tree="ee" * 20, modified=modified, repository="https://git.example.com/tradeplane"
    )
    found = _dependency(sample_images.build(source=source), "source")
    assert ("gitCommit" in found["digest"]) is not modified
    assert ("uri" in found) is not modified
    assert found["digest"]["gitTree"] == "ee" * 20
    assert (found.get("annotations") or {}).get("modified", False) is modified


def test_sources_that_are_not_known_are_not_left_out_in_silence() -> None:
    with pytest.raises(NotAttested, match="checkout of git"):
        _stated(sample_images.build().model_copy(update={"source": None}))


def test_it_names_the_bills_by_what_stands_in_their_statements() -> None:
    beside = _stated()["predicate"]["runDetails"]["byproducts"]
    for one, platform in zip(beside, PLATFORMS, strict=True):
        statement = sbom_statement(sample_images.evidence(), platform)
        again = parse_statement(serialise(statement))
        assert again.predicate_type == SBOM_PREDICATE_TYPE
        assert (
            f"sha256:{one['digest']['sha256']}"
            == sbom_digest(again.predicate)
            == sbom_digest(sample_images.sbom(platform))
        )
        assert one["name"] == f"workloads.{platform.replace('/', '-')}.cdx.json"


def test_a_bill_is_about_its_platform_and_the_index_and_no_other() -> None:
    image = sample_images.image()
    for platform, other in ((AMD64, ARM64), (ARM64, AMD64)):
        statement = sbom_statement(sample_images.evidence(), platform)
        assert statement.about(image.digest)
        assert statement.about(sha256_digest(image.manifests[platform]))
        assert not statement.about(sha256_digest(image.manifests[other]))


def test_the_documented_example_is_a_statement_of_this_version() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert json.loads(example) == _stated()
    assert f"`{IMAGE_BUILD_TYPE}`" in page
    provenance = provenance_of(parse_statement(example.encode()))
    assert provenance.build_definition.build_type == IMAGE_BUILD_TYPE
    for parameter in IMAGE_PARAMETERS:
        assert f"`externalParameters.{parameter}`" in page


def test_a_record_is_read_as_it_was_written() -> None:
    build = sample_images.build()
    assert parse_record(canonical_json(build)) == build


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"digest": "latest"}, "digest: must be a digest"),
        ({"platforms": []}, "platforms"),
        ({"platforms": [sample_images.build().platforms[0].model_dump(by_alias=True)] * 2}, "must stand there once"),
        ({"image": "registry.example.com:5000/x"}, "image"),
        ({"schemaVersion": 2}, "schemaVersion"),
        ({"another": 1}, "another"),
        ({"source": {"commit": "HEAD", "tree": "ee" * 20, "modified": False}}, "source.commit"),
        (
            {"source": {"commit": "ee" * 20, "tree": "ee" * 20, "modified": False, "repository": "https://me:pw@x/y"}},
            "source.repository",
        ),
    ],
)
def test_a_record_that_is_none_is_refused(changed: dict[str, Any], words: str) -> None:
    plain = sample_images.build().model_dump(mode="json", by_alias=True)
    with pytest.raises(Malformed, match=words):
        parse_record(canonical_json(plain | changed))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"kind": "ImageBuild", "kind": "ImageBuild"}', b" " * (MAX_RECORD_BYTES + 1)]
)
def test_a_record_in_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="the record of the build"):
        parse_record(data)


@given(order=st.permutations(PLATFORMS))
def test_bills_are_found_in_any_order(order: list[str]) -> None:
    files = sample_images.sboms()
    found = sboms_of(sample_images.build(), [files[platform] for platform in order])
    assert found == {platform: sample_images.sbom(platform) for platform in PLATFORMS}


@given(place=st.integers(min_value=0, max_value=len(sample_images.sboms()[AMD64]) - 1), bit=st.integers(0, 7))
def test_no_changed_byte_of_a_bill_is_taken(place: int, bit: int) -> None:
    files = sample_images.sboms()
    changed = bytearray(files[AMD64])
    changed[place] ^= 1 << bit
    with pytest.raises(DigestMismatch):
        sboms_of(sample_images.build(), [bytes(changed), files[ARM64]])
