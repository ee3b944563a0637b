"""What signs, and a statement signed by it; ``signing.opening`` has the kinds there are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tradeplane_evidence.errors import InvalidKey, TimestampRefused
from tradeplane_evidence.signing.bundle import bundled, parse_bundle
from tradeplane_evidence.signing.dsse import pre_authentication_encoding
from tradeplane_evidence.signing.timestamps import stamped
from tradeplane_evidence.statements.statement import PAYLOAD_TYPE, serialise

if TYPE_CHECKING:
    from tradeplane_evidence.signing.keys import PublicKey
    from tradeplane_evidence.statements.statement import Statement


class Signer(Protocol):
    """Something that signs bytes with one key."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what it signs."""

    @property
    def deterministic(self) -> bool:
        """Whether the same bytes have the same signature each time."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature of bytes."""


@runtime_checkable
class BundleSigner(Protocol):
    """Something that gives whole bundles, of statements and of messages: who signed is not told by a key."""

    @property
    def name(self) -> str:
        """Who signs, as a verifier asks for them."""

    @property
    def deterministic(self) -> bool:
        """Whether the same statement has the same bundle each time."""

    def issuer(self) -> str:
        """Return who vouches for the name now. Raises SignerUnavailable, and InvalidKey where nobody does."""

    def signed_bundle(self, payload: bytes) -> bytes:
        """Return the bundle of a statement's bytes, with the time of signing by somebody else's word."""

    def message_bundle(self, data: bytes) -> bytes:
        """Return the bundle of a message, likewise."""

    def payload_of(self, bundle: bytes) -> bytes:
        """Return the payload of a bundle that it made. Raises EvidenceError for any other."""


def name_of(signer: Signer | BundleSigner) -> str:
    """Return what a verifier asks for: the fingerprint of a key, or who signs."""
    return signer.name if isinstance(signer, BundleSigner) else signer.public_key.fingerprint


def sign_statement(statement: Statement, signer: Signer) -> bytes:
    """Return the bundle of a statement: serialised once, so that the bytes that are signed are those that are kept."""
    payload, signature = _signed(statement, signer)
    return bundled(payload, signature, signer.public_key.hint)


async def sign_and_stamp(statement: Statement, signer: Signer | BundleSigner, authority: str | None) -> bytes:
    """Return the bundle of a statement with the timestamp of an authority, by its URL; None for one without.

    Raises SignerUnavailable, and what the signer raises, which signs on a thread: it may have to ask. Raises InvalidKey
    where an authority is named and the signer has its own.
    """
    if isinstance(signer, BundleSigner):
        has_its_own_authorities(signer, authority)
        return await asyncio.to_thread(signer.signed_bundle, serialise(statement))
    payload, signature = await asyncio.to_thread(_signed, statement, signer)
    timestamp = None if authority is None else await stamped(authority, signature)
    return bundled(payload, signature, signer.public_key.hint, timestamp)


def has_its_own_authorities(signer: BundleSigner, authority: str | None) -> None:
    """Raise InvalidKey where a timestamp authority is named beside those that a signer has."""
    if authority is not None:
        raise InvalidKey(f"{signer.name} signs with timestamps of its own authorities: leave out {authority}")


def payload_signed_by(signer: Signer | BundleSigner, data: bytes, *, stamped: bool) -> bytes:
    """Return the payload of a bundle that a signer made. Raises EvidenceError for any other.

    ``stamped``: whether it must have a timestamp; one that a whole bundle has is verified with it.
    """
    if isinstance(signer, BundleSigner):
        return signer.payload_of(data)
    bundle = parse_bundle(data)
    if stamped and not bundle.timestamps():
        raise TimestampRefused("the bundle has no timestamp")
    signer.public_key.verify(bundle.dsse_envelope.signature_bytes(), bundle.signed_bytes())
    return bundle.dsse_envelope.payload_bytes()


def _signed(statement: Statement, signer: Signer) -> tuple[bytes, bytes]:
    payload = serialise(statement)
    return payload, signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
