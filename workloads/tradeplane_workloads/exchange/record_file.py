"""The file an exchange records its inputs in: appended before anything that follows from them is told to anyone."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import DataRefused, StoreFailure

if TYPE_CHECKING:
    from pathlib import Path

MAX_RECORD_BYTES = 4 << 30


def specification_beside(record: Path) -> Path:
    """Return where the specification of the exchange is kept that a copy of its record is replayed with."""
    return record.with_name(f"{record.name}.exchange.json")


class RecordFile:
    """A record that one server writes."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises StoreFailure where it cannot be, DataRefused where another server has it."""
        self.path = path
        self._syncing = threading.Lock()
        self._is_open = True
        self._unsynced = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreFailure(f"the record {path}: {error.strerror}; give a directory that can be written") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise DataRefused(f"the record {path} is written by another exchange; stop that one first") from error

    def read(self) -> bytes:
        """Return what was recorded before."""
        size = len(self)
        if size > MAX_RECORD_BYTES:
            raise DataRefused(f"the record {self.path} has {size} bytes, more than can be replayed; move it away")
        parts, at = [], 0
        while at < size:
            part = self.part(at, min(size - at, 1 << 24))
            if not part:
                break
            parts.append(part)
            at += len(part)
        return b"".join(parts)

    def __len__(self) -> int:
        return os.fstat(self._file).st_size

    def part(self, first: int, most: int) -> bytes:
        """Return bytes of the record from one on. What was appended does not change."""
        return os.pread(self._file, most, first)

    def cut(self, whole: int) -> None:
        """Take off a torn end."""
        os.ftruncate(self._file, whole)

    def append(self, data: bytes) -> None:
        """Hand what was recorded to the operating system, where a killed process leaves it. Raises StoreFailure."""
        rest = memoryview(data)
        self._unsynced = True
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            remedy = "make room and start it again" if full else "repair the disk and start it again"
            words = f"the record {self.path} cannot be written ({error.strerror}), so the exchange stops; {remedy}"
            raise StoreFailure(words) from error

    def sync(self) -> None:
        """Put on the disk what was appended, if anything was; another thread may ask. Raises StoreFailure."""
        with self._syncing:
            if not (self._is_open and self._unsynced):
                return
            self._unsynced = False
            try:
                os.fdatasync(self._file)
            except OSError as error:
                words = (
                    f"the record {self.path} cannot be synced ({error.strerror}), so the exchange stops, as nobody "
                    "knows what is on the disk; repair it and start the exchange again"
                )
                raise StoreFailure(words) from error

    def close(self) -> None:
        """Put everything on the disk and let go of the file."""
        with self._syncing:
            self._is_open = False
            os.fsync(self._file)
            os.close(self._file)
