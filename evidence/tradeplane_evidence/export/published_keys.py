"""The keys that an export was verified by, written so that it is verified again without asking for them.

They are there for a reader's convenience: whoever could change the export could change them, so that their fingerprints
are to be compared with those that the signer publishes, which the page says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding
from tradeplane_store.canonical import canonical_json

from tradeplane_evidence.signing.keyring import AuthorityEntry, KeyEntry, KeyringFile, told
from tradeplane_evidence.statements.statement import hexadecimal

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_evidence.signing.keyring import Keyring, TrustedKey
    from tradeplane_evidence.signing.timestamps import TimestampAuthority


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key as the export tells of it; times are RFC 3339. ``builders`` is None where it signs for any."""

    fingerprint: str
    algorithm: str
    path: str
    not_before: str | None
    not_after: str | None
    revoked_from: str | None
    builders: tuple[str, ...] | None

    def as_json(self) -> dict[str, Any]:
        """Return its fields."""
        return {
            "fingerprint": self.fingerprint,
            "algorithm": self.algorithm,
            "path": self.path,
            "notBefore": self.not_before,
            "notAfter": self.not_after,
            "revokedFrom": self.revoked_from,
            "builders": None if self.builders is None else list(self.builders),
        }


def key_path(fingerprint: str) -> str:
    """Return where the key of a fingerprint lies in an export."""
    return f"keys/{hexadecimal(fingerprint)}.pub"


def published(keyring: Keyring) -> tuple[PublishedKey, ...]:
    """Return what is told of the keys of a keyring, by fingerprint."""
    return tuple(sorted((_published(one) for one in keyring.keys), key=lambda one: (one.fingerprint, str(one))))


def keyring_bytes(keyring: Keyring) -> bytes:
    """Return a keyring as the file that it is read from (docs/evidence/keys.md), in one form and order."""
    keys = [
        KeyEntry(
            public_key=one.key.pem(),
            not_before=_told(one.not_before),
            not_after=_told(one.not_after),
            revoked_from=_told(one.revoked_from),
            builders=None if one.builders is None else tuple(sorted(one.builders)),
            users=None if one.users is None else tuple(sorted(one.users)),
        )
        for one in keyring.keys
    ]
    file = KeyringFile(
        keys=tuple(sorted(keys, key=lambda one: one.model_dump_json())),
        timestamp_authorities=tuple(
            sorted((_authority(one) for one in keyring.authorities), key=lambda one: one.model_dump_json())
        ),
    )
    return canonical_json(file.plain())


def _published(one: TrustedKey) -> PublishedKey:
    return PublishedKey(
        fingerprint=one.key.fingerprint,
        algorithm=one.key.algorithm,
        path=key_path(one.key.fingerprint),
        not_before=_told(one.not_before),
        not_after=_told(one.not_after),
        revoked_from=_told(one.revoked_from),
        builders=None if one.builders is None else tuple(sorted(one.builders)),
    )


def _authority(one: TimestampAuthority) -> AuthorityEntry:
    chain = "".join(certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in one.chain)
    return AuthorityEntry(certificate_chain=chain, not_before=_told(one.not_before), not_after=_told(one.not_after))


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else told(moment)
