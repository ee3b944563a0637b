"""A run is pushed to real registries, found there and verified, with a list of referrers and without one."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.errors import RegistryRefused, RegistryUnavailable
from tradeplane_evidence.registry.bundles import MAX_ATTESTATIONS
from tradeplane_evidence.registry.client import Limits, Registry
from tradeplane_evidence.registry.credentials import Credentials, credentials_for
from tradeplane_evidence.registry.manifests import MANIFEST_TYPE, described
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import list_referrers, push_referrer
from tradeplane_evidence.signed_referrers import bundle_artifact
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.signing.bundle import BUNDLE_TYPE
from tradeplane_evidence.signing.signer import payload_signed_by
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import Verification, verify_run

from tests.integration.evidence.conftest import distribution, hang_junk, push, push_results
from tests.ports import free_port
from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner

    from tests.unit.evidence.sample_runs import WaveringSigner

NOW = datetime(2026, 1, 6, tzinfo=UTC)
USER, PASSWORD = "pusher", "correct horse"
HTPASSWD = "pusher:$2b$05$aaaaaaaaaaaaaaaaaaaaaOTHFQ.sPSFQY2AvogfCn8nef2NnHs8DW"
"""The same with bcrypt, as htpasswd -B writes it."""


async def _verify(reference: Reference, *signers: FileSigner | WaveringSigner) -> Verification:
    async with Registry(reference.host, plain_http=True) as registry:
        return await verify_run(registry, reference, sample_runs.keyring(*signers), Policy(), NOW)


async def test_what_was_pushed_is_verified(registry_host: str, signer: FileSigner) -> None:
    attested = await push(registry_host, "runs/verified", signer)
    found = await _verify(attested.reference, signer)
    assert [(check.name, check.error) for check in found.checks] == [
        (name, None)
        for name in ("artifact", "signature", "policy", "files", "result", "inputs", "snapshots", "chain", "time")
    ]
    assert found.results == sample_runs.results()


async def test_pushing_again_is_the_same_attestation(registry_host: str, signer: FileSigner) -> None:
    first = await push(registry_host, "runs/again", signer)
    assert first.bundle == sample_runs.bundle(signer)
    second = await push(registry_host, "runs/again", signer)
    assert first == second
    async with Registry(registry_host, plain_http=True) as registry:
        listed = await list_referrers(registry, "runs/again", first.reference.digest or "")
    assert [one.digest for one in listed] == [first.attestation]
    assert [one.artifact_type for one in listed] == [BUNDLE_TYPE]


async def test_two_operators_at_once_leave_one_attestation(registry_host: str, signer: FileSigner) -> None:
    """As where a leader that was cut off has not noticed yet, and its follower attests the same run."""
    pushed = await asyncio.gather(*(push(registry_host, "runs/two", signer) for _ in range(4)))
    assert len({(one.reference, one.attestation) for one in pushed}) == 1
    async with Registry(registry_host, plain_http=True) as registry:
        listed = await list_referrers(registry, "runs/two", pushed[0].reference.digest or "")
    assert [one.digest for one in listed] == [pushed[0].attestation]
    assert (await _verify(pushed[0].reference, signer)).passed


class _Killed(Exception):
    """The process ends here."""


async def test_what_was_signed_and_not_pushed_is_signed_again_and_pushed_once(
    registry_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the two, of a signer that gives another signature each time: the first is nowhere."""
    signer = sample_runs.wavering_signer(tmp_path)

    async def killed(*_: object) -> bool:
        raise _Killed

    with monkeypatch.context() as patched:
        patched.setattr(Registry, "push_manifest", killed)
        with pytest.raises(_Killed):
            await push(registry_host, "runs/killed", signer)
    assert len(signer.signed) == 1
    attested = await push(registry_host, "runs/killed", signer)
    assert await push(registry_host, "runs/killed", signer) == attested
    assert signer.signed == [signer.signed[0]] * 2, "the same was signed, and not after it was pushed"
    assert await _hung(attested.reference) == {attested.attestation}
    assert (await _verify(attested.reference, signer)).passed


async def test_two_operators_at_once_with_signatures_that_differ_state_the_same(
    registry_host: str, tmp_path: Path
) -> None:
    """Both look before either has pushed: each signs, both bundles are of one statement, and no third comes."""
    signers = [sample_runs.wavering_signer(tmp_path) for _ in range(2)]
    both = await asyncio.gather(*(push(registry_host, "runs/wavering", one) for one in signers))
    assert len({one.reference for one in both}) == 1, "of one artifact"
    assert len({payload_signed_by(signers[0], one.bundle, stamped=False) for one in both}) == 1
    again = await push(registry_host, "runs/wavering", signers[0])
    assert again in both, "whoever records it names one of them"
    assert sum(len(one.signed) for one in signers) == len({one.attestation for one in both}) <= 2
    assert {one.attestation for one in both} == await _hung(again.reference)
    assert (await _verify(again.reference, signers[0])).passed


async def _hung(reference: Reference) -> set[str]:
    """Return the digests of what refers to an artifact."""
    async with Registry(reference.host, plain_http=True) as registry:
        return {one.digest for one in await list_referrers(registry, reference.repository, reference.digest or "")}


async def test_many_who_attest_at_once_are_all_listed(registry_host: str, tmp_path: Path) -> None:
    signers = [sample_runs.signer_in(tmp_path, scalar=scalar) for scalar in range(1, 7)]
    pushed = await asyncio.gather(*(push(registry_host, "runs/many", one) for one in signers))
    assert len({one.attestation for one in pushed}) == len(signers)
    for attested, signer in zip(pushed, signers, strict=True):
        # Where there is no list but a tag, another client's may have replaced ours: pushing again mends it.
        await push(registry_host, "runs/many", signer)
        assert (await _verify(attested.reference, signer)).passed


async def test_a_bundle_of_somebody_else_is_passed_over(registry_host: str, signer: FileSigner, tmp_path: Path) -> None:
    other = sample_runs.signer_in(tmp_path, scalar=13)
    await push(registry_host, "runs/somebody", other)
    attested = await push(registry_host, "runs/somebody", signer)
    found = await _verify(attested.reference, signer)
    assert found.passed
    assert found.claim is not None
    assert found.claim.key.key == signer.public_key


@pytest.mark.parametrize("hung", [MAX_ATTESTATIONS - 1, MAX_ATTESTATIONS])
async def test_as_many_as_are_looked_at_hide_ours_and_one_less_does_not(
    olareg: str, signer: FileSigner, hung: int
) -> None:
    async with Registry(olareg, plain_http=True) as registry:
        bare = await push_results(registry, f"runs/hidden-by-{hung}", sample_runs.stored())
    await hang_junk(bare, hung)
    attested = await push(olareg, bare.repository, signer)
    assert attested.reference == bare
    found = await _verify(bare, signer)
    if hung < MAX_ATTESTATIONS:
        assert found.passed, found.checks
    else:
        assert (found.checks[-1].name, found.checks[-1].error) == ("attestation", "Malformed")


async def test_results_without_an_attestation_say_so(registry_host: str, signer: FileSigner) -> None:
    async with Registry(registry_host, plain_http=True) as registry:
        bare = await push_results(registry, "runs/bare", sample_runs.stored())
    (*_, last) = (await _verify(bare, signer)).checks
    assert (last.name, last.error) == ("attestation", "NotAttested")


async def test_an_attestation_of_another_run_does_not_count(registry_host: str, signer: FileSigner) -> None:
    """The bundle is genuine, and hung on results that it is not about."""
    attested = await push(registry_host, "runs/genuine", signer)
    async with Registry(registry_host, plain_http=True) as registry:
        pushed = await push_results(registry, "runs/genuine", sample_runs.stored("another-run"))
        data, _ = await registry.manifest(pushed)
        hung = bundle_artifact(attested.bundle, described(data, MANIFEST_TYPE))
        await push_referrer(registry, "runs/genuine", hung)
    (*_, last) = (await _verify(pushed, signer)).checks
    assert (last.name, last.error) == ("attestation", "PolicyRefused")
    assert "not about" in last.words


async def test_a_tag_is_resolved_and_told(registry_host: str, signer: FileSigner) -> None:
    reference = Reference(registry_host, "runs/tagged", tag="v1")
    async with Registry(registry_host, plain_http=True) as registry:
        attested = await attest_run(sample_runs.stored(), registry, reference, Alone(signer), sample_runs.EXECUTION)
    found = await _verify(reference, signer)
    assert found.passed
    assert found.reference == attested.reference
    assert "as v1 names it now" in found.checks[0].words


async def test_what_is_not_there_is_said(registry_host: str, signer: FileSigner) -> None:
    missing = Reference(registry_host, "runs/missing", digest="sha256:" + "00" * 32)
    with pytest.raises(RegistryRefused, match="answered 404 to GET") as refused:
        await _verify(missing, signer)
    assert refused.value.status == 404


async def test_a_registry_that_is_not_there_is_said(signer: FileSigner) -> None:
    host = f"127.0.0.1:{free_port()}"
    quick = Limits(tries=2, first_pause_s=0.01)
    with pytest.raises(RegistryUnavailable, match=r"cannot be reached .* tried 2 times"):
        async with Registry(host, plain_http=True, limits=quick) as registry:
            await attest_run(
                sample_runs.stored(), registry, Reference(host, "runs/x"), Alone(signer), sample_runs.EXECUTION
            )


async def test_a_registry_that_asks_who_we_are_is_logged_in_to(tmp_path: Path, signer: FileSigner) -> None:
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    asked = (f"auth: {{htpasswd: {{realm: tests, path: {tmp_path / 'htpasswd'}}}}}",)
    with distribution(tmp_path, *asked) as host:
        reference = Reference(host, "runs/private")
        with pytest.raises(RegistryRefused, match=f"log in to it with docker login {host}"):
            await push(host, "runs/private", signer)

        def wrong(_: str) -> Credentials:
            return Credentials(USER, "wrong")

        with pytest.raises(RegistryRefused, match="answered 401") as refused:
            async with Registry(host, plain_http=True, credentials=wrong) as registry:
                await attest_run(sample_runs.stored(), registry, reference, Alone(signer), sample_runs.EXECUTION)
        assert "wrong" not in str(refused.value)

        entry = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": entry}}}))

        def known(name: str) -> Credentials | None:
            return credentials_for(name, tmp_path)

        async with Registry(host, plain_http=True, credentials=known) as registry:
            attested = await attest_run(sample_runs.stored(), registry, reference, Alone(signer), sample_runs.EXECUTION)
            found = await verify_run(registry, attested.reference, sample_runs.keyring(signer), Policy(), NOW)
    assert found.passed
    assert PASSWORD not in repr(registry)
