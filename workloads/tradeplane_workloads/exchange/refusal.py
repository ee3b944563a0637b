"""Refusals in Binance's words: a status, a code and a message."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """What a refusal that needs no more to be known says."""

    code: int
    message: str
    status: int = 400


class Refusal(Exception):
    """A request that is not done. ``retry_after`` is in seconds, of those that may be sent again later."""

    def __init__(self, code: int, message: str, status: int = 400, retry_after: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.retry_after = code, message, status, retry_after

    @classmethod
    def of(cls, words: Words) -> Refusal:
        """Return a refusal in words that stand ready."""
        return cls(*words)

    def body(self) -> dict[str, object]:
        """Return what the client reads."""
        return {"code": self.code, "msg": self.message}


def missing(name: str) -> Refusal:
    """Refuse a request without a parameter, or with one that is empty or malformed."""
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def unneeded(name: str) -> Refusal:
    """Refuse a request with a parameter that does not go with the others."""
    return Refusal(-1106, f"Parameter '{name}' sent when not required.")


BAD_SYMBOL = Words(-1121, "Invalid symbol.")
BAD_SIGNATURE = Words(-1022, "Signature for this request is not valid.")
BAD_KEY_FORMAT = Words(-2014, "API-key format invalid.", 401)
BAD_KEY = Words(-2015, "Invalid API-key, IP, or permissions for action.", 401)
NO_LISTEN_KEY = Words(-1125, "This listenKey does not exist.")
NO_SUCH_ORDER = Words(-2013, "Order does not exist.")
CANCEL_REJECTED = Words(-2011, "Unknown order sent.")
TOO_LARGE = Words(-1101, "The request is larger than this server takes; send less.", 413)
NO_SUCH_PATH = Words(-1000, "There is no such endpoint; docs/simulated-exchange.md lists those there are.", 404)
BROKEN = Words(-1000, "An unknown error occurred while processing the request.", 500)
