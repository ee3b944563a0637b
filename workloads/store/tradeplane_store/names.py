"""Names of objects, checked before any store sees them.

A name is a relative path of plain segments. Nothing that a file system or an HTTP client would read as more than a
name gets through, so no object name, wherever it came from, leads out of its store.
"""

from __future__ import annotations

import re

from tradeplane_store.errors import InvalidPath

MAX_NAME_BYTES = 1024
"""What S3 allows a key to be long; other stores allow as much or more."""

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,254}", re.ASCII)


def checked_name(name: str) -> str:
    """Return the name of an object, or raise InvalidPath.

    Segments are letters, digits, ``_``, ``.`` and ``-``, at most 255 of them, and do not begin with ``.`` or ``-``;
    that leaves out ``..``, absolute and hidden paths, and the temporary files of a store on disk.
    """
    if len(name) > MAX_NAME_BYTES:
        raise InvalidPath(f"an object name of {len(name)} characters is too long; use at most {MAX_NAME_BYTES}")
    if not all(_SEGMENT.fullmatch(segment) for segment in name.split("/")):
        raise InvalidPath(
            f"{name!r} cannot be the name of an object; use segments of letters, digits, '_', '.' and '-' "
            "that do not begin with '.' or '-', separated by single slashes"
        )
    return name


def checked_folder(folder: str) -> str:
    """Return the name of a folder without its final slash (empty for the whole store), or raise InvalidPath."""
    trimmed = folder.removesuffix("/")
    return checked_name(trimmed) if trimmed else ""
