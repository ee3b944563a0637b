"""Names of what mode Paper makes: one trader a Strategy, its volume, and the Jobs that close its sessions."""

from __future__ import annotations

import hashlib

from tradeplane_operator.planning.names import GROUP

CLOSING_FINALIZER = f"{GROUP}/closing"
"""Keeps a Strategy that trades from going before what it left at the broker is closed."""
TRADER_ROLE = "trader"
"""Role of pods that trade and that close, for a NetworkPolicy to select."""

_TRADER = 52
"""The controller of StatefulSets adds eleven characters to the name, in a label, and a label has 63."""
_READABLE = 36
_HASHED = 8
_CLOSING_READABLE = 40
_CLOSING_HASHED = 12


def trader_name(strategy: str, uid: str) -> str:
    """Return the name of a trader's StatefulSet: ``<strategy>-trader``, or a shorter one made unique by the UID."""
    name = f"{strategy}-{TRADER_ROLE}"
    if len(name) <= _TRADER and "." not in strategy:
        return name
    return f"{strategy.replace('.', '-')[:_READABLE].rstrip('-')}-{_hash(uid, _HASHED)}-{TRADER_ROLE}"


def pod_name(strategy: str, uid: str) -> str:
    """Return the name of a trader's pod."""
    return f"{trader_name(strategy, uid)}-0"


def claim_template(uid: str) -> str:
    """Return the name a trader's StatefulSet has for its volume.

    The UID is in it, so that a Strategy made anew under a name never meets the record of the one before.
    """
    return f"sessions-{_hash(uid, _HASHED)}"


def claim_name(strategy: str, uid: str) -> str:
    """Return the name of the claim of a trader's volume."""
    return f"{claim_template(uid)}-{pod_name(strategy, uid)}"


def closing_name(strategy: str, uid: str, number: int, generation: int) -> str:
    """Return the name of the Job of a closing: one a closing recorded, at most 63 characters."""
    digest = _hash(f"{uid}/{number}/{generation}", _CLOSING_HASHED)
    return f"{strategy.replace('.', '-')[:_CLOSING_READABLE].rstrip('-')}-closing-{digest}"


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
