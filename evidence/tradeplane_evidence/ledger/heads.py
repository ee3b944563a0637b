"""A head: how far the ledger went at some time, signed, to be kept where who can change the ledger cannot.

It is an in-toto Statement whose subject is the hash of the last entry, in a Sigstore bundle as attestations are, so
that cosign verifies it too (``verify-blob-attestation``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tradeplane_evidence.errors import KeyRefused, Malformed, PolicyRefused
from tradeplane_evidence.ledger.events import Digest, Moment
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.signing.keyring import signed_at
from tradeplane_evidence.signing.signer import sign_statement
from tradeplane_evidence.statements.statement import Form, Statement, Subject, hexadecimal, parse_statement, parsed

if TYPE_CHECKING:
    from tradeplane_evidence.signing.keyring import Keyring
    from tradeplane_evidence.signing.signer import Signer

HEAD_TYPE = "https://tradeplane.dev/evidence/ledger-head-v1"
"""Predicate type of a head; docs/evidence/ledger-head-v1.md is what it stands for."""
SUBJECT = "ledger"


class Head(Form):
    """The last entry of a ledger at a time; ``sequence`` is 0 where there was none."""

    schema_version: Literal[1] = 1
    sequence: Annotated[int, Field(ge=0, lt=2**53)]
    hash: Digest
    time: Moment


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head that a key of the keyring signed."""

    head: Head
    key: str
    """Fingerprint of the key."""


def moment_of(time: datetime) -> str:
    """Return a time as entries and heads have it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def head_statement(head: Head) -> Statement:
    """Return what is signed of a head."""
    return Statement(
        subject=(Subject(name=SUBJECT, digest={"sha256": hexadecimal(head.hash)}),),
        predicate_type=HEAD_TYPE,
        predicate=head.plain(),
    )


def sign_head(head: Head, signer: Signer) -> bytes:
    """Return the bundle of a head. Raises what the signer raises."""
    return sign_statement(head_statement(head), signer)


def verify_head(data: bytes, keyring: Keyring, what: str = "the head") -> SignedHead:
    """Return the head of a bundle that a key of the keyring signed.

    The signature comes first. Raises Malformed, SignatureRefused, KeyRefused, TimestampRefused, or PolicyRefused for a
    statement that is of something else.
    """
    bundle = parse_bundle(data)
    key = keyring.verify(bundle)
    statement = parse_statement(bundle.dsse_envelope.payload_bytes())
    if statement.predicate_type != HEAD_TYPE:
        raise PolicyRefused(f"{what} is a statement of type {statement.predicate_type}, and no head of a ledger")
    head = parsed(Head, statement.predicate, what)
    if not statement.about(head.hash):
        raise Malformed(f"{what}: its subject is another hash than the one it states")
    stamped = signed_at(keyring, bundle)
    at = _time(head, what) if stamped is None else stamped[0]
    key.check(at, trusted=stamped is not None)
    if key.approves_alone:
        raise KeyRefused(f"{what} is signed by key {key.key.fingerprint}, which by the keyring only approves")
    return SignedHead(head, key.key.fingerprint)


def _time(head: Head, what: str) -> datetime:
    try:
        return datetime.strptime(head.time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"{what}: time: {head.time} is no time of the calendar") from error
