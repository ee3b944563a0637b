"""Public keys and what they verify: ECDSA on P-256 with SHA-256, and Ed25519.

Sources: FIPS 186-5 (both), RFC 8032 (Ed25519), RFC 5280, section 4.1 (SubjectPublicKeyInfo). Other curves and RSA are
refused rather than accepted by chance: no signer here makes them.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from tradeplane_evidence.errors import InvalidKey, SignatureRefused

MAX_KEY_BYTES = 16_384
KeyMaterial = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


def hint_of(der: bytes) -> str:
    """Return what names a key in a bundle: base64 of the SHA-256 of its SubjectPublicKeyInfo."""
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def fingerprint_of(der: bytes) -> str:
    """Return what names a key for people: ``sha256:<hex>`` of its SubjectPublicKeyInfo."""
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that verifies."""

    material: KeyMaterial
    der: bytes
    """SubjectPublicKeyInfo."""

    @property
    def hint(self) -> str:
        """What names it in a bundle, as ``hint_of`` says."""
        return hint_of(self.der)

    @property
    def fingerprint(self) -> str:
        """What names it for people, as ``fingerprint_of`` says."""
        return fingerprint_of(self.der)

    @property
    def algorithm(self) -> str:
        """Name of what it verifies."""
        return "Ed25519" if isinstance(self.material, ed25519.Ed25519PublicKey) else "ECDSA-P256-SHA256"

    def pem(self) -> str:
        """Return it as PEM."""
        return self.material.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise SignatureRefused where a signature is not this key's of these bytes."""
        try:
            if isinstance(self.material, ed25519.Ed25519PublicKey):
                self.material.verify(signature, data)
            else:
                self.material.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise SignatureRefused(
                f"the signature is not one of key {self.fingerprint} over these bytes: they were changed, "
                "or another key signed them"
            ) from error


def public_key(material: object, what: str = "the key") -> PublicKey:
    """Return key material as a public key. Raises InvalidKey for one of a kind that is not verified here."""
    if isinstance(material, ec.EllipticCurvePublicKey) and isinstance(material.curve, ec.SECP256R1):
        pass
    elif not isinstance(material, ed25519.Ed25519PublicKey):
        raise InvalidKey(f"{what} is neither ECDSA on P-256 nor Ed25519; make one of these")
    return PublicKey(material, material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def read_public_key(pem: bytes, what: str = "the key") -> PublicKey:
    """Return the public key of a PEM text. Raises InvalidKey."""
    if b"PRIVATE KEY" in pem:
        raise InvalidKey(f"{what} is a private key; give the public one, and keep this where only the signer reads it")
    if len(pem) > MAX_KEY_BYTES:
        raise InvalidKey(f"{what} has {len(pem):,} bytes, and no public key of ours has more than {MAX_KEY_BYTES:,}")
    try:
        return public_key(load_pem_public_key(pem), what)
    except (ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, InvalidKey):
            raise
        raise InvalidKey(f"{what} is no public key in PEM (-----BEGIN PUBLIC KEY-----): {error}") from error
