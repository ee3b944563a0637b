"""Sigstore bundles about files, as the commands of the conformance suite make and verify them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tradeplane_api.run import ExitCode
from tradeplane_evidence.errors import InvalidKey, InvalidReference
from tradeplane_evidence.keyless.identities import Identity
from tradeplane_evidence.keyless.trusted_root import MAX_ROOT_BYTES, TrustRoot, read_trusted_root
from tradeplane_evidence.signing.bundle import MAX_BUNDLE_BYTES
from tradeplane_evidence.signing.keys import MAX_KEY_BYTES
from tradeplane_evidence.verification.artifact_keys import read_artifact_key
from tradeplane_evidence.verification.artifact_verification import ArtifactClaim, verify_by_identity, verify_by_key
from tradeplane_evidence.verification.artifacts import artifact_of

from tradeplane_cli.deadline import DeadlineExceeded, within
from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sigstore.models import SigningConfig

Key = TypeVar("Key")
_Fetched = TypeVar("_Fetched")
FETCH_LIMIT_S = 60.0
"""How long the trusted root of a public instance may take."""


def expected_signer(key: Key | None, subject: str | None, issuer: str | None, instead: str = "") -> Key | Identity:
    """Return who is to have signed by the options given: a key, or somebody. ``instead``: what else the error offers.

    Raises CommandFailure where it is neither, both, or half of one.
    """
    if key is not None:
        if subject is not None or issuer is not None:
            raise CommandFailure(
                "a key and an identity are given, and only one of them can be who signed",
                remedy="give --key, or --certificate-identity and --certificate-oidc-issuer",
            )
        return key
    if not subject or not issuer:
        raise CommandFailure(
            "it is not said who is to have signed",
            remedy=f"give --key, or both --certificate-identity and --certificate-oidc-issuer{instead}",
        )
    return Identity(subject, issuer)


def verify_bundle_by_key(artifact: str, bundle: Path, key: Path, root: Path | None) -> ArtifactClaim:
    """Verify a bundle about a file or a digest by a public key. Raises what the rooms below raise."""
    asked = artifact_of(artifact)
    public = read_artifact_key(_read(key, "the key", MAX_KEY_BYTES), f"the key {key}")
    trusted = None if root is None else read_root(root)
    return verify_by_key(_read(bundle, "the bundle", MAX_BUNDLE_BYTES), asked, public, trusted)


def verify_bundle_by_identity(
    artifact: str, bundle: Path, identity: Identity, root: Path | None, *, staging: bool
) -> ArtifactClaim:
    """Verify a bundle about a file or a digest by who signed. Raises what the rooms below raise."""
    asked = artifact_of(artifact)
    data = _read(bundle, "the bundle", MAX_BUNDLE_BYTES)
    return verify_by_identity(data, asked, identity, fetch_root(staging=staging) if root is None else read_root(root))


def sign_bundle(
    artifact: Path, bundle: Path, token: str, root: Path | None, config: Path | None, *, staging: bool
) -> Identity:
    """Sign a file as whoever a token is of, and write its bundle; return who that is.

    Raises CommandFailure where half of an instance is given, and what the rooms below raise.
    """
    from tradeplane_evidence.keyless.artifact_signing import sign_artifact

    if (root is None) != (config is None):
        raise CommandFailure(
            "half of an instance of Sigstore is given",
            remedy="give both --trusted-root and --signing-config, or neither for the public instance",
        )
    asked = artifact_of(str(artifact))
    if asked.file is None:
        raise InvalidReference(f"{artifact} is a digest, and it is a file that is signed: name the file")
    if root is None or config is None:
        trusted, services = fetch_instance(staging=staging)
    else:
        trusted, services = read_root(root), _signing_config(config)
    signed, identity = sign_artifact(asked, token.encode(), services, trusted)
    _write(bundle, signed)
    return identity


def read_root(path: Path) -> TrustRoot:
    """Return the trusted root of a file. Raises InvalidKey or InvalidReference."""
    return read_trusted_root(_read(path, "the trusted root", MAX_ROOT_BYTES), f"the trusted root {path}")


def fetch_root(*, staging: bool) -> TrustRoot:
    """Return the trusted root of a public instance. Raises SignerUnavailable, CommandFailure where it takes long."""
    from tradeplane_evidence.keyless.public_instance import fetch_trusted_root

    return _in_time(lambda: fetch_trusted_root(staging=staging))


def fetch_instance(*, staging: bool) -> tuple[TrustRoot, SigningConfig]:
    """Return the trusted root of a public instance, and how it is asked to sign; raises as ``fetch_root`` does."""
    from tradeplane_evidence.keyless.public_instance import fetch_instance as fetch

    return _in_time(lambda: fetch(staging=staging))


def _in_time(fetch: Callable[[], _Fetched]) -> _Fetched:
    try:
        with within(FETCH_LIMIT_S):
            return fetch()
    except DeadlineExceeded as error:
        raise CommandFailure(
            f"the trusted root of Sigstore was not there after {FETCH_LIMIT_S:.0f} seconds",
            code=ExitCode.STORE,
            remedy="give the root of the instance that signs with --trusted-root, which needs no network",
        ) from error


def _signing_config(path: Path) -> SigningConfig:
    from tradeplane_evidence.keyless.signer import read_signing_config

    what = "the signing configuration"
    return read_signing_config(_read(path, what, MAX_ROOT_BYTES), f"{what} {path}")


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InvalidReference(f"the bundle {path} cannot be written: {error.strerror}") from error


def _read(path: Path, what: str, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InvalidReference(f"{what} {path} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise InvalidKey(f"{what} {path} has more than {limit:,} bytes, and no more are read")
    return data
