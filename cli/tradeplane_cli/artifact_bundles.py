"""Verifying a Sigstore bundle about a file, as the command does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    from pathlib import Path

FETCH_LIMIT_S = 60.0
"""How long the trusted root of a public instance may take."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Who is to have signed, by the options given: a key, or a name and who vouched for it."""

    key: Path | None
    subject: str | None
    issuer: str | None

    def identity(self) -> Identity | None:
        """Return who is to have signed; None where it is a key. Raises CommandFailure where it is not just one."""
        if self.key is not None:
            if self.subject is not None or self.issuer is not None:
                raise CommandFailure(
                    "a key and an identity are given, and only one of them can be who signed",
                    remedy="give --key, or --certificate-identity and --certificate-oidc-issuer",
                )
            return None
        if not self.subject or not self.issuer:
            raise CommandFailure(
                "it is not said who is to have signed",
                remedy="give --key, or both --certificate-identity and --certificate-oidc-issuer",
            )
        return Identity(self.subject, self.issuer)


def verify_bundle(
    artifact: str, bundle: Path, expected: Expected, root: Path | None, *, staging: bool
) -> ArtifactClaim:
    """Verify a bundle about a file or a digest. Raises what the rooms below raise."""
    identity = expected.identity()
    asked = artifact_of(artifact)
    data = _read(bundle, "the bundle", MAX_BUNDLE_BYTES)
    trusted = None if root is None else read_root(root)
    if expected.key is not None:
        pem = _read(expected.key, "the key", MAX_KEY_BYTES)
        return verify_by_key(data, asked, read_artifact_key(pem, f"the key {expected.key}"), trusted)
    if identity is None:
        raise CommandFailure("it is not said who is to have signed")
    return verify_by_identity(data, asked, identity, trusted or fetch_root(staging=staging))


def read_root(path: Path) -> TrustRoot:
    """Return the trusted root of a file. Raises InvalidKey or InvalidReference."""
    return read_trusted_root(_read(path, "the trusted root", MAX_ROOT_BYTES), f"the trusted root {path}")


def fetch_root(*, staging: bool) -> TrustRoot:
    """Return the trusted root of a public instance. Raises SignerUnavailable, CommandFailure where it takes long."""
    from tradeplane_evidence.keyless.public_instance import fetch_trusted_root

    try:
        with within(FETCH_LIMIT_S):
            return fetch_trusted_root(staging=staging)
    except DeadlineExceeded as error:
        raise CommandFailure(
            f"the trusted root of Sigstore was not there after {FETCH_LIMIT_S:.0f} seconds",
            code=ExitCode.STORE,
            remedy="give the root of the instance that signed with --trusted-root, which needs no network",
        ) from error


def _read(path: Path, what: str, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InvalidReference(f"{what} {path} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise InvalidKey(f"{what} {path} has more than {limit:,} bytes, and no more are read")
    return data
