"""The entry of a transparency log that a bundle by a bare key brings: that it is there, and of this signature.

That it stands in the log (inclusion proof, checkpoint, promise) is verified by sigstore-python. Its functions for that
are no public interface, since it verifies bundles with certificates alone; they are called here and nowhere else, and
the lock pins them.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_evidence.errors import InvalidKey, LogEntryRefused, Malformed
from tradeplane_evidence.keyless.log_bodies import PAYLOAD, Recorded, recorded

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tradeplane_evidence.keyless.trusted_root import TrustRoot
    from tradeplane_evidence.verification.artifact_bundles import ArtifactBundle
    from tradeplane_evidence.verification.artifact_keys import ArtifactKey
    from tradeplane_evidence.verification.artifacts import Artifact


def verify_log_entry(
    bundle: ArtifactBundle, artifact: Artifact, key: ArtifactKey, root: TrustRoot, moments: Collection[datetime]
) -> datetime | None:
    """Verify the one entry of a bundle by a key; return when the log took it in, None where it makes no promise.

    ``moments``: when it was signed, where timestamps say so. Raises LogEntryRefused, Malformed or InvalidKey.
    """
    entries = bundle.verification_material.tlog_entries
    if len(entries) != 1:
        raise LogEntryRefused(
            f"the bundle has {len(entries)} log entries, and the trusted root asks for one: sign it again with the log "
            "of the trusted root, or verify by the key alone, without --trusted-root"
        )
    known, integrated = _included(entries[0], root, moments)
    _compare(known, bundle, artifact, key)
    return integrated


def _included(
    entry: Mapping[str, Any], root: TrustRoot, moments: Collection[datetime]
) -> tuple[Recorded, datetime | None]:
    """Verify that an entry stands in a log that was trusted then; return what it records, and since when."""
    try:
        from sigstore._internal.merkle import verify_merkle_inclusion
        from sigstore._internal.rekor.checkpoint import verify_checkpoint
        from sigstore._internal.trust import KeyringPurpose
        from sigstore.models import TransparencyLogEntry
        from sigstore_models.rekor.v1 import TransparencyLogEntry as Inner
    except ImportError as error:
        raise InvalidKey(NEEDED) from error
    try:
        inner = Inner.from_dict(dict(entry))
        promised = bool(inner.inclusion_promise and inner.integrated_time)
        integrated = datetime.fromtimestamp(inner.integrated_time or 0, UTC) if promised else None
        keys = root.at([*moments, *([integrated] if integrated else [])]).rekor_keyring(KeyringPurpose.VERIFY)
        parsed = TransparencyLogEntry(inner)
        verify_merkle_inclusion(parsed)
        verify_checkpoint(keys, parsed)
        if promised:
            parsed._verify_set(keys)  # noqa: SLF001 - see above
    except InvalidKey:
        raise
    except Exception as error:  # of the library, its forms and parsers: any refuses
        raise LogEntryRefused(f"no log of the trusted root has this entry: {error}") from error
    body = recorded(inner.canonicalized_body, inner.kind_version.kind, inner.kind_version.version)
    return body, integrated


def _compare(found: Recorded, bundle: ArtifactBundle, artifact: Artifact, key: ArtifactKey) -> None:
    """Raise LogEntryRefused where an entry is of something else than the bundle that it came with."""
    if found.signature != bundle.signature_bytes():
        raise LogEntryRefused("the log entry is of another signature than the bundle's")
    if found.key != key.der:
        raise LogEntryRefused("the log entry is of another key than the one given")
    if bundle.message_signature is not None:
        if found.of == PAYLOAD:
            raise LogEntryRefused("the log entry is of a statement, and the bundle of a message")
        digest = artifact.digest(found.algorithm)
    else:
        data = bundle.envelope().payload_bytes() if found.of == PAYLOAD else bundle.enveloped_bytes()
        digest = _digest(found.algorithm, data)
    if found.digest != digest:
        raise LogEntryRefused("the log entry is of something else than what the bundle holds")


def _digest(algorithm: str, data: bytes) -> bytes:
    if algorithm not in {"sha256", "sha384", "sha512"}:
        raise Malformed(f"the log entry has a digest by {algorithm[:32]}, and sha256, sha384 and sha512 are known")
    return hashlib.new(algorithm, data).digest()


NEEDED = "certificates and transparency logs need sigstore-python: install tradeplane-evidence[keyless]"
"""What is missing, where it is."""
