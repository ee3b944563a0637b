"""Keys of accounts, read from a directory and read again when they change: a changed Secret needs no restart.

The directory itself may hold ``apiKey`` and ``apiSecret``, of the account ``default``; each directory in it that does
is an account of that name. Names that begin with a point are left out: Kubernetes keeps its own there.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange.signature import Credentials

if TYPE_CHECKING:
    from pathlib import Path

KEY_FILE, SECRET_FILE = "apiKey", "apiSecret"
MAX_BYTES = 4_096
MAX_ACCOUNTS = 64
DEFAULT_ACCOUNT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_log = logging.getLogger(__name__)

_Marks = tuple[tuple[str, int, int, int], ...]


class KeyDirectory:
    """The keys in a directory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._marks: _Marks | None = None
        self._known: tuple[Credentials, ...] = ()

    def known(self) -> tuple[Credentials, ...]:
        """Return the keys as they are now, by account."""
        if self._path is None:
            return ()
        marks = self._look()
        if marks != self._marks:
            self._known = self._read()
            self._marks = marks
        return self._known

    def _places(self) -> list[tuple[str, Path]]:
        if self._path is None:
            return []
        places = [(DEFAULT_ACCOUNT, self._path)]
        try:
            within = sorted(one for one in self._path.iterdir() if _NAME.fullmatch(one.name) and one.is_dir())
        except OSError as error:
            _log.warning("the directory of keys %s cannot be read (%s); nobody can sign", self._path, error.strerror)
            return []
        return places + [(one.name, one) for one in within[:MAX_ACCOUNTS]]

    def _look(self) -> _Marks:
        """Return what tells that a file has changed; a Secret is changed by swapping a link."""
        marks = []
        for _, place in self._places():
            for name in (KEY_FILE, SECRET_FILE):
                try:
                    found = os.stat(place / name)  # noqa: PTH116 -- follows links, as reading does
                except OSError:
                    continue
                marks.append((str(place / name), found.st_ino, found.st_mtime_ns, found.st_size))
        return tuple(marks)

    def _read(self) -> tuple[Credentials, ...]:
        found = []
        for account, place in self._places():
            key, secret = _text(place / KEY_FILE), _text(place / SECRET_FILE)
            if key and secret:
                found.append(Credentials(account, key, secret))
        return tuple(found)


def _text(path: Path) -> str | None:
    """Return what a file holds, without blanks around it; None where it is missing, too long, or no text."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        _log.warning("the key file %s cannot be read as text; write it again", path)
        return None
    if len(data) > MAX_BYTES:
        _log.warning("the key file %s has more than %d bytes; write it again", path, MAX_BYTES)
        return None
    return text or None
