"""What replays of a run found, hung on it in real registries: signed once, found by cosign, told by a verification."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tradeplane_api.parity import Baseline
from tradeplane_evidence.errors import DigestMismatch, NotAttested, PolicyRefused, RegistryUnavailable
from tradeplane_evidence.registry import bundles
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.manifests import MANIFEST_TYPE, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import list_referrers, push_referrer
from tradeplane_evidence.replay_attestation import attest_replays
from tradeplane_evidence.signed_referrers import bundle_artifact
from tradeplane_evidence.signing.batches import Alone, Quota, WithinQuota
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.test_result import TEST_RESULT_TYPE
from tradeplane_evidence.verification import replays as verifying_replays
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run

from tests.integration.evidence.conftest import push, push_results
from tests.integration.evidence.test_batches import Counted, attest_together
from tests.unit.cli.conftest import files, tradeplane
from tests.unit.evidence import sample_replays, sample_runs
from tests.unit.evidence.sample_replays import AMD64, ARM64, DIVERGED, WITHIN, replay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.replay_attestation import Replayed
    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_evidence.signing.signer import Signer
    from tradeplane_evidence.statements.statement import Statement
    from tradeplane_evidence.verification.runs import Verification

    from tests.integration.evidence.conftest import Cosign
    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

__all__ = ["files", "tradeplane"]
NOW = datetime(2026, 1, 6, tzinfo=UTC)
RUNNER, BUILDER = sample_runs.EXECUTION.builder, sample_runs.REPLAYER
OTHER_IMAGE = sample_runs.IMAGE.replace("ab" * 32, "cd" * 32)


async def _attest_replays(results: Reference, signer: Signer, replayed: Replayed | None = None) -> Attested:
    async with Registry(results.host, plain_http=True) as registry:
        return await attest_replays(replayed or sample_replays.replayed(), registry, results, Alone(signer), BUILDER)


async def _hang(results: Reference, statement: Statement, signer: FileSigner) -> None:
    """Hang a statement on a run, whatever it says."""
    async with Registry(results.host, plain_http=True) as registry:
        artifact, _ = await registry.manifest(results)
        bundle = sign_statement(statement, signer)
        await registry.push_blob(results.repository, bundle)
        manifest = bundle_artifact(bundle, described(artifact, MANIFEST_TYPE), TEST_RESULT_TYPE)
        await push_referrer(registry, results.repository, manifest)


async def _verify(results: Reference, keyring: Keyring, policy: Policy | None = None, **also: Any) -> Verification:
    async with Registry(results.host, plain_http=True) as registry:
        return await verify_run(registry, results, keyring, policy or Policy(), NOW, **also)


def _words(found: Verification) -> str | None:
    return next((check.words for check in found.checks if check.name == "replays"), None)


async def test_cosign_finds_it_by_the_digest_of_the_run(
    registry_host: str, signer: FileSigner, cosign: Cosign, tmp_path: Path
) -> None:
    run = await push(registry_host, "replays/cosign", signer)
    await _attest_replays(run.reference, signer, sample_replays.replayed(replay(AMD64), replay(ARM64, DIVERGED)))
    key = tmp_path / "key.pub"
    key.write_text(signer.public_key.pem())
    asked = ("verify-attestation", "--key", key, "--insecure-ignore-tlog", "--type")
    done = cosign(*asked, TEST_RESULT_TYPE, str(run.reference))
    assert done.returncode == 0, done.stderr
    statement = json.loads(base64.b64decode(json.loads(done.stdout)["payload"]))
    assert statement["predicate"]["result"] == "FAILED"
    assert statement["predicate"]["failedTests"] == ["arm64/execution"]
    assert cosign(*asked, "https://slsa.dev/provenance/v1", str(run.reference)).returncode == 0

    other = sample_runs.signer_in(tmp_path, scalar=99)
    key.write_text(other.public_key.pem())
    assert cosign(*asked, TEST_RESULT_TYPE, str(run.reference)).returncode != 0


async def test_what_is_signed_once_is_not_signed_again(registry_host: str, tmp_path: Path) -> None:
    """With a signer whose signatures differ, as those of KMS do: after a restart, and by two operators."""
    wavering = sample_runs.wavering_signer(tmp_path)
    run = await push(registry_host, "replays/once", wavering)
    signed = len(wavering.signed)
    first = await _attest_replays(run.reference, wavering)
    assert len(wavering.signed) == signed + 1
    assert await _attest_replays(run.reference, wavering) == first
    assert len(wavering.signed) == signed + 1
    another = await _attest_replays(run.reference, wavering, sample_replays.replayed(replay(AMD64)))
    assert another.attestation != first.attestation


async def test_a_key_that_signs_the_same_each_time_hangs_it_once(registry_host: str, signer: FileSigner) -> None:
    run = await push(registry_host, "replays/same", signer)
    first, second = [await _attest_replays(run.reference, signer) for _ in range(2)]
    assert first == second
    async with Registry(registry_host, plain_http=True) as registry:
        listed = await list_referrers(registry, run.reference.repository, run.reference.digest or "")
    assert len(listed) == 2, "the run's own, and that of its replays"


async def test_within_a_quota_it_is_signed_by_itself_and_the_batched_run_is_its_subject(
    registry_host: str, signer: FileSigner
) -> None:
    counted = Counted(signer)
    runs = await attest_together(registry_host, "replays/quota", WithinQuota(counted, Quota(1_000.0)), 3)
    quota = Quota(2.0)

    async def attest(number: int) -> Attested:
        data = sample_runs.files(f"run-{number}")["manifest.json"]
        of = Baseline(run=f"run-{number}", manifest=described(data, "x/y").digest)
        async with Registry(registry_host, plain_http=True) as registry:
            replayed = replace(sample_replays.replayed(), run=of)
            return await attest_replays(
                replayed, registry, runs[number].reference, WithinQuota(counted, quota), BUILDER
            )

    before = counted.times
    await asyncio.gather(*(attest(number) for number in range(3)))
    assert counted.times == before + 3
    for run in runs:
        found = await _verify(run.reference, sample_runs.keyring(signer))
        assert found.passed, found.checks
        assert "PASSED on amd64, arm64" in (_words(found) or "")


async def test_results_of_another_run_are_refused(registry_host: str, signer: FileSigner) -> None:
    run = await push(registry_host, "replays/another", signer)
    other = sample_replays.replayed()
    other = replace(other, run=other.run.model_copy(update={"manifest": "sha256:" + "00" * 32}))
    with pytest.raises(DigestMismatch, match="that were replayed"):
        await _attest_replays(run.reference, signer, other)


async def test_nothing_is_hung_on_what_is_not_there_or_no_run(registry_host: str, signer: FileSigner) -> None:
    run = await push(registry_host, "replays/nowhere", signer)
    with pytest.raises(NotAttested, match="is not in the registry"):
        await _attest_replays(run.reference.at("sha256:" + "00" * 32), signer)
    with pytest.raises(PolicyRefused, match="no results of a run"):
        await _attest_replays(run.reference.at(run.attestation), signer)


async def test_a_registry_that_is_down_is_unavailable(signer: FileSigner) -> None:
    nowhere = Reference("127.0.0.1:1", "runs/x", digest=sample_runs.artifact().digest)
    with pytest.raises(RegistryUnavailable):
        await _attest_replays(nowhere, signer)


async def test_a_run_that_nobody_replayed_is_verified_as_before(registry_host: str, signer: FileSigner) -> None:
    run = await push(registry_host, "replays/none", signer)
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert found.passed
    assert _words(found) is None


async def test_what_replays_found_is_told(registry_host: str, signer: FileSigner) -> None:
    run = await push(registry_host, "replays/told", signer)
    hung = await _attest_replays(run.reference, signer)
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    assert (
        _words(found) == f"replayed: PASSED on amd64, arm64 (by ECDSA-P256-SHA256 key {signer.public_key.fingerprint})"
    )
    (claim,) = found.replays.claims
    assert (claim.attestation, claim.own_image) == (hung.attestation, True)
    assert claim.finished == datetime(2026, 1, 5, 10, 0, 11, tzinfo=UTC)
    assert found.attestation != claim.attestation
    assert (await _verify(run.reference, sample_runs.keyring(signer), replays=False)).replays.claims == ()


async def test_one_that_differs_fails_whatever_others_found(registry_host: str, signer: FileSigner) -> None:
    run = await push(registry_host, "replays/failed", signer)
    differs = sample_replays.replayed(replay(AMD64), replay(ARM64, DIVERGED))
    await _attest_replays(run.reference, signer, differs)
    await _attest_replays(run.reference, signer)
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert not found.passed
    assert found.checks[-1].name == "replays"
    assert found.checks[-1].error == "ReplayDiverged"
    assert "FAILED on amd64, arm64 (arm64/execution)" in found.checks[-1].words
    assert "PASSED on amd64, arm64" in found.checks[-1].words
    assert (await _verify(run.reference, sample_runs.keyring(signer), replays=False)).passed


async def test_another_image_that_comes_to_something_else_is_told_and_does_not_fail(
    registry_host: str, signer: FileSigner
) -> None:
    run = await push(registry_host, "replays/image", signer)
    differs = sample_replays.replayed(replay(AMD64, DIVERGED), image=OTHER_IMAGE)
    await _attest_replays(run.reference, signer, differs)
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    assert "FAILED on amd64 (amd64/execution) with another image than the one recorded" in (_words(found) or "")


async def test_within_a_tolerance_is_warned(registry_host: str, signer: FileSigner) -> None:
    run = await push(registry_host, "replays/within", signer)
    await _attest_replays(run.reference, signer, sample_replays.replayed(replay(AMD64, WITHIN)))
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert found.passed
    assert (_words(found) or "").startswith("replayed: WARNED on amd64 (by")


async def test_the_word_of_a_stranger_is_passed_over(registry_host: str, signer: FileSigner, tmp_path: Path) -> None:
    run = await push(registry_host, "replays/stranger", signer)
    stranger = sample_runs.signer_in(tmp_path, scalar=99)
    for replays in ((replay(AMD64, DIVERGED),), (replay(AMD64),)):
        await _attest_replays(run.reference, stranger, sample_replays.replayed(*replays))
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    assert _words(found) is None
    assert found.replays.passed_over == 2
    both = await _verify(run.reference, sample_runs.keyring(signer, stranger))
    assert both.checks[-1].error == "ReplayDiverged"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("subject", {}),
        ("results", {"results": "sha256:" + "00" * 32}),
        ("digest", {"run_digest": "sha256:" + "00" * 32}),
        ("run", {"run": "another"}),
    ],
)
async def test_what_is_of_something_else_is_passed_over(
    registry_host: str, signer: FileSigner, name: str, changes: dict[str, Any]
) -> None:
    """A genuine statement, hung where it does not belong."""
    run = await push(registry_host, f"replays/of-{name}", signer)
    statement = sample_replays.statement(replay(AMD64, DIVERGED), **changes)
    if name == "subject":
        subject = statement.subject[0].model_copy(update={"digest": {"sha256": "00" * 32}})
        statement = statement.model_copy(update={"subject": (subject,)})
    await _hang(run.reference, statement, signer)
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    assert (found.replays.claims, found.replays.passed_over) == ((), 1)


@pytest.mark.parametrize("who", ["key", "policy"])
async def test_a_builder_that_is_not_trusted_for_it_is_passed_over(
    registry_host: str, signer: FileSigner, tmp_path: Path, who: str
) -> None:
    run = await push(registry_host, f"replays/builder-{who}", signer)
    other = sample_runs.signer_in(tmp_path, scalar=77)
    own = TrustedKey(signer.public_key)
    elsewhere = "https://example.com/builders/elsewhere"
    await _hang(run.reference, sample_replays.statement(replay(AMD64, DIVERGED), builder=elsewhere), other)
    limited = TrustedKey(other.public_key, builders=frozenset({RUNNER, BUILDER}) if who == "key" else None)
    policy = Policy(builders=frozenset({RUNNER, BUILDER})) if who == "policy" else Policy()
    assert (await _verify(run.reference, Keyring((own, limited)), policy)).passed
    trusted = Keyring((own, TrustedKey(other.public_key, builders=frozenset({elsewhere}))))
    assert not (await _verify(run.reference, trusted)).passed


async def test_a_key_that_was_not_valid_then_is_passed_over(
    registry_host: str, signer: FileSigner, tmp_path: Path
) -> None:
    run = await push(registry_host, "replays/validity", signer)
    other = sample_runs.signer_in(tmp_path, scalar=78)
    await _attest_replays(run.reference, other, sample_replays.replayed(replay(AMD64, DIVERGED)))
    ended = TrustedKey(other.public_key, not_after=datetime(2026, 1, 5, 9, tzinfo=UTC))
    assert (await _verify(run.reference, Keyring((TrustedKey(signer.public_key), ended)))).passed
    valid = TrustedKey(other.public_key, not_after=datetime(2026, 1, 5, 11, tzinfo=UTC))
    assert not (await _verify(run.reference, Keyring((TrustedKey(signer.public_key), valid)))).passed


async def test_what_is_said_to_be_yet_to_come_is_passed_over(registry_host: str, signer: FileSigner) -> None:
    run = await push(registry_host, "replays/future", signer)
    later = replay(AMD64, DIVERGED).model_copy(update={"completion_time": "2026-01-06T00:06:00Z"})
    await _attest_replays(run.reference, signer, sample_replays.replayed(later))
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    assert (found.replays.claims, found.replays.passed_over) == ((), 1)


async def test_one_that_is_listed_and_gone_is_passed_over(without_referrers: str, signer: FileSigner) -> None:
    """As a registry without a list of its own has it after something was deleted: the fallback tag names it still."""
    run = await push(without_referrers, "replays/gone", signer)
    hung = await _attest_replays(run.reference, signer)
    place = f"http://{without_referrers}/v2/{run.reference.repository}/manifests/{hung.attestation}"
    async with aiohttp.ClientSession() as session, session.delete(place) as answer:
        assert answer.status == 202
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    assert (found.replays.claims, found.replays.passed_over) == ((), 1)


async def test_many_replays_do_not_hide_the_run_and_those_beyond_a_limit_are_counted(
    registry_host: str, signer: FileSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the bundles about one artifact that are looked at, all hung on it before the run's own is."""
    monkeypatch.setattr(verifying_replays, "MAX_REPLAYS", 3)
    monkeypatch.setattr(bundles, "MAX_ATTESTATIONS", 1)
    async with Registry(registry_host, plain_http=True) as registry:
        results = await push_results(registry, "replays/many", sample_runs.stored())
    for repeat in range(1, 6):
        await _attest_replays(results, signer, sample_replays.replayed(replay(AMD64, repeat=repeat)))
    run = await push(registry_host, "replays/many", signer)
    found = await _verify(run.reference, sample_runs.keyring(signer))
    assert found.passed, found.checks
    assert (len(found.replays.claims), found.replays.passed_over) == (3, 2)
    assert "3 times; 2 passed over" in (_words(found) or "")


async def test_the_command_tells_it_and_ends_with_3_where_one_differs(
    tradeplane: Command, olareg: str, signer: FileSigner, tmp_path: Path
) -> None:
    run = await push(olareg, "replays/command", signer)
    key = tmp_path / "key.pub"
    key.write_text(signer.public_key.pem())
    await _attest_replays(run.reference, signer)
    asked = ("verify", str(run.reference), "--key", str(key), "--no-chain")

    def verify(*options: str) -> Ended:
        return tradeplane(*asked, *options)

    passed = await asyncio.to_thread(verify)
    assert passed.code == 0, passed.err
    assert any(line.startswith("ok   replays") for line in passed.out.splitlines())
    await _attest_replays(run.reference, signer, sample_replays.replayed(replay(ARM64, DIVERGED)))
    failed = await asyncio.to_thread(verify)
    assert failed.code == 3
    assert failed.out.splitlines()[-1].startswith("FAIL replays")
    told = json.loads((await asyncio.to_thread(verify, "-o", "json")).out)
    assert {one["result"] for one in told["replays"]} == {"PASSED", "FAILED"}
    assert told["verified"] is False
    without = await asyncio.to_thread(verify, "--no-replays", "-o", "json")
    assert without.code == 0
    assert json.loads(without.out)["replays"] == []
