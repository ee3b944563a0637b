"""Answers of the API server to kopf, whose reader of JSON takes as many levels as Python calls functions: about 990.

One object of more, which the API server stores where a schema leaves the form of a value open, would end kopf's watch
of its kind, and the operator with it. So kopf is given what ``json_text`` leaves of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

from tradeplane_operator.acting.json_text import read_json, readable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.connector import Connection


class ShallowAnswer(aiohttp.ClientResponse):
    """An answer of which every reader can read all, as one document or line by line."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Take the answer's head; its lines are looked at as they come."""
        await super().start(connection)
        self.content = _Lines(self.content)  # type: ignore[assignment]
        return self

    async def json(self, **_: Any) -> Any:
        """Return the whole answer's value."""
        return read_json(await self.read())


class _Lines:
    """What is still to come of an answer; in lines, where it is asked for in pieces."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield whole lines; the last may be without its end."""
        rest = bytearray()
        async for data in self._content.iter_chunked(size):
            *lines, begun = data.split(b"\n")
            for line in lines:
                yield readable(bytes(rest) + line) + b"\n"
                rest.clear()
            rest += begun
        if rest:
            yield readable(bytes(rest))
