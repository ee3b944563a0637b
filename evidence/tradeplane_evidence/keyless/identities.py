"""Who signed, by a certificate that an authority gave to whoever proved an identity to it, for a few minutes.

Certificates, logs and timestamps are verified by sigstore-python. Around it stands what it leaves to its caller: texts
that have one meaning and one form, the times in which authorities and logs were trusted (``trusted_root``), and what is
refused told apart. The order is that of a key: the signature first, then who made it, then what it says.

Source: Sigstore Client Spec, section 4 (Verification); fulcio, ``docs/oid-info.md``.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.x509 import ExtensionNotFound, RFC822Name, SubjectAlternativeName, UniformResourceIdentifier

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import CertificateRefused, InvalidKey, Malformed, PolicyRefused, TimestampRefused
from tradeplane_evidence.keyless.log_entries import NEEDED
from tradeplane_evidence.signing.bundle import MAX_BUNDLE_BYTES
from tradeplane_evidence.signing.timestamps import trusted_times
from tradeplane_evidence.verification.artifact_bundles import ArtifactBundle, parse_artifact_bundle
from tradeplane_evidence.verification.artifact_keys import ArtifactKey, artifact_key
from tradeplane_evidence.verification.artifacts import artifact_of_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate
    from sigstore.models import Bundle, TrustedRoot

    from tradeplane_evidence.keyless.trusted_root import TrustRoot
    from tradeplane_evidence.signing.timestamps import TimestampAuthority
    from tradeplane_evidence.verification.artifacts import Artifact

MESSAGE_ENTRY = ("hashedrekord", "0.0.1")
"""Kind and version of a log entry that has digest and signature of a message, and of envelopes by some clients."""
LOG = "the transparency log"
"""Whose word a time is that no timestamp authority gave."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is expected to have signed: the name in the certificate, and who vouched for it.

    ``subject``: an email address or a URI, as the certificate's subject alternative name has it. ``issuer``: URL of the
    OpenID provider whose token proved it. Both are compared as they are, character by character.
    """

    subject: str
    issuer: str

    @property
    def said(self) -> str:
        """Who it is, in words."""
        return f"{self.subject} (by {self.issuer})"

    def verify(self, cert: Certificate) -> None:
        """Raise PolicyRefused where a certificate is for somebody else, or vouched for by another provider.

        It is so called because sigstore-python takes what has it for a policy, and asks once the certificate is good.
        """
        from sigstore.verify.policy import Identity as Expected

        try:
            Expected(identity=self.subject, issuer=self.issuer).verify(cert)
        except Exception as error:  # of the library, and of extensions that are missing or malformed
            raise PolicyRefused(f"asked for is {self.subject} by {self.issuer}: {error}") from error


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A bundle that was signed by who is expected; nothing is said yet of what it says.

    ``stamped``: since when its signature is there, and by whose word. ``key``: the certificate's.
    """

    bundle: ArtifactBundle
    identity: Identity
    key: ArtifactKey
    stamped: tuple[datetime, str]


def authenticate(data: bytes, identity: Identity, root: TrustRoot, artifact: Artifact | None) -> Authenticated:
    """Return a bundle whose certificate shows that an identity signed it; ``artifact`` is of a message alone.

    Raises Malformed, SignatureRefused, TimestampRefused, CertificateRefused, PolicyRefused or InvalidKey.
    """
    bundle = parse_artifact_bundle(data)
    theirs = _read(data, bundle)
    key = _key(theirs)
    if bundle.message_signature is None:
        key.verify_message(bundle.signature_bytes(), bundle.enveloped_bytes())
    elif artifact is None:
        raise Malformed("the bundle holds the signature of a message, and no statement")
    else:
        key.verify_artifact(bundle.signature_bytes(), artifact)
    stamped = _times(bundle, theirs, root.timestamp_authorities())
    if _logged_as_message(theirs):
        theirs, artifact = _as_message(bundle, theirs)
    _verify(theirs, identity, root.at([moment for moment, _ in stamped]), artifact)
    return Authenticated(bundle, identity, key, min(stamped))


def subject_of(data: bytes) -> str:
    """Return who a bundle's certificate is for; nothing of it is verified. Raises Malformed and CertificateRefused."""
    certificate = _read(data, parse_artifact_bundle(data)).signing_certificate
    try:
        named = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError) as error:
        raise CertificateRefused(f"the certificate does not say who it is for: {error}") from error
    names = [*named.get_values_for_type(RFC822Name), *named.get_values_for_type(UniformResourceIdentifier)]
    if len(names) != 1:
        raise CertificateRefused("the certificate is not for the one email address or URI that it should be for")
    return names[0]


def _read(data: bytes, bundle: ArtifactBundle) -> Bundle:
    """Return a bundle in sigstore-python's form, where that says just what is written. Raises Malformed."""
    if bundle.by_key:
        raise Malformed("the bundle names a key and has no certificate: verify it with that key (--key)")
    try:
        from sigstore.models import Bundle
        from sigstore_models.bundle.v1 import Bundle as Inner
    except ImportError as error:
        raise InvalidKey(NEEDED) from error
    try:
        inner = Inner.from_json(data)
        found = Bundle(inner)
    except Exception as error:  # of the library, its forms and parsers: any refuses
        raise Malformed(f"the bundle is none that can be verified: {error}") from error
    written = _without_nulls(strict_json.parse(data, "the bundle", MAX_BUNDLE_BYTES))
    if inner.to_dict() != written:
        raise Malformed("the bundle is not written in its one form: base64 with what does not belong there")
    return found


def _logged_as_message(theirs: Bundle) -> bool:
    """Say whether an envelope stands in the log as what its signature is over, and not as an envelope."""
    entry = theirs.log_entry._inner.kind_version  # noqa: SLF001 - the library shows an entry in no other way
    return theirs._inner.message_signature is None and (entry.kind, entry.version) == MESSAGE_ENTRY  # noqa: SLF001


def _as_message(bundle: ArtifactBundle, theirs: Bundle) -> tuple[Bundle, Artifact]:
    """Return an envelope as the message that was signed, its pre-authentication encoding, with all else as it is.

    It is the same signature over the same bytes; sigstore-python knows a hashedrekord 0.0.1 of a message alone.
    """
    from sigstore.models import Bundle
    from sigstore_models.bundle.v1 import Bundle as Inner

    message = artifact_of_bytes("the envelope", bundle.enveloped_bytes())
    values = json.loads(theirs.to_json())
    del values["dsseEnvelope"]
    values["messageSignature"] = {
        "messageDigest": {"algorithm": "SHA2_256", "digest": b64encode(message.digest("sha256")).decode()},
        "signature": b64encode(bundle.signature_bytes()).decode(),
    }
    return Bundle(Inner.from_json(json.dumps(values))), message


def _key(theirs: Bundle) -> ArtifactKey:
    try:
        return artifact_key(theirs.signing_certificate.public_key(), "it")
    except Exception as error:  # of a kind that is not verified here, or that the library does not know
        raise CertificateRefused(f"the key of the certificate cannot be used: {error}") from error


def _times(
    bundle: ArtifactBundle, theirs: Bundle, authorities: Sequence[TimestampAuthority]
) -> list[tuple[datetime, str]]:
    """Return each time of signing that somebody trusted says; a promise of the log is verified with its entry.

    Raises TimestampRefused where nobody does, or no timestamp is of one of the authorities.
    """
    found = trusted_times(bundle.timestamps(), bundle.signature_bytes(), authorities)
    entry = theirs.log_entry._inner  # noqa: SLF001 - the library shows an entry in no other way
    if entry.inclusion_promise and entry.integrated_time:
        try:
            found.append((datetime.fromtimestamp(entry.integrated_time, UTC), LOG))
        except (OverflowError, ValueError, OSError) as error:
            raise TimestampRefused("the log entry is of a time that no calendar has") from error
    if not found:
        raise TimestampRefused("nobody who is trusted says when it was signed: no timestamp, and no promise of a log")
    return found


def _verify(theirs: Bundle, identity: Identity, trusted: TrustedRoot, artifact: Artifact | None) -> None:
    """Verify certificate, who it is for, entry and times by sigstore-python.

    Raises CertificateRefused or PolicyRefused.
    """
    from sigstore.hashes import Hashed
    from sigstore.verify import Verifier
    from sigstore_models.common.v1 import HashAlgorithm

    try:
        verifier = Verifier(trusted_root=trusted)
        if artifact is None or theirs._inner.message_signature is None:  # noqa: SLF001 - which of the two it holds
            verifier.verify_dsse(theirs, identity)
        else:
            hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=artifact.digest("sha256"))
            verifier.verify_artifact(hashed, theirs, identity)
    except PolicyRefused:
        raise
    except Exception as error:  # of the library, of its parsers, of certificates: any refuses
        raise CertificateRefused(f"the certificate does not show who signed: {error}") from error


def _without_nulls(value: Any) -> Any:
    """Return plain JSON values without fields that are null, which forms of protobuf take for absent."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
