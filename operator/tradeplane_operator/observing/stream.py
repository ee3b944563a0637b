"""Events out of the bytes of a watch, however the network has cut them.

A watch is a JSON document a line. What cannot be read is not left out, because an event may have been in it: the watch
has to begin again with a list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tradeplane_operator.acting.errors import ApiError, ApiUnavailable, Gone
from tradeplane_operator.acting.json_text import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""Limit of one event; an API server takes no request of more than 3 MiB, so no object comes near it."""
BOOKMARK = "BOOKMARK"
_TYPES = frozenset({"ADDED", "MODIFIED", "DELETED", BOOKMARK})
_SHOWN = 80
_GONE = 410


class MalformedEvent(Exception):
    """What a watch sent is no event; the message shows its beginning."""


class WatchEvent(NamedTuple):
    """A change, or a bookmark (which says only how far the watch has come)."""

    type: str
    body: Mapping[str, Any]
    version: str
    """The resourceVersion from which the watch goes on after it."""


@dataclass(slots=True)
class EventStream:
    """Puts lines together that came in pieces."""

    _rest: bytearray = field(default_factory=bytearray)

    def take(self, data: bytes) -> Iterator[WatchEvent]:
        """Yield the events that are whole with these bytes.

        Raises MalformedEvent, Gone where the history asked for is lost, and ApiError for other errors sent as events.
        """
        lines = data.split(b"\n")
        for line in lines[:-1]:
            whole = bytes(self._rest) + line if self._rest else line
            self._rest.clear()
            if whole:
                yield _event(whole)
        self._rest += lines[-1]
        if len(self._rest) > MAX_EVENT_BYTES:
            raise MalformedEvent(f"an event has more than {MAX_EVENT_BYTES} bytes: {_beginning(self._rest)}")


def _event(line: bytes) -> WatchEvent:
    try:
        told = read_json(line)
        kind, body = told["type"], told["object"]
        if kind == "ERROR":
            raise _error(body)
        version = body["metadata"]["resourceVersion"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedEvent(f"not an event of a watch: {_beginning(line)}") from error
    if not isinstance(version, str) or not isinstance(kind, str) or kind not in _TYPES:
        raise MalformedEvent(f"not an event of a watch: {_beginning(line)}")
    return WatchEvent(kind, body, version)


def _error(status: Mapping[str, Any]) -> ApiError:
    """Return the error that an event of type ERROR means: its object is a Status."""
    code, reason, message = int(status["code"]), str(status.get("reason", "")), str(status.get("message", ""))
    if code == _GONE:
        return Gone(code, reason, message)
    return ApiUnavailable(f"the watch was ended: {code} {reason}: {message}", code)


def _beginning(line: bytes | bytearray) -> str:
    return repr(bytes(line[:_SHOWN]))
