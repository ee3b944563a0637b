"""What a client says over its connection: which streams it wants, and which no longer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_workloads.exchange.hub import MAX_SUBSCRIPTIONS
from tradeplane_workloads.exchange.streams import compact, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradeplane_workloads.exchange.hub import Hub, Listener
    from tradeplane_workloads.exchange.listing import Listings

MAX_MESSAGE_BYTES = 65_536
MAX_MESSAGES_A_SECOND = 10
MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Subscribes listeners; ``account_of`` tells whose listen key a name is."""

    hub: Hub
    listings: Listings
    account_of: Callable[[str], int | None]

    def add(self, listener: Listener, names: Sequence[str]) -> str | None:
        """Subscribe to streams, all or none; return what is wrong where none is."""
        fresh = [name for name in dict.fromkeys(names) if name not in listener.subscriptions]
        if len(listener.subscriptions) + len(fresh) > MAX_SUBSCRIPTIONS:
            return f"Invalid request: a connection has at most {MAX_SUBSCRIPTIONS} streams"
        found = [(name, stream_of(name, self.listings), self.account_of(name)) for name in fresh]
        for name, stream, account in found:
            if stream is None and account is None:
                return f"Invalid request: there is no stream {name[:MAX_NAME]}"
        for name, stream, account in found:
            if stream is not None:
                self.hub.subscribe(listener, stream)
            elif account is not None:
                self.hub.subscribe_account(listener, account, name)
        return None

    def answer(self, listener: Listener, text: str) -> str:
        """Do what a message asks for and return the answer."""
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            return _wrong("Invalid JSON: it cannot be read", None)
        if not isinstance(request, dict):
            return _wrong("Invalid request: it is no object", None)
        number = request.get("id")
        if number is not None and not isinstance(number, int | str):
            return _wrong("Invalid request: id must be a number or a string", None)
        if request.get("method") == "LIST_SUBSCRIPTIONS":
            return compact({"result": list(listener.subscriptions), "id": number})
        names = request.get("params")
        if not isinstance(names, list) or not all(isinstance(name, str) and len(name) <= MAX_NAME for name in names):
            return _wrong("Invalid request: params must be a list of names of streams", number)
        return self._change(listener, request.get("method"), names, number)

    def _change(self, listener: Listener, method: object, names: list[str], number: int | str | None) -> str:
        if method == "SUBSCRIBE":
            wrong = self.add(listener, names)
            if wrong is not None:
                return _wrong(wrong, number)
        elif method == "UNSUBSCRIBE":
            for name in names:
                self.hub.unsubscribe(listener, name)
        else:
            return _wrong("Invalid request: method is SUBSCRIBE, UNSUBSCRIBE or LIST_SUBSCRIPTIONS", number)
        return compact({"result": None, "id": number})


class Pace:
    """How many messages a client has sent in this second."""

    def __init__(self) -> None:
        self._second = -1
        self._count = 0

    def is_kept(self, now_ms: int) -> bool:
        """Count a message and tell whether it is not one too many."""
        second = now_ms // 1_000
        self._count = self._count + 1 if second == self._second else 1
        self._second = second
        return self._count <= MAX_MESSAGES_A_SECOND


def _wrong(words: str, number: int | str | None) -> str:
    return compact({"error": {"code": 2, "msg": words}, "id": number})
