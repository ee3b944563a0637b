"""Somebody who is relied on by name, for statements: what a key of the keyring is where there is no key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import CertificateRefused, InvalidKey
from tradeplane_evidence.keyless.identities import Identity, authenticate
from tradeplane_evidence.signing.keyring import TrustedKey
from tradeplane_evidence.signing.keys import public_key

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_evidence.keyless.trusted_root import TrustRoot


@dataclass(frozen=True, slots=True)
class TrustedIdentity:
    """Who is relied on, by the word of which instance, and for which builders; any where None."""

    identity: Identity
    root: TrustRoot
    builders: frozenset[str] | None = None

    def verify(self, data: bytes) -> tuple[bytes, TrustedKey, tuple[datetime, str]]:
        """Return the payload of a bundle that they signed, by which key, and since when by whose word.

        Raises Malformed, SignatureRefused, TimestampRefused, CertificateRefused or PolicyRefused.
        """
        found = authenticate(data, self.identity, self.root, None)
        try:
            key = public_key(found.key.material, "the key of the certificate")
        except InvalidKey as error:
            raise CertificateRefused(str(error)) from error
        return found.bundle.envelope().payload_bytes(), TrustedKey(key, builders=self.builders), found.stamped
