"""How it is seen that a component works: by asking it, not by its process being there."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LIMIT_SECONDS = 3.0
_ANSWER_BYTES = 8000
_SHOWN_CHARACTERS = 200


class Probe(Protocol):
    """A question to one component."""

    def ask(self) -> str | None:
        """Return None when the component answers as it should, otherwise what it said."""


@dataclass(frozen=True)
class SocketProbe:
    """A Unix socket that accepts connections."""

    path: Path

    def ask(self) -> str | None:
        """Connect once."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(_LIMIT_SECONDS)
            try:
                connection.connect(str(self.path))
            except OSError as error:
                return f"{self.path}: {error.strerror or error}"
        return None


@dataclass(frozen=True)
class RequestProbe:
    """A Unix socket that answers a line of JSON with another, in which ``ok`` is true."""

    path: Path
    request: Mapping[str, str]

    def ask(self) -> str | None:
        """Ask once."""
        try:
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
                connection.settimeout(_LIMIT_SECONDS)
                connection.connect(str(self.path))
                connection.sendall(json.dumps(self.request).encode() + b"\n")
                answer = json.loads(connection.recv(_ANSWER_BYTES))
        except (OSError, ValueError) as error:
            return f"{self.path}: {error}"
        return None if answer.get("ok") is True else f"{self.path}: {answer.get('error', 'not ok')}"


@dataclass(frozen=True)
class HttpProbe:
    """An HTTP or HTTPS health endpoint that answers 200, asked with a client certificate where one is given."""

    url: str
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def ask(self) -> str | None:
        """Ask once, past any proxy that the environment names."""
        try:
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._context())
            )
            with opener.open(self.url, timeout=_LIMIT_SECONDS):
                return None
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(_ANSWER_BYTES).decode(errors="replace").strip()
            return f"{self.url} answered {error.code}: {what_failed(said)}"
        except (OSError, ssl.SSLError) as error:
            return f"{self.url}: {getattr(error, 'reason', error)}"

    def _context(self) -> ssl.SSLContext | None:
        if self.authority is None:
            return None
        context = ssl.create_default_context(cafile=str(self.authority))
        if self.certificate is not None:
            context.load_cert_chain(str(self.certificate), None if self.key is None else str(self.key))
        return context


def what_failed(said: str) -> str:
    """Shorten what a health endpoint said to one line: of a list of checks, those that failed."""
    lines = said.splitlines()
    failed = [line for line in lines if line.startswith("[-]")]
    return "; ".join(failed or lines)[:_SHOWN_CHARACTERS]


@dataclass(frozen=True)
class DnsProbe:
    """A name server that knows the address of a name (RFC 1035, one A question over UDP)."""

    server: str
    name: str
    port: int = 53

    def ask(self) -> str | None:
        """Ask once."""
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as connection:
            connection.settimeout(_LIMIT_SECONDS)
            try:
                connection.connect((self.server, self.port))
                connection.send(dns_question(self.name))
                answer = connection.recv(512)
            except OSError as error:
                return f"name server {self.server}: {error.strerror or error}"
        return dns_fault(answer, self.name)


_DNS_HEADER = struct.Struct("!6H")
_DNS_ID = 0x7470
_RECURSION_DESIRED = 0x0100


def dns_question(name: str) -> bytes:
    """Return the packet that asks for the IPv4 address of a name."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split("."))
    return _DNS_HEADER.pack(_DNS_ID, _RECURSION_DESIRED, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


def dns_fault(answer: bytes, name: str) -> str | None:
    """Say what is wrong with the answer to a question; None when it holds at least one record."""
    if len(answer) < _DNS_HEADER.size:
        return f"the name server's answer has {len(answer)} bytes"
    identifier, flags, _, records, _, _ = _DNS_HEADER.unpack_from(answer)
    code = flags & 0xF
    if identifier != _DNS_ID or code != 0 or records == 0:
        return f"the name server does not know {name} (code {code}, {records} records)"
    return None
