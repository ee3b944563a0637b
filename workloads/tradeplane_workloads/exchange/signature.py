"""Whether a signed request is from who it says it is, and fresh: HMAC-SHA256 over what was sent, in constant time."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange.refusal import BAD_KEY, BAD_KEY_FORMAT, BAD_SIGNATURE, Refusal, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_workloads.exchange.parameters import Parameters

DEFAULT_WINDOW_MS = 5_000
MAX_WINDOW_MS = 60_000
AHEAD_MS = 1_000
"""How far a client's clock may be ahead."""
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may trade as an account. Neither is ever shown."""

    account: str
    key: str = field(repr=False)
    secret: str = field(repr=False)


def account_of(key: str | None, known: Sequence[Credentials]) -> Credentials:
    """Return whose key this is. Every known one is compared, each in constant time."""
    if key is None or not _KEY.fullmatch(key):
        raise Refusal.of(BAD_KEY_FORMAT)
    found = [one for one in known if hmac.compare_digest(one.key.encode(), key.encode())]
    if not found:
        raise Refusal.of(BAD_KEY)
    return found[0]


def check_signature(secret: str, query: str, body: str, given: str | None) -> None:
    """Hold what was sent, without its signature, to the signature."""
    if given is None:
        raise missing("signature")
    payload = _unsigned(query) + _unsigned(body)
    expected = hmac.digest(secret.encode(), payload.encode("utf-8", "surrogateescape"), "sha256").hex()
    if not hmac.compare_digest(expected.encode(), given.lower().encode("utf-8", "replace")):
        raise Refusal.of(BAD_SIGNATURE)


def check_time(parameters: Parameters, now_ms: int) -> None:
    """Refuse a request that is too old, or from the future."""
    window = parameters.whole("recvWindow")
    window = DEFAULT_WINDOW_MS if window is None else window
    if window > MAX_WINDOW_MS:
        raise Refusal(-1131, "recvWindow must be less than 60000.")
    timestamp = parameters.whole("timestamp")
    if timestamp is None:
        raise missing("timestamp")
    if timestamp > now_ms + AHEAD_MS:
        raise Refusal(-1021, f"Timestamp for this request was {AHEAD_MS}ms ahead of the server's time.")
    if now_ms - timestamp > window:
        raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))
