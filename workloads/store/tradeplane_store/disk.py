"""A store in a folder of a file system, safe to read where somebody else may write.

The object store library has a local backend, but it follows symbolic links, opens whatever kind of file it finds,
leaves permissions to the process's umask, does not sync, and reports a full disk as text. A tenant's pod can write to
the volume that the operator reads, so here every folder on the way is opened relative to the one before it and links
are never followed (``openat`` with ``O_NOFOLLOW``): no name, and no race, leads out of the root.

A write goes to a hidden temporary file, is synced, and then gets its name by one system call (``link`` where the name
must be new, ``rename`` otherwise), so that a reader, or a machine that lost power, sees all of an object or none.
A killed process can leave a temporary file behind; its name begins with a dot and is never listed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from typing import TYPE_CHECKING

from tradeplane_store.errors import (
    AlreadyExists,
    DeletionRefused,
    InvalidPath,
    NotFound,
    StoreError,
    StoreFull,
    StoreUnavailable,
    TooLarge,
)
from tradeplane_store.state import ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_MODE = 0o640
"""Owner writes, group reads: operator, runner and administrator share a group, others see nothing."""
FOLDER_MODE = 0o770
"""Owner and group write; a set-group-id bit on the root is passed on, so that all files have the root's group."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_KEPT = {errno.EROFS, errno.EACCES, errno.EPERM}
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DiskStore:
    """Objects as files under one folder. Names are checked by the caller (``tradeplane_store.names``)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create_root(self) -> None:
        """Make the root folder, and those above it, where they are missing."""
        with self._errors(""):
            if not self._root.is_dir():
                self._root.mkdir(parents=True, exist_ok=True)
                self._root.chmod(FOLDER_MODE)

    def get(self, name: str, limit: int) -> bytes:
        """Return the bytes of an object of at most ``limit`` bytes."""
        with self._errors(name), self._folder_of(name) as (folder, last):
            # Not blocking: a FIFO under this name must not hold us.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            with os.fdopen(os.open(last, flags, dir_fd=folder), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise NotFound(f"{self._path(name)} is not a regular file, so it is no object")
                data = file.read(limit + 1)
        if len(data) > limit:
            raise TooLarge(f"{self._path(name)} is larger than the {limit} bytes that are read here")
        return data

    def put(self, name: str, data: bytes | memoryview, *, absent: bool) -> None:
        """Write an object whole; with ``absent``, only where there is none of this name."""
        with self._errors(name, writing=True), self._folder_of(name, create=True) as (folder, last):
            temporary = f".{secrets.token_hex(16)}"
            try:
                _write_synced(folder, temporary, data)
                if absent:
                    os.link(temporary, last, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
                else:
                    os.rename(temporary, last, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
            os.fsync(folder)

    def exists(self, name: str) -> bool:
        """Return whether there is an object of this name."""
        try:
            with self._errors(name), self._folder_of(name) as (folder, last):
                return stat.S_ISREG(os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode)
        except NotFound:
            return False

    def stat(self, name: str) -> ObjectState:
        """Return size and age of an object; NotFound where there is none."""
        with self._errors(name), self._folder_of(name) as (folder, last):
            found = os.stat(last, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            raise NotFound(f"{self._path(name)} is not a regular file, so it is no object")
        return ObjectState(found.st_size, found.st_mtime_ns)

    def delete(self, name: str) -> None:
        """Delete an object; NotFound where there is none."""
        with self._errors(name), self._folder_of(name) as (folder, last):
            try:
                os.unlink(last, dir_fd=folder)
            except OSError as error:
                if error.errno in _KEPT:
                    raise DeletionRefused(
                        f"{self._path(name)} cannot be deleted ({error.strerror}); where it should be, mount the "
                        f"volume for writing and let user {os.geteuid()} write to its folder"
                    ) from error
                raise

    def held(self, name: str) -> str:
        """Return what holds an object whatever is asked: nothing that a folder would tell."""
        del name
        return ""

    def remove_folder(self, folder: str) -> None:
        """Remove a folder in which nothing is left; one that is gone, or has something, stays as it is."""
        with (
            contextlib.suppress(NotFound),
            self._errors(folder),
            self._folder_of(folder) as (above, last),
            contextlib.suppress(FileNotFoundError),
        ):
            try:
                os.rmdir(last, dir_fd=above)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, *_KEPT}:
                    raise

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names of all objects under a folder, in no particular order."""
        try:
            with self._errors(folder), self._folder(folder.split("/") if folder else []) as start:
                yield from _walk(start, f"{folder}/" if folder else "")
        except NotFound:
            return

    def folders(self, folder: str) -> Iterator[str]:
        """Yield the names (last segments) of the folders in a folder, in no particular order."""
        try:
            with self._errors(folder), self._folder(folder.split("/") if folder else []) as start:
                yield from [name for name, is_folder, _ in _entries(start) if is_folder]
        except NotFound:
            return

    def _path(self, name: str) -> str:
        return str(self._root / name)

    @contextlib.contextmanager
    def _folder_of(self, name: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        *above, last = name.split("/")
        with self._folder(above, create=create) as folder:
            yield folder, last

    @contextlib.contextmanager
    def _folder(self, segments: list[str], *, create: bool = False) -> Iterator[int]:
        """Open a folder below the root, each step relative to the one before and through no link."""
        current = self._open_root()
        try:
            for segment in segments:
                below = _open_below(current, segment, create=create)
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)

    def _open_root(self) -> int:
        try:
            return os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StoreUnavailable(
                f"the store's folder {self._root} is not there; create it, or mount the volume that holds it"
            ) from error

    @contextlib.contextmanager
    def _errors(self, name: str, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if writing and error.errno in _ABSENT:
                raise InvalidPath(
                    f"{self._path(name)} cannot be written: a name on the way to it is a file or a symbolic link, "
                    "or it is a folder itself; remove that, or choose another name"
                ) from error
            raise _translated(self._path(name), error) from error


def _open_below(parent: int, segment: str, *, create: bool) -> int:
    try:
        return os.open(segment, _FOLDER_FLAGS, dir_fd=parent)
    except FileNotFoundError:
        if not create:
            raise
    with contextlib.suppress(FileExistsError):  # another writer made it just now
        os.mkdir(segment, FOLDER_MODE, dir_fd=parent)
        inherited = os.stat(segment, dir_fd=parent, follow_symlinks=False).st_mode & stat.S_ISGID
        os.chmod(segment, FOLDER_MODE | inherited, dir_fd=parent)
        os.fsync(parent)
    return os.open(segment, _FOLDER_FLAGS, dir_fd=parent)


def _write_synced(folder: int, name: str, data: bytes | memoryview) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, FILE_MODE, dir_fd=folder)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        os.fchmod(descriptor, FILE_MODE)
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(descriptor)


def _walk(folder: int, prefix: str) -> Iterator[str]:
    for name, is_folder, is_file in _entries(folder):
        if is_file:
            yield prefix + name
        elif is_folder:
            below = os.open(name, _FOLDER_FLAGS, dir_fd=folder)
            try:
                yield from _walk(below, f"{prefix}{name}/")
            finally:
                os.close(below)


def _entries(folder: int) -> list[tuple[str, bool, bool]]:
    """Return name, whether a folder and whether a file, of all that is not hidden; a link is neither."""
    with os.scandir(folder) as entries:
        return [
            (each.name, each.is_dir(follow_symlinks=False), each.is_file(follow_symlinks=False))
            for each in entries
            if not each.name.startswith(".")
        ]


def _translated(path: str, error: OSError) -> StoreError:
    if error.errno in _ABSENT:
        return NotFound(f"{path} does not exist")
    if error.errno == errno.EEXIST:
        return AlreadyExists(f"{path} exists already and was left as it is")
    if error.errno == errno.ELOOP:
        return InvalidPath(f"{path} is a symbolic link; links in a store are not followed, put the file itself there")
    if error.errno in _FULL:
        return StoreFull(f"no room to write {path} ({error.strerror}); free space, raise the quota or grow the volume")
    return StoreUnavailable(
        f"{path}: {error.strerror}; check that the volume is mounted and that user {os.geteuid()} may use it"
    )
