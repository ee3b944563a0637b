"""Keys and certificates in a platform's configuration: what is none is refused by its field, and never shown.

A private key is a secret of the stack. What the pods would refuse later is refused here, before anything is made.
"""

from typing import Annotated, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import AfterValidator, SecretStr

_CURVE = "secp256r1"


def _private(key: SecretStr) -> SecretStr:
    _loaded(key)
    return key


def _signing(key: SecretStr) -> SecretStr:
    found = _loaded(key)
    if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != _CURVE:
        raise ValueError("is to be a key of the curve P-256")
    return key


def _public(key: str) -> str:
    try:
        found = load_pem_public_key(key.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no public key in PEM") from None
    if isinstance(found, ec.EllipticCurvePublicKey) and found.curve.name == _CURVE:
        return key
    if isinstance(found, ed25519.Ed25519PublicKey):
        return key
    raise ValueError("is to be a key of the curve P-256, or of Ed25519")


def _certificates(chain: str) -> str:
    try:
        x509.load_pem_x509_certificates(chain.encode())
    except ValueError:
        raise ValueError("has no certificate in PEM") from None
    return chain


def _loaded(key: SecretStr) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(key.get_secret_value().encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError("is no private key in PEM without a passphrase") from None


PrivateKey: TypeAlias = Annotated[SecretStr, AfterValidator(_private)]
"""A private key in PEM without a passphrase, of any kind, as a server has it for TLS."""

SigningKey: TypeAlias = Annotated[SecretStr, AfterValidator(_signing)]
"""A private key that signs what is attested: PEM, P-256."""

PublicKey: TypeAlias = Annotated[str, AfterValidator(_public)]
"""A public key in PEM, of the kinds that keyrings take (docs/evidence/keys.md)."""

Certificates: TypeAlias = Annotated[str, AfterValidator(_certificates)]
"""One certificate or several, in PEM."""
