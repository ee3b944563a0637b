"""Processes that outlive the command that started them, and are recognised again by it alone.

A process is known by its id *and* the moment the kernel started it *and* the boot it belongs to: an id alone may by
now be somebody else's. Signals go through a pidfd that is opened before the check, so that the process checked is the
one that gets it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STANDARD_ERROR = 2
_LOG_KEPT_BYTES = 20_000_000


@dataclass(frozen=True)
class ProcessRecord:
    """What is written down about a process when it is started."""

    pid: int
    start_ticks: int
    """When the kernel started it, in clock ticks since boot (field 22 of ``/proc/<pid>/stat``)."""
    boot: str
    """Boot id of the kernel that started it."""
    fingerprint: str
    """Digest of program, arguments and configuration, to see when a running process is out of date."""
    stop_signal: str = "SIGTERM"
    """By which it is asked to end."""

    def write(self, path: Path) -> None:
        """Write the record as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".fresh")
        fresh.write_text(json.dumps(asdict(self)), encoding="utf-8")
        fresh.replace(path)

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """Read a record; None when there is none, or none that can be understood (a crash while it was written)."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            process = int(content["pid"]), int(content["start_ticks"])
            stop_signal = signal.Signals[content.get("stop_signal", "SIGTERM")].name
            return cls(*process, content["boot"], content["fingerprint"], stop_signal)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


def boot_id() -> str:
    """Identify this boot of the kernel: it changes at each reboot."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def start_ticks(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return parse_stat(stat)


def parse_stat(stat: str) -> int | None:
    """Start time from the text of ``/proc/<pid>/stat``; None for a zombie or a dead process.

    The name in it is in parentheses and may itself hold spaces and parentheses, so fields are counted from the last
    one.
    """
    fields = stat[stat.rindex(")") + 1 :].split()
    state, ticks = fields[0], int(fields[19])
    return None if state in {"Z", "X"} else ticks


def program_name(pid: int) -> str | None:
    """File name of the program that a process runs; None when it is gone."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_alive(record: ProcessRecord) -> bool:
    """Whether the very process of the record still runs."""
    return record.boot == boot_id() and start_ticks(record.pid) == record.start_ticks


def uptime_seconds(record: ProcessRecord) -> float:
    """How long the process of a record has been running."""
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return max(0.0, since_boot - record.start_ticks / os.sysconf("SC_CLK_TCK"))


def launch(argv: Sequence[str], environment: Mapping[str, str], log: Path, fingerprint: str) -> ProcessRecord:
    """Start a program in a session of its own, its output appended to a log, and record it.

    The log of before is kept once, as ``<name>.previous.log``, when it has grown past 20 MB.

    Raises:
        OSError: when the program cannot be started.

    """
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate(log)
    pid = os.posix_spawn(
        argv[0],
        list(argv),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, number) for number in _inherited_files()),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP],
    )
    ticks = start_ticks(pid)
    return ProcessRecord(pid, -1 if ticks is None else ticks, boot_id(), fingerprint)


def _inherited_files() -> list[int]:
    """List the files that a child would inherit besides the standard three.

    What the caller was given, a lock of ``flock`` for instance, must not live on in a process that outlives
    the command.
    """
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing itself is open while it is read
            number = int(entry.name)
            if number > _STANDARD_ERROR and os.get_inheritable(number):
                found.append(number)
    return found


def rotate(log: Path, kept_bytes: int = _LOG_KEPT_BYTES) -> None:
    """Set a log aside that has grown past a size, in place of the one set aside before."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > kept_bytes:
            log.replace(log.with_suffix(".previous.log"))


def stop(record: ProcessRecord, limit_seconds: float) -> bool:
    """Ask a process to end, and end it by force when it has not within the limit.

    Returns whether it had to be forced. A record whose process is gone, or whose id is by now another's, is left alone.
    """
    with _handle(record) as handle:
        if handle is None:
            return False
        forced = False
        for number in (signal.Signals[record.stop_signal], signal.SIGKILL):
            forced = number == signal.SIGKILL
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if _ended(handle, limit_seconds):
                break
        reap(record.pid)
        return forced


def stop_all(pids: Sequence[int], limit_seconds: float) -> None:
    """End several processes at once: ask all, wait for all within one limit, then force the rest."""
    with contextlib.ExitStack() as stack:
        handles = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
                stack.callback(os.close, handle)
                handles.append((pid, handle))
        for number in (signal.SIGTERM, signal.SIGKILL):
            for _, handle in handles:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            deadline = time.monotonic() + limit_seconds
            handles = [(pid, handle) for pid, handle in handles if not _ended(handle, deadline - time.monotonic())]
        for pid in pids:
            reap(pid)


@contextlib.contextmanager
def _handle(record: ProcessRecord) -> Iterator[int | None]:
    """Open a pidfd of the process of a record, or None when that very process no longer runs."""
    try:
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle if is_alive(record) else None
    finally:
        os.close(handle)


def _ended(handle: int, limit_seconds: float) -> bool:
    """Wait for a process to end: a pidfd becomes readable when it does."""
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    return bool(poller.poll(max(0.0, limit_seconds) * 1000))


def reap(pid: int) -> None:
    """Collect a child of ours that has ended; another's child is collected by its own parent."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
