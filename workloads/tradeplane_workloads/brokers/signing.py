"""Signatures of requests, as Binance defines them: HMAC-SHA256 over the query, in lower-case hexadecimal.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_native import sign_query

if TYPE_CHECKING:
    from collections.abc import Mapping

RECEIVE_WINDOW_MILLISECONDS = 5_000
"""How old a request may be when it arrives."""


def signed_query(parameters: Mapping[str, str], api_secret: str, timestamp_milliseconds: int) -> str:
    """Return the query of a signed request: the parameters, the window, the time, and the signature last."""
    timed = {
        **parameters,
        "recvWindow": str(RECEIVE_WINDOW_MILLISECONDS),
        "timestamp": str(timestamp_milliseconds),
    }
    return sign_query(timed, api_secret)
