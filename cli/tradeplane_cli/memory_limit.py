"""A limit on the memory a run may take here, as ``spec.resources.limits.memory`` is in the cluster.

It counts what is written to; a limit of the kernel's for a process counts what is reserved. It is looked at as
processor time passes, for taking memory takes that, and strikes between two steps of Python, as the deadline does.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_S = 0.02
"""Seconds of processor time between looks."""
_PAGES = Path("/proc/self/statm")


class MemoryExceeded(BaseException):
    """More was taken than allowed. No ``Exception``, so that a strategy that catches those does not go on."""


@contextmanager
def taking_at_most(limit: int | None) -> Iterator[None]:
    """Raise MemoryExceeded where what is done takes more bytes than a limit, beside those of the process before.

    Without effect but in a process's first thread, and where there is no limit.
    """
    if limit is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    most = taken() + limit

    def look(*_: object) -> None:
        if taken() > most:
            signal.setitimer(signal.ITIMER_PROF, 0)  # once: what ends on its way out takes processor time as well
            raise MemoryExceeded

    before = signal.signal(signal.SIGPROF, look)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.setitimer(signal.ITIMER_PROF, LOOK_S, LOOK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def taken() -> int:
    """Return the bytes of memory this process has, those of files aside; where that is not told, the most it had."""
    try:
        _, resident, shared, *_ = map(int, _PAGES.read_text(encoding="ascii").split())
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes where there is no such file, as on macOS
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")
