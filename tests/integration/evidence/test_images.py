"""Images in real registries are attested and verified by cosign as it is published; what does not fit is refused."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.image_build import SourceRevision
from tradeplane_evidence.errors import DigestMismatch, EvidenceError, Malformed, NotAttested
from tradeplane_evidence.image_attestation import MAX_SBOM_BYTES, attest_image
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import MANIFEST_TYPE, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signed_referrers import hang
from tradeplane_evidence.statements.image import LOCAL_IMAGE_BUILDER, image_statement
from tradeplane_evidence.statements.run import Execution
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import sample_images, sample_runs
from tests.unit.evidence.sample_images import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tradeplane_api.image_build import ImageBuild
    from tradeplane_evidence.image_attestation import AttestedImage
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.keys import PublicKey
    from tradeplane_evidence.signing.signer import Signer

    from tests.integration.evidence.conftest import Cosign
    from tests.unit.evidence.sample_images import SampleImage

AMD64, ARM64 = PLATFORMS


async def _attest(
    host: str,
    repository: str,
    signer: Signer,
    *,
    image: SampleImage | None = None,
    build: ImageBuild | None = None,
    sboms: Iterable[bytes] | None = None,
) -> AttestedImage:
    """Push an image and attest it by a record and bills, which need not be its own."""
    pushed = image or sample_images.image()
    async with Registry(host, plain_http=True) as registry:
        await pushed.push(registry, repository)
        return await attest_image(
            registry,
            Reference(host, repository, digest=pushed.digest),
            build or sample_images.build(),
            sample_images.sboms().values() if sboms is None else sboms,
            signer,
        )


async def _referrers(host: str, repository: str, digests: Iterable[str]) -> list[list[str]]:
    async with Registry(host, plain_http=True) as registry:
        return [[one.digest for one in await list_referrers(registry, repository, digest)] for digest in digests]


def _digests(image: SampleImage) -> list[str]:
    return [image.digest, *(sha256_digest(data) for data in image.manifests.values())]


def _public(key: PublicKey, folder: Path) -> Path:
    path = folder / "key.pub"
    path.write_text(key.pem())
    return path


def _statements(told: str) -> list[dict[str, Any]]:
    return [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in told.splitlines()]


async def test_cosign_verifies_provenance_and_bills_of_the_index_and_of_each_platform(
    registry_host: str, signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    attested = await _attest(registry_host, "images/verified", signer)
    key = _public(signer.public_key, tmp_path)
    image = sample_images.image()

    def ask(kind: str, digest: str) -> list[dict[str, Any]]:
        reference = attested.reference.at(digest)
        done = cosign(
            *("verify-attestation", "--key", key, "--insecure-ignore-tlog", "--type", kind, str(reference)),
        )
        assert done.returncode == 0, done.stderr
        return _statements(done.stdout)

    provenance = [ask("slsaprovenance1", digest) for digest in _digests(image)]
    assert all(len(found) == 1 and found == provenance[0] for found in provenance)
    build = provenance[0][0]["predicate"]["buildDefinition"]
    assert build["buildType"] == "https://tradeplane.dev/evidence/image-v1"
    assert [one["digest"]["sha256"] for one in provenance[0][0]["subject"]] == [
        digest.removeprefix("sha256:") for digest in _digests(image)
    ]

    index, *platforms = _digests(image)
    expected = {platform: sample_images.sbom(platform) for platform in PLATFORMS}
    for platform, digest in zip(PLATFORMS, platforms, strict=True):
        assert [one["predicate"] for one in ask("cyclonedx", digest)] == [expected[platform]]
    of_index = [one["predicate"] for one in ask("cyclonedx", index)]
    assert sorted(of_index, key=str) == sorted(expected.values(), key=str)


async def test_cosign_refuses_the_key_of_somebody_else(
    registry_host: str, signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    attested = await _attest(registry_host, "images/stranger", signer)
    key = _public(sample_runs.signer_in(tmp_path, scalar=99).public_key, tmp_path)
    for kind in ("slsaprovenance1", "cyclonedx"):
        asked = ("verify-attestation", "--key", key, "--insecure-ignore-tlog", "--type", kind)
        assert cosign(*asked, str(attested.reference)).returncode != 0


async def test_attesting_twice_is_one_attestation(registry_host: str, signer: FileSigner) -> None:
    first = await _attest(registry_host, "images/twice", signer)
    assert await _attest(registry_host, "images/twice", signer) == first
    index, *platforms = await _referrers(registry_host, "images/twice", _digests(sample_images.image()))
    assert sorted(index) == sorted(
        one.attestations[first.reference.digest or ""] for one in (first.provenance, *first.sboms.values())
    )
    assert [len(found) for found in platforms] == [2, 2]


async def test_what_is_stated_stands_beside_where_cosign_looks_for_it(registry_host: str, signer: FileSigner) -> None:
    attested = await _attest(registry_host, "images/annotated", signer)
    async with Registry(registry_host, plain_http=True) as registry:
        listed = await list_referrers(registry, "images/annotated", attested.reference.digest or "")
    kinds = sorted((one.annotations or {})["dev.sigstore.bundle.predicateType"] for one in listed)
    assert kinds == ["https://cyclonedx.org/bom", "https://cyclonedx.org/bom", "https://slsa.dev/provenance/v1"]


async def test_what_was_signed_is_not_signed_again(registry_host: str, tmp_path: Path) -> None:
    signer = sample_runs.wavering_signer(tmp_path)
    assert signer.sign(b"the same") != signer.sign(b"the same")
    signer.signed.clear()
    first = await _attest(registry_host, "images/once", signer)
    assert len(signer.signed) == len(set(signer.signed)) == 3
    assert await _attest(registry_host, "images/once", signer) == first
    assert len(signer.signed) == 3
    listed = await _referrers(registry_host, "images/once", _digests(sample_images.image()))
    assert [len(found) for found in listed] == [3, 2, 2]


async def test_what_was_cut_short_is_completed_without_signing_again(registry_host: str, tmp_path: Path) -> None:
    """The bundle hangs on one platform alone, as after a kill: the others get that very one."""
    signer, repository, image = sample_runs.wavering_signer(tmp_path), "images/cut-short", sample_images.image()
    statement = image_statement(sample_images.evidence(execution=Execution(builder=LOCAL_IMAGE_BUILDER)))
    platform = described(image.manifests[ARM64], MANIFEST_TYPE)
    async with Registry(registry_host, plain_http=True) as registry:
        await image.push(registry, repository)
        cut = await hang(registry, Reference(registry_host, repository), statement, (platform,), signer)
    attested = await _attest(registry_host, repository, signer)
    assert attested.provenance.bundle == cut.bundle
    assert attested.provenance.attestations[platform.digest] == cut.attestations[platform.digest]
    assert len(signer.signed) == 3
    listed = await _referrers(registry_host, repository, _digests(image))
    assert [len(found) for found in listed] == [3, 2, 2]


REFUSED: dict[str, tuple[dict[str, Any], type[EvidenceError], str]] = {
    "the record of another image": (
        {"build": sample_images.build(digest="sha256:" + "ab" * 32)},
        DigestMismatch,
        "the record of another build",
    ),
    "an index that lacks a platform": (
        {
            "image": sample_images.image(PLATFORMS[:1]),
            "build": sample_images.build(digest=sample_images.image(PLATFORMS[:1]).digest),
        },
        DigestMismatch,
        "is an index of linux/amd64",
    ),
    "an index of a platform more": (
        {
            "image": sample_images.image((*PLATFORMS, "linux/s390x")),
            "build": sample_images.build(digest=sample_images.image((*PLATFORMS, "linux/s390x")).digest),
        },
        DigestMismatch,
        "linux/s390x",
    ),
    "an index of another platform": (
        {
            "image": sample_images.image((AMD64, "linux/s390x")),
            "build": sample_images.build(digest=sample_images.image((AMD64, "linux/s390x")).digest),
        },
        DigestMismatch,
        "is an index of linux/amd64, linux/s390x",
    ),
    "an index with a manifest of no platform": (
        {
            "image": sample_images.image(nameless=True),
            "build": sample_images.build(digest=sample_images.image(nameless=True).digest),
        },
        DigestMismatch,
        "3 manifests",
    ),
    "a bill of a byte changed": (
        {"sboms": [sample_images.sboms()[AMD64], sample_images.sboms()[ARM64].replace(b"2.4.6", b"2.4.7")]},
        DigestMismatch,
        "was changed since",
    ),
    "a bill missing": ({"sboms": [sample_images.sboms()[AMD64]]}, NotAttested, "for linux/arm64"),
    "the bill of one platform twice": (
        {"sboms": [sample_images.sboms()[AMD64]] * 2},
        NotAttested,
        "no bill of materials .* for linux/arm64",
    ),
    "the bills of platforms exchanged in the record": (
        {
            "build": sample_images.build(
                files={AMD64: sample_images.sboms()[ARM64], ARM64: sample_images.sboms()[AMD64]}
            )
        },
        Malformed,
        r"'tradeplane/workloads' for \['linux/a...4'\], and the record has it for",
    ),
    "sources that nobody knows": (
        {"build": sample_images.build().model_copy(update={"source": None})},
        NotAttested,
        "names no sources",
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
async def test_what_does_not_fit_is_refused_and_nothing_is_hung(
    registry_host: str, signer: FileSigner, case: str
) -> None:
    given, error, words = REFUSED[case]
    repository = "images/" + case.replace(" ", "-")
    with pytest.raises(error, match=words):
        await _attest(registry_host, repository, signer, **given)
    image: SampleImage = given.get("image", sample_images.image())
    assert await _referrers(registry_host, repository, _digests(image)) == [[]] * (1 + len(image.manifests))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"components": [{"name": "x" * MAX_SBOM_BYTES}]}, "at most 3,145,728 are read"),
        ({"bomFormat": "SPDX"}, "is no bill of materials"),
        ({"components": [{"name": "x", "size": 2**53}]}, "cannot be stated as it is"),
        ({"metadata": {}}, "for linux/a...4 of tradeplane/workloads"),
        ({"metadata": {"component": {"name": "tradeplane/operator"}}}, "is the bill of materials of 'tradeplane/ope"),
    ],
)
async def test_a_bill_that_is_none_is_refused_though_it_was_recorded(
    olareg: str, signer: FileSigner, changed: dict[str, Any], words: str
) -> None:
    files = {platform: json.dumps(sample_images.sbom(platform) | changed).encode() for platform in PLATFORMS}
    with pytest.raises(Malformed, match=words):
        await _attest(olareg, "images/none", signer, build=sample_images.build(files=files), sboms=files.values())


async def test_changed_sources_are_said_and_are_not_the_commit(olareg: str, signer: FileSigner) -> None:
    changed = SourceRevision(commit=sample_images.COMMIT, tree="ee" * 20, modified=True)
    attested = await _attest(olareg, "images/changed", signer, build=sample_images.build(source=changed))
    bundle = json.loads(attested.provenance.bundle)
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    (source,) = [
        one for one in statement["predicate"]["buildDefinition"]["resolvedDependencies"] if one["name"] == "source"
    ]
    assert source["digest"] == {"gitTree": "ee" * 20}
    assert "uri" not in source
    assert source["annotations"]["modified"] is True


async def test_an_image_that_is_not_whole_is_not_attested(olareg: str, signer: FileSigner) -> None:
    """The index is there, and the manifest of a platform is another under that digest, or none."""
    image = sample_images.image(content=" of another")
    async with Registry(olareg, plain_http=True) as registry:
        with pytest.raises(EvidenceError):
            await attest_image(
                registry,
                Reference(olareg, "images/absent", digest=image.digest),
                sample_images.build(digest=image.digest),
                sample_images.sboms().values(),
                signer,
            )
