"""The least client that can speak to an API server: requests, and watches from a list on.

The contenders and the load share it, so that none is faster for its client.
"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import yaml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MERGE_PATCH = "application/merge-patch+json"
_LINE_BYTES = 4 * 2**20


class ApiError(Exception):
    """The API server refused a request; the message has the request and the server's words."""

    def __init__(self, method: str, path: str, status: int, text: str) -> None:
        super().__init__(f"{method} {path}: {status} {text[:500]}")
        self.status = status


class ApiClient:
    """An API server, as an administrator; an asynchronous context manager."""

    def __init__(self, kubeconfig: Path, connections: int = 64) -> None:
        document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        self._server = cluster["server"]
        self._tls = _tls_context(cluster, user, kubeconfig.parent)
        self._connections = connections

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=self._connections)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
        self._session = aiohttp.ClientSession(
            self._server, connector=connector, timeout=timeout, read_bufsize=_LINE_BYTES
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """Send one request and return the answer. Raises ApiError."""
        data = None if body is None else json.dumps(body).encode()
        async with self._session.request(method, path, data=data, headers={"Content-Type": content_type}) as response:
            text = await response.text()
            if response.status >= 400:
                raise ApiError(method, path, response.status, text)
            answer: dict[str, Any] = json.loads(text)
            return answer

    async def pages(self, path: str, limit: int = 1_000) -> AsyncIterator[dict[str, Any]]:
        """Yield a list page by page; ``path`` has no query."""
        token = ""
        while True:
            page = await self.request("GET", f"{path}?limit={limit}&continue={token}")
            yield page
            token = page["metadata"].get("continue", "")
            if not token:
                return

    async def watch(self, path: str, query: str = "") -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield type and object: what there is, as ADDED, then what changes while the server keeps it open."""
        listed = await self.request("GET", f"{path}?{query}")
        for item in listed["items"]:
            yield "ADDED", item
        version = listed["metadata"]["resourceVersion"]
        url = f"{path}?watch=1&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=3600&{query}"
        async with self._session.get(url) as response:
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError("WATCH", path, event["object"].get("code", 0), event["object"].get("message", ""))
                if event["type"] != "BOOKMARK":
                    yield event["type"], event["object"]


def _tls_context(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ssl.SSLContext:
    """Trust the cluster's authority and present the user's certificate, given as files or as data."""
    with tempfile.TemporaryDirectory() as scratch:

        def file_of(section: dict[str, Any], key: str) -> Path:
            if key in section:
                return folder / str(section[key])
            path = Path(scratch) / key
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(section[f"{key}-data"]))
            return path

        context = ssl.create_default_context(cafile=str(file_of(cluster, "certificate-authority")))
        context.load_cert_chain(file_of(user, "client-certificate"), file_of(user, "client-key"))
        return context
