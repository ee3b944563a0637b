"""A trader's sessions on its volume: folders ``1``, ``2``, ...; the last is the one that goes on, unless it was closed.

A session's name is derived from the trader and the number, so no two sessions of one account send orders of one name.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.paper import PaperReport

from tradeplane_workloads.durable import sync_folder
from tradeplane_workloads.errors import DataRefused, StoreFailure

if TYPE_CHECKING:
    from pathlib import Path

CLOSED = "closed.json"
"""The report of a session that was closed; the next session begins in a folder of its own."""
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
        temporary = self.folder / f".{CLOSED}"
        try:
            with temporary.open("wb") as file:
                file.write(report.model_dump_json(by_alias=True, exclude_none=True).encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self.folder / CLOSED)
            sync_folder(self.folder)
        except OSError as error:
            raise StoreFailure(f"{temporary}: it cannot be written ({error.strerror}); check the volume") from error


def session_name(trader: str, number: int) -> bytes:
    """Return the 16 bytes that name a session."""
    return hashlib.sha256(f"tradeplane.dev/session\n{trader}\n{number}".encode()).digest()[:16]


def newest(root: Path, trader: str) -> SessionPlace | None:
    """Return the newest of a trader's sessions; None where it has none. Raises StoreFailure."""
    try:
        numbers = [int(entry.name) for entry in root.iterdir() if entry.is_dir() and _NUMBER.fullmatch(entry.name)]
    except OSError as error:
        raise StoreFailure(f"{root}: it cannot be read ({error.strerror}); check the volume") from error
    return _place(root, trader, max(numbers)) if numbers else None


def current(root: Path, trader: str) -> SessionPlace:
    """Return the session that goes on, or begin the folder of the next. Raises StoreFailure and DataRefused."""
    last = newest(root, trader)
    if last is not None and last.closed() is None:
        return last
    place = _place(root, trader, 1 if last is None else last.number + 1)
    try:
        place.folder.mkdir()
        sync_folder(root)
    except OSError as error:
        raise StoreFailure(f"{place.folder}: it cannot be made ({error.strerror}); check the volume") from error
    return place


def _place(root: Path, trader: str, number: int) -> SessionPlace:
    return SessionPlace(root / str(number), number, session_name(trader, number))
