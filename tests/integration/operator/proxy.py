"""A TCP proxy between an operator and its API server, which can fall silent or cut every connection."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Proxy:
    """Passes bytes on; TLS stays between the two ends. ``silent``: connections stay open and carry nothing more."""

    target: tuple[str, int]
    port: int = 0
    silent: bool = False
    refusing: bool = False
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _pumps: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> Proxy:
        """Listen on a port of loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def cut(self) -> None:
        """Close every connection, and refuse new ones until ``mend``."""
        self.refusing = True
        self._close()

    def mend(self) -> None:
        """Carry bytes again, on new connections."""
        self.refusing = False
        self.silent = False

    async def stop(self) -> None:
        """End."""
        assert self._server is not None
        self._server.close()
        self._close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def _close(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        born_silent = self.silent
        try:
            there_reader, there_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink, born_silent=born_silent))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, born_silent: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if self.silent and not born_silent:
                    continue
                sink.write(data)
                await sink.drain()
        sink.transport.abort()


def through(kubeconfig: Path, folder: Path, port: int) -> Path:
    """Return a kubeconfig that reaches the same API server through a port of loopback."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    path = folder / "kubeconfig-through-proxy"
    path.write_text(yaml.safe_dump(config))
    return path


def target_of(kubeconfig: Path) -> tuple[str, int]:
    """Return host and port of a kubeconfig's API server."""
    parts = urlsplit(yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"])
    assert parts.hostname
    return parts.hostname, parts.port or 443
