"""Limits on what sigstore-python asks of the network: it sets none on requests to an authority or a log."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Of an answer, decoded; a log's largest is an entry with its proof, some kilobytes."""


class _Limited(HTTPAdapter):
    """Sends with a limit on connecting and on each wait for bytes, where none is given, and on what is read."""

    def __init__(self, connect: float, answer: float) -> None:
        self._limits = (connect, answer)
        super().__init__()

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        """Send a request, and read the answer up to the limit."""
        options["timeout"] = options.get("timeout") or self._limits
        response = super().send(request, **options)
        body = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        response.close()
        if len(body) > MAX_ANSWER_BYTES:
            raise RequestException(f"{request.url} answered with more than {MAX_ANSWER_BYTES:,} bytes")
        response.raw = io.BytesIO(body)
        return response


def within_limits(session: Session, connect: float, answer: float) -> None:
    """Limit the requests of a session; seconds to connect, and to wait for an answer."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Limited(connect, answer))
