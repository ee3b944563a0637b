"""JSON from outside, read so that two readers cannot take it for two things.

A signature is over bytes, and a policy is over what they mean; where parsers differ (duplicate names, NaN), one and
the same signed text could mean this to a verifier and that to who relies on it (RFC 8259, section 4). Such texts are
refused, and so is what is large or deep enough to be meant to wear a reader out.
"""

from __future__ import annotations

import json
from typing import Any

from tradeplane_evidence.errors import Malformed

MAX_DEPTH = 64
"""How deep objects and lists may stand in each other; a statement of a run has about ten levels."""


def parse(data: bytes, what: str, limit: int) -> Any:
    """Return the values of a JSON text of at most ``limit`` bytes; ``what`` names it in an error. Raises Malformed."""
    if len(data) > limit:
        raise Malformed(f"{what} has {len(data):,} bytes, and at most {limit:,} are read")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unambiguous, parse_constant=_no_number, parse_float=_finite
        )
    except RecursionError as error:
        raise Malformed(f"{what} is nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:  # of the text, of its encoding, or of the hooks above
        raise Malformed(f"{what} is not JSON that has one meaning: {error}") from error
    if _deeper(value, MAX_DEPTH):
        raise Malformed(f"{what} is nested deeper than {MAX_DEPTH} levels")
    return value


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name[:64]!r} stands twice in one object")
        found[name] = value
    return found


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:32]} is out of range")
    return number


def _deeper(value: Any, levels: int) -> bool:
    """Say whether a value has more levels than that; by levels and not by recursion, so that depth costs no stack."""
    level = [value]
    for _ in range(levels):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(one, dict | list) for one in level)
