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

MAX_PIECES = 20_000
"""Of one object or list; to put each of them apart takes a while, and what a patch changes is said in fewer."""
MAX_STEPS = 200_000
"""Of one piece, to find its end: what takes more is shaped to wear a reader out, and is not gone through again."""
_LEVELS = 3
"""So deep below a piece is gone through by the regular expression, and what is deeper in steps, a tenth as fast."""
# What a possessive repeat repeats ends in an alternative that never matches. Python before 3.11.5, Debian 12's among
# them, goes on from where the last try of it broke off, not from where that began
# (https://github.com/python/cpython/issues/106052); a try of this alternative begins there and moves no further.
_TEXT = rb'"(?:[^"\\]++|\\.|(?!))*+"'


def _step(levels: int) -> re.Pattern[bytes]:
    """Return what goes through all that is balanced, and nested no deeper than that, and on to what is not."""
    balanced = rb"(?:[^\"{}\[\]]++|%s|(?!))*+" % _TEXT
    for _ in range(levels):
        balanced = rb"(?:[^\"{}\[\]]++|%s|[{\[]%s[}\]]|(?!))*+" % (_TEXT, balanced)
    return re.compile(balanced + rb"([{\[]++|[}\]]++|\"|\Z)", re.DOTALL)


_WITHIN, _ON_TOP = _step(_LEVELS), _step(0)


class Piece(bytes):
    """An object or a list within another, not read yet."""

    steps: int = 0
    """What it took to find its end."""

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
    value, pieces = _cut(data, what, 2)
    if isinstance(value, dict):
        return {name: _piece(one, pieces) for name, one in value.items()}
    return [_piece(one, pieces) for one in value] if isinstance(value, list) else value


def listed(data: bytes, what: str, name: str) -> tuple[dict[str, Any], list[Any]]:
    """Return an object, and the members of the list that it has under a name, objects among them as pieces.

    The same as ``top`` twice over, and gone through once. Raises Malformed.
    """
    value, pieces = _cut(data, what, 3)
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    members = [] if value.get(name) is None else value[name]
    if not isinstance(members, list):
        raise Malformed(f"{name} of {what} is no list")
    return value, [_piece(one, pieces) for one in members]


def _piece(value: Any, pieces: list[Piece]) -> Any:
    return pieces[value[""]] if isinstance(value, dict) else value


def _cut(data: bytes, what: str, level: int) -> tuple[Any, list[Piece]]:
    """Return the values of a text with a number in the place of each piece, and the pieces."""
    places = _places(data, what, level, MAX_PIECES)
    pieces: list[Piece] = []
    skeleton: list[bytes] = []
    copied = 0
    for number, (start, end, steps) in enumerate(places):
        pieces.append(Piece(data[start:end]))
        pieces[-1].steps = steps
        skeleton += (data[copied:start], b'{"":%d}' % number)
        copied = end
    skeleton.append(data[copied:])
    return strict_json.parse(b"".join(skeleton), what, len(data) + 32 * len(pieces)), pieces


def _places(data: bytes, what: str, level: int, limit: int) -> list[tuple[int, int, int]]:
    """Return where each object and list of a level begins and ends, and in how many steps that was found."""
    found: list[tuple[int, int, int]] = []
    depth = start = steps = end = 0
    while step := (_WITHIN if depth >= level else _ON_TOP).match(data, end):
        at, end = step.span(1)
        if at == end:
            break
        steps += 1
        if data[at] in b"{[":
            if depth < level <= depth + end - at:
                start, steps = at + level - depth - 1, 0
            depth += end - at
        elif data[at] in b"}]":
            if depth >= level > depth - end + at:
                found.append((start, at + depth - level + 1, steps))
                if len(found) > limit:
                    raise Malformed(f"{what} has more than {limit:,} objects and lists")
            depth -= end - at
        else:
            raise Malformed(f"{what} is no JSON: a text in it has no end")
        if depth < 0:
            break
    if depth:
        raise Malformed(f"{what} is no JSON: what is opened in it and what is closed do not match")
    return found
