"""Who signs without a key that is kept: with a token that proves an identity, and a key made for each signature.

``keyless:/etc/tradeplane/sigstore.json?token-file=/var/run/secrets/sigstore/token&identity=...`` names a file with the
instance's trust configuration (``ClientTrustConfig`` of sigstore/protobuf-specs: trusted root and signing
configuration), a file with the identity token, read anew for each signature since a kubelet renews it, and who the
certificate is to be for. Neither token nor anything of it stands in the URI, in a log or in an error.

Rights it needs: to read both files, and to reach the instance's authority, transparency log and timestamp authorities.
The token is one that the authority accepts (audience ``sigstore``); on a cluster that is a projected token of the
operator's service account. The log keeps certificate and digest of what is signed, and not that itself.

Requests and forms are sigstore-python's. What comes back is verified here as an auditor would, before it is handed on:
a bundle that nobody could verify is not an attestation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from tradeplane_store.canonical import canonical_json

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import EvidenceError, InvalidKey, Malformed, SignerUnavailable
from tradeplane_evidence.keyless.identities import Identity, authenticate
from tradeplane_evidence.keyless.log_entries import NEEDED
from tradeplane_evidence.keyless.trusted_identity import TrustedIdentity
from tradeplane_evidence.keyless.trusted_root import MAX_ROOT_BYTES, TrustRoot, read_trusted_root
from tradeplane_evidence.verification.artifacts import artifact_of_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

    from sigstore.dsse import Statement
    from sigstore.models import Bundle, SigningConfig
    from sigstore.oidc import IdentityToken
    from sigstore.sign import Signer

    from tradeplane_evidence.verification.artifacts import Artifact

FORM = "keyless:/path/to/trust-config.json?token-file=/path/to/token&identity=IDENTITY"
MAX_TOKEN_BYTES = 16_384
CONNECT_LIMIT_S, ANSWER_LIMIT_S = 5.0, 30.0
"""Of each request; a log answers once the entry is in it, which takes seconds."""


@dataclass(frozen=True, slots=True)
class KeylessSigner:
    """Signs statements and messages as somebody, by an instance of Sigstore."""

    subject: str
    """Who the certificates are to be for."""
    root: TrustRoot
    token_file: Path
    config: SigningConfig = field(repr=False)

    @property
    def deterministic(self) -> bool:
        """Whether the same statement has the same bundle each time: each has a key of its own."""
        return False

    @property
    def name(self) -> str:
        """What names it for people."""
        return self.subject

    def issuer(self) -> str:
        """Return the URL of the OpenID provider whose token there is now. Raises SignerUnavailable or InvalidKey."""
        return self._token().federated_issuer

    def signed_bundle(self, payload: bytes) -> bytes:
        """Return the bundle of a statement's bytes. Raises SignerUnavailable, and InvalidKey where it is refused.

        Takes requests to three services, each within limits: to be called on a thread.
        """
        return self._bundle(lambda signer: signer.sign_dsse(_stated(payload)), None)

    def message_bundle(self, data: bytes) -> bytes:
        """Return the bundle of a message; as of a statement."""
        return self._bundle(lambda signer: signer.sign_artifact(data), artifact_of_bytes("what was signed", data))

    def _bundle(self, sign: Callable[[Signer], Bundle], message: Artifact | None) -> bytes:
        """Have something signed, and verify it as an auditor would; ``message``: what it is, where no statement."""
        token = self._token()
        bundle = canonical_json(json.loads(signed_by_instance(sign, token, self.config, self.root)))
        trusted = self._trusted(token)
        try:
            if message is None:
                trusted.verify(bundle)
            else:
                authenticate(bundle, trusted.identity, trusted.root, message)
        except EvidenceError as error:
            raise InvalidKey(
                f"what the instance of Sigstore gave is not what an auditor would accept: {error}; see the trust "
                "configuration and who the token is of"
            ) from error
        return bundle

    def payload_of(self, bundle: bytes) -> bytes:
        """Return the payload of a bundle that this signer made. Raises what verification raises, and InvalidKey."""
        return self._trusted(self._token()).verify(bundle)[0]

    def _trusted(self, token: IdentityToken) -> TrustedIdentity:
        return TrustedIdentity(Identity(self.subject, token.federated_issuer), self.root)

    def _token(self) -> IdentityToken:
        """Read the token that there is now; nothing of it is told where it is refused."""
        return identity_token(_read(self.token_file, "the identity token", MAX_TOKEN_BYTES), f"in {self.token_file}")


def identity_token(data: bytes, where: str) -> IdentityToken:
    """Return a token that can be used now, of which nothing is told; ``where`` says which it is.

    Raises SignerUnavailable.
    """
    try:
        from sigstore.oidc import IdentityError, IdentityToken
    except ImportError as error:
        raise InvalidKey(NEEDED) from error
    try:
        return IdentityToken(data.decode("ascii").strip())
    except (IdentityError, ValueError) as error:
        raise SignerUnavailable(
            f"the identity token {where} cannot be used now: it is none, of another audience than sigstore, or over; "
            "whoever gives it must renew it"
        ) from error


def open_keyless_signer(uri: str, parts: SplitResult) -> KeylessSigner:
    """Return the signer of a URI. Raises InvalidKey."""
    path, token_file, subject = _named(uri, parts)
    what = f"the trust configuration {path}"
    data = _read(path, what, 2 * MAX_ROOT_BYTES)
    try:
        values = strict_json.parse(data, what, 2 * MAX_ROOT_BYTES)
        root, signing = values["trustedRoot"], values["signingConfig"]
    except Malformed as error:
        raise InvalidKey(str(error)) from error
    except (LookupError, TypeError) as error:
        raise InvalidKey(f"{what} is no ClientTrustConfig of Sigstore: {error}") from error
    config = read_signing_config(json.dumps(signing).encode(), what)
    return KeylessSigner(subject, read_trusted_root(json.dumps(root).encode(), what), token_file, config)


def read_signing_config(data: bytes, what: str) -> SigningConfig:
    """Return which services of an instance are asked, from the JSON of a SigningConfig. Raises InvalidKey."""
    try:
        from sigstore.models import SigningConfig
        from sigstore_models.trustroot.v1 import SigningConfig as Inner
    except ImportError as error:
        raise InvalidKey(NEEDED) from error
    try:
        values = strict_json.parse(data, what, MAX_ROOT_BYTES)
        return SigningConfig(Inner.from_json(json.dumps(values)))
    except Malformed as error:
        raise InvalidKey(str(error)) from error
    except Exception as error:  # of the library, of its forms, or of what is no such document
        raise InvalidKey(f"{what} says of no instance of Sigstore how it is asked to sign: {error}") from error


def _named(uri: str, parts: SplitResult) -> tuple[Path, Path, str]:
    """Return the two files that a URI names, and who is to sign."""
    query = parse_qs(parts.query)
    if "token" in query or "identity-token" in query:
        raise InvalidKey("a token does not belong into a URI: write it to a file, and name that with token-file=")
    tokens, subjects = query.get("token-file", []), query.get("identity", [])
    if parts.netloc or parts.fragment or not parts.path or len(tokens) != 1 or len(subjects) != 1:
        raise InvalidKey(f"{uri!r} names no keyless signer; write {FORM}")
    return Path(unquote(parts.path)), Path(tokens[0]), subjects[0]


def signed_by_instance(
    sign: Callable[[Signer], Bundle], token: IdentityToken, config: SigningConfig, root: TrustRoot
) -> str:
    """Have something signed: a certificate, a signature, timestamps, an entry of the log. Return the bundle's JSON.

    Raises SignerUnavailable, and InvalidKey where it is refused for good.
    """
    import requests
    from sigstore.sign import SigningContext

    from tradeplane_evidence.keyless.requests_within_limits import within_limits

    authority, log = config.get_fulcio(), config.get_tlogs()[0]
    within_limits(authority.session, CONNECT_LIMIT_S, ANSWER_LIMIT_S)
    within_limits(log._session, CONNECT_LIMIT_S, ANSWER_LIMIT_S)  # type: ignore[attr-defined]  # noqa: SLF001 - of both
    context = SigningContext(fulcio=authority, rekor=log, trusted_root=root.at(()), tsa_clients=config.get_tsas())
    try:
        with context.signer(token) as signer:
            return sign(signer).to_json()
    except requests.RequestException as error:
        raise SignerUnavailable(f"the instance of Sigstore was not reached: {_told(error)}") from error
    except Exception as error:  # of the library: its own errors say little, and what caused them says what it was
        raise _failure(error) from error


def _stated(payload: bytes) -> Statement:
    """Return a statement in sigstore-python's form, its bytes as they are.

    Made by its constructor it would have to give each subject a name, which in-toto leaves open (Statement v1,
    ResourceDescriptor), and which those of a statement about many runs have not.
    """
    from sigstore.dsse import Statement

    stated = Statement.__new__(Statement)
    stated._contents = payload  # noqa: SLF001 - all of it that is read where it is signed
    return stated


def _failure(error: Exception) -> EvidenceError:
    """Return what an error of the library means: an answer that refuses for good, or one that may be another later."""
    import requests

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, requests.HTTPError):
        cause = cause.__cause__ or cause.__context__
    if cause is None or cause.response is None:
        return SignerUnavailable(f"the instance of Sigstore did not sign: {_told(error)}")
    answered = f"{cause.response.url} answered {cause.response.status_code}"
    words = f"the instance of Sigstore did not sign: {answered}: {cause.response.text[:300]!r}"
    if cause.response.status_code in {400, 401, 403, 404}:
        return InvalidKey(f"{words}; see who the token is of, and whether the authority takes its issuer")
    return SignerUnavailable(words)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _read(path: Path, what: str, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InvalidKey(f"{what} {path} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise InvalidKey(f"{what} {path} has more than {limit:,} bytes")
    return data
