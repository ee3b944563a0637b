"""Signatures of requests, as Binance defines them: HMAC-SHA256 over the query, in lower-case hexadecimal.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

RECEIVE_WINDOW_MILLISECONDS = 5_000
"""How old a request may be when it arrives."""


def signature(query: str, api_secret: str) -> str:
    """Return the signature of a query."""
    return hmac.new(api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()


def signed_query(parameters: Mapping[str, str], api_secret: str, timestamp_milliseconds: int) -> str:
    """Return the query of a signed request: the parameters, the window, the time, and the signature last."""
    timed = {
        **parameters,
        "recvWindow": str(RECEIVE_WINDOW_MILLISECONDS),
        "timestamp": str(timestamp_milliseconds),
    }
    query = urlencode(timed)
    return f"{query}&signature={signature(query, api_secret)}"
