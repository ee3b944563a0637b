"""The entry that a bundle by a key brings stands in a log that is trusted, and is of this very signature."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tradeplane_evidence.errors import (
    EvidenceError,
    LogEntryRefused,
    Malformed,
)
from tradeplane_evidence.statements.statement import PAYLOAD_TYPE
from tradeplane_evidence.verification.artifact_verification import verify_by_key

from tests.unit.evidence.key_bundles import (
    ABOUT,
    KEY,
    MESSAGE,
    PAYLOAD,
    SIGNED,
    SIGNER,
    SIGSTORE,
    artifact,
    message_bundle,
    statement_bundle,
    trusted,
    verified,
)
from tests.unit.evidence.private_sigstore import (
    AT,
    PrivateSigstore,
    der,
    dsse,
    encoded,
    hashedrekord,
    pem,
    sign,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_evidence.verification.artifacts import Artifact

__all__ = ["artifact"]


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
    said = verified(message_bundle(signature, MESSAGE, entry), artifact, trusted())
    assert said.endswith("at 2026-01-05T09:00:07Z, by the word of the transparency log")


@pytest.mark.parametrize("kind", list(STATEMENT_BODIES))
def test_the_log_has_the_statement(kind: str) -> None:
    entry = SIGSTORE.entry(STATEMENT_BODIES[kind](sign(SIGNER, SIGNED)), promise=False)
    assert verified(statement_bundle(PAYLOAD, entry), ABOUT, trusted()).endswith("says when")


@pytest.mark.parametrize("kind", list(STATEMENT_BODIES))
def test_an_entry_of_another_signature_key_or_payload_is_refused(kind: str) -> None:
    own, other = sign(SIGNER, SIGNED), SIGNER.sign(SIGNED, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(LogEntryRefused, match="another signature"):
        verified(statement_bundle(PAYLOAD, SIGSTORE.entry(STATEMENT_BODIES[kind](other))), ABOUT, trusted())
    body = json.dumps(STATEMENT_BODIES[kind](own))
    stranger = PrivateSigstore(seed=3).key("signer").public_key()
    for mine, theirs in ((pem(SIGNER.public_key()), pem(stranger)), (der(SIGNER.public_key()), der(stranger))):
        body = body.replace(encoded(mine), encoded(theirs))
    with pytest.raises(LogEntryRefused, match="another key"):
        verified(statement_bundle(PAYLOAD, SIGSTORE.entry(json.loads(body))), ABOUT, trusted())
    body = json.dumps(STATEMENT_BODIES[kind](own))
    for of in (PAYLOAD, SIGNED):
        digest = hashlib.sha256(of)
        body = body.replace(digest.hexdigest(), "00" * 32).replace(encoded(digest.digest()), encoded(b"\0" * 32))
    with pytest.raises(LogEntryRefused, match="something else"):
        verified(statement_bundle(PAYLOAD, SIGSTORE.entry(json.loads(body))), ABOUT, trusted())


def test_an_entry_of_a_statement_is_none_of_a_message(artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(_first_dsse(MESSAGE, signature))
    with pytest.raises(LogEntryRefused, match="of a statement"):
        verified(message_bundle(signature, MESSAGE, entry), artifact, trusted())


def test_where_the_trusted_root_names_logs_an_entry_is_asked_for(artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(_tiled(MESSAGE, signature))
    for entries in ((), (entry, entry)):
        with pytest.raises(LogEntryRefused, match=f"has {len(entries)} log entries"):
            verified(message_bundle(signature, MESSAGE, *entries), artifact, trusted())
    assert verified(message_bundle(signature), artifact, trusted(tlogs=[]))
    assert verified(message_bundle(signature, MESSAGE, entry), artifact).endswith("says when")


@pytest.mark.parametrize(
    ("start", "end"), [(timedelta(seconds=1), timedelta(hours=1)), (timedelta(hours=-1), timedelta(seconds=-1))]
)
def test_a_log_is_trusted_in_its_time_alone(start: timedelta, end: timedelta, artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    bundle = message_bundle(signature, MESSAGE, SIGSTORE.entry(_tiled(MESSAGE, signature)))
    (log,) = SIGSTORE.trusted_root()["tlogs"]
    log["publicKey"]["validFor"] = {"start": (AT + start).isoformat(), "end": (AT + end).isoformat()}
    with pytest.raises(LogEntryRefused):
        verified(bundle, artifact, trusted(tlogs=[log]))
    log["publicKey"]["validFor"] = {"start": AT.isoformat(), "end": AT.isoformat()}
    assert verified(bundle, artifact, trusted(tlogs=[log]))


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
    bundle = message_bundle(signature, MESSAGE, entry)
    assert verified(bundle, artifact, trusted())
    change(entry["inclusionProof"], other["inclusionProof"])
    with pytest.raises(LogEntryRefused, match="no log of the trusted root"):
        verified(bundle, artifact, trusted())


@pytest.mark.parametrize("promise", [True, False])
def test_another_log_is_refused(promise: bool, artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = PrivateSigstore(seed=2).entry(_tiled(MESSAGE, signature), promise=promise)
    with pytest.raises(LogEntryRefused, match="no log of the trusted root"):
        verified(message_bundle(signature, MESSAGE, entry), artifact, trusted())


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
        verified(message_bundle(signature, MESSAGE, SIGSTORE.entry(body)), artifact, trusted())


def test_a_promise_of_another_time_is_refused(artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(_tiled(MESSAGE, signature))
    entry["integratedTime"] = str(int(AT.timestamp()) - 1)
    with pytest.raises(LogEntryRefused, match="SET"):
        verified(message_bundle(signature, MESSAGE, entry), artifact, trusted())


def test_an_entry_that_says_it_is_of_another_kind_is_refused(artifact: Artifact) -> None:
    signature = sign(SIGNER, MESSAGE)
    entry = SIGSTORE.entry(_tiled(MESSAGE, signature))
    entry["kindVersion"] = {"kind": "hashedrekord", "version": "0.0.1"}
    with pytest.raises(LogEntryRefused, match="another kind"):
        verified(message_bundle(signature, MESSAGE, entry), artifact, trusted())


def test_no_changed_byte_is_another_claim(artifact: Artifact) -> None:
    """Each byte of a bundle with an entry, one bit of it: it is refused, or says exactly the same."""
    signature = sign(SIGNER, MESSAGE)
    data = json.dumps(message_bundle(signature, MESSAGE, SIGSTORE.entry(_tiled(MESSAGE, signature)))).encode()
    root = trusted()
    claimed = verify_by_key(data, artifact, KEY, root)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 8)
        try:
            found = verify_by_key(bytes(changed), artifact, KEY, root)
        except EvidenceError:
            continue
        assert found == claimed, f"byte {place}"
