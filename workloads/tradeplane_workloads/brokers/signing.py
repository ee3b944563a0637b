"""Signatures of requests, as Binance defines them: HMAC-SHA256 over the query, in lower-case hexadecimal.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

RECEIVE_WINDOW_MILLISECONDS = 5_000
"""How old a request may be when it arrives."""


_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII)


def encoded(parameters: Mapping[str, str]) -> str:
    """Return parameters as ``urlencode`` does; where all are plain, as those of orders are, several times faster."""
    if _PLAIN.fullmatch("".join([*parameters, *parameters.values()])) is None:
        return urlencode(parameters)
    return "&".join([f"{name}={value}" for name, value in parameters.items()])


def signature(query: str, api_secret: str) -> str:
    """Return the signature of a query."""
    return hmac.digest(api_secret.encode(), query.encode(), "sha256").hex()


def signed_query(parameters: Mapping[str, str], api_secret: str, timestamp_milliseconds: int) -> str:
    """Return the query of a signed request: the parameters, the window, the time, and the signature last."""
    timed = {
        **parameters,
        "recvWindow": str(RECEIVE_WINDOW_MILLISECONDS),
        "timestamp": str(timestamp_milliseconds),
    }
    query = encoded(timed)
    return f"{query}&signature={signature(query, api_secret)}"
