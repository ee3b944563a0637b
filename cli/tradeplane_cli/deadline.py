"""A limit on how long a run may take here, as ``spec.activeDeadlineSeconds`` is in the cluster.

It strikes between two steps of Python, so it ends a strategy that hangs; the core's own loops end by themselves.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class DeadlineExceeded(BaseException):
    """The time is over. No ``Exception``, so that a strategy that catches those does not go on."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise DeadlineExceeded where what is done takes longer; without effect but in a process's first thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def strike(*_: object) -> None:
        raise DeadlineExceeded

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
