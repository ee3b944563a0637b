"""What signs, and a statement signed by it; ``signing.opening`` has the kinds there are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from tradeplane_evidence.signing.bundle import bundled
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


def sign_statement(statement: Statement, signer: Signer) -> bytes:
    """Return the bundle of a statement: serialised once, so that the bytes that are signed are those that are kept."""
    payload, signature = _signed(statement, signer)
    return bundled(payload, signature, signer.public_key.hint)


async def sign_and_stamp(statement: Statement, signer: Signer, authority: str | None) -> bytes:
    """Return the bundle of a statement with the timestamp of an authority, by its URL; None for one without.

    Raises SignerUnavailable, and what the signer raises, which signs on a thread: it may have to ask.
    """
    payload, signature = await asyncio.to_thread(_signed, statement, signer)
    timestamp = None if authority is None else await stamped(authority, signature)
    return bundled(payload, signature, signer.public_key.hint, timestamp)


def _signed(statement: Statement, signer: Signer) -> tuple[bytes, bytes]:
    payload = serialise(statement)
    return payload, signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
