"""The segment being written: lines are appended to it and synced, and what was synced is what the disk has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tradeplane_workloads.capture.folder import cut_torn_line, told
from tradeplane_workloads.durable import sync_folder

if TYPE_CHECKING:
    from tradeplane_workloads.capture.folder import SpoolFolder


class Segment:
    """A segment, made where it is not there; what a crash left of a line is cut off (``torn``: how many bytes)."""

    def __init__(self, folder: SpoolFolder, number: int) -> None:
        self.number = number
        self._path = folder.log(number)
        with told(self._path):
            there = self._path.exists()
            self.torn = cut_torn_line(self._path) if there else 0
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            self.size = os.fstat(self._descriptor).st_size
            if not there:
                sync_folder(folder.root)

    def write(self, lines: bytes) -> None:
        """Append whole lines and sync them. Raises StoreFailure where they could not all be written: none is then."""
        with told(self._path):
            try:
                rest = memoryview(lines)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
                os.fdatasync(self._descriptor)
            except OSError:
                os.ftruncate(self._descriptor, self.size)
                raise
        self.size += len(lines)

    def close(self) -> None:
        """Write no more."""
        os.close(self._descriptor)
