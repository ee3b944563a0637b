"""Requests to the API server, thin over aiohttp: JSON in and out, errors told apart, each one counted.

Writes are fenced: the deadline of leadership is checked directly before the request leaves, and the request's own limit
is shorter than what then remains of the Lease, so a write cannot arrive after another replica may lead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp
import orjson

from tradeplane_operator.acting.errors import (
    AlreadyExists,
    ApiError,
    ApiUnavailable,
    Conflict,
    Gone,
    NotFound,
    Refused,
)
from tradeplane_operator.acting.json_text import read_json
from tradeplane_operator.metrics import API_WRITES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from tradeplane_operator.acting.access import Access, Connection

_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
"""Of which JSON is a part."""
FIELD_OWNER = "tradeplane-operator"
"""Who owns the fields of what is applied: one name, so that a field no longer wanted goes."""
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_BROKEN = (TimeoutError, aiohttp.ClientError)
_UNAUTHORIZED = 401
_GONE = 410
_TOO_MANY = 429
_SERVER_ERROR = 500


def _unfenced() -> None:
    """Let every write pass: for the Lease itself, which decides who leads."""


@dataclass(slots=True)
class ApiClient:
    """A client of one API server. ``fence`` raises NotLeading when this replica may not write."""

    access: Access
    request_seconds: float
    fence: Callable[[], None] = _unfenced
    _timeout: aiohttp.ClientTimeout = field(init=False)

    def __post_init__(self) -> None:
        self._timeout = aiohttp.ClientTimeout(total=self.request_seconds)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Read an object or a list. Raises ApiError."""
        return await self._request("GET", path, query=query)

    async def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """Create an object. Raises AlreadyExists, Refused and other ApiErrors."""
        return await self._write("POST", path, body)

    async def replace(self, path: str, body: Mapping[str, Any]) -> Any:
        """Replace an object at its resourceVersion. Raises Conflict and other ApiErrors."""
        return await self._write("PUT", path, body)

    async def merge_patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change an object by JSON merge patch (RFC 7386). Raises Conflict and other ApiErrors."""
        return await self._write("PATCH", path, body, content_type="application/merge-patch+json")

    async def apply(self, path: str, manifest: Mapping[str, Any], *, force: bool) -> Any:
        """Make an object like a manifest, by server-side apply; ``force`` takes fields from whoever else owns them.

        Raises Conflict where somebody else does, or where a UID in the manifest is not that of the object; Refused and
        other ApiErrors.
        """
        query = {"fieldManager": FIELD_OWNER, "force": "true" if force else "false"}
        return await self._write("PATCH", path, manifest, query=query, content_type=_APPLY)

    async def delete(self, path: str, uid: str) -> None:
        """Delete one object, dependants in the background. Raises NotFound, Conflict for another UID, ApiError."""
        await self._write("DELETE", path, {"propagationPolicy": "Background", "preconditions": {"uid": uid}})

    async def delete_collection(self, path: str, selector: str) -> None:
        """Delete what a label selector selects, dependants in the background. Raises ApiError.

        An empty selector would select everything and raises ValueError instead.
        """
        if not selector:
            raise ValueError("a collection is only deleted by a selector")
        query = {"labelSelector": selector}
        await self._write("DELETE", path, {"propagationPolicy": "Background"}, query=query)

    def metadata_pages(self, path: str, chunk: int, selector: str = "") -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield pages of a list with nothing but metadata. Raises ApiError."""
        return self.pages(path, chunk, selector, _METADATA_LIST)

    async def pages(
        self, path: str, chunk: int, selector: str = "", accept: str = _JSON
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield pages of a list, all as of one moment that is not before the call. Raises ApiError."""
        query = {"limit": str(chunk)} | ({"labelSelector": selector} if selector else {})
        while True:
            page = await self._request("GET", path, query=query, accept=accept)
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    async def watch(self, path: str, version: str, selector: str, silence: float) -> AsyncGenerator[bytes, None]:
        """Yield what a watch from a resourceVersion on sends, as it comes; nothing once, when it has begun.

        Ends where the server ends it. Raises Gone, ApiUnavailable (also after ``silence`` seconds in which nothing
        came) and other ApiErrors.
        """
        query = {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": version}
        query |= {"labelSelector": selector} if selector else {}
        connection = await self.access.connection()
        headers = {"Accept": _JSON, **connection.headers()}
        timeout = aiohttp.ClientTimeout(total=None, connect=self.request_seconds, sock_read=silence)
        try:
            async with connection.session.get(
                connection.server + path, params=query, headers=headers, timeout=timeout
            ) as response:
                if response.status >= 300:
                    await self._refuse(connection, response.status, await response.read(), response.headers)
                yield b""
                async for data in response.content.iter_any():
                    yield data
        except _BROKEN as error:
            raise ApiUnavailable(f"watch of {path}: {str(error) or f'silent for {silence:g} s'}") from error

    async def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = _JSON,
    ) -> Any:
        data = orjson.dumps(body)
        self.fence()
        verb = "DELETECOLLECTION" if method == "DELETE" and query else method
        API_WRITES.labels(verb).inc()
        return await self._request(method, path, query=query, data=data, content_type=content_type)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        data: bytes | None = None,
        accept: str = _JSON,
        content_type: str = _JSON,
    ) -> Any:
        connection = await self.access.connection()
        headers = {"Accept": accept, **connection.headers()}
        if data is not None:
            headers["Content-Type"] = content_type
        try:
            async with connection.session.request(
                method, connection.server + path, params=query, data=data, headers=headers, timeout=self._timeout
            ) as response:
                payload = await response.read()
                if response.status < 300:
                    return read_json(payload)
                await self._refuse(connection, response.status, payload, response.headers)
        except _BROKEN as error:
            words = str(error) or f"no answer within {self.request_seconds:g} s"
            raise ApiUnavailable(f"{method} {path}: {words}") from error
        except orjson.JSONDecodeError as error:
            raise ApiUnavailable(f"{method} {path}: the answer is not JSON; something else may answer there") from error

    async def _refuse(
        self, connection: Connection, status: int, payload: bytes, headers: Mapping[str, str]
    ) -> NoReturn:
        """Raise what an answer means; credentials that were refused are read again for the next request."""
        if status == _UNAUTHORIZED:
            await self.access.renew(connection)
        raise _error(status, payload, headers.get("Retry-After"))


def _error(status: int, payload: bytes, retry_after: str | None) -> ApiError:
    """Return the error that an answer means."""
    try:
        answer = orjson.loads(payload)
        reason, message = str(answer.get("reason", "")), str(answer.get("message", ""))
    except (orjson.JSONDecodeError, AttributeError):
        reason, message = "", payload[:200].decode(errors="replace")
    if status == 409:
        return (AlreadyExists if reason == "AlreadyExists" else Conflict)(status, reason, message)
    if status in (_TOO_MANY, _UNAUTHORIZED) or status >= _SERVER_ERROR:
        wait = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
        return ApiUnavailable(f"{status} {reason}: {message}", status, wait)
    if status == _GONE:
        return Gone(status, reason, message)
    if status == 404 and reason == "NotFound":
        return NotFound(status, reason, message)
    return Refused(status, reason or str(status), message)
