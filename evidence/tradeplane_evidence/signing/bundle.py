"""A Sigstore bundle (v0.3) of a statement that was signed with a key.

Source: sigstore/protobuf-specs, ``sigstore_bundle.proto``: a bundle of version 0.3 holds verification material (here
the hint of a public key) and an envelope. sigstore-python 4 neither makes nor reads one with a bare public key, which
is why this stands here; what it holds of certificates and logs is left to that library.
"""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import Field
from tradeplane_store.canonical import canonical_json

from tradeplane_evidence import strict_json
from tradeplane_evidence.signing.dsse import Envelope, enveloped, pre_authentication_encoding
from tradeplane_evidence.statements.statement import PAYLOAD_TYPE, Form, decoded, parsed

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_BUNDLE_BYTES = 8 * 1024 * 1024
MAX_TIMESTAMPS = 32
"""Timestamps of one signature, as sigstore-go has it."""
MAX_TIMESTAMP_TEXT = 131_072


class PublicKeyHint(Form):
    """Which key it was: base64 of the SHA-256 of its DER (SubjectPublicKeyInfo), where cosign or we wrote it."""

    hint: str = Field(default="", max_length=1_024)


class Rfc3161Timestamp(Form):
    """A timestamp of the signature, as an authority gave it: base64 of the DER of its answer (TimeStampResp)."""

    signed_timestamp: str = Field(min_length=4, max_length=MAX_TIMESTAMP_TEXT)


class TimestampVerificationData(Form):
    """The timestamps of a signature."""

    rfc3161_timestamps: tuple[Rfc3161Timestamp, ...] = Field(
        default=(), max_length=MAX_TIMESTAMPS, strict=False, alias="rfc3161Timestamps"
    )


class VerificationMaterial(Form):
    """What a signature is checked with. A certificate in its place is refused: no key was given for it."""

    public_key: PublicKeyHint
    timestamp_verification_data: TimestampVerificationData | None = None


class Bundle(Form):
    """An envelope, and which key signed it."""

    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"] = (
        "application/vnd.dev.sigstore.bundle.v0.3+json"
    )
    verification_material: VerificationMaterial
    dsse_envelope: Envelope

    @property
    def hint(self) -> str:
        """Which key signed it, as it says itself; not signed."""
        return self.verification_material.public_key.hint

    def timestamps(self) -> tuple[bytes, ...]:
        """Return the timestamps of its signature, none of them checked. Raises Malformed."""
        data = self.verification_material.timestamp_verification_data
        entries = () if data is None else data.rfc3161_timestamps
        return tuple(decoded(one.signed_timestamp, "a timestamp of the bundle") for one in entries)

    def signed_bytes(self) -> bytes:
        """Return the bytes that the signature is over. Raises Malformed."""
        return pre_authentication_encoding(PAYLOAD_TYPE, self.dsse_envelope.payload_bytes())


def bundled(payload: bytes, signature: bytes, hint: str, timestamp: bytes | None = None) -> bytes:
    """Return the bundle of a signed statement as bytes, the same for the same signature and timestamp."""
    material = verification_material(hint, timestamp)
    return canonical_json(Bundle(verification_material=material, dsse_envelope=enveloped(payload, signature)).plain())


def verification_material(hint: str, timestamp: bytes | None = None) -> VerificationMaterial:
    """Return what a signature is checked with: which key made it, and the timestamp of an authority."""
    stamps = None
    if timestamp is not None:
        one = Rfc3161Timestamp(signed_timestamp=base64.b64encode(timestamp).decode())
        stamps = TimestampVerificationData(rfc3161_timestamps=(one,))
    return VerificationMaterial(public_key=PublicKeyHint(hint=hint), timestamp_verification_data=stamps)


def parse_bundle(data: bytes) -> Bundle:
    """Return a bundle from its JSON. Raises Malformed, naming the field."""
    return parsed(Bundle, strict_json.parse(data, "the bundle", MAX_BUNDLE_BYTES), "the bundle", says="mediaType")
