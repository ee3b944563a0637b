"""A key in AWS KMS signs, on moto's server: what it signs is verified as any other, and once is enough."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.utils import ECDSAPrivateKey
from moto.server import ThreadedMotoServer
from tradeplane_evidence.attestation import attest_run
from tradeplane_evidence.errors import EvidenceError, InvalidKey, SignerUnavailable
from tradeplane_evidence.registry.client import Registry
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.signing.batches import Alone
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
from tradeplane_evidence.signing.kms_signer import KmsSigner
from tradeplane_evidence.signing.opening import open_signer
from tradeplane_evidence.verification.policy import Policy
from tradeplane_evidence.verification.runs import verify_run

from tests.integration.evidence.conftest import push
from tests.integration.evidence.timestamp_authority import (
    chain_of,
    check_stamped_once,
    keyring_with,
    timestamp_authority,
    timestamps_at,
    verify_stamped,
)
from tests.ports import free_port
from tests.unit.evidence import sample_runs
from tests.unit.operator.claimed_in_memory import ObjectInMemory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_evidence.publishing import Attested
    from tradeplane_evidence.signing.signer import Signer

    from tests.integration.evidence.conftest import Cosign

NOW = datetime(2026, 1, 6, tzinfo=UTC)
ALIAS = "alias/tradeplane"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def _signed_digest(key: Any, message: bytes, signing_algorithm: str) -> bytes:
    """Sign a digest as AWS does for MessageType DIGEST; moto hashes it once more, as if it were a message."""
    assert signing_algorithm == "ECDSA_SHA_256"
    signature: bytes = key.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))
    return signature


@pytest.fixture
def kms(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a client of it, and the environment that points any client there."""
    monkeypatch.setattr(ECDSAPrivateKey, "sign", _signed_digest)
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return boto3.client("kms")


@pytest.fixture
def signer(kms: Any) -> Iterator[Signer]:
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=key)
    yield open_signer(f"awskms:///{ALIAS}")
    kms.delete_alias(AliasName=ALIAS)


async def test_what_kms_signed_is_verified_by_us_and_by_cosign(olareg: str, signer: Signer, cosign: Cosign) -> None:
    attested = await push(olareg, "runs/kms", signer)
    async with Registry(olareg, plain_http=True) as registry:
        keyring = Keyring((TrustedKey(signer.public_key),))
        found = await verify_run(registry, attested.reference, keyring, Policy(), NOW)
    assert found.passed, found.checks
    public = cosign.home / "kms.pub"
    public.write_text(signer.public_key.pem())
    done = cosign(
        *("verify-attestation", "--key", public, "--insecure-ignore-tlog"),
        *("--type", "https://slsa.dev/provenance/v1", str(attested.reference)),
    )
    assert done.returncode == 0, done.stderr


async def test_what_was_signed_is_not_signed_again(olareg: str, signer: Signer) -> None:
    """KMS would sign the same with another signature, which would be a second attestation."""
    assert signer.sign(b"the same") != signer.sign(b"the same")
    first = await push(olareg, "runs/kms", signer)
    assert await push(olareg, "runs/kms", signer) == first
    async with Registry(olareg, plain_http=True) as registry:
        listed = await list_referrers(registry, "runs/kms", first.reference.digest or "")
    assert [one.digest for one in listed].count(first.attestation) == 1


async def test_two_operators_at_once_leave_one_attestation(olareg: str, signer: Signer) -> None:
    """KMS signs for both; what both claim in is one."""
    kept = ObjectInMemory()

    async def attest() -> Attested:
        async with Registry(olareg, plain_http=True) as registry:
            place, signing = Reference(olareg, "runs/kms-two", tag=sample_runs.RUN), Alone(signer, claims=kept.claims())
            return await attest_run(sample_runs.stored(), registry, place, signing, sample_runs.EXECUTION)

    one, other = await asyncio.gather(attest(), attest())
    assert one == other
    async with Registry(olareg, plain_http=True) as registry:
        listed = await list_referrers(registry, "runs/kms-two", one.reference.digest or "")
    assert [found.digest for found in listed] == [one.attestation]


def test_a_key_that_may_not_sign_is_refused(kms: Any, signer: Signer) -> None:
    del signer
    with pytest.raises(InvalidKey, match="AWS KMS refuses key alias/another: NotFoundException"):
        open_signer("awskms:///alias/another")
    wrong = kms.create_key(KeySpec="ECC_NIST_P384", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    with pytest.raises(InvalidKey, match="make one of ECC_NIST_P256 for SIGN_VERIFY"):
        open_signer(f"awskms:///{wrong}")


async def test_what_kms_signed_is_stamped_once(olareg: str, signer: Signer, tmp_path: Path) -> None:
    """Signature and timestamp would both be others the second time."""
    await check_stamped_once(olareg, "runs/kms-stamped", signer, tmp_path)


async def test_what_kms_signed_without_a_time_is_signed_anew_with_one(
    olareg: str, signer: Signer, tmp_path: Path
) -> None:
    bare = await push(olareg, "runs/kms-bare", signer)
    with timestamp_authority(tmp_path) as address:
        stamped = await push(olareg, "runs/kms-bare", signer, timestamps_at(address))
        chain = chain_of(address)
    assert stamped.attestation != bare.attestation
    assert (await verify_stamped(stamped.reference, keyring_with(signer, chain))).passed


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("DisabledException", InvalidKey),
        ("AccessDeniedException", InvalidKey),
        ("KMSInvalidStateException", InvalidKey),
        ("KMSInternalException", SignerUnavailable),
        ("KeyUnavailableException", SignerUnavailable),
    ],
)
def test_what_kms_answers_is_told_apart(signer: Signer, code: str, error: type[EvidenceError]) -> None:
    """Moto signs with keys that are disabled; what KMS says of them is put in its mouth by botocore's stub."""
    assert isinstance(signer, KmsSigner)
    with Stubber(signer.client) as stub:
        stub.add_client_error("sign", service_error_code=code, service_message="as it says")
        with pytest.raises(error, match=f"{code}: as it says"):
            signer.sign(b"a statement")


def test_kms_that_is_not_there_is_said(kms: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    del kms
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SignerUnavailable, match="AWS KMS cannot be asked to sign with alias/tradeplane"):
        open_signer(f"awskms:///{ALIAS}")


@pytest.mark.parametrize("uri", ["awskms:", "awskms:///", "awskms://kms.example.com/alias/x", "awskms:///x?y=1"])
def test_what_names_no_key_of_kms_is_refused(uri: str) -> None:
    with pytest.raises(InvalidKey, match="names no key of AWS KMS"):
        open_signer(uri)
