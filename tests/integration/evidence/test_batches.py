"""Runs that were signed together, on real registries: each is verified by itself, by us and by cosign."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, islice
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tradeplane_evidence.attestation import attest_pushed, attest_run, push_files
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import EMPTY, MANIFEST_TYPE, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.results_artifact import results_artifact, with_provenance
from tradeplane_evidence.signed_referrers import bundle_artifact
from tradeplane_evidence.signing.batches import Alone, Quota, WithinQuota
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.batch import batch_statement
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.statements.statement import MAX_SUBJECTS
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import Verification, verify_run
from tradeplane_store.canonical import canonical_json, sha256_digest

from tests.integration.evidence.conftest import push, push_results
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.results_artifact import ResultsArtifact
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.keys import PublicKey

    from tests.integration.evidence.conftest import Cosign

NOW = datetime(2026, 1, 6, tzinfo=UTC)
RUNS = 12


@dataclass
class Counted:
    """A signer that says how often it was asked."""

    signer: FileSigner
    times: int = 0
    deterministic: bool = field(default=True, init=False)

    @property
    def public_key(self) -> PublicKey:
        return self.signer.public_key

    def sign(self, data: bytes) -> bytes:
        self.times += 1
        return self.signer.sign(data)


async def attest_together(host: str, repository: str, signing: WithinQuota, runs: int = RUNS) -> list[Attested]:
    """Attest runs as an operator does: each one's files first, and then all of them at once."""
    async with Registry(host, plain_http=True) as registry:
        pushed = [
            await push_files(
                sample_runs.stored(f"run-{number}"),
                registry,
                Reference(host, f"{repository}/{number}"),
                signing,
                sample_runs.EXECUTION,
            )
            for number in range(runs)
        ]
        return await asyncio.gather(*(attest_pushed(one, registry, signing) for one in pushed))


async def _verify(reference: Reference, signer: FileSigner, policy: Policy | None = None) -> Verification:
    async with Registry(reference.host, plain_http=True) as registry:
        return await verify_run(registry, reference, sample_runs.keyring(signer), policy or Policy(), NOW)


async def test_each_of_those_that_were_signed_together_is_verified(
    registry_host: str, signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    counted = Counted(signer)
    attested = await attest_together(registry_host, "batches/together", WithinQuota(counted, Quota(1.0)))
    assert counted.times < RUNS / 2
    key = tmp_path / "key.pub"
    key.write_bytes(signer.public_key.material.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for number, one in enumerate(attested):
        found = await _verify(one.reference, signer)
        assert found.passed, found.checks
        assert found.results == sample_runs.results(f"run-{number}")
        assert found.claim is not None
        assert found.claim.provenance.run_details.metadata is not None
        assert found.claim.provenance.run_details.metadata.invocation_id == sample_runs.EXECUTION.invocation
        done = cosign(
            *("verify-attestation", "--key", key, "--insecure-ignore-tlog"),
            *("--type", PREDICATE_TYPE, str(one.reference)),
        )
        assert done.returncode == 0, done.stderr


def _with_provenance(run: str) -> tuple[ResultsArtifact, tuple[bytes, ...]]:
    """Return the artifact of a run as it may be signed together with others, and what it names."""
    stored = sample_runs.stored(run)
    provenance = canonical_json(sample_runs.statement_of_run(stored).predicate)
    found = with_provenance(results_artifact(stored.results, stored.files), provenance)
    return found, (*stored.files.values(), provenance)


async def test_cosign_verifies_the_first_and_the_last_of_as_many_as_are_signed_together(
    olareg: str, signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    """And not one that would lie between them and is none of them."""
    runs = sorted((_with_provenance(f"run-{number}") for number in range(24)), key=lambda one: one[0].digest)
    first, other, last = (runs[place] for place in (0, 12, -1))
    made = (sha256_digest(f"artifact {number}".encode()) for number in count())
    between = islice((one for one in made if first[0].digest < one < last[0].digest), MAX_SUBJECTS - 2)
    together = (first[0].digest, last[0].digest, *between)
    statement = batch_statement(together, sample_runs.EXECUTION.builder, sample_runs.EXECUTION.finished)
    assert len(statement.subject) == MAX_SUBJECTS
    ends = [statement.subject[place].digest["sha256"] for place in (0, -1)]
    assert ends == [one.digest.removeprefix("sha256:") for one in (first[0], last[0])]

    bundle, key = sign_statement(statement, signer), tmp_path / "key.pub"
    key.write_text(signer.public_key.pem())
    for name, (found, blobs) in {"first": first, "last": last, "other": other}.items():
        reference = await _hung(olareg, f"batches/whole-{name}", bundle, found, *blobs)
        done = cosign(
            *("verify-attestation", "--key", key, "--insecure-ignore-tlog"),
            *("--type", PREDICATE_TYPE, str(reference)),
        )
        assert (done.returncode == 0) is (name != "other"), done.stderr
        assert (await _verify(reference, signer)).passed is (name != "other")


async def test_a_second_attempt_finds_what_the_first_signed(registry_host: str, signer: FileSigner) -> None:
    """As after a restart: with a quota that knows nothing, and in other company."""
    counted = Counted(signer)
    first = await attest_together(registry_host, "batches/again", WithinQuota(counted, Quota(1_000.0)), 4)
    signed = counted.times
    second = await attest_together(registry_host, "batches/again", WithinQuota(counted, Quota(1_000.0)), 3)
    assert second == first[:3]
    assert counted.times == signed


async def test_what_was_signed_alone_is_not_signed_again_within_a_quota(registry_host: str, signer: FileSigner) -> None:
    alone = await push(registry_host, "batches/alone", signer)
    counted = Counted(signer)
    async with Registry(registry_host, plain_http=True) as registry:
        signing = WithinQuota(counted, Quota(1_000.0))
        repository = Reference(registry_host, "batches/alone")
        again = await attest_run(sample_runs.stored(), registry, repository, signing, sample_runs.EXECUTION)
    assert again == alone
    assert counted.times == 0


async def _signed(host: str, repository: str, signer: FileSigner, found: ResultsArtifact, *blobs: bytes) -> Reference:
    """Push an artifact, and a genuine statement of many that its digest is in."""
    statement = batch_statement(
        [found.digest, "sha256:" + "11" * 32], sample_runs.EXECUTION.builder, sample_runs.EXECUTION.finished
    )
    return await _hung(
        host, repository, sign_statement(statement, signer), found, *sample_runs.files().values(), *blobs
    )


async def _hung(host: str, repository: str, bundle: bytes, found: ResultsArtifact, *blobs: bytes) -> Reference:
    """Push an artifact with what it names, and a bundle hung on it."""
    async with Registry(host, plain_http=True) as registry:
        for data in (EMPTY, *blobs, bundle):
            await registry.push_blob(repository, data)
        await registry.push_manifest(repository, found.digest, found.manifest, MANIFEST_TYPE)
        await push_referrer(registry, repository, bundle_artifact(bundle, described(found.manifest, MANIFEST_TYPE)))
    return Reference(host, repository, digest=found.digest)


async def test_the_provenance_of_another_run_is_refused(registry_host: str, signer: FileSigner) -> None:
    other = sample_runs.stored("another-run")
    statement = sample_runs.statement_of_run(other)
    provenance = canonical_json(statement.predicate)
    artifact = with_provenance(sample_runs.artifact(), provenance)
    found = await _verify(await _signed(registry_host, "batches/other", signer, artifact, provenance), signer)
    (*_, last) = found.checks
    assert (last.name, last.error) == ("result", "PolicyRefused")
    assert "the specification that was signed is not the one in the results" in last.words


async def test_an_artifact_without_its_provenance_is_refused(registry_host: str, signer: FileSigner) -> None:
    artifact = results_artifact(sample_runs.results(), sample_runs.files())
    found = await _verify(await _signed(registry_host, "batches/without", signer, artifact), signer)
    (*_, last) = found.checks
    assert (last.name, last.error) == ("attestation", "Malformed")
    assert "no one provenance.json" in last.words


async def test_a_batch_hung_on_a_run_that_is_not_in_it_is_refused(registry_host: str, signer: FileSigner) -> None:
    (attested, _) = await attest_together(registry_host, "batches/hung", WithinQuota(signer, Quota(1_000.0)), 2)
    repository = "batches/hung/0"
    async with Registry(registry_host, plain_http=True) as registry:
        bare = await push_results(registry, repository, sample_runs.stored("not-in-it"))
        data, _ = await registry.manifest(bare)
        await push_referrer(registry, repository, bundle_artifact(attested.bundle, described(data, MANIFEST_TYPE)))
    (*_, last) = (await _verify(bare, signer)).checks
    assert (last.name, last.error) == ("attestation", "PolicyRefused")
    assert "not about" in last.words


async def test_the_builder_that_is_asked_for_must_have_run_it(olareg: str, signer: FileSigner) -> None:
    (attested, _) = await attest_together(olareg, "batches/builder", WithinQuota(signer, Quota(1_000.0)), 2)
    found = await _verify(attested.reference, signer, Policy(builders=frozenset({"https://example.com/other"})))
    assert [check.error for check in found.checks][-1] == "PolicyRefused"
    allowed = Policy(builders=frozenset({sample_runs.EXECUTION.builder}))
    assert (await _verify(attested.reference, signer, allowed)).passed


async def test_signing_alone_pushes_no_provenance_beside(olareg: str, signer: FileSigner) -> None:
    async with Registry(olareg, plain_http=True) as registry:
        repository = Reference(olareg, "batches/plain")
        attested = await attest_run(sample_runs.stored(), registry, repository, Alone(signer), sample_runs.EXECUTION)
    assert attested.reference.digest == sample_runs.artifact().digest
