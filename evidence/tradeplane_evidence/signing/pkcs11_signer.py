"""A key in a hardware security module, by its own library (PKCS #11): it signs there, and does not come out.

``pkcs11:token=TOKEN;object=KEY?module-path=/usr/lib/.../module.so`` names it as RFC 7512 has it: the label of the
token, that of the key and of its public half, and the library. The PIN is not in it, nor may it be: a URI stands in
arguments, in logs and in settings.

Rights it needs: to use that token with its user PIN, and on the key ``CKA_SIGN``. The key is ECDSA on P-256; what goes
to the module is the SHA-256 of what is signed (``CKM_ECDSA``), since not every module hashes. Source: PKCS #11 v3.1,
section 6.3, which has a signature as r and s side by side, each as long as the order of the curve.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tradeplane_evidence.errors import InvalidKey, SignerUnavailable
from tradeplane_evidence.signing.keys import PublicKey, public_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

FORM = "pkcs11:token=TOKEN;object=KEY?module-path=/usr/lib/.../module.so"
_COORDINATE = 32
"""Bytes of r and of s on P-256."""


@dataclass(frozen=True, slots=True)
class Pkcs11Signer:
    """Signs with a key of a module. The module is asked one thing at a time, whoever asks."""

    public_key: PublicKey
    name: str
    key: Any = field(repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def deterministic(self) -> bool:
        """Whether the same bytes have the same signature each time: modules draw a number for each."""
        return False

    def sign(self, data: bytes) -> bytes:
        """Return the signature, ASN.1 DER. Raises SignerUnavailable."""
        from pkcs11 import Mechanism

        digest = hashlib.sha256(data).digest()
        with self.lock:
            signature = bytes(_asked(self.name, lambda: self.key.sign(digest, mechanism=Mechanism.ECDSA)))
        if len(signature) != 2 * _COORDINATE:
            raise SignerUnavailable(f"{self.name} gave a signature of {len(signature)} bytes, and not one on P-256")
        first, second = signature[:_COORDINATE], signature[_COORDINATE:]
        return encode_dss_signature(int.from_bytes(first, "big"), int.from_bytes(second, "big"))


def open_pkcs11_signer(uri: str, parts: SplitResult, pin: bytes | None) -> Pkcs11Signer:
    """Return the signer of a URI. Raises InvalidKey, and SignerUnavailable where the module does not answer."""
    token, label, module = _named(uri, parts)
    if pin is None:
        raise InvalidKey(f"the token {token!r} needs its PIN: set TRADEPLANE_KEY_PASSPHRASE")
    try:
        import pkcs11
    except ImportError as error:
        raise InvalidKey("a key by PKCS #11 needs its library: install tradeplane-evidence[pkcs11]") from error
    name = f"key {label!r} of token {token!r}"
    library = _asked(name, lambda: pkcs11.lib(module))
    session = _asked(name, lambda: _session(library.get_token(token_label=token), pin.decode()))
    try:
        return _signer(session, label, name)
    except BaseException:
        session.close()
        raise


def _session(token: Any, pin: str) -> Any:
    """Open a session. Who is logged in to a token is logged in with the whole process: a PIN is asked for once."""
    from pkcs11.exceptions import UserAlreadyLoggedIn

    try:
        return token.open(user_pin=pin)
    except UserAlreadyLoggedIn:
        return token.open()


def _signer(session: Any, label: str, name: str) -> Pkcs11Signer:
    import pkcs11
    from pkcs11.util.ec import encode_ec_public_key

    private = _asked(name, lambda: session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=label))
    public = _asked(name, lambda: session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, label=label))
    if public.key_type is not pkcs11.KeyType.EC:
        raise InvalidKey(f"{name} is {public.key_type.name}; make one of ECDSA on P-256")
    return Pkcs11Signer(public_key(load_der_public_key(encode_ec_public_key(public)), name), name, private)


def _named(uri: str, parts: SplitResult) -> tuple[str, str, str]:
    """Return token, key and module that a URI names."""
    path = dict(one.partition("=")[::2] for one in parts.path.split(";"))
    query = parse_qs(parts.query)
    if "pin-value" in query or "pin-source" in query or "pin-value" in path:
        raise InvalidKey("a PIN does not belong into a URI: set TRADEPLANE_KEY_PASSPHRASE, and leave it out there")
    modules = query.get("module-path", [])
    if parts.netloc or not path.get("token") or not path.get("object") or len(modules) != 1:
        raise InvalidKey(f"{uri!r} names no key of a module; write {FORM}")
    if not modules[0].startswith("/"):
        raise InvalidKey(f"{uri!r}: the path of the module must be absolute; write {FORM}")
    return unquote(path["token"]), unquote(path["object"]), modules[0]


def _asked(name: str, ask: Callable[[], Any]) -> Any:
    """Ask the module, and tell what it says apart: wrong for good, or not there now."""
    from pkcs11 import exceptions

    wrong = (
        exceptions.NoSuchToken,
        exceptions.NoSuchKey,
        exceptions.MultipleObjectsReturned,
        exceptions.MultipleTokensReturned,
        exceptions.PinIncorrect,
        exceptions.PinInvalid,
        exceptions.PinLenRange,
        exceptions.PinLocked,
        exceptions.MechanismInvalid,
    )
    try:
        return ask()
    except wrong as error:
        raise InvalidKey(
            f"{name} cannot be used: {type(error).__name__}; see the token's labels and its PIN"
        ) from error
    except (exceptions.PKCS11Error, RuntimeError, OSError) as error:
        told = str(error) or type(error).__name__
        raise SignerUnavailable(f"{name}: the module does not do it: {type(error).__name__}: {told}") from error
