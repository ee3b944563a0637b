"""Servers on the node of the embedded cluster that play what a cloud has near each node: metadata, a key service."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_LOOK_S = 0.5


def _socket_in(network: str, address: str, port: int) -> socket.socket:
    """Open a socket in a network namespace: it belongs to the one that its thread was in when it was made."""

    def opened() -> socket.socket:
        descriptor = os.open(f"/run/netns/{network}", os.O_RDONLY)
        try:
            if _LIBC.setns(descriptor, _NEWNET) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), network)
        finally:
            os.close(descriptor)
        return socket.create_server((address, port))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(opened).result()


@dataclass
class Listener:
    """Takes connections and ends them; remembers whose they were."""

    server: socket.socket
    callers: list[str] = field(default_factory=list)
    over: bool = False

    def serve(self) -> None:
        """Take connections until it is over."""
        self.server.settimeout(_LOOK_S)
        while not self.over:
            with contextlib.suppress(TimeoutError):
                connection, (caller, _) = self.server.accept()
                self.callers.append(caller)
                connection.close()
        self.server.close()


@contextlib.contextmanager
def listening(network: str, places: Sequence[tuple[str, int]]) -> Iterator[list[Listener]]:
    """Listen at addresses that the node is given for as long."""
    addresses = [address for address, _ in places]
    threads: list[threading.Thread] = []
    listeners: list[Listener] = []
    try:
        for address in addresses:
            subprocess.run(
                ["ip", "-n", network, "address", "add", f"{address}/32", "dev", "lo"], check=True, timeout=30
            )
        for address, port in places:
            listeners.append(Listener(_socket_in(network, address, port)))
            threads.append(threading.Thread(target=listeners[-1].serve))
            threads[-1].start()
        yield listeners
    finally:
        for listener in listeners:
            listener.over = True
        for thread in threads:
            thread.join()
        for address in addresses:
            subprocess.run(
                ["ip", "-n", network, "address", "del", f"{address}/32", "dev", "lo"], check=False, timeout=30
            )
