"""Requests to the API server, thin over aiohttp: JSON in and out, errors told apart, each one counted.

Writes are fenced: the deadline of leadership is checked directly before the request leaves, and the request's own limit
is shorter than what then remains of the Lease, so a write cannot arrive after another replica may lead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from tradeplane_operator.acting.errors import (
    AlreadyExists,
    ApiError,
    ApiUnavailable,
    Conflict,
    NotFound,
    Refused,
)
from tradeplane_operator.metrics import API_WRITES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from tradeplane_operator.acting.access import Access

_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_UNAUTHORIZED = 401
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

    async def delete_collection(self, path: str, selector: str) -> None:
        """Delete what a label selector selects, dependants in the background. Raises ApiError.

        An empty selector would select everything and raises ValueError instead.
        """
        if not selector:
            raise ValueError("a collection is only deleted by a selector")
        query = {"labelSelector": selector}
        await self._write("DELETE", path, {"propagationPolicy": "Background"}, query=query)

    async def metadata_pages(self, path: str, chunk: int, selector: str = "") -> AsyncIterator[Mapping[str, Any]]:
        """Yield pages of a list with nothing but metadata. Raises ApiError."""
        query = {"limit": str(chunk)} | ({"labelSelector": selector} if selector else {})
        while True:
            page = await self._request("GET", path, query=query, accept=_METADATA_LIST)
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    async def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
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
        accept: str = "application/json",
        content_type: str = "application/json",
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
                    return orjson.loads(payload)
                if response.status == _UNAUTHORIZED:
                    await self.access.renew(connection)
                raise _error(response.status, payload, response.headers.get("Retry-After"))
        except (TimeoutError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            words = str(error) or f"no answer within {self.request_seconds:g} s"
            raise ApiUnavailable(f"{method} {path}: {words}") from error


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
    if status == 404 and reason == "NotFound":
        return NotFound(status, reason, message)
    return Refused(status, reason or str(status), message)
