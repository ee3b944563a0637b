"""A journal on disk: appended to by one process, and on disk for good when synced.

A write that fails is taken back, so that what is in the file is whole records. After a sync that failed nobody knows
what is on disk, so the file is not used any more: it is opened again, and read.

While it is open the file is longer than its records (``make_room``): what comes after them is zeros that are on disk,
so that to put a record there changes no length and takes no block, and its sync is one of data alone. Whoever reads
the file takes zeros at its end for nothing; when it is closed they are cut off.

A sync may be begun before it is waited for: the disk takes the data meanwhile, and what is left to wait for is that the
data stays there without power. Nothing is on disk for good before ``sync`` returns.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import time
from typing import TYPE_CHECKING, Self

import numpy as np

from tradeplane_workloads.errors import DataRefused, StoreFailure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

MAX_BYTES = 1 << 36
"""Of one journal; what a session does beyond that is another session."""
ROOM_BYTES = 1 << 20
"""What room is made in; there is more of it when half of one is left."""
FILE_MODE = 0o640
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_START_WRITING = 2
"""SYNC_FILE_RANGE_WRITE of sync_file_range(2): start to write what is not being written, and wait for nothing."""


class JournalFull(StoreFailure):
    """There is no room for what is to be recorded. What is recorded is untouched."""


class JournalFile:
    """A journal that this process alone appends to, until it is closed."""

    def __init__(self, path: Path) -> None:
        """Open the file, and make it where it is missing.

        Raises StoreFailure where it cannot be opened or another process has it.
        """
        self._path = path
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(path, flags, FILE_MODE)
        except OSError as error:
            raise StoreFailure(f"{path}: it cannot be opened ({error.strerror}); check the volume") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise StoreFailure(f"{path}: another process trades this session; end it first") from error
        self._length = self._synced = self._size = os.fstat(self._descriptor).st_size
        self._usable = True
        self._has_room = True
        self.sync_nanoseconds = 0
        """What the last sync took."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._length

    def read(self) -> NDArray[np.uint8]:
        """Return what is in the file, read in place; it must not be cut while that is used."""
        return read_in_place(self._path)

    def append(self, data: bytes) -> None:
        """Append whole records. Raises JournalFull where there is no room; the file is as it was then."""
        self._check_usable()
        if self._length + len(data) > MAX_BYTES:
            raise JournalFull(f"{self._path}: it has {self._length} bytes of {MAX_BYTES}; begin a new session")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.pwrite(self._descriptor, rest, self._length + len(data) - len(rest)) :]
        except OSError as error:
            self._cut(self._length)
            if error.errno in _FULL:
                raise JournalFull(
                    f"{self._path}: the disk is full, and what came last is not recorded; make room and go on"
                ) from error
            raise StoreFailure(f"{self._path}: it cannot be written ({error.strerror}); check the volume") from error
        self._length += len(data)
        self._size = max(self._size, self._length)

    def make_room(self) -> None:
        """Have zeros on disk where records will come, some time before they do.

        It takes milliseconds, once a mebibyte, so call it when nothing waits. Where there is no room for it the journal
        grows with each record, which is as safe. Raises StoreFailure where it cannot be synced.
        """
        self._check_usable()
        if not self._length or not self._has_room or self._size - self._length >= ROOM_BYTES // 2:
            return
        if self._synced < self._length:
            self.sync()  # so that what is not synced is never far from the end, nor the header
        size = min(((self._length + ROOM_BYTES // 2) // ROOM_BYTES + 1) * ROOM_BYTES, MAX_BYTES)
        try:
            for place in range(self._size, size, ROOM_BYTES):
                self._fill(place, min(size - place, ROOM_BYTES))
        except OSError:
            self._has_room = False
            self._cut(self._size)
            return
        self._size = size
        self.sync()

    def begin_sync(self) -> None:
        """Have the disk begin with what was appended, and wait for nothing; ``sync`` then waits for less.

        A kernel that cannot is no failure: all of it is left to ``sync`` then.
        """
        self._check_usable()
        _start_writing(self._descriptor, self._synced)

    def sync(self) -> None:
        """Wait until everything is on disk for good. Raises StoreFailure where that fails, and does no more after."""
        self._check_usable()
        began = time.perf_counter_ns()
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._usable = False
            raise StoreFailure(
                f"{self._path}: it could not be synced ({error.strerror}), so nobody knows what is on disk; open the "
                "session again"
            ) from error
        self.sync_nanoseconds = time.perf_counter_ns() - began
        self._synced = self._length

    def cut(self, length: int) -> None:
        """Cut off what comes after whole records, which a crash left, and sync. Raises StoreFailure."""
        self._check_usable()
        if length < self._length:
            self._cut(length)
            self._length = length
            self.sync()

    def close(self) -> None:
        """Give the file up, without the room in it; what was not synced may be lost."""
        if self._usable and self._length < self._size:
            with contextlib.suppress(OSError):  # it is zeros that are left then
                os.ftruncate(self._descriptor, self._length)
        os.close(self._descriptor)
        self._usable = False

    def _fill(self, place: int, count: int) -> None:
        """Write zeros. Raises OSError."""
        rest = memoryview(bytes(count))
        while rest:
            rest = rest[os.pwrite(self._descriptor, rest, place + count - len(rest)) :]

    def _cut(self, length: int) -> None:
        try:
            os.ftruncate(self._descriptor, length)
        except OSError as error:
            self._usable = False
            raise StoreFailure(
                f"{self._path}: its torn end could not be cut off ({error.strerror}); open the session again"
            ) from error
        self._size = length

    def _check_usable(self) -> None:
        if not self._usable:
            raise StoreFailure(f"{self._path}: it was closed, or failed before; open the session again")


def _no_start(_: int, __: int) -> None:
    """Start nothing, where the platform has no such call."""


def _starting() -> Callable[[int, int], None]:
    """Return what has a file written from a place to its end, as far as the platform's library can."""
    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is None:
        return _no_start
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)

    def start(descriptor: int, first: int) -> None:
        call(descriptor, first, 0, _START_WRITING)  # 0 bytes are all to the end

    return start


_start_writing = _starting()


def read_in_place(path: Path) -> NDArray[np.uint8]:
    """Return a journal's bytes, mapped rather than copied. Raises StoreFailure, or DataRefused for one too large."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataRefused(f"{path}: it has {size} bytes, more than {MAX_BYTES}; give the journal of one session")
        return np.memmap(path, np.uint8, "r") if size else np.empty(0, np.uint8)
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be read ({error.strerror}); check the path") from error
