"""The keyring that is published: which keys count, from when to when, and for which builders.

A key is rotated by adding the next one; the old one stays, with the end of its validity, so that what it signed is
verified for ever. One that was compromised has ``revokedFrom``: what was signed before stays good, but only a trusted
timestamp can show that it was before. Without one the time of signing is only the signer's word, and whoever has a
stolen key signs for any time they like: so a revoked key verifies nothing that has no trusted timestamp.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import InvalidKey, KeyRefused, Malformed, SignatureRefused
from tradeplane_evidence.signing.keys import MAX_KEY_BYTES, PublicKey, read_public_key
from tradeplane_evidence.signing.timestamps import TimestampAuthority, read_chain, trusted_times
from tradeplane_evidence.statements.statement import Form, parsed

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_evidence.signing.bundle import Bundle

MAX_KEYS = 256
MAX_AUTHORITIES = 32
MAX_CHAIN_TEXT = 65_536
MAX_KEYRING_BYTES = 1024 * 1024
Moment = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
"""A time in UTC, to the second, RFC 3339."""
UserName = Annotated[str, StringConstraints(min_length=1, max_length=253)]
"""A user as the API server authenticates them."""


class KeyEntry(Form):
    """One key as the keyring's file has it."""

    public_key: str = Field(max_length=MAX_KEY_BYTES, description="PEM.")
    not_before: Moment | None = None
    not_after: Moment | None = None
    revoked_from: Moment | None = None
    builders: tuple[str, ...] | None = Field(
        default=None,
        max_length=64,
        strict=False,
        description="Builders it signs for; where absent any, or none of a key that names users.",
    )
    users: tuple[UserName, ...] | None = Field(
        default=None, max_length=64, strict=False, description="Users it approves for; nobody where absent."
    )


class AuthorityEntry(Form):
    """One timestamp authority as the keyring's file has it."""

    certificate_chain: str = Field(
        max_length=MAX_CHAIN_TEXT, description="PEM: its own certificate first, the root last."
    )
    not_before: Moment | None = None
    not_after: Moment | None = None


class KeyringFile(Form):
    """A keyring as it is published."""

    schema_version: Literal[1] = 1
    kind: Literal["Keyring"] = "Keyring"
    keys: tuple[KeyEntry, ...] = Field(default=(), max_length=MAX_KEYS, strict=False)
    timestamp_authorities: tuple[AuthorityEntry, ...] = Field(default=(), max_length=MAX_AUTHORITIES, strict=False)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key, and what it may be relied on for."""

    key: PublicKey
    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked_from: datetime | None = None
    builders: frozenset[str] | None = None
    users: frozenset[str] | None = None

    @property
    def approves_alone(self) -> bool:
        """Whether it is a user's, for approvals, and signs for nothing that was built or recorded."""
        return self.users is not None and not self.builders

    def check(self, at: datetime, *, trusted: bool) -> None:
        """Raise KeyRefused where it may not be relied on for what was signed then.

        ``trusted``: whether a timestamp authority says when that was; otherwise it is the signer's word.
        """
        name = f"key {self.key.fingerprint}"
        if self.revoked_from is not None and not (trusted and at < self.revoked_from):
            why = f"it signed at {told(at)}" if trusted else "no trusted timestamp shows that it signed before"
            raise KeyRefused(f"{name} is revoked from {told(self.revoked_from)} on, and {why}")
        if self.not_before is not None and at < self.not_before:
            raise KeyRefused(f"{name} is valid from {told(self.not_before)} on, and this is of {told(at)}")
        if self.not_after is not None and at > self.not_after:
            raise KeyRefused(f"{name} was valid until {told(self.not_after)}, and this is of {told(at)}")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys that are relied on, and who is trusted to say when they signed."""

    keys: tuple[TrustedKey, ...]
    authorities: tuple[TimestampAuthority, ...] = ()

    def verify(self, bundle: Bundle) -> TrustedKey:
        """Return the key that made a bundle's signature; the hint saves tries, and nothing is believed of it.

        Raises SignatureRefused where a key that it names did not sign these bytes, and KeyRefused where it names none
        of the keyring and none of them made it.
        """
        signed, signature = bundle.signed_bytes(), bundle.dsse_envelope.signature_bytes()
        named = [one for one in self.keys if one.key.hint == bundle.hint]
        for one in named:
            one.key.verify(signature, signed)
            return one
        for one in self.keys:
            if _verifies(one.key, signature, signed):
                return one
        raise KeyRefused(
            f"none of the {len(self.keys)} keys given made the signature (it says it is of key {bundle.hint or '?'}); "
            "get the signer's public key from where they publish it"
        )


def signed_at(keyring: Keyring, bundle: Bundle) -> tuple[datetime, str] | None:
    """Return since when a bundle's signature is there, and by whose word; None where no authority of ours says so.

    Of several timestamps the earliest counts that one of the authorities gave. Raises TimestampRefused where there are
    authorities and timestamps, and none of these is of those: it was changed, or is of another signature.
    """
    times = trusted_times(bundle.timestamps(), bundle.dsse_envelope.signature_bytes(), keyring.authorities)
    return min(times, default=None)


def _verifies(key: PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except SignatureRefused:
        return False
    return True


def read_keyring(data: bytes, what: str = "the keyring") -> Keyring:
    """Return a keyring from its JSON, or from the PEM of one public key. Raises InvalidKey."""
    if data.lstrip().startswith(b"-----BEGIN"):
        return Keyring((TrustedKey(read_public_key(data, what)),))
    try:
        file = parsed(KeyringFile, strict_json.parse(data, what, MAX_KEYRING_BYTES), what)
    except Malformed as error:
        raise InvalidKey(
            f"{error}; {what} must be the PEM of a public key, or a keyring of docs/evidence/keys.md"
        ) from error
    keys = tuple(_trusted(entry, f"{what}: keys.{index}") for index, entry in enumerate(file.keys))
    entries = enumerate(file.timestamp_authorities)
    authorities = tuple(_authority(entry, f"{what}: timestampAuthorities.{index}") for index, entry in entries)
    if not keys and not authorities:
        raise InvalidKey(f"{what} names no key; a keyring has one at least, under `keys`")
    return Keyring(keys, authorities)


def read_keyring_file(path: Path, what: str = "the keyring") -> Keyring:
    """Return the keys of a file. Raises InvalidKey, also where it cannot be read."""
    return read_keyring(keyring_file_bytes(path, what), f"{what} {path}")


def keyring_file_bytes(path: Path, what: str = "the keyring") -> bytes:
    """Return what is in the file of a keyring, as far as it may be one. Raises InvalidKey where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEYRING_BYTES + 1)
    except OSError as error:
        raise InvalidKey(f"{what} {path} cannot be read: {error.strerror}") from error


def _authority(entry: AuthorityEntry, what: str) -> TimestampAuthority:
    chain = read_chain(entry.certificate_chain.encode(), f"{what}.certificateChain")
    not_before, not_after = (
        _moment(entry.not_before, f"{what}.notBefore"),
        _moment(entry.not_after, f"{what}.notAfter"),
    )
    return TimestampAuthority(chain, not_before, not_after)


def _builders(entry: KeyEntry) -> frozenset[str] | None:
    """Return the builders a key signs for: none of a user's, who approves what is run and not what came of it."""
    if entry.builders is not None:
        return frozenset(entry.builders)
    return None if entry.users is None else frozenset()


def _trusted(entry: KeyEntry, what: str) -> TrustedKey:
    return TrustedKey(
        key=read_public_key(entry.public_key.encode(), f"{what}.publicKey"),
        not_before=_moment(entry.not_before, f"{what}.notBefore"),
        not_after=_moment(entry.not_after, f"{what}.notAfter"),
        revoked_from=_moment(entry.revoked_from, f"{what}.revokedFrom"),
        builders=_builders(entry),
        users=None if entry.users is None else frozenset(entry.users),
    )


def _moment(text: str | None, what: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidKey(f"{what}: {text} is no time of the calendar") from error


def told(moment: datetime) -> str:
    """Return a time as people and RFC 3339 write it, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
