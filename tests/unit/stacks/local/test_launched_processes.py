"""Processes that outlive the command that started them."""

from __future__ import annotations

import fcntl
import os
import signal
from typing import TYPE_CHECKING

from tradeplane_stacks.local.processes import is_alive, launch

if TYPE_CHECKING:
    from pathlib import Path


def test_a_lock_of_the_caller_does_not_live_on_in_what_it_started(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    handle = os.open(lock, os.O_CREAT | os.O_RDWR)
    os.set_inheritable(handle, True)
    fcntl.flock(handle, fcntl.LOCK_EX)
    record = launch(["/bin/sleep", "60"], {}, tmp_path / "log", "fingerprint")
    try:
        assert is_alive(record)
        os.close(handle)
        with lock.open("r+", encoding="utf-8") as again:
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.kill(record.pid, signal.SIGKILL)
        os.waitpid(record.pid, 0)
