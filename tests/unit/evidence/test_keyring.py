"""Which keys count, from when to when, and what a file of keys must not be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tradeplane_evidence.errors import InvalidKey, KeyRefused, PolicyRefused
from tradeplane_evidence.signing.file_signer import open_file_signer
from tradeplane_evidence.signing.keyring import MAX_KEYS, Keyring, read_keyring
from tradeplane_evidence.signing.opening import open_signer
from tradeplane_evidence.verification.bundles import verify_bundle
from tradeplane_evidence.verification.policy import Policy

from tests.unit.evidence import sample_runs

if TYPE_CHECKING:
    from pathlib import Path

MADE = datetime(2026, 1, 5, 9, 0, 7, tzinfo=UTC)
NOW = datetime(2027, 3, 1, tzinfo=UTC)


def _file(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"schemaVersion": 1, "kind": "Keyring", "keys": keys}).encode()


def _verify(folder: Path, **entry: Any) -> None:
    signer = sample_runs.signer_in(folder)
    keyring = read_keyring(_file({"publicKey": signer.public_key.pem(), **entry}))
    verify_bundle(sample_runs.bundle(signer), sample_runs.artifact().digest, keyring, Policy(), NOW)


def test_one_key_is_a_keyring(tmp_path: Path) -> None:
    signer = sample_runs.signer_in(tmp_path)
    (one,) = read_keyring(signer.public_key.pem().encode()).keys
    assert one.key == signer.public_key
    assert (one.not_before, one.not_after, one.revoked_from, one.builders) == (None, None, None, None)


def test_an_old_key_verifies_what_it_signed_in_its_time(tmp_path: Path) -> None:
    _verify(tmp_path, notBefore="2026-01-01T00:00:00Z", notAfter="2026-12-31T23:59:59Z")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"notBefore": "2026-01-05T09:00:08Z"}, "valid from 2026-01-05T09:00:08Z on"),
        ({"notAfter": "2026-01-05T09:00:06Z"}, "was valid until 2026-01-05T09:00:06Z"),
        ({"revokedFrom": "2026-01-05T09:00:08Z"}, "no trusted timestamp"),
        ({"revokedFrom": "2026-01-01T00:00:00Z"}, "no trusted timestamp"),
    ],
)
def test_a_key_outside_its_time_is_refused(tmp_path: Path, entry: dict[str, str], words: str) -> None:
    with pytest.raises(KeyRefused, match=words):
        _verify(tmp_path, **entry)


def test_a_trusted_time_before_the_revocation_counts(tmp_path: Path) -> None:
    signer = sample_runs.signer_in(tmp_path)
    entry = {"publicKey": signer.public_key.pem(), "revokedFrom": "2026-01-05T09:00:08Z"}
    (key,) = read_keyring(_file(entry)).keys
    key.check(MADE, trusted=True)
    with pytest.raises(KeyRefused, match="it signed at"):
        key.check(datetime(2026, 1, 5, 9, 0, 8, tzinfo=UTC), trusted=True)


def test_a_key_signs_for_its_builders_alone(tmp_path: Path) -> None:
    _verify(tmp_path, builders=[sample_runs.EXECUTION.builder])
    with pytest.raises(PolicyRefused, match="does not sign for builder"):
        _verify(tmp_path, builders=["https://example.com/another"])


@pytest.mark.parametrize(
    ("entry", "builders"),
    [
        ({}, None),
        ({"users": ["alice@example.com"]}, frozenset()),
        ({"users": [], "builders": ["https://example.com/ours"]}, frozenset({"https://example.com/ours"})),
        ({"users": ["alice@example.com"], "builders": ["https://example.com/ours"]}, {"https://example.com/ours"}),
    ],
)
def test_a_key_of_a_user_signs_for_no_builder_that_it_does_not_name(
    tmp_path: Path, entry: dict[str, list[str]], builders: frozenset[str] | None
) -> None:
    """Keyrings of approvers and of builders may be given together: who approves cannot vouch for a result."""
    pem = sample_runs.signer_in(tmp_path).public_key.pem()
    (key,) = read_keyring(_file({"publicKey": pem, **entry})).keys
    assert key.builders == builders
    assert key.approves_alone == ("users" in entry and not builders)


def test_after_a_rotation_both_keys_verify(tmp_path: Path) -> None:
    old, new = sample_runs.signer_in(tmp_path, scalar=5), sample_runs.signer_in(tmp_path, scalar=6)
    both = sample_runs.keyring(old, new)
    for signer in (old, new):
        found = verify_bundle(sample_runs.bundle(signer), sample_runs.artifact().digest, both, Policy(), NOW)
        assert found.key.key == signer.public_key
    with pytest.raises(KeyRefused):
        verify_bundle(sample_runs.bundle(old), sample_runs.artifact().digest, sample_runs.keyring(new), Policy(), NOW)


def test_an_empty_keyring_verifies_nothing(tmp_path: Path) -> None:
    signer = sample_runs.signer_in(tmp_path)
    with pytest.raises(KeyRefused, match="none of the 0 keys"):
        verify_bundle(sample_runs.bundle(signer), sample_runs.artifact().digest, Keyring(()), Policy(), NOW)


def _public_pem(material: Any) -> bytes:
    pem: bytes = material.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"{}", "keys"),
        (_file(), "keys"),
        (_file({"publicKey": "none"}), r"keys\.0\.publicKey is no public key"),
        (_file(*[{"publicKey": "x"}] * (MAX_KEYS + 1)), "keys"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key in PEM"),
        (sample_runs.private_pem(ec.derive_private_key(9, ec.SECP256R1())), "is a private key"),
        (_public_pem(ec.derive_private_key(9, ec.SECP384R1())), "neither ECDSA on P-256 nor Ed25519"),
        (_public_pem(rsa.generate_private_key(65537, 2048)), "neither ECDSA on P-256 nor Ed25519"),
    ],
    ids=["empty", "no-form", "no-keys", "no-pem", "many", "no-der", "private", "P-384", "RSA"],
)
def test_files_that_are_no_keyring_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(InvalidKey, match=words):
        read_keyring(data)


def test_a_time_that_is_not_in_the_calendar_is_refused(tmp_path: Path) -> None:
    pem = sample_runs.signer_in(tmp_path).public_key.pem()
    with pytest.raises(InvalidKey, match=r"keys\.0\.notAfter: 2026-02-30T00:00:00Z is no time"):
        read_keyring(_file({"publicKey": pem, "notAfter": "2026-02-30T00:00:00Z"}))


def test_a_key_that_others_can_read_does_not_sign(tmp_path: Path) -> None:
    path = sample_runs.key_file(tmp_path)
    path.chmod(0o644)
    with pytest.raises(InvalidKey, match=r"can be read by others \(mode 0644\); set it with chmod 600"):
        open_file_signer(str(path), None)


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    material = ec.derive_private_key(9, ec.SECP256R1())
    path = tmp_path / "encrypted.pem"
    path.write_bytes(material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")))
    path.chmod(0o600)
    assert (
        open_signer(f"file:{path}", b"open sesame").public_key.der
        == open_signer(f"file:{sample_runs.key_file(tmp_path, scalar=9)}").public_key.der
    )
    with pytest.raises(InvalidKey, match="is encrypted: give its passphrase"):
        open_signer(f"file:{path}")
    with pytest.raises(InvalidKey, match="the passphrase is another one") as refused:
        open_signer(f"file:{path}", b"close sesame")
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("gcpkms:key", "names no signer"),
        ("key.pem", "names no signer"),
        ("file:", "names no file"),
        ("file://elsewhere/key.pem", "names no file of this machine"),
        ("file:/nowhere/key.pem", "cannot be read: No such file"),
    ],
)
def test_what_names_no_signer_is_refused(uri: str, words: str) -> None:
    with pytest.raises(InvalidKey, match=words):
        open_signer(uri)


def test_a_key_of_another_kind_does_not_sign(tmp_path: Path) -> None:
    path = tmp_path / "rsa.pem"
    path.write_bytes(
        rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    path.chmod(0o600)
    with pytest.raises(InvalidKey, match="neither ECDSA on P-256 nor Ed25519"):
        open_signer(f"file:{path}")


def test_a_key_is_not_in_what_a_signer_shows_of_itself(tmp_path: Path) -> None:
    assert "PrivateKey" not in repr(sample_runs.signer_in(tmp_path))
