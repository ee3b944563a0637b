"""A file's columns as text or as they are typed, and where each row stands in it, so that errors can say."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa
    from tradeplane_api.snapshot_manifest import SnapshotSource


@dataclass(frozen=True, slots=True)
class Place:
    """How rows of a source are named to a person: row 0 of a CSV file is line 2."""

    name: str
    unit: str
    first: int

    def refused(self, row: int, header: str, what: str, remedy: str) -> DataRefused:
        """Return the error for one value: file, line, column, what is wrong, what to do."""
        return DataRefused(f'{self.name}, {self.unit} {row + self.first}, column "{header}": {what}; {remedy}')


@dataclass(frozen=True, slots=True)
class SourceColumns:
    """The columns of a source by role (``options.ROLES``), with the headers they had there."""

    place: Place
    columns: Mapping[str, pa.Array]
    headers: Mapping[str, str]
    source: SnapshotSource


def read_limited(path: Path, limit: int) -> bytes:
    """Return a file's bytes. Raises DataRefused when it cannot be read, is empty, or has more than ``limit`` bytes.

    Its name must be text: the manifest records it.
    """
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        raise DataRefused(f"{path.name!r} is no name in UTF-8, by which it would be recorded; rename it") from error
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            # As much memory as asked for is taken before a byte is read, so of a file no more is asked for than it has.
            data = file.read(min(limit, state.st_size) + 1 if stat.S_ISREG(state.st_mode) else limit + 1)
    except OSError as error:
        raise DataRefused(f"{path} cannot be read: {error.strerror}; check its name and permissions") from error
    if len(data) > limit:
        raise DataRefused(f"{path.name} is larger than {limit} bytes; split it by instrument, or raise the limit")
    if not data.strip():
        raise DataRefused(f"{path.name} is empty; give a file that has data")
    return data
