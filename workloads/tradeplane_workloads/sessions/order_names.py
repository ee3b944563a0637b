"""The names our orders have at an exchange: derived from the session and the decision, so that none is sent twice.

An exchange refuses a name it has seen, and says under which name an order traded: whoever restarts asks for the names
its journal has, and knows what became of each.
"""

from __future__ import annotations

import re

MAX_LENGTH = 36
"""Characters of a client order id at Binance, which is the least of those we know."""
MAX_ORDER = 2**64 - 1
_FORM = re.compile(r"tp-([0-9a-f]{12})-(0|[1-9][0-9]{0,19})", re.ASCII)


def order_name(session: bytes, order: int) -> str:
    """Return the name of a session's order. Raises ValueError for a number that no order has."""
    if not 0 < order <= MAX_ORDER:
        raise ValueError(f"order {order}: the numbers of orders are from 1 to {MAX_ORDER}; give one of those")
    return f"{_prefix(session)}{order}"


def order_of(name: str, session: bytes) -> int | None:
    """Return the number of a session's order of a name; None where the name is another session's, or none of ours."""
    found = _FORM.fullmatch(name)
    if found is None or not name.startswith(_prefix(session)):
        return None
    order = int(found.group(2))
    return order if 0 < order <= MAX_ORDER else None


def _prefix(session: bytes) -> str:
    return f"tp-{session.hex()[:12]}-"
