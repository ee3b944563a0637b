"""Bundles of other clients by a key: each kind of key, with and without a log, and nothing that was changed."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tradeplane_evidence.errors import (
    DigestMismatch,
    EvidenceError,
    InvalidKey,
    InvalidReference,
    LogEntryRefused,
    Malformed,
    PolicyRefused,
    SignatureRefused,
)
from tradeplane_evidence.keyless.trusted_root import TrustRoot, read_trusted_root
from tradeplane_evidence.signing.dsse import pre_authentication_encoding
from tradeplane_evidence.statements.statement import PAYLOAD_TYPE, serialise
from tradeplane_evidence.verification.artifact_keys import ArtifactKey, artifact_key, read_artifact_key
from tradeplane_evidence.verification.artifact_verification import verify_by_key
from tradeplane_evidence.verification.artifacts import Artifact, artifact_of

from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import (
    AT,
    PrivateSigstore,
    der,
    dsse,
    encoded,
    envelope,
    hashedrekord,
    pem,
    sign,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MESSAGE = b"what somebody signed"
SIGSTORE = PrivateSigstore()
SIGNER = SIGSTORE.key("signer")
KEY = artifact_key(SIGNER.public_key(), "the key")
ABOUT = Artifact("the run", {"sha256": bytes.fromhex(sample_runs.artifact().digest.removeprefix("sha256:"))})
PAYLOAD = serialise(sample_runs.statement())
SIGNED = pre_authentication_encoding(PAYLOAD_TYPE, PAYLOAD)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    path = tmp_path / "artifact"
    path.write_bytes(MESSAGE)
    return artifact_of(str(path))


def _root(**changed: Any) -> TrustRoot:
    return read_trusted_root(json.dumps({**SIGSTORE.trusted_root(), **changed}).encode())


def _bundle(content: dict[str, Any], *entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": KEY.hint}, "tlogEntries": list(entries)},
        **content,
    }


def _message(signature: bytes, data: bytes = MESSAGE, *entries: dict[str, Any]) -> dict[str, Any]:
    digest = {"algorithm": "SHA2_256", "digest": encoded(hashlib.sha256(data).digest())}
    return _bundle({"messageSignature": {"messageDigest": digest, "signature": encoded(signature)}}, *entries)


def _statement(payload: bytes = PAYLOAD, *entries: dict[str, Any]) -> dict[str, Any]:
    signature = sign(SIGNER, pre_authentication_encoding(PAYLOAD_TYPE, payload))
    return _bundle({"dsseEnvelope": envelope(payload, signature)}, *entries)


def _verify(bundle: dict[str, Any], artifact: Artifact, root: TrustRoot | None = None, key: ArtifactKey = KEY) -> str:
    return str(verify_by_key(json.dumps(bundle).encode(), artifact, key, root))


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
    assert _verify(_message(make(MESSAGE)), artifact, key=key) == said
    assert _verify(_bundle({"dsseEnvelope": envelope(PAYLOAD, make(SIGNED))}), ABOUT, key=key) == said
    for wrong in (make(MESSAGE + b"!"), b"\0" * 64):
        with pytest.raises(SignatureRefused, match=algorithm):
            _verify(_message(wrong), artifact, key=key)
        with pytest.raises(SignatureRefused, match=algorithm):
            _verify(_bundle({"dsseEnvelope": envelope(PAYLOAD, wrong)}), ABOUT, key=key)


def test_a_hash_that_the_key_does_not_go_with_is_refused(artifact: Artifact) -> None:
    """The key says which hash; a signer that took another, or a bundle that says so, changes nothing."""
    private = ec.derive_private_key(7, ec.SECP384R1())
    key = artifact_key(private.public_key(), "the key")
    with pytest.raises(SignatureRefused):
        _verify(_message(private.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))), artifact, key=key)


@pytest.mark.parametrize("algorithm", ["Ed25519", "ECDSA-P384"])
def test_of_a_digest_alone_no_more_is_verified_than_it_can(algorithm: str, artifact: Artifact) -> None:
    private, make = SIGNERS[algorithm]
    key = artifact_key(private.public_key(), "the key")
    with pytest.raises(Malformed, match="name the file"):
        _verify(_message(make(MESSAGE)), artifact_of(artifact.sha256), key=key)


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
    bundle = _message(sign(SIGNER, MESSAGE))
    (tmp_path / "other").write_bytes(b"another message")
    other = artifact_of(str(tmp_path / "other"))
    with pytest.raises(DigestMismatch):
        _verify(bundle, other)
    del bundle["messageSignature"]["messageDigest"]
    with pytest.raises(SignatureRefused):
        _verify(bundle, other)
    with pytest.raises(SignatureRefused):
        _verify(bundle, artifact, key=artifact_key(ec.derive_private_key(9, ec.SECP256R1()).public_key(), "the key"))
    with pytest.raises(PolicyRefused, match="is not about"):
        _verify(_statement(), artifact)


@pytest.mark.parametrize("kind", ["https://in-toto.io/Statement/v2", None])
def test_a_statement_of_a_kind_that_is_not_known_is_refused(kind: str | None) -> None:
    statement = json.loads(PAYLOAD)
    statement["_type"] = kind
    payload = json.dumps(statement).encode()
    with pytest.raises(Malformed, match="_type"):
        _verify(_statement(payload), ABOUT)


def _tiled(of: bytes, signature: bytes) -> dict[str, Any]:
    """Return the body of an entry as rekor-tiles writes it."""
    verifier = {"publicKey": {"rawBytes": encoded(der(SIGNER.public_key()))}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
    return {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {
            "hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": encoded(hashlib.sha256(of).digest())},
                "signature": {"content": encoded(signature), "verifier": verifier},
            }
        },
    }


def _intoto(payload: bytes, signature: bytes) -> dict[str, Any]:
    return {
        "apiVersion": "0.0.2",
        "kind": "intoto",
        "spec": {
            "content": {
                "envelope": {
                    "payloadType": PAYLOAD_TYPE,
                    "signatures": [
                        {"publicKey": encoded(pem(SIGNER.public_key())), "sig": encoded(encoded(signature).encode())}
                    ],
                },
                "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            }
        },
    }


def _tiled_dsse(payload: bytes, signature: bytes) -> dict[str, Any]:
    tiled = _tiled(payload, signature)["spec"]["hashedRekordV002"]
    spec = {"dsseV002": {"payloadHash": tiled["data"], "signatures": [tiled["signature"]]}}
    return {"apiVersion": "0.0.2", "kind": "dsse", "spec": spec}


def _first_hashedrekord(of: bytes, signature: bytes) -> dict[str, Any]:
    return hashedrekord(hashlib.sha256(of).hexdigest(), signature, pem(SIGNER.public_key()))


def _first_dsse(payload: bytes, signature: bytes) -> dict[str, Any]:
    return dsse(payload, signature, pem(SIGNER.public_key()))


MESSAGE_BODIES = {"hashedrekord/0.0.1": _first_hashedrekord, "hashedrekord/0.0.2": _tiled}
STATEMENT_BODIES: dict[str, Callable[[bytes], dict[str, Any]]] = {
    "dsse/0.0.1": lambda signature: _first_dsse(PAYLOAD, signature),
    "dsse/0.0.2": lambda signature: _tiled_dsse(PAYLOAD, signature),
    "intoto/0.0.2": lambda signature: _intoto(PAYLOAD, signature),
    "hashedrekord/0.0.2": lambda signature: _tiled(SIGNED, signature),
}


@pytest.mark.parametrize("kind", list(MESSAGE_BODIES))
def test_the_log_says_when_a_message_was_signed(kind: str, artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(MESSAGE_BODIES[kind](MESSAGE, signature))
    said = _verify(_message(signature, MESSAGE, entry), artifact, _root())
    assert said.endswith("at 2026-01-05T09:00:07Z, by the word of the transparency log")


@pytest.mark.parametrize("kind", list(STATEMENT_BODIES))
def test_the_log_has_the_statement(kind: str) -> None:
    entry = SIGSTORE.entry(STATEMENT_BODIES[kind](sign(SIGNER, SIGNED)), promise=False)
    assert _verify(_statement(PAYLOAD, entry), ABOUT, _root()).endswith("says when")


@pytest.mark.parametrize("kind", list(STATEMENT_BODIES))
def test_an_entry_of_another_signature_key_or_payload_is_refused(kind: str) -> None:
    own, other = sign(SIGNER, SIGNED), SIGNER.sign(SIGNED, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(LogEntryRefused, match="another signature"):
        _verify(_statement(PAYLOAD, SIGSTORE.entry(STATEMENT_BODIES[kind](other))), ABOUT, _root())
    body = json.dumps(STATEMENT_BODIES[kind](own))
    stranger = PrivateSigstore(seed=3).key("signer").public_key()
    for mine, theirs in ((pem(SIGNER.public_key()), pem(stranger)), (der(SIGNER.public_key()), der(stranger))):
        body = body.replace(encoded(mine), encoded(theirs))
    with pytest.raises(LogEntryRefused, match="another key"):
        _verify(_statement(PAYLOAD, SIGSTORE.entry(json.loads(body))), ABOUT, _root())
    body = json.dumps(STATEMENT_BODIES[kind](own))
    for of in (PAYLOAD, SIGNED):
        digest = hashlib.sha256(of)
        body = body.replace(digest.hexdigest(), "00" * 32).replace(encoded(digest.digest()), encoded(b"\0" * 32))
    with pytest.raises(LogEntryRefused, match="something else"):
        _verify(_statement(PAYLOAD, SIGSTORE.entry(json.loads(body))), ABOUT, _root())


def test_an_entry_of_a_statement_is_none_of_a_message(artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(_first_dsse(MESSAGE, signature))
    with pytest.raises(LogEntryRefused, match="of a statement"):
        _verify(_message(signature, MESSAGE, entry), artifact, _root())


def test_where_the_trusted_root_names_logs_an_entry_is_asked_for(artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(_tiled(MESSAGE, signature))
    for entries in ((), (entry, entry)):
        with pytest.raises(LogEntryRefused, match=f"has {len(entries)} log entries"):
            _verify(_message(signature, MESSAGE, *entries), artifact, _root())
    assert _verify(_message(signature), artifact, _root(tlogs=[]))
    assert _verify(_message(signature, MESSAGE, entry), artifact).endswith("says when")


@pytest.mark.parametrize(
    ("start", "end"), [(timedelta(seconds=1), timedelta(hours=1)), (timedelta(hours=-1), timedelta(seconds=-1))]
)
def test_a_log_is_trusted_in_its_time_alone(start: timedelta, end: timedelta, artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    bundle = _message(signature, MESSAGE, SIGSTORE.entry(_tiled(MESSAGE, signature)))
    (log,) = SIGSTORE.trusted_root()["tlogs"]
    log["publicKey"]["validFor"] = {"start": (AT + start).isoformat(), "end": (AT + end).isoformat()}
    with pytest.raises(LogEntryRefused):
        _verify(bundle, artifact, _root(tlogs=[log]))
    log["publicKey"]["validFor"] = {"start": AT.isoformat(), "end": AT.isoformat()}
    assert _verify(bundle, artifact, _root(tlogs=[log]))


@pytest.mark.parametrize("promise", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda proof, _: proof.update(hashes=[encoded(b"\0" * 32)]),
        lambda proof, _: proof.update(logIndex="0"),
        lambda proof, other: proof.update(rootHash=other["rootHash"], checkpoint=other["checkpoint"]),
        lambda proof, _: proof["checkpoint"].update(envelope=proof["checkpoint"]["envelope"].replace("2", "3", 1)),
        lambda proof, other: proof.update(checkpoint=other["checkpoint"]),
    ],
    ids=["another path", "another place", "the proof of another", "a changed checkpoint", "the checkpoint of another"],
)
def test_an_entry_that_does_not_stand_in_the_log_is_refused(
    change: Callable[[dict[str, Any], dict[str, Any]], None], promise: bool, artifact: Artifact
) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(_tiled(MESSAGE, signature), promise=promise)
    other = SIGSTORE.entry(_tiled(MESSAGE, b"another signature"), promise=promise)
    bundle = _message(signature, MESSAGE, entry)
    assert _verify(bundle, artifact, _root())
    change(entry["inclusionProof"], other["inclusionProof"])
    with pytest.raises(LogEntryRefused, match="no log of the trusted root"):
        _verify(bundle, artifact, _root())


@pytest.mark.parametrize("promise", [True, False])
def test_another_log_is_refused(promise: bool, artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = PrivateSigstore(seed=2).entry(_tiled(MESSAGE, signature), promise=promise)
    with pytest.raises(LogEntryRefused, match="no log of the trusted root"):
        _verify(_message(signature, MESSAGE, entry), artifact, _root())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda body: body.update(kind="alpine"), "of kind alpine"),
        (lambda body: body.update(apiVersion="0.0.9"), "0.0.9"),
        (lambda body: body.update(spec=[]), "is none of hashedrekord"),
        (lambda body: body["spec"].clear(), "is none of hashedrekord"),
    ],
)
def test_entries_of_another_form_are_refused(
    change: Callable[[dict[str, Any]], None], words: str, artifact: Artifact
) -> None:
    signature = sign(SIGNER, MESSAGE)
    body = _tiled(MESSAGE, signature)
    change(body)
    with pytest.raises((LogEntryRefused, Malformed), match=words):
        _verify(_message(signature, MESSAGE, SIGSTORE.entry(body)), artifact, _root())


def test_a_promise_of_another_time_is_refused(artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(_tiled(MESSAGE, signature))
    entry["integratedTime"] = str(int(AT.timestamp()) - 1)
    with pytest.raises(LogEntryRefused, match="SET"):
        _verify(_message(signature, MESSAGE, entry), artifact, _root())


def test_an_entry_that_says_it_is_of_another_kind_is_refused(artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(_tiled(MESSAGE, signature))
    entry["kindVersion"] = {"kind": "hashedrekord", "version": "0.0.1"}
    with pytest.raises(LogEntryRefused, match="another kind"):
        _verify(_message(signature, MESSAGE, entry), artifact, _root())


def test_no_changed_byte_is_another_claim(artifact: Artifact) -> None:
    """Each byte of a bundle with an entry, one bit of it: it is refused, or says exactly the same."""
    signature = sign(SIGNER, MESSAGE)
    data = json.dumps(_message(signature, MESSAGE, SIGSTORE.entry(_tiled(MESSAGE, signature)))).encode()
    root = _root()
    claimed = verify_by_key(data, artifact, KEY, root)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 8)
        try:
            found = verify_by_key(bytes(changed), artifact, KEY, root)
        except EvidenceError:
            continue
        assert found == claimed, f"byte {place}"


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
    bundle = _message(sign(SIGNER, MESSAGE))
    change(bundle)
    with pytest.raises(Malformed, match=words):
        _verify(bundle, artifact)


def test_a_bundle_by_somebody_is_not_by_a_key(artifact: Artifact) -> None:
    with pytest.raises(Malformed, match="--certificate-identity"):
        _verify(SIGSTORE.message(MESSAGE), artifact)


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
        _verify(_message(make(MESSAGE)), artifact, key=artifact_key(private.public_key(), "the key"))
