"""The folder of a spool: segments by number, and beside each what was made of it.

    capture.json    what is captured: another feed may not be spooled here
    7.log           the lines of segment 7, appended to; it has ended when 8.log is there
    7.opening       the lines before them: the books as segment 6 left them
    7.refused       lines that no tape could hold
    7.sealed        the bundle made of it, as JSON; written last

All but the segments themselves are written whole or not at all. Whoever was killed between any two of these steps is
followed by one who does the same again, to the same bytes.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradeplane_api.capture import SealedBundle

from tradeplane_workloads.durable import sync_folder
from tradeplane_workloads.errors import InvalidSpecification, StoreFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_api.capture import CaptureSpecification

_SEGMENT = re.compile(r"([1-9][0-9]{0,15})\.log")
_BLOCK = 1 << 16
_MAX_STATE_BYTES = 1 << 20


class SpoolFolder:
    """One spool. Its methods raise StoreFailure where the file system refuses them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def claim(self, specification: CaptureSpecification) -> None:
        """Make the folder, or go on with it. Raises InvalidSpecification where it holds the spool of another feed."""
        with told(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        state = self.root / "capture.json"
        mine = specification.feed.model_dump_json(include={"market", "stream", "symbols", "channels"}).encode()
        if not state.exists():
            self.write(state, mine)
        elif read(state) != mine:
            raise InvalidSpecification(
                f"{self.root} holds the spool of another feed; give another folder, or the feed that {state} states"
            )

    @contextmanager
    def held(self, name: str, *, wait: bool = False) -> Iterator[None]:
        """Hold a lock in this folder; without ``wait``, InvalidSpecification where another process has it."""
        with told(self.root):
            descriptor = os.open(self.root / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError as error:
                raise InvalidSpecification(
                    f"another capture writes to {self.root}; end it, or give another folder"
                ) from error
            yield
        finally:
            os.close(descriptor)

    def segments(self) -> list[int]:
        """Return the numbers of the segments there are, ascending; the last is the one being written."""
        with told(self.root):
            names = [_SEGMENT.fullmatch(path.name) for path in self.root.iterdir()]
        return sorted(int(matched[1]) for matched in names if matched)

    def log(self, number: int) -> Path:
        """Return where the lines of a segment are."""
        return self.root / f"{number}.log"

    def opening(self, number: int) -> bytes:
        """Return the lines that stand before those of a segment; none of the first."""
        path = self.root / f"{number}.opening"
        return read(path, 1 << 30) if path.exists() else b""

    def recording(self, number: int) -> tuple[bytes, bytes]:
        """Return opening and lines of a segment."""
        return self.opening(number), read(self.log(number), 1 << 32)

    def write_opening(self, number: int, lines: bytes) -> None:
        """Write what stands before the lines of a segment."""
        self.write(self.root / f"{number}.opening", lines)

    def write_refused(self, number: int, lines: bytes) -> None:
        """Keep lines that no tape could hold."""
        self.write(self.root / f"{number}.refused", lines)

    def sealed(self, number: int) -> SealedBundle | None:
        """Return the bundle made of a segment, or None where there is none yet."""
        path = self.root / f"{number}.sealed"
        if not path.exists():
            return None
        try:
            return SealedBundle.model_validate_json(read(path))
        except ValueError as error:
            raise StoreFailure(f"{path} is damaged; delete it, and segment {number} is sealed once more") from error

    def is_sealed(self, number: int) -> bool:
        """Return whether a bundle was made of a segment."""
        return (self.root / f"{number}.sealed").exists()

    def mark_sealed(self, bundle: SealedBundle) -> None:
        """Say which bundle was made of a segment."""
        self.write(self.root / f"{bundle.number}.sealed", bundle.model_dump_json().encode())

    def ended(self) -> list[int]:
        """Return the segments that have ended and are not sealed, in their order."""
        return [number for number in self.segments()[:-1] if not self.is_sealed(number)]

    def unsealed_bytes(self) -> int:
        """Return how many bytes there are in segments that are not sealed."""
        pending = [*self.ended(), *self.segments()[-1:]]
        with told(self.root):
            return sum(self.log(number).stat().st_size for number in pending)

    def retain(self, keep: int) -> None:
        """Remove sealed segments but the last ``keep``. What the last one became stays: the next follows it."""
        sealed = [number for number in self.segments()[:-1] if self.is_sealed(number)]
        for number in sealed[: len(sealed) - keep]:
            for end in ("log", "opening", "refused"):
                with told(self.root):
                    (self.root / f"{number}.{end}").unlink(missing_ok=True)
        oldest = self.segments()[0]
        for path in self.root.glob("*.sealed"):
            if int(path.stem) < oldest - 1:
                with told(path):
                    path.unlink(missing_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        """Write a file whole: its name is given to it when its bytes are on the disk."""
        temporary = path.with_name(f".{path.name}.new")
        with told(path):
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
            sync_folder(self.root)


def read(path: Path, limit: int = _MAX_STATE_BYTES) -> bytes:
    """Return a file's bytes. Raises StoreFailure where there are more than ``limit``."""
    with told(path), path.open("rb") as file:
        data = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)
    if len(data) > limit:
        raise StoreFailure(f"{path} has more than {limit} bytes; it is none of a spool, take it away")
    return data


def cut_torn_line(path: Path) -> int:
    """Cut off what follows the last whole line, as a crash leaves it, and return how many bytes that were."""
    with told(path), path.open("r+b") as file:
        size = place = file.seek(0, os.SEEK_END)
        while place:
            start = max(0, place - _BLOCK)
            file.seek(start)
            found = file.read(place - start).rfind(b"\n")
            if found >= 0:
                place = start + found + 1
                break
            place = start
        if place < size:
            file.truncate(place)
            os.fsync(file.fileno())
    return size - place


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Say of which file the file system refused something, and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreFailure(
            f"the spool {path}: {error.strerror}; give it room and permissions, then start the capture again: it goes "
            "on where it was"
        ) from error
