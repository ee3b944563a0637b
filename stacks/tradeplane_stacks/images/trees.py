"""Digests and copies of directory trees, and trees that are made once and found by what they were made from."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.file_locks import acquire
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.programs import BUILD_TIMEOUT_S
from tradeplane_stacks.images.settings import SOURCE_DATE_EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_NOT_SOURCE = {"__pycache__", "target", ".venv", ".mypy_cache", ".ruff_cache", ".hypothesis", "build", "dist"}
_NOT_SOURCE_SUFFIXES = {".so", ".pyc"}


def source_files(directory: Path) -> list[Path]:
    """Return the files of a directory of sources, sorted, without what tools leave there."""
    found = []
    for parent, names, files in os.walk(directory):
        names[:] = [name for name in names if name not in _NOT_SOURCE and not name.endswith(".egg-info")]
        found += [Path(parent, name) for name in files if Path(name).suffix not in _NOT_SOURCE_SUFFIXES]
    return sorted(found)


def inputs_digest(words: Iterable[str], files: Iterable[Path] = (), relative_to: Path = Path("/")) -> str:
    """Digest what something is made from: words, and files by relative path, executable bit and content.

    Each item is preceded by its length, so that no two lists of items read the same.
    """
    digest = hashlib.sha256()

    def add(content: bytes) -> None:
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)

    for word in words:
        add(word.encode())
    for path in sorted(files):
        add(str(path.relative_to(relative_to)).encode())
        add(b"x" if os.access(path, os.X_OK) else b"-")
        add(path.read_bytes())
    return digest.hexdigest()


def tree_bytes(directory: Path) -> int:
    """Return the size of all files of a tree, in bytes."""
    return sum(path.lstat().st_size for path in directory.rglob("*") if path.is_file() and not path.is_symlink())


def made_once(path: Path, make: Callable[[Path], None]) -> Path:
    """Return a tree of the cache, making it when it is not there; a half-made one is never left under its name."""
    if not path.exists():
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        remove_tree(partial)
        partial.parent.mkdir(parents=True, exist_ok=True)
        try:
            make(partial)
            set_times(partial)
            partial.rename(path)
        finally:
            remove_tree(partial)
    return path


def set_times(tree: Path) -> None:
    """Give every file and directory of a tree the one date, and modes that do not depend on the builder's umask."""
    for path in sorted([tree, *tree.rglob("*")], reverse=True):
        if not path.is_symlink():
            path.chmod(_mode(path))
        os.utime(path, (SOURCE_DATE_EPOCH, SOURCE_DATE_EPOCH), follow_symlinks=False)


def _mode(path: Path) -> int:
    present = path.stat().st_mode
    if present & stat.S_ISVTX:
        return 0o1777
    return 0o755 if path.is_dir() or present & stat.S_IXUSR else 0o644


def link_tree(source: Path, target: Path) -> None:
    """Copy a tree by hard links, which takes neither time nor space."""
    shutil.copytree(source, target, symlinks=True, copy_function=_link, dirs_exist_ok=True)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target, follow_symlinks=False)
    return target


@contextmanager
def exclusive(cache: Path, say: Callable[[str], None], limit_s: float = BUILD_TIMEOUT_S) -> Iterator[None]:
    """Hold the cache alone: a second build waits for the first and then finds what it made.

    Raises:
        ImageError: the other build still goes on after ``limit_s`` seconds.

    """
    cache.mkdir(parents=True, exist_ok=True)
    told = False

    def waited(_: float) -> None:
        nonlocal told
        if not told:
            told = True
            say(f"waiting for another build that uses {cache}")

    with (cache / "lock").open("w") as lock:
        try:
            acquire(lock, waited, limit_s)
        except TimeoutError as error:
            raise ImageError(
                f"Another build has held {cache} for {limit_s:.0f} s: end it, or wait and try again."
            ) from error
        yield


def remove_tree(tree: Path) -> None:
    """Remove a tree if it is there."""
    if tree.exists():
        shutil.rmtree(tree)
