"""JSON from the API server, whatever somebody has put into an object of his.

The API server stores values of up to ten thousand levels where a schema leaves their form open, as that of parameters
does, and the reader here takes a thousand: one such object would keep the list that it is in from being read, and so
everybody else's from being seen. So what lies deeper than anybody here looks is left out and read as null. Who reads
the spec of that object refuses it for the levels that are left.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

LEVELS_KEPT = 200
"""More than a spec may have (``tradeplane_api.free_values``), and fewer than the reader and the writer take."""
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def read_json(text: bytes) -> Any:
    """Return the value of a JSON text. Raises orjson.JSONDecodeError for what is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        shallow = readable(text)
        if shallow == text:
            raise
    return orjson.loads(shallow)


def readable(text: bytes) -> bytes:
    """Return a JSON text with null in the place of what has more levels than are kept; most are as they were."""
    if text.count(b"[") + text.count(b"{") <= LEVELS_KEPT:
        return text
    kept, level, copied = bytearray(), 0, 0
    for token in _TOKENS.finditer(text):
        mark = token.group()[:1]
        if mark in b"[{":
            level += 1
            if level == LEVELS_KEPT + 1:
                kept += text[copied : token.start()]
                copied = token.start()
        elif mark in b"]}":
            if level == LEVELS_KEPT + 1:
                kept += b"null"
                copied = token.end()
            level -= 1
    return bytes(kept) + text[copied:]
