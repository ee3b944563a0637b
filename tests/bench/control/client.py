"""The least client that can speak to an API server: requests, and watches from a list on.

The contenders and the load share it, so that none is faster for its client.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import orjson
import yaml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MERGE_PATCH = "application/merge-patch+json"
LISTED = "LISTED"
"""Type of the event by which a watch says that all there was has been told."""
_LATER, _ATTEMPTS = 429, 20
_LINE_BYTES = 4 * 2**20


class ApiError(Exception):
    """The API server refused a request; the message has the request and the server's words."""

    def __init__(self, method: str, path: str, status: int, text: str) -> None:
        super().__init__(f"{method} {path}: {status} {text[:500]}")
        self.status = status


class ApiClient:
    """An API server, as whom a kubeconfig names; an asynchronous context manager."""

    def __init__(self, kubeconfig: Path, connections: int = 64) -> None:
        document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        self._server = cluster["server"]
        self._tls = _tls_context(cluster, user, kubeconfig.parent)
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._connections = connections

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=self._connections)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
        self._session = aiohttp.ClientSession(
            self._server, connector=connector, timeout=timeout, headers=self._headers, read_bufsize=_LINE_BYTES
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """Send one request, ``body`` as JSON or as bytes that are JSON already; return the answer. Raises ApiError."""
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        headers = {"Content-Type": content_type}
        for attempt in range(_ATTEMPTS):
            async with self._session.request(method, path, data=data, headers=headers) as response:
                answered = await response.read()
                if response.status == _LATER and attempt < _ATTEMPTS - 1:  # a new kind's storage is being prepared
                    await asyncio.sleep(1.0)
                    continue
                if response.status >= 400:
                    raise ApiError(method, path, response.status, answered.decode(errors="replace"))
                answer: dict[str, Any] = orjson.loads(answered)
                return answer
        raise AssertionError("unreachable: the last attempt returns or raises")

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
        """Yield type and object: what there is, as ADDED, then LISTED and nothing, then what changes, for ever.

        The server closes a watch that falls behind; it is opened again where it ended. Raises ApiError where that is
        too long ago, since something could have been missed.
        """
        listed = await self.request("GET", f"{path}?{query}&resourceVersion=0")
        for item in listed["items"]:
            yield "ADDED", item
        yield LISTED, {}
        version = listed["metadata"]["resourceVersion"]
        while True:
            url = f"{path}?watch=1&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=3600&{query}"
            async with self._session.get(url) as response:
                async for line in response.content:
                    event = orjson.loads(line)
                    seen = event["object"]
                    if event["type"] == "ERROR":
                        raise ApiError("WATCH", path, seen.get("code", 0), seen.get("message", ""))
                    version = seen["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        yield event["type"], seen


def _tls_context(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ssl.SSLContext:
    """Trust the cluster's authority and present the user's certificate if any, given as files or as data."""
    with tempfile.TemporaryDirectory() as scratch:

        def file_of(section: dict[str, Any], key: str) -> Path:
            if key in section:
                return folder / str(section[key])
            path = Path(scratch) / key
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(section[f"{key}-data"]))
            return path

        context = ssl.create_default_context(cafile=str(file_of(cluster, "certificate-authority")))
        if "token" not in user:
            context.load_cert_chain(file_of(user, "client-certificate"), file_of(user, "client-key"))
        return context
