"""Bundles by a bare key, made by hand, and the decision about them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_evidence.keyless.trusted_root import TrustRoot, read_trusted_root
from tradeplane_evidence.signing.dsse import pre_authentication_encoding
from tradeplane_evidence.statements.statement import PAYLOAD_TYPE, serialise
from tradeplane_evidence.verification.artifact_keys import ArtifactKey, artifact_key
from tradeplane_evidence.verification.artifact_verification import verify_by_key
from tradeplane_evidence.verification.artifacts import Artifact, artifact_of

from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import PrivateSigstore, encoded, envelope, sign

if TYPE_CHECKING:
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
    """Give the file that the message is."""
    path = tmp_path / "artifact"
    path.write_bytes(MESSAGE)
    return artifact_of(str(path))


def trusted(**changed: Any) -> TrustRoot:
    """Return what is trusted of the instance, some of it changed."""
    return read_trusted_root(json.dumps({**SIGSTORE.trusted_root(), **changed}).encode())


def key_bundle(content: dict[str, Any], *entries: dict[str, Any]) -> dict[str, Any]:
    """Return a bundle that names the key."""
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": KEY.hint}, "tlogEntries": list(entries)},
        **content,
    }


def message_bundle(signature: bytes, data: bytes = MESSAGE, *entries: dict[str, Any]) -> dict[str, Any]:
    """Return the bundle of a message."""
    digest = {"algorithm": "SHA2_256", "digest": encoded(hashlib.sha256(data).digest())}
    return key_bundle({"messageSignature": {"messageDigest": digest, "signature": encoded(signature)}}, *entries)


def statement_bundle(payload: bytes = PAYLOAD, *entries: dict[str, Any]) -> dict[str, Any]:
    """Return the bundle of a statement."""
    signature = sign(SIGNER, pre_authentication_encoding(PAYLOAD_TYPE, payload))
    return key_bundle({"dsseEnvelope": envelope(payload, signature)}, *entries)


def verified(bundle: dict[str, Any], artifact: Artifact, root: TrustRoot | None = None, key: ArtifactKey = KEY) -> str:
    """Return what is said of an artifact."""
    return str(verify_by_key(json.dumps(bundle).encode(), artifact, key, root))
