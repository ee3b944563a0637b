"""Public keys of others, and what they verify: ECDSA on three curves, Ed25519, and RSA.

``signing.keys`` has the two kinds that sign here; an auditor meets more. Which hash goes with which key is fixed by the
key, as in Sigstore's algorithm registry (architecture-docs, ``algorithm-registry.md``), and never by the bundle.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from tradeplane_evidence.errors import InvalidKey, SignatureRefused
from tradeplane_evidence.signing.keys import MAX_KEY_BYTES, fingerprint_of, hint_of

if TYPE_CHECKING:
    from tradeplane_evidence.verification.artifacts import Artifact

KeyMaterial = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
_CURVES: dict[str, tuple[str, str]] = {
    "secp256r1": ("ECDSA-P256", "sha256"),
    "secp384r1": ("ECDSA-P384", "sha384"),
    "secp521r1": ("ECDSA-P521", "sha512"),
}
_RSA_BITS = (2_048, 3_072, 4_096)
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class ArtifactKey:
    """A public key that verifies, and the hash that goes with it; None for Ed25519, which hashes by itself."""

    material: KeyMaterial
    algorithm: str
    hash_name: str | None
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

    def verify_artifact(self, signature: bytes, artifact: Artifact) -> None:
        """Raise SignatureRefused where a signature is not this key's of an artifact; Malformed where it needs more."""
        if self.hash_name is None:
            self.verify_message(signature, artifact.message())
        else:
            self._verify_digest(signature, artifact.digest(self.hash_name))

    def verify_message(self, signature: bytes, message: bytes) -> None:
        """Raise SignatureRefused where a signature is not this key's of these bytes."""
        if isinstance(self.material, ed25519.Ed25519PublicKey):
            try:
                self.material.verify(signature, message)
            except InvalidSignature as error:
                raise self._refusal() from error
        else:
            self._verify_digest(signature, hashlib.new(self.hash_name or "", message).digest())

    def _verify_digest(self, signature: bytes, digest: bytes) -> None:
        prehashed = Prehashed(_HASHES[self.hash_name or ""])
        try:
            if isinstance(self.material, ec.EllipticCurvePublicKey):
                self.material.verify(signature, digest, ec.ECDSA(prehashed))
            elif isinstance(self.material, rsa.RSAPublicKey):
                self.material.verify(signature, digest, padding.PKCS1v15(), prehashed)
        except InvalidSignature as error:
            raise self._refusal() from error

    def _refusal(self) -> SignatureRefused:
        return SignatureRefused(
            f"the signature is not one of {self.algorithm} key {self.fingerprint} over this: it was changed, "
            "or another key signed it"
        )


def artifact_key(material: object, what: str) -> ArtifactKey:
    """Return key material as a key that verifies. Raises InvalidKey for one of a kind that is not verified here."""
    if isinstance(material, ec.EllipticCurvePublicKey) and material.curve.name in _CURVES:
        algorithm, hash_name = _CURVES[material.curve.name]
        return ArtifactKey(material, algorithm, hash_name, _der(material))
    if isinstance(material, ed25519.Ed25519PublicKey):
        return ArtifactKey(material, "Ed25519", None, _der(material))
    if isinstance(material, rsa.RSAPublicKey) and material.key_size in _RSA_BITS:
        return ArtifactKey(material, f"RSA-{material.key_size}", "sha256", _der(material))
    raise InvalidKey(f"{what} is none of ECDSA on P-256, P-384 or P-521, Ed25519, and RSA of 2048, 3072 or 4096 bits")


def read_artifact_key(pem: bytes, what: str = "the key") -> ArtifactKey:
    """Return the public key of a PEM text. Raises InvalidKey."""
    if b"PRIVATE KEY" in pem:
        raise InvalidKey(f"{what} is a private key; give the public one, and keep this where only the signer reads it")
    if len(pem) > MAX_KEY_BYTES:
        raise InvalidKey(f"{what} has more than {MAX_KEY_BYTES:,} bytes, and is no public key")
    try:
        material = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKey(f"{what} is no public key in PEM (-----BEGIN PUBLIC KEY-----): {error}") from error
    return artifact_key(material, what)


def _der(material: KeyMaterial) -> bytes:
    return material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
