"""Who is relied on for statements: the keys of a keyring, somebody by name, or any of several of both.

What each may be relied on for stays its own: a key signs in its time and for its builders, an identity for the builders
that it is trusted for. That one of them is known makes nothing good that another signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from tradeplane_evidence.errors import (
    CertificateRefused,
    EvidenceError,
    KeyRefused,
    Malformed,
    PolicyRefused,
    SignatureRefused,
    TimestampRefused,
)
from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
from tradeplane_evidence.signing.bundle import parse_bundle
from tradeplane_evidence.signing.keyring import Keyring, TrustedKey, signed_at
from tradeplane_evidence.verification.artifact_bundles import parse_artifact_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_evidence.keyless.identities import Identity

_REFUSALS = (CertificateRefused, Malformed, PolicyRefused, SignatureRefused, TimestampRefused)
"""What is an answer about one identity; a trusted root that cannot be used is none."""


@dataclass(frozen=True, slots=True)
class AnySigner:
    """Keys and identities of which each counts: a bundle that names a key is for the keys, any other for the others."""

    keyring: Keyring
    identities: tuple[TrustedIdentity, ...]


Signers: TypeAlias = Keyring | TrustedIdentity | AnySigner
"""Who is relied on."""
Signed: TypeAlias = tuple[bytes, TrustedKey, tuple[datetime, str] | None, TrustedIdentity | None]
"""A payload, the key that signed it (the certificate's, where there is one), since when by whose word, and who it was
where a certificate says so."""


@dataclass(frozen=True, slots=True)
class ChainSigners:
    """Who is relied on for each link of a chain: for runs and what replays of them found, for images, for snapshots."""

    runs: Signers
    images: Signers
    snapshots: Signers

    @classmethod
    def alike(cls, signers: Signers) -> ChainSigners:
        """Return those of a chain whose every link the same ones sign."""
        return cls(signers, signers, signers)

    @property
    def differ(self) -> bool:
        """Whether links are signed by others than the run."""
        return self.images != self.runs or self.snapshots != self.runs


def signed_by(data: bytes, signers: Signers) -> Signed:
    """Return what who is relied on signed, by which key, since when, and who it was where a certificate says so.

    Raises Malformed, SignatureRefused, KeyRefused, CertificateRefused, TimestampRefused or PolicyRefused.
    """
    if isinstance(signers, Keyring):
        return _by_key(data, signers)
    if isinstance(signers, TrustedIdentity):
        return *signers.verify(data), signers
    if signers.identities and not parse_artifact_bundle(data).by_key:
        return _by_name(data, signers.identities)
    if not signers.keyring.keys:
        raise KeyRefused("the bundle is signed by a key, and those who are relied on are relied on by name")
    return _by_key(data, signers.keyring)


def keyring_of(signers: Signers) -> Keyring:
    """Return the keys that count, and who is trusted with them to say when they signed."""
    if isinstance(signers, TrustedIdentity):
        return Keyring(())
    return signers if isinstance(signers, Keyring) else signers.keyring


def identities_of(signers: Signers) -> tuple[TrustedIdentity, ...]:
    """Return those who are relied on by name."""
    if isinstance(signers, TrustedIdentity):
        return (signers,)
    return () if isinstance(signers, Keyring) else signers.identities


def names_of(signers: Signers) -> tuple[str, ...]:
    """Return by what they are told apart: fingerprints of keys, and subject and issuer of the others."""
    keys = tuple(one.key.fingerprint for one in keyring_of(signers).keys)
    return keys + tuple(f"{one.identity.subject} {one.identity.issuer}" for one in identities_of(signers))


def signer_in_words(key: TrustedKey, identity: Identity | None) -> str:
    """Say who signed: by a certificate where there is one, else by the key."""
    if identity is not None:
        return identity.said
    return f"{key.key.algorithm} key {key.key.fingerprint}"


def _by_key(data: bytes, keyring: Keyring) -> Signed:
    bundle = parse_bundle(data)
    key = keyring.verify(bundle)
    return bundle.dsse_envelope.payload_bytes(), key, signed_at(keyring, bundle), None


def _by_name(data: bytes, identities: Sequence[TrustedIdentity]) -> Signed:
    """Return what one of some identities signed. Raises what refused it of each, said in one."""
    faults: list[EvidenceError] = []
    for one in identities:
        try:
            return *one.verify(data), one
        except _REFUSALS as error:
            faults.append(error)
    first, *others = faults
    if all(str(other) == str(first) for other in others):
        raise first
    kinds = {type(fault) for fault in faults}
    words = "; ".join(dict.fromkeys(map(str, faults)))
    kind = kinds.pop() if len(kinds) == 1 else PolicyRefused
    raise kind(f"it is by none of the {len(faults)} identities that are relied on: {words}")
