"""What cosign as it is published signs with a key, files and statements, is verified as ``verify-bundle`` does it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.errors import (
    DigestMismatch,
    EvidenceError,
    LogEntryRefused,
    PolicyRefused,
    SignatureRefused,
    TimestampRefused,
)
from tradeplane_evidence.keyless.trusted_root import TrustRoot, read_trusted_root
from tradeplane_evidence.verification.artifact_keys import ArtifactKey, read_artifact_key
from tradeplane_evidence.verification.artifact_verification import verify_by_key
from tradeplane_evidence.verification.artifacts import Artifact, artifact_of

from tests.integration.evidence.timestamp_authority import chain_of, timestamp_authority, timestamps_at
from tests.unit.evidence.private_sigstore import PrivateSigstore, pem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.evidence.conftest import Cosign

MESSAGE = b"what cosign signs"
OFFLINE = ("--use-signing-config=false", "--tlog-upload=false", "--yes")


@dataclass(frozen=True)
class Signed:
    """A file, what cosign made of it, and the key."""

    artifact: Artifact
    message: bytes
    statement: bytes
    key: ArtifactKey
    root: TrustRoot
    """Of the authority whose timestamp the message has."""


@pytest.fixture(scope="module")
def signed(cosign: Cosign, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "a.txt").write_bytes(MESSAGE)
    (folder / "predicate.json").write_text("{}")

    def run(*arguments: str | Path) -> None:
        done = cosign(*arguments)
        assert done.returncode == 0, done.stderr

    key = ("--key", folder / "theirs.key", *OFFLINE)
    run("generate-key-pair", "--output-key-prefix", folder / "theirs")
    attested = ("--predicate", folder / "predicate.json", "--type", "https://example.com/p", "--bundle", folder / "s")
    run("attest-blob", *key, *attested, folder / "a.txt")
    with timestamp_authority(folder) as address:
        stamped = ("--timestamp-server-url", timestamps_at(address), "--bundle", folder / "m")
        run("sign-blob", *key, *stamped, folder / "a.txt")
        (folder / "chain.pem").write_bytes(chain_of(address))
        trusted = f"url={address},certificate-chain={folder / 'chain.pem'},start-time=2020-01-01T00:00:00Z"
        run("trusted-root", "create", "--tsa", trusted, "--out", folder / "root.json")
    return Signed(
        artifact_of(str(folder / "a.txt")),
        (folder / "m").read_bytes(),
        (folder / "s").read_bytes(),
        read_artifact_key((folder / "theirs.pub").read_bytes()),
        read_trusted_root((folder / "root.json").read_bytes()),
    )


def test_what_cosign_signed_is_verified(signed: Signed) -> None:
    for bundle in (signed.message, signed.statement):
        claim = verify_by_key(bundle, signed.artifact, signed.key, None)
        assert claim.signer == f"ECDSA-P256 key {signed.key.fingerprint}"
        assert verify_by_key(bundle, artifact_of(signed.artifact.sha256), signed.key, None) == claim


def test_the_timestamp_is_believed_where_its_authority_is_trusted(signed: Signed) -> None:
    claim = verify_by_key(signed.message, signed.artifact, signed.key, signed.root)
    assert claim.stamped is not None
    assert verify_by_key(signed.message, signed.artifact, signed.key, None).stamped is None
    document = json.loads(signed.message)
    (stamp,) = document["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    changed = bytearray(base64.b64decode(stamp["signedTimestamp"]))
    changed[-3] ^= 1
    stamp["signedTimestamp"] = base64.b64encode(bytes(changed)).decode()
    with pytest.raises(TimestampRefused):
        verify_by_key(json.dumps(document).encode(), signed.artifact, signed.key, signed.root)


def test_another_file_and_another_key_are_refused(signed: Signed, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(MESSAGE + b"!")
    other = artifact_of(str(tmp_path / "other"))
    with pytest.raises(DigestMismatch):
        verify_by_key(signed.message, other, signed.key, None)
    with pytest.raises(PolicyRefused):
        verify_by_key(signed.statement, other, signed.key, None)
    stranger = PrivateSigstore().key("stranger").public_key()
    key = read_artifact_key(pem(stranger))
    for bundle in (signed.message, signed.statement):
        with pytest.raises(SignatureRefused):
            verify_by_key(bundle, signed.artifact, key, None)


def test_a_trusted_root_with_logs_asks_for_the_entry_that_it_has_not(signed: Signed) -> None:
    root = read_trusted_root(json.dumps(PrivateSigstore().trusted_root()).encode())
    with pytest.raises(LogEntryRefused, match="has 0 log entries"):
        verify_by_key(signed.statement, signed.artifact, signed.key, root)


@pytest.mark.parametrize("kind", ["message", "statement"])
def test_no_changed_byte_is_another_claim(signed: Signed, kind: str) -> None:
    bundle: bytes = getattr(signed, kind)
    claimed = verify_by_key(bundle, signed.artifact, signed.key, signed.root)
    for place in range(len(bundle)):
        changed = bytearray(bundle)
        changed[place] ^= 1 << (place % 8)
        try:
            found = verify_by_key(bytes(changed), signed.artifact, signed.key, signed.root)
        except EvidenceError:
            continue
        assert found.signer == claimed.signer, f"byte {place}"
        assert found.stamped in {claimed.stamped, None}, f"byte {place}"
