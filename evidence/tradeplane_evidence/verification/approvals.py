"""One approval: from its bundle to what somebody approved, or to why it approves nothing.

Two steps, as they change by different things. What a key of the keyring signed for a user stays what it is for as long
as the keyring does. Whether it is of the object, the version and the time that are asked about is asked each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence.errors import KeyRefused, Malformed, PolicyRefused
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.signing.keyring import signed_at, told
from tradeplane_evidence.statements.approval import approval_of
from tradeplane_evidence.statements.statement import parse_statement
from tradeplane_evidence.verification.policy import AHEAD

if TYPE_CHECKING:
    from tradeplane_evidence.signing.keyring import Keyring
    from tradeplane_evidence.statements.approval import Approval


class NotOfThisObject(PolicyRefused):
    """A genuine approval of another object, or of another version of its specification."""


class WrongUser(PolicyRefused):
    """A genuine statement by a key that does not approve for this user, or one of another user."""


class Expired(PolicyRefused):
    """A genuine approval whose time is over."""


@dataclass(frozen=True, slots=True)
class SignedApproval:
    """An approval that a key of the keyring signed, which approves for its user.

    ``configuration``: digest of the specification. ``key``: fingerprint. ``attestation``: digest of the statement that
    was signed, which names it. ``signed``: when, by a trusted timestamp or else by the signer's word.
    """

    approval: Approval
    configuration: str
    key: str
    attestation: str
    signed: datetime
    stamped: str | None
    not_after: datetime | None

    @property
    def user(self) -> str:
        """Who approves."""
        return self.approval.user

    def check_time(self, now: datetime) -> None:
        """Raise Expired where its time is over, and PolicyRefused where it is yet to come."""
        if self.not_after is not None and now > self.not_after:
            raise Expired(f"the approval was good until {told(self.not_after)}: have it approved again")
        if self.signed > now + AHEAD:
            raise PolicyRefused(f"the approval is of {told(self.signed)}, which is yet to come; check both clocks")

    def check_claimed(self, namespace: str, name: str, configuration: str, user: str) -> None:
        """Raise NotOfThisObject or WrongUser where it does not say what is said of it beside it."""
        approved = self.approval.object
        if (approved.namespace, approved.name) != (namespace, name):
            raise NotOfThisObject(
                f"what was signed approves {approved.kind} {approved.namespace}/{approved.name}, and not "
                f"{namespace}/{name}"
            )
        if self.configuration != configuration:
            raise NotOfThisObject(f"what was signed approves {self.configuration}, and not {configuration}")
        if self.user != user:
            raise WrongUser(f"what was signed is the approval of user {self.user!r}, and not of {user!r}")


def read_approval(data: bytes, keyring: Keyring) -> SignedApproval:
    """Return the approval of a bundle that a key of the keyring signed, which approves for its user.

    The signature comes first. Raises Malformed, SignatureRefused, KeyRefused, TimestampRefused, WrongUser, or
    PolicyRefused for a statement of something else.
    """
    bundle = parse_bundle(data)
    key = keyring.verify(bundle)
    payload = bundle.dsse_envelope.payload_bytes()
    approval, configuration = approval_of(parse_statement(payload))
    said, stamped = _moment(approval.time, "time"), signed_at(keyring, bundle)
    if stamped is not None and said > stamped[0] + AHEAD:
        raise PolicyRefused(f"the approval is of {told(said)}, and was signed by {told(stamped[0])}; check both clocks")
    signed = said if stamped is None else stamped[0]
    key.check(signed, trusted=stamped is not None)
    if key.users is None:
        raise KeyRefused(f"key {key.key.fingerprint} approves for nobody: the keyring names no users of it")
    if approval.user not in key.users:
        raise WrongUser(f"key {key.key.fingerprint} does not approve for user {approval.user!r}, by the keyring")
    return SignedApproval(
        approval=approval,
        configuration=configuration,
        key=key.key.fingerprint,
        attestation=sha256_digest(payload),
        signed=signed,
        stamped=None if stamped is None else stamped[1],
        not_after=None if approval.not_after is None else _moment(approval.not_after, "notAfter"),
    )


def _moment(text: str, field: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"the approval: {field}: {text} is no time of the calendar") from error
