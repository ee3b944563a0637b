"""Values of any form, as parameters of algorithms are: what JSON carries exactly, so that a digest is taken of them.

The schema leaves them open, and so the API server takes more: it stores whole numbers that other readers round, and
thousands of levels. They are refused here, by who reads them.
"""

from __future__ import annotations

from typing import Any

from tradeplane_api.forms import refuse

MAX_LEVELS = 64
"""Levels that a value may have; each reader has a limit, and this is far below them."""
MAX_WHOLE = 2**53 - 1
"""The largest whole number that JSON carries exactly (RFC 7493, section 2.2)."""


def exact(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values. Raises the error of a refused value, which names the first that JSON does not carry."""
    below: list[tuple[str, object, int]] = [("", values, 0)]
    while below:
        path, value, level = below.pop()
        if level > MAX_LEVELS:
            raise refuse(f"{path.split('[')[0].split('.')[0]} has more than {MAX_LEVELS} levels; give it fewer")
        if isinstance(value, dict):
            below += [(f"{path}.{name}" if path else f"{name}", one, level + 1) for name, one in value.items()]
            _check_text(path, *value)
        elif isinstance(value, list | tuple):
            below += [(f"{path}[{index}]", one, level + 1) for index, one in enumerate(value)]
        elif isinstance(value, str):
            _check_text(path, value)
        elif isinstance(value, int) and abs(value) > MAX_WHOLE:
            raise refuse(f"{path} is {value}, and JSON carries whole numbers up to {MAX_WHOLE} alone; make it a string")
    return values


def _check_text(path: str, *texts: str) -> None:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise refuse(f"{path or 'a name'} has half of a character (a lone surrogate); write it whole") from None
