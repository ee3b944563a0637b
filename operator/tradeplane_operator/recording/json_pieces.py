"""JSON taken apart at its top level, the rest left as bytes: what nobody asks for is never read.

An audit event holds bytes that a client chose, unread: the patch that it sent, as deep, as ambiguous and as odd as it
likes. A reader of the whole would refuse the whole, and with it what others did in the same second. So a list is taken
apart into its events and an event into its fields, without recursion, and each piece is read by itself or not at all.
"""

from __future__ import annotations

import re
from typing import Any

from tradeplane_evidence import strict_json
from tradeplane_evidence.errors import Malformed

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
"""A whole text, or what else decides how deep things stand; a lone quotation mark is a text without end."""
_OPEN, _CLOSE, _QUOTE = b"{[", b"}]", b'"'


class Piece(bytes):
    """An object or a list within another, not read yet."""

    def read(self, what: str) -> Any:
        """Return its values, all of them. Raises Malformed."""
        return strict_json.parse(bytes(self), what, len(self))

    def names(self, text: bytes) -> bool:
        """Say whether some bytes stand in it, in whatever place."""
        return self.find(text) >= 0


def top(data: bytes, what: str) -> Any:
    """Return a JSON text with each object and list within it as a ``Piece``. Raises Malformed.

    Linear in time whatever the bytes are; that a piece is JSON shows when it is read.
    """
    pieces, skeleton = _cut(data, what)
    value = strict_json.parse(skeleton, what, len(data) + 32 * len(pieces))
    if isinstance(value, dict):
        return {name: _piece(one, pieces) for name, one in value.items()}
    return [_piece(one, pieces) for one in value] if isinstance(value, list) else value


def _piece(value: Any, pieces: list[Piece]) -> Any:
    return pieces[value[""]] if isinstance(value, dict) else value


def _cut(data: bytes, what: str) -> tuple[list[Piece], bytes]:
    """Return what stands one level down, and the text with numbers in its place."""
    pieces: list[Piece] = []
    skeleton: list[bytes] = []
    depth = start = copied = 0
    for token in _TOKEN.finditer(data):
        text = token.group()
        if text in _OPEN:
            depth += 1
            if depth == 2:
                start = token.start()
        elif text in _CLOSE:
            depth -= 1
            if depth == 1:
                skeleton += (data[copied:start], b'{"":%d}' % len(pieces))
                pieces.append(Piece(data[start : token.end()]))
                copied = token.end()
            if depth < 0:
                break
        elif text == _QUOTE:
            raise Malformed(f"{what} is no JSON: a text in it has no end")
    if depth:
        raise Malformed(f"{what} is no JSON: what is opened in it and what is closed do not match")
    return pieces, b"".join((*skeleton, data[copied:]))
