"""A trader's sessions on its volume: folders ``1``, ``2``, ...; the last is the one that goes on, unless it was closed.

A session's name is made when its folder is, from the trader, the number and the time, and kept in it: names of orders
are derived from it, and a trader that lost its volume does not send orders of names it has used.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.paper import PaperReport

from tradeplane_workloads.durable import sync_folder, write_whole
from tradeplane_workloads.errors import DataRefused, StoreFailure

if TYPE_CHECKING:
    from pathlib import Path

NAME = "name"
CLOSED = "closed.json"
"""The report of a session that was closed; the next session begins in a folder of its own."""
NAME_BYTES = 16
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class SessionPlace:
    """Where a session lies, which of the trader's it is, and its name."""

    folder: Path
    number: int
    name: bytes

    def closed(self) -> PaperReport | None:
        """Return how the session was closed; None where it was not. Raises DataRefused and StoreFailure."""
        path = self.folder / CLOSED
        try:
            with path.open("rb") as file:
                return PaperReport.model_validate_json(file.read(_MAX_BYTES))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreFailure(f"{path}: it cannot be read ({error.strerror}); check the volume") from error
        except ValueError as error:
            raise DataRefused(f"{path}: it is no report of a session ({error}); restore it") from error

    def close(self, report: PaperReport) -> None:
        """Write down, once and for good, that the session was closed. Raises StoreFailure."""
        _write(self.folder, CLOSED, report.model_dump_json(by_alias=True, exclude_none=True).encode())


def newest(root: Path) -> SessionPlace | None:
    """Return the newest of a trader's sessions; None where it has none. Raises StoreFailure and DataRefused."""
    try:
        numbers = [int(entry.name) for entry in root.iterdir() if entry.is_dir() and _NUMBER.fullmatch(entry.name)]
    except OSError as error:
        raise StoreFailure(f"{root}: it cannot be read ({error.strerror}); check the volume") from error
    return named(root / str(max(numbers))) if numbers else None


def current(root: Path, trader: str, time_ns: int) -> SessionPlace:
    """Return the session that goes on, or begin the folder of the next. Raises StoreFailure and DataRefused."""
    last = newest(root)
    if last is not None and last.closed() is None:
        return last
    number = 1 if last is None else last.number + 1
    folder = root / f".{number}"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreFailure(f"{folder}: it cannot be made ({error.strerror}); check the volume") from error
    name = hashlib.sha256(f"tradeplane.dev/session\n{trader}\n{number}\n{time_ns}".encode()).digest()[:NAME_BYTES]
    _write(folder, NAME, name.hex().encode())
    try:
        folder.rename(root / str(number))
        sync_folder(root)
    except OSError as error:
        raise StoreFailure(f"{folder}: it cannot be renamed ({error.strerror}); check the volume") from error
    return SessionPlace(root / str(number), number, name)


def named(folder: Path) -> SessionPlace:
    """Return the session of a folder. Raises StoreFailure and DataRefused."""
    path = folder / NAME
    try:
        with path.open("rb") as file:
            text = file.read(2 * NAME_BYTES + 1).decode("ascii", "replace")
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be read ({error.strerror}); check the volume") from error
    if re.fullmatch(rf"[0-9a-f]{{{2 * NAME_BYTES}}}", text, re.ASCII) is None:
        raise DataRefused(f"{path}: it has no name of a session; restore it from the session's journal")
    return SessionPlace(folder, int(folder.name), bytes.fromhex(text))


def _write(folder: Path, name: str, data: bytes) -> None:
    """Write a file whole: it has its name when all of it is on disk."""
    path = folder / name
    try:
        write_whole(path, data)
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be written ({error.strerror}); check the volume") from error
