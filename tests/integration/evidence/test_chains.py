"""From a run over its image to the sources, on real registries: followed link by link, and broken at each."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.image_build import SourceRevision
from tradeplane_api.strategy import ImageManifest
from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.image_attestation import attest_image
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.signed_referrers import hang
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.statements import run as statements_run
from tradeplane_evidence.statements.statement import ResourceDescriptor
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.images import Images, image_policy
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.integration.evidence.conftest import push_image
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tradeplane_api.image_build import ImageBuild
    from tradeplane_evidence.image_attestation import AttestedImage
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.keyring import Keyring
    from tradeplane_evidence.verification.runs import Verification

NOW = datetime(2026, 1, 6, tzinfo=UTC)
IMAGE_BUILDER = sample_images.EXECUTION.builder


@dataclass(frozen=True)
class Chain:
    """A run and its image in a registry. ``attestation``: of the image."""

    run: Reference
    image: Reference
    attestation: str


async def _chain(
    host: str,
    repository: str,
    signer: FileSigner,
    image_signer: FileSigner | None = None,
    build: ImageBuild | None = None,
    stated: Callable[[str], str | None] = lambda attestation: attestation,
    manifests: tuple[ImageManifest, ...] = (),
) -> Chain:
    """Attest an image and a run of it.

    ``stated`` gives what the run says of the image's attestation, ``manifests`` what the image is on each platform.
    """
    image, attestation = await push_image(host, f"{repository}/image", image_signer or signer, build)
    async with Registry(host, plain_http=True) as registry:
        attested = await attest_run(
            sample_runs.stored(image=str(image)),
            registry,
            Reference(host, f"{repository}/runs"),
            Alone(signer),
            replace(sample_runs.EXECUTION, image_attestation=stated(attestation), image_manifests=manifests),
        )
    return Chain(attested.reference, image, attestation)


async def _verify(chain: Chain, keyring: Keyring, builder: str | None = None) -> Verification:
    policy = image_policy(frozenset({builder}) if builder else None)
    async with Registry(chain.run.host, plain_http=True) as registry:

        async def registry_of(_: Reference) -> Registry:
            return registry

        images = Images(registry_of, Trust(keyring, policy, NOW))
        return await verify_run(registry, chain.run, keyring, Policy(), NOW, images)


def _broken(found: Verification) -> tuple[str, str | None, str]:
    (*before, last) = found.checks
    assert all(check.passed for check in before)
    return last.name, last.error, last.words


@pytest.fixture
def image_signer(tmp_path: Path) -> FileSigner:
    return sample_runs.signer_in(tmp_path, scalar=0xBEEF)


async def test_it_goes_from_the_result_to_the_commit(
    registry_host: str, signer: FileSigner, image_signer: FileSigner
) -> None:
    chain = await _chain(registry_host, "chains/whole", signer, image_signer)
    found = await _verify(chain, sample_runs.keyring(signer, image_signer), IMAGE_BUILDER)
    assert found.passed, found.checks
    assert found.image is not None
    assert found.image.commit == sample_images.COMMIT
    assert found.image.attestation == chain.attestation
    (words,) = [check.words for check in found.checks if check.name == "chain"]
    assert image_signer.public_key.fingerprint in words
    assert f"commit {sample_images.COMMIT} of git+https://git.example.com/tradeplane@" in words


async def test_what_nobody_committed_is_told(registry_host: str, signer: FileSigner) -> None:
    source = SourceRevision(commit=sample_images.COMMIT, tree=sample_images.TREE, modified=True)
    chain = await _chain(registry_host, "chains/modified", signer, build=sample_images.build(source=source))
    found = await _verify(chain, sample_runs.keyring(signer))
    assert found.passed
    assert found.image is not None
    assert found.image.commit is None
    assert "nobody committed" in found.checks[-2].words


async def test_the_key_of_images_must_be_given(
    registry_host: str, signer: FileSigner, image_signer: FileSigner
) -> None:
    chain = await _chain(registry_host, "chains/key", signer, image_signer)
    name, error, words = _broken(await _verify(chain, sample_runs.keyring(signer)))
    assert (name, error) == ("chain", "KeyRefused")
    assert "none of the 1 keys given" in words


async def test_the_builder_of_the_image_must_be_the_one_that_is_asked_for(
    registry_host: str, signer: FileSigner
) -> None:
    chain = await _chain(registry_host, "chains/builder", signer)
    name, error, _ = _broken(await _verify(chain, sample_runs.keyring(signer), "https://example.com/other"))
    assert (name, error) == ("chain", "PolicyRefused")


@pytest.mark.parametrize("stated", ["latest", "sha256:" + "AB" * 32, "../blobs/sha256:" + "00" * 32])
async def test_what_is_no_digest_is_not_asked_for(olareg: str, signer: FileSigner, stated: str) -> None:
    chain = await _chain(olareg, f"chains/none-{len(stated)}", signer, stated=lambda _: stated)
    name, error, words = _broken(await _verify(chain, sample_runs.keyring(signer)))
    assert (name, error) == ("chain", "Malformed")
    assert "which is no digest" in words


async def test_an_attestation_that_is_not_there_breaks_it(registry_host: str, signer: FileSigner) -> None:
    stated = "sha256:" + "00" * 32
    chain = await _chain(registry_host, "chains/missing", signer, stated=lambda _: stated)
    name, error, words = _broken(await _verify(chain, sample_runs.keyring(signer)))
    assert (name, error) == ("chain", "NotAttested")
    assert f"the attestation {stated}" in words


async def test_the_attestation_of_a_run_is_none_of_an_image(registry_host: str, signer: FileSigner) -> None:
    """It is genuine, in the image's repository, and what the run names: but it is about something else."""
    repository = "chains/other"
    image, _ = await push_image(registry_host, f"{repository}/image", signer)
    run = sample_runs.stored(image=str(image))
    async with Registry(registry_host, plain_http=True) as registry:
        within = Reference(registry_host, f"{repository}/image")
        other = await attest_run(run, registry, within, Alone(signer), sample_runs.EXECUTION)
    chain = await _chain(registry_host, repository, signer, stated=lambda _: other.attestation)
    name, error, words = _broken(await _verify(chain, sample_runs.keyring(signer)))
    assert (name, error) == ("chain", "PolicyRefused")
    assert "not about" in words


async def test_without_a_stated_attestation_it_ends_at_the_image(registry_host: str, signer: FileSigner) -> None:
    chain = await _chain(registry_host, "chains/unstated", signer, stated=lambda _: None)
    found = await _verify(chain, sample_runs.keyring(signer))
    assert found.passed
    assert found.image is None
    assert found.checks[-2].words == "ends at the image: no attestation of it is stated"


async def test_an_image_is_verified_once_for_all_its_runs(registry_host: str, signer: FileSigner) -> None:
    chain = await _chain(registry_host, "chains/once", signer)
    asked = []
    async with Registry(registry_host, plain_http=True) as registry:

        async def registry_of(reference: Reference) -> Registry:
            asked.append(reference)
            return registry

        images = Images(registry_of, Trust(sample_runs.keyring(signer), image_policy(), NOW))
        for _ in range(3):
            found = await verify_run(registry, chain.run, sample_runs.keyring(signer), Policy(), NOW, images)
            assert found.passed
    assert asked == [chain.image]


Statement = dict[str, Any]


def _no_source(statement: Statement) -> None:
    dependencies = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    dependencies[:] = [one for one in dependencies if one["name"] != "source"]


def _two_sources(statement: Statement) -> None:
    source = ResourceDescriptor(name="source", digest={"gitCommit": "ab" * 20})
    statement["predicate"]["buildDefinition"]["resolvedDependencies"].append(source.plain())


def _committed_and_not(statement: Statement) -> None:
    for one in statement["predicate"]["buildDefinition"]["resolvedDependencies"]:
        if one["name"] == "source":
            one["annotations"] = {"modified": True}


def _another_parameter(statement: Statement) -> None:
    statement["predicate"]["buildDefinition"]["externalParameters"]["patch"] = "local.diff"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (_no_source, "Malformed", "the one source"),
        (_two_sources, "Malformed", "the one source"),
        (_committed_and_not, "Malformed", "both that they are a commit and are not"),
        (_another_parameter, "PolicyRefused", "external parameter 'patch'"),
    ],
)
async def test_a_genuine_statement_that_says_too_little_or_too_much_is_refused(
    olareg: str, signer: FileSigner, change: Callable[[Statement], None], error: str, words: str
) -> None:
    repository = f"chains/{change.__name__.strip('_').replace('_', '-')}"
    plain: Mapping[str, Any] = json.loads(canonical_json(sample_images.statement().plain()))
    change(dict(plain))
    statement = type(sample_images.statement()).model_validate(plain)
    async with Registry(olareg, plain_http=True) as registry:
        await sample_images.image().push(registry, f"{repository}/image")
        place = Reference(olareg, f"{repository}/image", digest=sample_images.image().digest)
        data, _ = await registry.manifest(place)
        subject = described(data, "application/vnd.oci.image.index.v1+json")
        hung = await hang(registry, place, statement, [subject], signer)
    chain = await _chain(olareg, repository, signer, stated=lambda _: hung.attestations[subject.digest])
    name, found, told = _broken(await _verify(chain, sample_runs.keyring(signer)))
    assert (name, found) == ("chain", error)
    assert words in told


AMD64, ARM64 = (sha256_digest(sample_images.image().manifests[one]) for one in sample_images.PLATFORMS)


async def _attested_image(host: str, repository: str, signer: FileSigner) -> AttestedImage:
    """Attest the sample image."""
    place = Reference(host, f"{repository}/image", digest=sample_images.image().digest)
    async with Registry(host, plain_http=True) as registry:
        await sample_images.image().push(registry, place.repository)
        sboms = sample_images.sboms().values()
        return await attest_image(registry, place, sample_images.build(), sboms, signer, sample_images.EXECUTION)


async def test_it_names_the_manifest_that_was_run_and_the_attestation_of_that(
    registry_host: str, signer: FileSigner
) -> None:
    hung = (await _attested_image(registry_host, "chains/platform", signer)).provenance.attestations
    stated = ImageManifest(platform="linux/amd64", digest=AMD64, attestation=hung[AMD64])
    chain = await _chain(registry_host, "chains/platform", signer, manifests=(stated,))
    assert hung[AMD64] != chain.attestation
    found = await _verify(chain, sample_runs.keyring(signer))
    assert found.passed, found.checks
    (words,) = [check.words for check in found.checks if check.name == "chain"]
    assert words.endswith(f"run by its manifest {AMD64} for linux/amd64, attested as well")


async def test_a_chain_says_where_it_does_not_name_the_manifest(registry_host: str, signer: FileSigner) -> None:
    found = await _verify(await _chain(registry_host, "chains/index", signer), sample_runs.keyring(signer))
    assert found.passed
    (words,) = [check.words for check in found.checks if check.name == "chain"]
    assert words.endswith("which of its manifests it was run by is not stated")


@pytest.mark.parametrize("digest", [ARM64, "sha256:" + "00" * 32, sample_images.image().digest])
async def test_a_manifest_that_the_index_does_not_list_for_the_platform_breaks_it(
    registry_host: str, signer: FileSigner, digest: str
) -> None:
    stated = ImageManifest(platform="linux/amd64", digest=digest)
    chain = await _chain(registry_host, f"chains/unlisted-{digest[-4:]}", signer, manifests=(stated,))
    name, error, words = _broken(await _verify(chain, sample_runs.keyring(signer)))
    assert (name, error) == ("chain", "PolicyRefused")
    assert f"lists {AMD64} for it" in words


@pytest.mark.parametrize(
    ("attestation", "error"),
    [
        (lambda _: "sha256:" + "00" * 32, "NotAttested"),
        (lambda found: found.sboms["linux/amd64"].attestations[AMD64], "PolicyRefused"),
    ],
    ids=["none", "of what is in it"],
)
async def test_the_attestation_of_the_manifest_must_be_provenance_of_it(
    olareg: str, signer: FileSigner, attestation: Callable[[AttestedImage], str], error: str
) -> None:
    repository = f"chains/foreign-{error.lower()}"
    found_of = attestation(await _attested_image(olareg, repository, signer))
    stated = ImageManifest(platform="linux/amd64", digest=AMD64, attestation=found_of)
    chain = await _chain(olareg, repository, signer, manifests=(stated,))
    name, found, _ = _broken(await _verify(chain, sample_runs.keyring(signer)))
    assert (name, found) == ("chain", error)


async def test_a_manifest_for_another_processor_than_that_of_the_results_is_refused(
    olareg: str, signer: FileSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statement of the operator never has one: somebody who holds a key wrote this."""
    monkeypatch.setattr(statements_run, "PLATFORMS", {"x86_64": "linux/arm64"})
    stated = ImageManifest(platform="linux/arm64", digest=ARM64)
    chain = await _chain(olareg, "chains/processor", signer, manifests=(stated,))
    name, error, words = _broken(await _verify(chain, sample_runs.keyring(signer)))
    assert (name, error) == ("inputs", "PolicyRefused")
    assert "for linux/arm64, and its results say that they were made on x86_64" in words
