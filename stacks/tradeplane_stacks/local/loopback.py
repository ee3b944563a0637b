"""Loopback ports for a control plane without nodes: chosen free once, and the same at each later start."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
from typing import TYPE_CHECKING

from tradeplane_stacks.local.control_plane import Ports

if TYPE_CHECKING:
    from pathlib import Path


def remembered_ports(path: Path) -> Ports:
    """Ports as written down in a file; chosen and written when there is no such file or it is not whole."""
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
        known = dict(json.loads(path.read_text(encoding="utf-8")))
        if set(known) == {field.name for field in dataclasses.fields(Ports)}:
            return Ports(**{name: int(port) for name, port in known.items()})
    ports = free_ports()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(ports)), encoding="utf-8")
    return ports


def free_ports() -> Ports:
    """Distinct TCP ports that nothing listens on at this moment."""
    names = [field.name for field in dataclasses.fields(Ports)]
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return Ports(**{name: listener.getsockname()[1] for name, listener in zip(names, sockets, strict=True)})
