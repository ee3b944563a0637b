"""A bundle of any client about a file: by a key, or by who signed. The decision behind ``tradeplane verify-bundle``.

By a key, the key is what is relied on. A trusted root adds what it names: where it names logs, the signature has to
stand in one of them, and where it names timestamp authorities, a timestamp has to be one of theirs. By who signed there
is nothing without a trusted root.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import DigestMismatch, Malformed
from tradeplane_evidence.keyless.identities import LOG, authenticate
from tradeplane_evidence.signing.keyring import told
from tradeplane_evidence.signing.timestamps import trusted_times
from tradeplane_evidence.statements.statement import decoded, parse_statement
from tradeplane_evidence.verification.artifact_bundles import HASHES, ArtifactBundle, parse_artifact_bundle
from tradeplane_evidence.verification.policy import about

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_evidence.keyless.identities import Identity
    from tradeplane_evidence.keyless.trusted_root import TrustRoot
    from tradeplane_evidence.verification.artifact_keys import ArtifactKey
    from tradeplane_evidence.verification.artifacts import Artifact


@dataclass(frozen=True, slots=True)
class ArtifactClaim:
    """What was found: who signed, in words, and since when by whose word; None where nobody trusted says so."""

    signer: str
    stamped: tuple[datetime, str] | None

    def __str__(self) -> str:
        """One sentence about it."""
        if self.stamped is None:
            return f"signed by {self.signer}; nobody who is trusted says when"
        return f"signed by {self.signer} at {told(self.stamped[0])}, by the word of {self.stamped[1]}"


def verify_by_key(data: bytes, artifact: Artifact, key: ArtifactKey, root: TrustRoot | None) -> ArtifactClaim:
    """Return what a bundle by a key says of an artifact.

    Raises Malformed, SignatureRefused, DigestMismatch, PolicyRefused, TimestampRefused, LogEntryRefused or InvalidKey.
    """
    bundle = parse_artifact_bundle(data)
    if not bundle.by_key:
        raise Malformed(
            "the bundle has a certificate and names no key: verify it by who signed "
            "(--certificate-identity and --certificate-oidc-issuer)"
        )
    _says(bundle, artifact)
    if bundle.message_signature is None:
        key.verify_message(bundle.signature_bytes(), bundle.enveloped_bytes())
        _states(bundle, artifact)
    else:
        key.verify_artifact(bundle.signature_bytes(), artifact)
    return ArtifactClaim(f"{key.algorithm} key {key.fingerprint}", _stamped(bundle, artifact, key, root))


def verify_by_identity(data: bytes, artifact: Artifact, identity: Identity, root: TrustRoot) -> ArtifactClaim:
    """Return what a bundle with a certificate says of an artifact. Raises likewise, and CertificateRefused."""
    _says(parse_artifact_bundle(data), artifact)
    found = authenticate(data, identity, root, artifact)
    if found.bundle.message_signature is None:
        _states(found.bundle, artifact)
    return ArtifactClaim(identity.said, found.stamped)


def _says(bundle: ArtifactBundle, artifact: Artifact) -> None:
    """Raise DigestMismatch where the signer says that the message was another; it is a hint, which must be true."""
    if bundle.message_signature is None or bundle.message_signature.message_digest is None:
        return
    said = bundle.message_signature.message_digest
    known = artifact.digests.get(HASHES[said.algorithm])
    if known is not None and decoded(said.digest, "the digest of the message") != known:
        raise DigestMismatch(f"the bundle is of another message than {artifact.name}: their digests differ")


def _states(bundle: ArtifactBundle, artifact: Artifact) -> None:
    """Raise PolicyRefused where the statement that was signed is not about an artifact; Malformed where it is none."""
    about(parse_statement(bundle.envelope().payload_bytes()), artifact.sha256)


def _stamped(
    bundle: ArtifactBundle, artifact: Artifact, key: ArtifactKey, root: TrustRoot | None
) -> tuple[datetime, str] | None:
    """Return since when a signature is there, by whom of a trusted root; the earliest of several."""
    if root is None:
        return None
    found = trusted_times(bundle.timestamps(), bundle.signature_bytes(), root.timestamp_authorities())
    if root.has_logs:
        from tradeplane_evidence.keyless.log_entries import verify_log_entry

        integrated = verify_log_entry(bundle, artifact, key, root, [moment for moment, _ in found])
        found += [(integrated, LOG)] if integrated else []
    return min(found, default=None)
