"""The files of a release as they lie in a folder, read within limits; nobody there is asked which files to read.

A folder that was downloaded is somebody else's: a name in it may be that of a device, or lead out of it. So only plain
files count, whose names are such as a release has, and everything else is refused rather than passed over.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING, BinaryIO

from tradeplane_api.release_build import CHECKSUMS, FILE_NAME, MAX_FILES, ReleaseFile

from tradeplane_evidence.errors import InvalidReference, Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROVENANCE = "provenance.sigstore.json"
"""The bundle with the statement about every file."""
CHECKSUMS_BUNDLE = f"{CHECKSUMS}.sigstore.json"
"""The bundle with the signature of the list of digests."""
SIGNATURES = frozenset({PROVENANCE, CHECKSUMS_BUNDLE})
"""What signing leaves beside the files of a release, and no statement is about."""
MAX_FILE_BYTES = 4 * 1024**3
MAX_CHECKSUMS_BYTES = 1024 * 1024
_NAME = re.compile(FILE_NAME)
_PIECE = 1024 * 1024
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""No link is followed, and a pipe is opened without waiting for who writes to it."""


def files_of(folder: Path) -> Mapping[str, ReleaseFile]:
    """Return the files of a release by name, those of its signatures left out.

    Raises InvalidReference where the folder cannot be read, and Malformed for what a release has not: more files, names
    of another form, links, folders and devices, and files that are larger.
    """
    found: dict[str, ReleaseFile] = {}
    try:
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names alone: nothing is followed here
            if name not in SIGNATURES:
                if len(found) == MAX_FILES:
                    raise Malformed(f"{folder} has more than {MAX_FILES:,} files, and a release has no more")
                found[name] = file_at(folder / name)
    except OSError as error:
        raise InvalidReference(f"the release in {folder} cannot be read: {error.strerror}: {error.filename}") from error
    return found


def file_at(path: Path) -> ReleaseFile:
    """Return a file by name, digest and size. Raises Malformed likewise, and OSError where it cannot be read."""
    if _NAME.fullmatch(path.name) is None:
        raise Malformed(f"{path.name[:256]!r} is no name of a file of a release: it has other characters, or too many")
    digest, size = hashlib.sha256(), 0
    with _opened(path) as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > MAX_FILE_BYTES:
                raise Malformed(f"{path.name} has more than {MAX_FILE_BYTES:,} bytes, and no file of a release has")
            digest.update(piece)
    return ReleaseFile(name=path.name, digest=f"sha256:{digest.hexdigest()}", size=size)


def read_beside(path: Path, limit: int) -> bytes:
    """Return the bytes of a plain file, one more than the limit where it has more: who parses it refuses that.

    Raises Malformed where it is no plain file, and OSError where it cannot be read.
    """
    with _opened(path) as file:
        return file.read(limit + 1)


def _opened(path: Path) -> BinaryIO:
    try:
        descriptor = os.open(path, _OPEN)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise Malformed(f"{path.name} is a link, and a release has plain files alone") from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise Malformed(f"{path.name} is no plain file, and a release has no others")
