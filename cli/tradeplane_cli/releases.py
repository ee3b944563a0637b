"""Signing a release and verifying one that was downloaded, as the commands do it and show it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tradeplane_api.release_build import CHECKSUMS
from tradeplane_api.run import ExitCode
from tradeplane_evidence.build_records import MAX_RECORD_BYTES
from tradeplane_evidence.release_attestation import SignedRelease, parse_release, sign_release
from tradeplane_evidence.release_folder import (
    CHECKSUMS_BUNDLE,
    MAX_CHECKSUMS_BYTES,
    PROVENANCE,
    file_at,
    files_of,
    read_beside,
)
from tradeplane_evidence.signing.bundle import MAX_BUNDLE_BYTES
from tradeplane_evidence.signing.opening import open_statement_signer
from tradeplane_evidence.signing.signer import BundleSigner, name_of
from tradeplane_evidence.statements.provenance import PREDICATE_TYPE
from tradeplane_evidence.statements.release import ReleaseEvidence
from tradeplane_evidence.verification.attestations import Trust
from tradeplane_evidence.verification.releases import Expected, ReleaseVerification, Whole, verify_release

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import pairs
from tradeplane_cli.progress import stage
from tradeplane_cli.signing_passphrase import passphrase
from tradeplane_cli.told_checks import checks_as_text, said_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tradeplane_api.release_build import ReleaseBuild, ReleaseFile
    from tradeplane_evidence.statements.run import Execution
    from tradeplane_evidence.verification.policy import Policy
    from tradeplane_evidence.verification.signers import Signers


@dataclass(frozen=True, slots=True)
class Signed:
    """A release that was signed."""

    folder: Path
    build: ReleaseBuild
    signed: SignedRelease
    signer: str
    """Fingerprint of the key, or who signed."""
    keyless: bool

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "release": self.build.version,
            "tag": self.build.tag,
            "commit": self.build.source.commit,
            "files": len(self.build.files),
            "provenance": str(self.folder / PROVENANCE),
            "checksums": str(self.folder / CHECKSUMS_BUNDLE),
            "identity" if self.keyless else "key": self.signer,
        }

    def as_text(self) -> str:
        """Lines for people, with what to do next."""
        rows = [(name.capitalize(), str(value)) for name, value in self.as_json().items() if value is not None]
        who = f"--certificate-identity {self.signer} --certificate-oidc-issuer ISSUER --trusted-root ROOT.json"
        ours, theirs = (
            (who, f"{who} --use-signed-timestamps")
            if self.keyless
            else ("--key KEY.pub", "--key KEY.pub --insecure-ignore-tlog")
        )
        return "\n".join(
            [
                pairs(rows),
                "",
                f"Anybody with the {'trusted root of the instance' if self.keyless else 'public key'} verifies it:",
                f"  tradeplane release verify {self.folder} {ours}",
                f"  cosign verify-blob-attestation {theirs} --type {PREDICATE_TYPE} --bundle {PROVENANCE} FILE",
            ]
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of a release."""

    verification: ReleaseVerification

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        found = self.verification
        return {
            "release": found.version,
            "verified": found.passed,
            "checks": said_of(found.checks),
            "commit": found.commit,
            "provenance": None if found.claim is None else found.claim.provenance.plain(),
        }

    def as_text(self) -> str:
        """Lines for people: one a check."""
        return checks_as_text(self.verification.checks)


def sign(folder: Path, record: Path | None, signer: str, execution: Execution, authority: str | None) -> Signed:
    """Sign a release that was built. Raises what the rooms below raise, and CommandFailure for what cannot be read."""
    path = record or folder.with_name(f"{folder.name}.build.json")
    build = parse_release(_read(path, MAX_RECORD_BYTES, "give the record that `make release` left beside the folder"))
    key = open_statement_signer(signer, passphrase())
    with stage(f"Signing release {build.version}"):
        signed = asyncio.run(sign_release(folder, ReleaseEvidence(build, execution), key, authority))
    return Signed(folder, build, signed, name_of(key), keyless=isinstance(key, BundleSigner))


def verify(
    paths: Sequence[Path],
    provenance: Path | None,
    signers: Signers,
    policy: Policy,
    expected: Expected,
) -> Verified:
    """Verify the folder of a release, or files of one. Raises what the rooms below raise, and CommandFailure."""
    folder = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
    if folder is None and any(path.is_dir() for path in paths):
        raise CommandFailure("a folder is given beside something else", remedy="give one folder, or files of a release")
    bundle = provenance or (folder or paths[0].parent) / PROVENANCE
    data = _read(
        bundle,
        MAX_BUNDLE_BYTES,
        "it is published with the release; name it with --provenance",
        downloaded=provenance is None,
    )
    files, whole = (_files(paths), None) if folder is None else (files_of(folder), _whole(folder))
    trust = Trust(signers, policy, datetime.now(UTC))
    with stage(f"Verifying {bundle.parent}"):
        return Verified(verify_release(str(folder or bundle.parent), data, files, trust, expected, whole))


def _files(paths: Sequence[Path]) -> Mapping[str, ReleaseFile]:
    found: dict[str, ReleaseFile] = {}
    for path in paths:
        if path.name in found:
            raise CommandFailure(f"{path.name} is given twice", remedy="give each file of the release once")
        try:
            found[path.name] = file_at(path)
        except OSError as error:
            raise CommandFailure(
                f"{path} cannot be read: {error.strerror}", remedy="give files of a release"
            ) from error
    return found


def _whole(folder: Path) -> Whole | None:
    """Return the list of digests and the bundle about it; no bytes where there is no list, which is then missing."""
    try:
        listed = read_beside(folder / CHECKSUMS, MAX_CHECKSUMS_BYTES)
    except FileNotFoundError:
        return Whole(b"", None)
    try:
        return Whole(listed, read_beside(folder / CHECKSUMS_BUNDLE, MAX_BUNDLE_BYTES))
    except FileNotFoundError:
        return Whole(listed, None)


def _read(path: Path, limit: int, remedy: str, *, downloaded: bool = False) -> bytes:
    """Return a file's bytes, one more than allowed where it has more: who parses it refuses that.

    ``downloaded``: whether somebody else put it there, who may have put a link or a pipe in its place.
    """
    try:
        if downloaded:
            return read_beside(path, limit)
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise CommandFailure(
            f"{path} cannot be read: {error.strerror}", code=ExitCode.INVALID, remedy=remedy
        ) from error
