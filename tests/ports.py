"""Ports of loopback for programs that have to be told one, and that nothing else takes while a test runs.

The kernel's way, to bind port 0 and let it go again, gives a port that any connection from this machine may have by the
time the program listens, or while it is killed and started again. These are from below those that the kernel gives to
connections, and another process of tests leaves them alone for as long as this one lives.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import tempfile
from pathlib import Path

_PORTS = range(20_000, 28_000)
_held: dict[int, int] = {}
"""File descriptors by port: a lock ends with the process, however that ends."""


def free_port() -> int:
    """Return a port that nobody listens at, and that is this process's own from now on."""
    locks = Path(tempfile.gettempdir(), f"tradeplane-test-ports-{os.getuid()}")
    locks.mkdir(exist_ok=True)
    for port in _PORTS:
        if port not in _held and _lock(locks / str(port), port):
            if _is_free(port):
                return port
            os.close(_held.pop(port))
    raise AssertionError(f"no port of {_PORTS} is free: end what listens there")


def _lock(file: Path, port: int) -> bool:
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _held[port] = descriptor
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
