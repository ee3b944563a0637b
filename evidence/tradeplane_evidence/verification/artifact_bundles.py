"""Any Sigstore bundle: of a message or of a statement, by a key or by a certificate, as others write them.

``signing.bundle`` is the one form that is written here; this one is read, to see which way it has to be verified. What
stands in log entries and certificates is read by who verifies them. Source: sigstore/protobuf-specs,
``sigstore_bundle.proto`` and ``sigstore_common.proto``.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.signing.bundle import MAX_BUNDLE_BYTES, PublicKeyHint, TimestampVerificationData
from tradeplane_evidence.signing.dsse import MAX_SIGNATURE_TEXT, Envelope, pre_authentication_encoding
from tradeplane_evidence.statements.statement import PAYLOAD_TYPE, Form, decoded, parsed

MAX_LOG_ENTRIES = 8
"""Log entries of one bundle; clients write one, and sigstore-python reads no other number."""
HASHES = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
"""Names of hash algorithms in forms of protobuf, and what everybody else calls them."""


class MessageDigest(Form):
    """The digest of what was signed, as the signer says; base64."""

    algorithm: Literal["SHA2_256", "SHA2_384", "SHA2_512"]
    digest: str = Field(min_length=4, max_length=128)


class MessageSignature(Form):
    """The signature of a message, base64."""

    message_digest: MessageDigest | None = None
    signature: str = Field(min_length=4, max_length=MAX_SIGNATURE_TEXT)


class ArtifactVerificationMaterial(Form):
    """What a signature is checked with: a key that is named, or certificates."""

    public_key: PublicKeyHint | None = None
    certificate: dict[str, Any] | None = None
    x509_certificate_chain: dict[str, Any] | None = Field(default=None, alias="x509CertificateChain")
    tlog_entries: tuple[dict[str, Any], ...] = Field(default=(), max_length=MAX_LOG_ENTRIES, strict=False)
    timestamp_verification_data: TimestampVerificationData | None = None

    @model_validator(mode="after")
    def _says_who_signed(self) -> Self:
        if sum(one is not None for one in (self.public_key, self.certificate, self.x509_certificate_chain)) != 1:
            raise ValueError("one of publicKey, certificate and x509CertificateChain must say who signed")
        return self


class ArtifactBundle(Form):
    """A bundle of any kind."""

    media_type: Literal[
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
    ]
    verification_material: ArtifactVerificationMaterial
    message_signature: MessageSignature | None = None
    dsse_envelope: Envelope | None = None

    @model_validator(mode="after")
    def _holds_one_thing(self) -> Self:
        if (self.message_signature is None) == (self.dsse_envelope is None):
            raise ValueError("one of messageSignature and dsseEnvelope must be there")
        return self

    @property
    def by_key(self) -> bool:
        """Whether it names a key, and has no certificate."""
        return self.verification_material.public_key is not None

    def envelope(self) -> Envelope:
        """Return its envelope. Raises Malformed where it is of a message."""
        if self.dsse_envelope is None:
            raise Malformed("the bundle holds the signature of a message, and no envelope with a statement")
        return self.dsse_envelope

    def signature_bytes(self) -> bytes:
        """Return its signature. Raises Malformed."""
        if self.message_signature is not None:
            return decoded(self.message_signature.signature, "the signature of the message")
        return self.envelope().signature_bytes()

    def enveloped_bytes(self) -> bytes:
        """Return what the signature of its envelope is over. Raises Malformed."""
        return pre_authentication_encoding(PAYLOAD_TYPE, self.envelope().payload_bytes())

    def timestamps(self) -> tuple[bytes, ...]:
        """Return the timestamps of its signature, none of them checked. Raises Malformed."""
        data = self.verification_material.timestamp_verification_data
        entries = () if data is None else data.rfc3161_timestamps
        return tuple(decoded(one.signed_timestamp, "a timestamp of the bundle") for one in entries)


def parse_artifact_bundle(data: bytes) -> ArtifactBundle:
    """Return a bundle of any kind from its JSON. Raises Malformed, naming the field."""
    return parsed(ArtifactBundle, strict_json.parse(data, "the bundle", MAX_BUNDLE_BYTES), "the bundle")
