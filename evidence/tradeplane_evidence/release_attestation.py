"""Signing a release: one statement about every file, and the list of digests, each as a bundle beside the files.

What is signed is what a record of the build says, so before anything is signed the record is held against the files
that lie there: all of them and no others, each as it was recorded. What fails is refused whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.release_build import CHECKSUMS, ReleaseBuild
from tradeplane_store.canonical import sha256_digest

from tradeplane_evidence.build_records import parse_build_record
from tradeplane_evidence.errors import DigestMismatch, Incomplete, InvalidReference, Malformed, NotAttested
from tradeplane_evidence.release_folder import (
    CHECKSUMS_BUNDLE,
    MAX_CHECKSUMS_BYTES,
    PROVENANCE,
    files_of,
    read_beside,
)
from tradeplane_evidence.signing.messages import sign_message
from tradeplane_evidence.signing.signer import sign_and_stamp
from tradeplane_evidence.statements.release import release_statement
from tradeplane_evidence.statements.statement import MAX_STATEMENT_BYTES, serialise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tradeplane_api.release_build import ReleaseFile

    from tradeplane_evidence.signing.signer import BundleSigner, Signer
    from tradeplane_evidence.statements.release import ReleaseEvidence


@dataclass(frozen=True, slots=True)
class SignedRelease:
    """The bundles of a release: of the statement about every file, and of the list of digests."""

    provenance: bytes
    checksums: bytes


def parse_release(data: bytes) -> ReleaseBuild:
    """Return the record of a build of a release from its JSON. Raises Malformed."""
    return parse_build_record(ReleaseBuild, data, "the record of the release", "build the release again")


def check_files(build: ReleaseBuild, files: Mapping[str, ReleaseFile]) -> None:
    """Raise DigestMismatch, Incomplete or NotAttested where files are not those of the record, all and no others."""
    recorded = {one.name: one for one in build.files}
    for name in sorted(recorded.keys() | files.keys()):
        if name not in recorded:
            raise NotAttested(f"{name} is no file of this build of {build.version}; remove it, or build again")
        if name not in files:
            raise Incomplete(f"{name} of this build of {build.version} is not there; build again")
        if files[name] != recorded[name]:
            raise DigestMismatch(f"{name} is not as it was built: {files[name].digest} is there; build again")


async def sign_release(
    folder: Path, evidence: ReleaseEvidence, signer: Signer | BundleSigner, timestamp_authority: str | None = None
) -> SignedRelease:
    """Sign a release that lies in a folder, and write its bundles beside it; those that are there are replaced.

    ``timestamp_authority``: URL of who says when it was signed (RFC 3161). Raises what ``check_files`` raises,
    Malformed, InvalidReference where a file cannot be read or written, and what the signer raises.
    """
    statement = release_statement(evidence)
    if len(serialise(statement)) > MAX_STATEMENT_BYTES:
        raise Malformed(f"the statement of {evidence.build.version} has more than {MAX_STATEMENT_BYTES:,} bytes")
    check_files(evidence.build, files_of(folder))
    checksums = _checksums(folder, evidence.build)
    bundle = await sign_and_stamp(statement, signer, timestamp_authority)
    listed = await sign_message(checksums, signer, timestamp_authority)
    _write(folder / PROVENANCE, bundle)
    _write(folder / CHECKSUMS_BUNDLE, listed)
    return SignedRelease(bundle, listed)


def _checksums(folder: Path, build: ReleaseBuild) -> bytes:
    try:
        data = read_beside(folder / CHECKSUMS, MAX_CHECKSUMS_BYTES)
    except OSError as error:
        raise InvalidReference(f"{folder / CHECKSUMS} cannot be read: {error.strerror}") from error
    (recorded,) = (one for one in build.files if one.name == CHECKSUMS)
    if sha256_digest(data) != recorded.digest:
        raise DigestMismatch(f"{CHECKSUMS} was changed while it was read, or has too many lines; build again")
    return data


def _write(path: Path, data: bytes) -> None:
    """Write a bundle whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise InvalidReference(f"{path} cannot be written: {error.strerror}") from error
