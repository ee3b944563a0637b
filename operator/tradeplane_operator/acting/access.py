"""How the operator reaches the API server: a service account in a pod, a kubeconfig elsewhere.

kopf finds the credentials and asks for them again when the API server refuses them; the same serve the operator's own
requests. A service account's token is rotated by the kubelet, so it is read again every minute rather than when it has
run out.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import kopf

from tradeplane_operator.acting.shallow_answers import ShallowAnswer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

TOKEN_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_TOKEN_SECONDS = 60.0
_KEEPALIVE_SECONDS = 75.0


class NoCluster(Exception):
    """There are no credentials for any cluster; the message says where they are looked for."""


def find_credentials() -> kopf.ConnectionInfo:
    """Return where the API server is and how to be known there. Raises NoCluster."""
    settings = kopf.OperatorSettings()
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    if found is None:
        raise NoCluster(f"no credentials: neither {TOKEN_FILE} nor the KUBECONFIG environment variable is there")
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if host and TOKEN_FILE.exists():  # by address, so that a cluster without DNS is still served
        found = replace(found, server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")
    return found


@dataclass(slots=True)
class Connection:
    """A session with the API server and what each request says of who asks."""

    server: str
    session: aiohttp.ClientSession
    _headers: dict[str, str]
    _token_read: float = field(default_factory=time.monotonic)

    def headers(self) -> dict[str, str]:
        """Return the headers that authenticate a request."""
        if "Authorization" in self._headers and time.monotonic() - self._token_read > _TOKEN_SECONDS:
            self._token_read = time.monotonic()
            if TOKEN_FILE.exists():
                self._headers = {"Authorization": f"Bearer {TOKEN_FILE.read_text(encoding='utf-8').strip()}"}
        return self._headers


def open_session(
    info: kopf.ConnectionInfo, traces: Sequence[aiohttp.TraceConfig] = (), *, authenticated: bool = False
) -> aiohttp.ClientSession:
    """Return a session for an API server; ``authenticated``: for kopf, it sends the credentials' headers by itself."""
    context: ssl.SSLContext | bool = info.as_ssl_context() if info.server.startswith("https:") else False
    connector = aiohttp.TCPConnector(limit=0, ssl=context, keepalive_timeout=_KEEPALIVE_SECONDS)
    headers = {"User-Agent": "tradeplane-operator"} | (info.as_http_headers() if authenticated else {})
    answers = ShallowAnswer if authenticated else aiohttp.ClientResponse
    return aiohttp.ClientSession(
        connector=connector, headers=headers, trace_configs=list(traces), response_class=answers
    )


@dataclass(slots=True)
class Access:
    """The operator's own connection; opened when first needed, opened anew when the API server refuses it."""

    _connection: Connection | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def connection(self) -> Connection:
        """Return the connection in use. Raises NoCluster."""
        if self._connection is None:
            async with self._turn:
                if self._connection is None:
                    info = find_credentials()
                    self._connection = Connection(info.server.rstrip("/"), open_session(info), info.as_http_headers())
        return self._connection

    async def renew(self, refused: Connection) -> None:
        """Give up a connection whose credentials were refused; the next request reads them again."""
        if self._connection is refused:
            await self.close()

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.session.close()
