"""What an answer of Binance's REST API means: its JSON, or an error in words. Pure.

Codes: https://developers.binance.com/docs/binance-spot-api-docs/errors; the futures markets share those used here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json
from tradeplane_api.probe import MOST_WAIT_SECONDS

from tradeplane_workloads.brokers.errors import (
    BrokerError,
    ClockRefused,
    CredentialsRefused,
    EndpointUnreachable,
    NotTheApiExpected,
    RateLimited,
    RequestRefused,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_OK, _REDIRECTION, _SERVER_ERROR = 200, 300, 500
_UNAUTHORIZED, _FORBIDDEN, _BANNED, _TOO_MANY, _PLACE = 401, 403, 418, 429, 451
_OUTSIDE_WINDOW = -1021
_REFUSED_CODES = {
    -1022: "the signature is not that of the key; apiSecret belongs to another apiKey",
    -2008: "there is no such key; it was deleted, or is of another market or of the test network",
    -2014: "the key has not the form of one; apiKey holds something else",
    -2015: "the key is not valid, or may not be used from this address or for reading the account",
}
_WAIT_UNSAID = {_TOO_MANY: 60, _BANNED: 120}
"""Seconds to wait where the broker does not say how long; the shortest ban is two minutes."""


def object_of(read: Any, what: str) -> dict[str, Any]:
    """Return what was read, which must be an object. Raises NotTheApiExpected."""
    if not isinstance(read, dict):
        raise NotTheApiExpected(f"{what}: the answer is no JSON object; check spec.endpoint.rest and spec.market")
    return read


def value_of(status: int, headers: Mapping[str, str], body: bytes, what: str) -> Any:
    """Return what the JSON of an answer says, an object or an array. Raises BrokerError."""
    if status in _WAIT_UNSAID:
        raise limited(status, headers, what)
    if status in (_FORBIDDEN, _PLACE):
        why = "its firewall keeps this address out" if status == _FORBIDDEN else "it does not serve this place"
        raise EndpointUnreachable(f"{what}: the broker answered {status}: {why}; probe from another address")
    if status >= _SERVER_ERROR:
        raise EndpointUnreachable(f"{what}: the broker answered {status}: it cannot serve now")
    if _OK <= status < _REDIRECTION:
        return _json(body, what)
    if status < 400:
        raise NotTheApiExpected(f"{what}: answered {status}, which sends elsewhere; set spec.endpoint to that")
    raise _refusal(status, body, what)


def limited(status: int, headers: Mapping[str, str], what: str) -> RateLimited:
    """Return the error of an answer 429 or 418."""
    said = headers.get("Retry-After", "")
    wait = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else _WAIT_UNSAID[status]
    words = "too much was asked" if status == _TOO_MANY else "this address is banned, because it went on asking"
    return RateLimited(f"{what}: the broker answered {status}: {words}", min(wait, MOST_WAIT_SECONDS))


def _json(body: bytes, what: str) -> Any:
    try:
        return from_json(body)
    except ValueError as error:
        raise NotTheApiExpected(f"{what}: the answer is not JSON; check spec.endpoint.rest and spec.market") from error


def _refusal(status: int, body: bytes, what: str) -> BrokerError:
    """Return the error of an answer 4xx, by the broker's own code where it gives one."""
    try:
        read = from_json(body)
    except ValueError:
        read = None
    code = read.get("code") if isinstance(read, dict) else None
    if code in _REFUSED_CODES:
        return CredentialsRefused(f"{what}: refused with code {code}: {_REFUSED_CODES[code]}")
    if code == _OUTSIDE_WINDOW:
        return ClockRefused(f"{what}: the time of the request is not the broker's; set the node's clock (NTP)")
    if status == _UNAUTHORIZED:
        return CredentialsRefused(f"{what}: answered {status}: the credentials are refused; renew them in the Secret")
    if isinstance(code, int):
        return RequestRefused(f"{what}: refused with code {code}: {shown(read.get('msg', ''))}", code)
    return NotTheApiExpected(f"{what}: answered {status}; check spec.endpoint.rest and spec.market")
