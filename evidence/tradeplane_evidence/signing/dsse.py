"""DSSE: the envelope around what is signed.

Source: Dead Simple Signing Envelope, version 1.0.2 (protocol.md, envelope.md). No ``keyid`` is written: it is not
signed, and cosign takes any that it does not know for a signature that does not match.
"""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import Field

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.statements.statement import Form, decoded

MAX_SIGNATURE_TEXT = 4_096


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed (PAE): type and payload, each with its length, so that none reads as another."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


class Signature(Form):
    """One signature, base64; ``keyid`` is a hint that nothing here believes."""

    sig: str = Field(min_length=4, max_length=MAX_SIGNATURE_TEXT)
    keyid: str | None = Field(default=None, max_length=1_024)


class Envelope(Form):
    """A payload and its signature. A bundle has one signature (Sigstore bundle specification, v0.3)."""

    payload: str = Field(description="The payload, base64.")
    payload_type: Literal["application/vnd.in-toto+json"] = "application/vnd.in-toto+json"
    signatures: tuple[Signature, ...] = Field(min_length=1, max_length=1, strict=False)

    def payload_bytes(self) -> bytes:
        """Return the payload. Raises Malformed where its base64 is none, or one of several forms of the same bytes."""
        return decoded(self.payload, "the payload of the envelope")

    def signature_bytes(self) -> bytes:
        """Return the signature. Raises Malformed likewise."""
        signature = decoded(self.signatures[0].sig, "the signature of the envelope")
        if not signature:
            raise Malformed("the signature of the envelope is empty")
        return signature


def enveloped(payload: bytes, signature: bytes) -> Envelope:
    """Return the envelope of an in-toto statement's bytes."""
    return Envelope(
        payload=base64.b64encode(payload).decode(),
        signatures=(Signature(sig=base64.b64encode(signature).decode()),),
    )
