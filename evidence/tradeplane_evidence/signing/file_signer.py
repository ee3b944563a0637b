"""A private key in a file (PEM, PKCS #8 or SEC 1): ECDSA on P-256, or Ed25519.

Rights it needs: to read that file. One that everybody on the machine can read, or its group can write, is refused; the
group may read it, since that is how a mounted Secret reaches a process that is not root. Meant for a laptop, for tests,
and where a Secret is mounted: a key in KMS or in an HSM cannot be copied, and one in a file can.

ECDSA is deterministic (RFC 6979): the same statement has the same signature, so that a second attempt at the same is
not a second attestation, and no weakness of a machine's random numbers reaches the key.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tradeplane_evidence.errors import InvalidKey
from tradeplane_evidence.signing.keys import MAX_KEY_BYTES, PublicKey, public_key


@dataclass(frozen=True, slots=True)
class FileSigner:
    """Signs with a key that was read from a file."""

    public_key: PublicKey
    material: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = field(repr=False)

    @property
    def deterministic(self) -> bool:
        """Whether the same bytes have the same signature each time."""
        return True

    def sign(self, data: bytes) -> bytes:
        """Return the signature: of ECDSA as ASN.1 DER, of Ed25519 the 64 bytes."""
        if isinstance(self.material, ed25519.Ed25519PrivateKey):
            return self.material.sign(data)
        return self.material.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def open_file_signer(path: str, passphrase: bytes | None) -> FileSigner:
    """Return the signer of a file. Raises InvalidKey, naming the file and never what stands in it."""
    what = f"the signing key {path}"
    pem = _private_bytes(Path(path), what)
    try:
        material = load_pem_private_key(pem, passphrase)
    except TypeError as error:  # cryptography's word for a passphrase that is missing, or one too many
        asked = "is encrypted: give its passphrase" if passphrase is None else "is not encrypted: give no passphrase"
        raise InvalidKey(f"{what} {asked}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKey(
            f"{what} is no private key in PEM, or the passphrase is another one; make one with "
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
        ) from error
    if not isinstance(material, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise InvalidKey(f"{what} is neither ECDSA on P-256 nor Ed25519; make one of these")
    return FileSigner(public_key(material.public_key(), what), material)


def _private_bytes(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o037:
                raise InvalidKey(f"{what} can be read by others (mode {mode:04o}); set it with chmod 600")
            pem = file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise InvalidKey(f"{what} cannot be read: {error.strerror}") from error
    if len(pem) > MAX_KEY_BYTES:
        raise InvalidKey(f"{what} has more than {MAX_KEY_BYTES:,} bytes, and is no private key of ours")
    return pem
