"""Locks of files, by which processes that build the same thing take turns.

The kernel gives a lock up with the process that holds it, so one that was killed is in nobody's way.
"""

from __future__ import annotations

import fcntl
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOKS_AGAIN_S = 0.2


def acquire(file: IO[str], waited: Callable[[float], None], limit_s: float) -> None:
    """Lock an open file until it is closed; ``waited`` is told again and again for how many seconds another had it.

    Raises:
        TimeoutError: another process has it still after ``limit_s`` seconds.

    """
    started = time.monotonic()
    while not _locked(file):
        seconds = time.monotonic() - started
        waited(seconds)
        if seconds > limit_s:
            raise TimeoutError(f"{file.name} was locked by another process for {limit_s:.0f} s")
        time.sleep(_LOOKS_AGAIN_S)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
