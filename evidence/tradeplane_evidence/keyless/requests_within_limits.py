"""Limits on what sigstore-python asks of the network: it sets none on requests to an authority or a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session


class _Limited(HTTPAdapter):
    """Sends with a limit on connecting and on each wait for bytes, where none is given."""

    def __init__(self, connect: float, answer: float) -> None:
        self._limits = (connect, answer)
        super().__init__()

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        """Send a request."""
        options["timeout"] = options.get("timeout") or self._limits
        return super().send(request, **options)


def within_limits(session: Session, connect: float, answer: float) -> None:
    """Limit the requests of a session; seconds to connect, and to wait for an answer."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Limited(connect, answer))
