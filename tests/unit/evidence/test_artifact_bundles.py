"""Bundles of other clients by a key: each kind of key, with and without a log, and nothing that was changed."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tradeplane_evidence.errors import (
    DigestMismatch,
    InvalidKey,
    InvalidReference,
    Malformed,
    PolicyRefused,
    SignatureRefused,
)
from tradeplane_evidence.verification.artifact_keys import artifact_key, read_artifact_key
from tradeplane_evidence.verification.artifacts import Artifact, artifact_of

from tests.unit.evidence.key_bundles import (
    ABOUT,
    MESSAGE,
    PAYLOAD,
    SIGNED,
    SIGNER,
    SIGSTORE,
    artifact,
    key_bundle,
    message_bundle,
    statement_bundle,
    verified,
)
from tests.unit.evidence.private_sigstore import (
    envelope,
    sign,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["artifact"]

Sign = tuple[Any, "Callable[[bytes], bytes]"]


def _signers() -> dict[str, Sign]:
    curves = {
        "ECDSA-P256": (ec.SECP256R1(), hashes.SHA256()),
        "ECDSA-P384": (ec.SECP384R1(), hashes.SHA384()),
        "ECDSA-P521": (ec.SECP521R1(), hashes.SHA512()),
    }
    found: dict[str, Sign] = {}
    for name, (curve, digest) in curves.items():
        own = ec.derive_private_key(7, curve)
        found[name] = own, partial(own.sign, signature_algorithm=ec.ECDSA(digest))
    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
    found["Ed25519"] = edwards, edwards.sign
    large = rsa.generate_private_key(65_537, 2_048)
    found["RSA-2048"] = large, lambda data: large.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return found


SIGNERS = _signers()


@pytest.mark.parametrize("algorithm", list(SIGNERS))
def test_each_kind_of_key_verifies_messages_and_statements(algorithm: str, artifact: Artifact) -> None:
    private, make = SIGNERS[algorithm]
    text = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = read_artifact_key(text)
    said = f"signed by {algorithm} key {key.fingerprint}; nobody who is trusted says when"
    assert verified(message_bundle(make(MESSAGE)), artifact, key=key) == said
    assert verified(key_bundle({"dsseEnvelope": envelope(PAYLOAD, make(SIGNED))}), ABOUT, key=key) == said
    for wrong in (make(MESSAGE + b"!"), b"\0" * 64):
        with pytest.raises(SignatureRefused, match=algorithm):
            verified(message_bundle(wrong), artifact, key=key)
        with pytest.raises(SignatureRefused, match=algorithm):
            verified(key_bundle({"dsseEnvelope": envelope(PAYLOAD, wrong)}), ABOUT, key=key)


def test_a_hash_that_the_key_does_not_go_with_is_refused(artifact: Artifact) -> None:
    """The key says which hash; a signer that took another, or a bundle that says so, changes nothing."""
    private = ec.derive_private_key(7, ec.SECP384R1())
    key = artifact_key(private.public_key(), "the key")
    with pytest.raises(SignatureRefused):
        verified(message_bundle(private.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))), artifact, key=key)


@pytest.mark.parametrize("algorithm", ["Ed25519", "ECDSA-P384"])
def test_of_a_digest_alone_no_more_is_verified_than_it_can(algorithm: str, artifact: Artifact) -> None:
    private, make = SIGNERS[algorithm]
    key = artifact_key(private.public_key(), "the key")
    with pytest.raises(Malformed, match="name the file"):
        verified(message_bundle(make(MESSAGE)), artifact_of(artifact.sha256), key=key)


@pytest.mark.parametrize(
    "key", [ec.derive_private_key(7, ec.SECP256K1()).public_key(), rsa.generate_private_key(65_537, 2_304).public_key()]
)
def test_weak_and_strange_keys_are_refused(key: Any) -> None:
    text = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(InvalidKey, match="is none of ECDSA"):
        read_artifact_key(text)


@pytest.mark.parametrize("text", [b"", b"none", b"-----BEGIN PRIVATE KEY-----", b" " * 20_000])
def test_what_is_no_public_key_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidKey):
        read_artifact_key(text)


def test_another_artifact_and_another_key_are_refused(artifact: Artifact, tmp_path: Path) -> None:
    bundle = message_bundle(sign(SIGNER, MESSAGE))
    (tmp_path / "other").write_bytes(b"another message")
    other = artifact_of(str(tmp_path / "other"))
    with pytest.raises(DigestMismatch):
        verified(bundle, other)
    del bundle["messageSignature"]["messageDigest"]
    with pytest.raises(SignatureRefused):
        verified(bundle, other)
    with pytest.raises(SignatureRefused):
        verified(bundle, artifact, key=artifact_key(ec.derive_private_key(9, ec.SECP256R1()).public_key(), "the key"))
    with pytest.raises(PolicyRefused, match="is not about"):
        verified(statement_bundle(), artifact)


@pytest.mark.parametrize("kind", ["https://in-toto.io/Statement/v2", None])
def test_a_statement_of_a_kind_that_is_not_known_is_refused(kind: str | None) -> None:
    statement = json.loads(PAYLOAD)
    statement["_type"] = kind
    payload = json.dumps(statement).encode()
    with pytest.raises(Malformed, match="_type"):
        verified(statement_bundle(payload), ABOUT)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda bundle: bundle.update(mediaType="application/json"), "mediaType"),
        (lambda bundle: bundle["verificationMaterial"].pop("publicKey"), "must say who signed"),
        (lambda bundle: bundle["verificationMaterial"].update(certificate={"rawBytes": ""}), "must say who signed"),
        (lambda bundle: bundle.pop("messageSignature"), "must be there"),
        (lambda bundle: bundle.update(dsseEnvelope=envelope(b"{}", b"0123")), "must be there"),
        (lambda bundle: bundle["verificationMaterial"].update(tlogEntries=[{}] * 9), "tlogEntries"),
        (lambda bundle: bundle["messageSignature"]["messageDigest"].update(algorithm="MD5"), "algorithm"),
    ],
)
def test_bundles_of_another_form_are_refused(
    change: Callable[[dict[str, Any]], Any], words: str, artifact: Artifact
) -> None:
    bundle = message_bundle(sign(SIGNER, MESSAGE))
    change(bundle)
    with pytest.raises(Malformed, match=words):
        verified(bundle, artifact)


def test_a_bundle_by_somebody_is_not_by_a_key(artifact: Artifact) -> None:
    with pytest.raises(Malformed, match="--certificate-identity"):
        verified(SIGSTORE.message(MESSAGE), artifact)


def test_a_digest_is_one_where_no_file_is_called_so(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert artifact_of(artifact.sha256).file is None
    (tmp_path / artifact.sha256).write_bytes(b"a file of that name")
    assert artifact_of(artifact.sha256).sha256 != artifact.sha256
    for text in ("sha256:00", f"sha512:{'00' * 32}", f"sha256:{'AA' * 32}", "nowhere"):
        with pytest.raises(InvalidReference, match="cannot be read: No such file"):
            artifact_of(text)


def test_a_file_that_changes_meanwhile_is_refused(artifact: Artifact) -> None:
    private, make = SIGNERS["Ed25519"]
    assert artifact.file is not None
    artifact.file.write_bytes(b"another message")
    with pytest.raises(Malformed, match="was changed"):
        verified(message_bundle(make(MESSAGE)), artifact, key=artifact_key(private.public_key(), "the key"))
