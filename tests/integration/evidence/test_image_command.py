"""``tradeplane attest-image`` and ``verify-image`` as a person calls them, on a registry of this machine."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.image_build import SourceRevision
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import INDEX_TYPE, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signed_referrers import hang
from tradeplane_evidence.statements.image import image_statement, sbom_statement
from tradeplane_store.canonical import canonical_json

from tests.integration.evidence.conftest import push
from tests.ports import free_port
from tests.unit.cli.conftest import files, tradeplane
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_api.image_build import ImageBuild

    from tests.integration.evidence.conftest import Cosign
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["files", "tradeplane"]


@pytest.fixture
async def reference(olareg: str, tmp_path: Path) -> str:
    """Give the reference of an image that nobody attested."""
    repository = f"command/{tmp_path.name.replace('_', '-')}"
    image = sample_images.image()
    async with Registry(olareg, plain_http=True) as registry:
        await image.push(registry, repository)
    return f"{olareg}/{repository}@{image.digest}"


def left(folder: Path, build: ImageBuild | None = None) -> str:
    """Write the files that a build leaves; return the record."""
    record = build or sample_images.build()
    for one in record.platforms:
        (folder / one.sbom.file).write_bytes(sample_images.sboms()[one.platform])
    path = folder / "workloads.build.json"
    path.write_bytes(canonical_json(record))
    return str(path)


@pytest.fixture
def key(tmp_path: Path) -> str:
    signer = sample_runs.signer_in(tmp_path)
    (tmp_path / "key.pub").write_text(signer.public_key.pem())
    return f"file:{sample_runs.key_file(tmp_path)}"


def told(ended: Ended) -> dict[str, Any]:
    assert ended.code == 0, ended.err
    return dict(json.loads(ended.out))


def test_what_was_attested_is_verified_by_cosign(
    tradeplane: Command, reference: str, key: str, tmp_path: Path, cosign: Cosign
) -> None:
    found = told(tradeplane("attest-image", reference, "--record", left(tmp_path), "--signer", key, "-o", "json"))
    assert found["reference"] == reference
    assert found["image"] == "tradeplane/workloads"
    assert found["modified"] is False
    assert set(found["sboms"]) == {"linux/amd64", "linux/arm64"}
    for kind in ("slsaprovenance1", "cyclonedx"):
        asked = ("verify-attestation", "--key", tmp_path / "key.pub", "--insecure-ignore-tlog", "--type", kind)
        done = cosign(*asked, reference)
        assert done.returncode == 0, done.stderr
    again = told(tradeplane("attest-image", reference, "--record", left(tmp_path), "--signer", key, "-o", "json"))
    assert again == found


def test_people_are_told_how_to_verify_it(tradeplane: Command, reference: str, key: str, tmp_path: Path) -> None:
    ended = tradeplane("attest-image", reference, "--record", left(tmp_path), "--signer", key)
    assert ended.code == 0, ended.err
    assert f"--type https://slsa.dev/provenance/v1 {reference}" in ended.out
    assert f"--type cyclonedx {reference}" in ended.out
    assert "nobody committed" not in ended.out


def test_sources_that_nobody_committed_are_said(tradeplane: Command, reference: str, key: str, tmp_path: Path) -> None:
    changed = SourceRevision(commit=sample_images.COMMIT, tree="ee" * 20, modified=True)
    record = left(tmp_path, sample_images.build(source=changed))
    ended = tradeplane("attest-image", reference, "--record", record, "--signer", key)
    assert ended.code == 0, ended.err
    assert "sources that nobody committed" in ended.out


def test_builder_and_execution_are_stated(tradeplane: Command, reference: str, key: str, tmp_path: Path) -> None:
    builder = "https://ci.example.com/builders/images"
    options = ("--builder", builder, "--invocation", "run-17", "-o", "json")
    found = told(tradeplane("attest-image", reference, "--record", left(tmp_path), "--signer", key, *options))
    other = told(tradeplane("attest-image", reference, "--record", left(tmp_path), "--signer", key, "-o", "json"))
    assert found["provenance"] != other["provenance"]
    assert found["sboms"] == other["sboms"]


def test_bills_are_taken_from_where_they_are_said_to_be(
    tradeplane: Command, reference: str, key: str, tmp_path: Path
) -> None:
    record = left(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    given: list[str] = []
    for one in sample_images.build().platforms:
        moved = (tmp_path / one.sbom.file).rename(elsewhere / one.sbom.file)
        given += ["--sbom", str(moved)]
    missing = tradeplane("attest-image", reference, "--record", record, "--signer", key)
    assert missing.code == 2
    assert "workloads.linux-amd64.cdx.json cannot be read" in missing.err
    told(tradeplane("attest-image", reference, "--record", record, "--signer", key, *given, "-o", "json"))
    half = tradeplane("attest-image", reference, "--record", record, "--signer", key, *given[:2])
    assert half.code == 3
    assert "for linux/arm64" in half.err


def test_what_is_not_of_each_other_ends_with_3(tradeplane: Command, reference: str, key: str, tmp_path: Path) -> None:
    other = sample_images.build(digest="sha256:" + "ab" * 32)
    ended = tradeplane("attest-image", reference, "--record", left(tmp_path, other), "--signer", key)
    assert ended.code == 3
    assert "the record of another build" in ended.err
    record = left(tmp_path)
    bill = tmp_path / sample_images.build().platforms[0].sbom.file
    bill.write_bytes(bill.read_bytes() + b" ")
    ended = tradeplane("attest-image", reference, "--record", record, "--signer", key)
    assert ended.code == 3
    assert "was changed since" in ended.err


@pytest.mark.parametrize("record", ["{", "[]", '{"kind": "Results"}'])
def test_a_record_that_is_none_is_refused(
    tradeplane: Command, reference: str, key: str, tmp_path: Path, record: str
) -> None:
    path = tmp_path / "record.json"
    path.write_text(record)
    ended = tradeplane("attest-image", reference, "--record", str(path), "--signer", key)
    assert ended.code == 3
    assert "the record of the build" in ended.err


def test_a_registry_that_is_not_there_ends_with_4(tradeplane: Command, key: str, tmp_path: Path) -> None:
    absent = f"127.0.0.1:{free_port()}/x@{sample_images.image().digest}"
    ended = tradeplane("attest-image", absent, "--record", left(tmp_path), "--signer", key)
    assert ended.code == 4
    assert "cannot be reached" in ended.err


def test_a_person_is_told_who_built_it_from_what_and_what_is_in_it(
    tradeplane: Command, reference: str, key: str, tmp_path: Path
) -> None:
    attested = told(tradeplane("attest-image", reference, "--record", left(tmp_path), "--signer", key, "-o", "json"))
    public = str(tmp_path / "key.pub")
    ended = tradeplane("verify-image", reference, "--key", public)
    assert ended.code == 0, ended.err
    lines = [line.split() for line in ended.out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["ok", name] for name in ("artifact", "signature", "policy", "source", "contents")
    ]
    assert "an index of linux/amd64, linux/arm64" in ended.out
    assert "2 in workloads.linux-amd64.cdx.json, 2 in workloads.linux-arm64.cdx.json" in ended.out
    found = told(tradeplane("verify-image", reference, "--key", public, "-o", "json"))
    assert found["commit"] == sample_images.COMMIT
    assert attested["provenance"].endswith(found["attestation"])
    assert found["provenance"]["buildDefinition"]["buildType"] == "https://tradeplane.dev/evidence/image-v1"


def _refusal(ended: Ended) -> tuple[str, str]:
    assert ended.code == 3, ended.err
    document = json.loads(ended.out)
    assert document["verified"] is False
    last = document["checks"][-1]
    return last["name"], last["error"]


def test_an_image_that_is_not_as_it_is_asked_for_ends_with_3(
    tradeplane: Command, reference: str, key: str, tmp_path: Path
) -> None:
    asked = ("verify-image", reference, "--key", str(tmp_path / "key.pub"), "-o", "json")
    assert _refusal(tradeplane(*asked)) == ("attestation", "NotAttested")
    told(tradeplane("attest-image", reference, "--record", left(tmp_path), "--signer", key, "-o", "json"))
    assert _refusal(tradeplane(*asked, "--builder", "https://example.com/other")) == ("attestation", "PolicyRefused")
    other = tmp_path / "other"
    other.mkdir()
    (other / "key.pub").write_text(sample_runs.signer_in(other, scalar=99).public_key.pem())
    stranger = ("verify-image", reference, "--key", str(other / "key.pub"), "-o", "json")
    assert _refusal(tradeplane(*stranger)) == ("attestation", "KeyRefused")


async def test_bills_that_the_provenance_does_not_name_do_not_count(
    olareg: str, tradeplane: Command, key: str, tmp_path: Path
) -> None:
    """The bills of another build are there, genuine and about this image, and those that were named are not."""
    signer, image = sample_runs.signer_in(tmp_path), sample_images.image()
    repository = "command/other-bills"
    place = Reference(olareg, repository, digest=image.digest)
    async with Registry(olareg, plain_http=True) as registry:
        await image.push(registry, repository)
        data, _ = await registry.manifest(place)
        index = described(data, INDEX_TYPE)
        evidence = sample_images.evidence()
        await hang(registry, place, image_statement(evidence), [index], signer)
        changed = {platform: sample_images.sbom(platform, extra="-other") for platform in sample_images.PLATFORMS}
        for platform in sample_images.PLATFORMS:
            await hang(registry, place, sbom_statement(replace(evidence, sboms=changed), platform), [index], signer)
    ended = await asyncio.to_thread(
        tradeplane, "verify-image", str(place), "--key", str(tmp_path / "key.pub"), "-o", "json"
    )
    assert _refusal(ended) == ("contents", "NotAttested")
    assert "workloads.linux-a" in ended.out


def test_a_run_is_no_image(tradeplane: Command, olareg: str, key: str, tmp_path: Path) -> None:
    signer = sample_runs.signer_in(tmp_path)
    attested = asyncio.run(push(olareg, "command/run", signer))
    asked = ("verify-image", str(attested.reference), "--key", str(tmp_path / "key.pub"), "-o", "json")
    assert _refusal(tradeplane(*asked)) == ("artifact", "Malformed")
