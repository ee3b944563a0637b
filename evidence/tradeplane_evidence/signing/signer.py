"""Who signs, found by the scheme of a URI.

``file:/path/to/key.pem`` is a key in a file, and ``awskms:///alias/NAME`` one in AWS KMS. The module of each states
what rights it needs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from tradeplane_evidence.errors import InvalidKey
from tradeplane_evidence.signing.bundle import bundled
from tradeplane_evidence.signing.dsse import pre_authentication_encoding
from tradeplane_evidence.signing.file_signer import open_file_signer
from tradeplane_evidence.signing.timestamps import stamped
from tradeplane_evidence.statements.statement import PAYLOAD_TYPE, serialise

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from tradeplane_evidence.signing.keys import PublicKey
    from tradeplane_evidence.statements.statement import Statement

SCHEMES = ("file", "awskms")


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


def open_signer(uri: str, passphrase: bytes | None = None) -> Signer:
    """Return the signer of a URI. Raises InvalidKey, and SignerUnavailable where it has to be asked.

    ``passphrase``: of a key that is encrypted; never part of a URI.
    """
    parts = urlsplit(uri)
    if parts.scheme not in SCHEMES:
        raise InvalidKey(f"{uri!r} names no signer; write file:/path/to/key.pem or awskms:///alias/NAME")
    if parts.scheme == "awskms":
        return _kms(uri, parts)
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or not parts.path:
        raise InvalidKey(f"{uri!r} names no file of this machine; write file: and its path")
    return open_file_signer(unquote(parts.path), passphrase)


def _kms(uri: str, parts: SplitResult) -> Signer:
    key = unquote(parts.path).removeprefix("/")
    if parts.netloc or parts.query or parts.fragment or not key:
        raise InvalidKey(f"{uri!r} names no key of AWS KMS; write awskms:///alias/NAME, or its id or ARN in that place")
    from tradeplane_evidence.signing.kms_signer import open_kms_signer  # boto3 is slow to load, and an extra

    return open_kms_signer(key)


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
