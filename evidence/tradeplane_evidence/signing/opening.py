"""Who signs, found by the scheme of a URI; the module of each states what rights it needs.

- ``file:/path/to/key.pem``: a key in a file
- ``awskms:///alias/NAME``: a key in AWS KMS
- ``pkcs11:token=TOKEN;object=KEY?module-path=...``: a key in a hardware security module
- ``keyless:/path/to/trust-config.json?token-file=...&identity=...``: no key, but somebody, by an instance of Sigstore

The libraries of the last three are extras, and slow to load: they are imported where one is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tradeplane_evidence.errors import InvalidKey
from tradeplane_evidence.signing.file_signer import open_file_signer

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from tradeplane_evidence.signing.signer import BundleSigner, Signer


def open_statement_signer(uri: str, passphrase: bytes | None = None) -> Signer | BundleSigner:
    """Return who signs statements by a URI: a key, or somebody without one. Raises what ``open_signer`` raises."""
    parts = urlsplit(uri)
    if parts.scheme != "keyless":
        return open_signer(uri, passphrase)
    from tradeplane_evidence.keyless.signer import open_keyless_signer

    return open_keyless_signer(uri, parts)


def open_signer(uri: str, passphrase: bytes | None = None) -> Signer:
    """Return the key of a URI. Raises InvalidKey, and SignerUnavailable where it has to be asked.

    ``passphrase``: of a key that is encrypted, or the PIN of a token; never part of a URI.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return _file(uri, parts, passphrase)
    if parts.scheme == "awskms":
        return _kms(uri, parts)
    if parts.scheme == "pkcs11":
        from tradeplane_evidence.signing.pkcs11_signer import open_pkcs11_signer

        return open_pkcs11_signer(uri, parts, passphrase)
    raise InvalidKey(f"{uri!r} names no signer; write file:/path/to/key.pem, awskms:///alias/NAME or pkcs11:token=...")


def _file(uri: str, parts: SplitResult, passphrase: bytes | None) -> Signer:
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or not parts.path:
        raise InvalidKey(f"{uri!r} names no file of this machine; write file: and its path")
    return open_file_signer(unquote(parts.path), passphrase)


def _kms(uri: str, parts: SplitResult) -> Signer:
    key = unquote(parts.path).removeprefix("/")
    if parts.netloc or parts.query or parts.fragment or not key:
        raise InvalidKey(f"{uri!r} names no key of AWS KMS; write awskms:///alias/NAME, or its id or ARN in that place")
    from tradeplane_evidence.signing.kms_signer import open_kms_signer

    return open_kms_signer(key)
