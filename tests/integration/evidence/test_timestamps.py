"""When something was signed, by the word of a real timestamp authority: trusted, changed, of another, and not there."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.errors import (
    EvidenceError,
    InvalidKey,
    KeyRefused,
    PolicyRefused,
    SignerUnavailable,
    TimestampRefused,
)
from tradeplane_evidence.image_attestation import attest_image
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signing.batches import Quota, WithinQuota
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.signing.keyring import Keyring
from tradeplane_evidence.signing.signer import sign_and_stamp
from tradeplane_evidence.signing.timestamps import TimestampAuthority, read_chain, stamped
from tradeplane_evidence.verification.bundles import Claim, verify_bundle
from tradeplane_evidence.verification.policy import Policy

from tests.integration.evidence.test_batches import attest_together
from tests.integration.evidence.timestamp_authority import (
    chain_of,
    keyring_with,
    push_stamped_twice,
    timestamp_authority,
    timestamps_at,
    verify_stamped,
)
from tests.ports import free_port
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner

    from tests.integration.evidence.conftest import Cosign

FINISHED = datetime(2026, 1, 5, 9, 0, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def strange(signer: FileSigner, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Have another authority stamp, and give the bundle and its chain: one at a time can run."""
    with timestamp_authority(tmp_path_factory.mktemp("another")) as address:
        return asyncio.run(_bundle(signer, address)), chain_of(address)


@pytest.fixture(scope="module")
def authority(strange: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    del strange
    with timestamp_authority(tmp_path_factory.mktemp("authority")) as address:
        yield address


@pytest.fixture(scope="module")
def chain(authority: str) -> bytes:
    return chain_of(authority)


async def _bundle(signer: FileSigner, address: str) -> bytes:
    statement = sample_runs.statement()
    return await sign_and_stamp(statement, signer, timestamps_at(address))


def _verify(bundle: bytes, keyring: Keyring, policy: Policy | None = None) -> Claim:
    return verify_bundle(bundle, sample_runs.artifact().digest, keyring, policy or Policy(), datetime.now(UTC))


async def test_the_time_is_that_of_the_authority(signer: FileSigner, authority: str, chain: bytes) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    claim = _verify(await _bundle(signer, authority), keyring_with(signer, chain), Policy(timestamped=True))
    assert claim.stamped is not None
    assert before <= claim.stamped[0] <= datetime.now(UTC) + timedelta(seconds=1)
    assert "CN=" in claim.stamped[1]
    assert claim.made == FINISHED


async def test_an_image_is_stamped_once(olareg: str, signer: FileSigner, authority: str) -> None:
    """Each timestamp is another, and would be another attestation."""
    image, repository = sample_images.image(), "images/stamped"
    async with Registry(olareg, plain_http=True) as registry:
        await image.push(registry, repository)
        place = Reference(olareg, repository, digest=image.digest)
        sboms = tuple(sample_images.sboms().values())
        first, second = [
            await attest_image(
                registry, place, sample_images.build(), sboms, signer, timestamp_authority=timestamps_at(authority)
            )
            for _ in range(2)
        ]
        listed = await list_referrers(registry, repository, image.digest)
    assert first == second
    assert parse_bundle(first.provenance.bundle).timestamps()
    assert len(listed) == 3


async def test_without_the_authority_in_the_keyring_it_is_nobodys_word(
    signer: FileSigner, authority: str, chain: bytes
) -> None:
    bundle = await _bundle(signer, authority)
    assert _verify(bundle, keyring_with(signer)).stamped is None
    for untold in (bundle, sample_runs.bundle(signer)):
        keyring = keyring_with(signer) if untold is bundle else keyring_with(signer, chain)
        with pytest.raises(PolicyRefused, match="no timestamp authority of the keyring"):
            _verify(untold, keyring, Policy(timestamped=True))


def test_a_timestamp_of_another_authority_is_refused(
    signer: FileSigner, strange: tuple[bytes, bytes], chain: bytes
) -> None:
    bundle, other = strange
    assert other != chain
    with pytest.raises(TimestampRefused, match="not one of"):
        _verify(bundle, keyring_with(signer, chain))
    assert _verify(bundle, keyring_with(signer, chain, other)).stamped is not None


async def test_a_timestamp_of_another_signature_is_refused(
    signer: FileSigner, authority: str, chain: bytes, tmp_path: Path
) -> None:
    """Somebody takes the timestamp of what was signed long ago for what they sign today with a stolen key."""
    other = sample_runs.signer_in(tmp_path, scalar=21)
    old = json.loads(await _bundle(other, authority))
    forged = json.loads(sample_runs.bundle(signer))
    data = old["verificationMaterial"]["timestampVerificationData"]
    forged["verificationMaterial"]["timestampVerificationData"] = data
    with pytest.raises(TimestampRefused, match="of this signature"):
        _verify(json.dumps(forged).encode(), keyring_with(signer, chain))


async def test_no_changed_byte_of_a_timestamp_is_another_time(signer: FileSigner, authority: str, chain: bytes) -> None:
    document = json.loads(await _bundle(signer, authority))
    keyring = keyring_with(signer, chain)
    claimed = _verify(json.dumps(document).encode(), keyring)
    (entry,) = document["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    whole = base64.b64decode(entry["signedTimestamp"])
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        entry["signedTimestamp"] = base64.b64encode(bytes(changed)).decode()
        try:
            found = _verify(json.dumps(document).encode(), keyring)
        except EvidenceError:
            continue
        assert found == claimed, f"byte {place}"


async def test_a_key_that_is_revoked_later_still_verifies_what_was_stamped_before(
    signer: FileSigner, authority: str, chain: bytes
) -> None:
    bundle = await _bundle(signer, authority)
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert _verify(bundle, keyring_with(signer, chain, revokedFrom=later)).stamped is not None
    with pytest.raises(KeyRefused, match="no trusted timestamp shows"):
        _verify(bundle, keyring_with(signer, revokedFrom=later))
    with pytest.raises(KeyRefused, match="it signed at"):
        _verify(bundle, keyring_with(signer, chain, revokedFrom="2026-01-01T00:00:00Z"))


async def test_what_says_it_is_from_after_its_timestamp_is_refused(
    signer: FileSigner, authority: str, chain: bytes
) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    execution = replace(sample_runs.EXECUTION, finished=ahead)
    bundle = await sign_and_stamp(sample_runs.statement(execution), signer, timestamps_at(authority))
    with pytest.raises(PolicyRefused, match="yet to come: it was signed by"):
        _verify(bundle, keyring_with(signer, chain))


async def test_what_was_stamped_is_not_stamped_again_and_cosign_verifies_it(
    olareg: str, signer: FileSigner, authority: str, chain: bytes, cosign: Cosign
) -> None:
    first = await push_stamped_twice(olareg, "runs/stamped", signer, authority)
    done = _cosign_asks_for_the_time(cosign, signer, authority, chain, first.reference)
    assert done.returncode == 0, done.stderr


def _cosign_asks_for_the_time(
    cosign: Cosign, signer: FileSigner, address: str, chain: bytes, reference: Reference
) -> subprocess.CompletedProcess[str]:
    (cosign.home / "chain.pem").write_bytes(chain)
    (cosign.home / "stamped.pub").write_text(signer.public_key.pem())
    trusted = f"url={address},certificate-chain=chain.pem,start-time=2020-01-01T00:00:00Z"
    done = cosign("trusted-root", "create", "--tsa", trusted, "--out", "root.json")
    assert done.returncode == 0, done.stderr
    return cosign(
        *("verify-attestation", "--key", "stamped.pub", "--insecure-ignore-tlog", "--use-signed-timestamps"),
        *("--trusted-root", "root.json", "--type", "https://slsa.dev/provenance/v1", str(reference)),
    )


async def test_those_that_are_signed_together_have_one_timestamp(
    olareg: str, signer: FileSigner, strange: tuple[bytes, bytes], authority: str, chain: bytes, cosign: Cosign
) -> None:
    def within() -> WithinQuota:
        return WithinQuota(signer, Quota(5.0), timestamps_at(authority))

    attested = await attest_together(olareg, "batches/stamped", within(), 4)
    assert await attest_together(olareg, "batches/stamped", within(), 4) == attested, "what was stamped is not again"
    together = [one for one in attested if [other.bundle for other in attested].count(one.bundle) > 1]
    assert len(together) >= 2
    for one in attested:
        found = await verify_stamped(one.reference, keyring_with(signer, chain))
        assert found.passed, found.checks
        assert found.claim is not None
        assert found.claim.stamped is not None
        done = _cosign_asks_for_the_time(cosign, signer, authority, chain, one.reference)
        assert done.returncode == 0, done.stderr
    refused = await verify_stamped(together[0].reference, keyring_with(signer, strange[1]))
    assert refused.checks[-1].error == "TimestampRefused"
    assert _cosign_asks_for_the_time(cosign, signer, authority, strange[1], together[0].reference).returncode != 0


async def test_those_that_were_signed_together_without_a_time_have_none(
    olareg: str, signer: FileSigner, chain: bytes
) -> None:
    attested = await attest_together(olareg, "batches/unstamped", WithinQuota(signer, Quota(5.0)), 3)
    for one in attested:
        found = await verify_stamped(one.reference, keyring_with(signer, chain))
        assert (found.checks[-1].name, found.checks[-1].error) == ("attestation", "PolicyRefused")


async def test_an_authority_that_is_not_there_is_said() -> None:
    with pytest.raises(SignerUnavailable, match=r"gave no timestamp: .*; tried 3 times"):
        await stamped(f"http://127.0.0.1:{free_port()}", b"a signature")


@pytest.mark.parametrize("path", ["/ping", "/api/v1/timestamp/certchain"])
async def test_what_answers_no_timestamp_is_refused(authority: str, path: str) -> None:
    with pytest.raises(SignerUnavailable, match="gave no timestamp"):
        await stamped(f"{authority}{path}", b"a signature")


@pytest.mark.parametrize("pem", [b"", b"none", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_chain_is_refused(pem: bytes) -> None:
    with pytest.raises(InvalidKey, match="is no chain of certificates"):
        read_chain(pem, "the chain")


def test_a_chain_that_goes_on_is_refused(chain: bytes) -> None:
    with pytest.raises(InvalidKey, match="a chain of at most"):
        read_chain(chain * 8, "the chain")


async def test_an_authority_is_trusted_in_its_time_alone(signer: FileSigner, authority: str, chain: bytes) -> None:
    bundle, certificates = await _bundle(signer, authority), read_chain(chain, "the chain")
    keys = keyring_with(signer).keys
    now = datetime.now(UTC)
    known = TimestampAuthority(certificates, not_before=now - timedelta(hours=1), not_after=now + timedelta(hours=1))
    assert _verify(bundle, Keyring(keys, (known,))).stamped is not None
    for outside in (
        replace(known, not_after=now - timedelta(minutes=30)),
        replace(known, not_before=now + timedelta(minutes=30)),
    ):
        with pytest.raises(TimestampRefused, match="is not trusted then"):
            _verify(bundle, Keyring(keys, (outside,)))
