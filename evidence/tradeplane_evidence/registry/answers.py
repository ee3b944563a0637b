"""What a registry answers, read to a limit."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.registry.transfers import PIECE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

    from tradeplane_evidence.registry.transfers import Allowance

MAX_ERROR_BYTES = 16_384
"""Of an answer that is not what was asked for: words for a person."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whole, or its first bytes where it is an error."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def passing(self) -> bool:
        """Whether the same may be answered otherwise later."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def words(self) -> str:
        """What it says, for people."""
        return self.body[:300].decode("utf-8", "replace").strip()

    def retry_after(self) -> float:
        """Seconds that it asks us to wait (RFC 9110, section 10.2.3); a date counts as nothing asked."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isdecimal() and len(text) < 6 else 0.0


async def read_answer(response: aiohttp.ClientResponse, limit: int, allowance: Allowance | None = None) -> Answer:
    """Read an answer of at most ``limit`` bytes. Raises Malformed where it has more.

    ``allowance``: the time of the request that it answers, where that grows with what is read.

    A body that is cut short is an error of the connection, which aiohttp raises, and is tried again.
    """
    well = response.status == HTTPStatus.OK
    most = limit if well else MAX_ERROR_BYTES
    body = bytearray()
    async for chunk in response.content.iter_chunked(PIECE):
        body += chunk
        if allowance is not None:
            allowance.moved(len(chunk))
        if len(body) > most:
            if well:
                raise Malformed(
                    f"{response.url.host} answered {response.method} {response.url.path} with more than {limit:,} bytes"
                )
            break
    return Answer(response.status, response.headers.copy(), bytes(body[:most]))
