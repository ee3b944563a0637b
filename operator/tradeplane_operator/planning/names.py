"""Names and labels of what the operator makes.

A Job's name is computed from what asked for it and from nothing else, so that a restart, a second replica or a
doubled event asks the API server for the same name, and "already exists" means done.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tradeplane_api.base import API_VERSION, GROUP, VERSION

if TYPE_CHECKING:
    from tradeplane_api.strategy import Architecture, Trigger

__all__ = [
    "API_VERSION",
    "GROUP",
    "MANAGED_BY",
    "MANAGED_BY_LABEL",
    "RUN_LABEL",
    "STRATEGY_UID_LABEL",
    "VERSION",
    "run_name",
]

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "tradeplane"
STRATEGY_UID_LABEL = f"{GROUP}/strategy-uid"
RUN_LABEL = f"{GROUP}/run"

_READABLE = 50
_HASHED = 12


def run_name(
    strategy: str, uid: str, generation: int, trigger: Trigger, occasion: str, architecture: Architecture
) -> str:
    """Return the name of a run and of its Job: readable in front, unique behind, at most 63 characters.

    ``occasion`` tells apart what one trigger asks for at different times: the rerun counter, or the scheduled time.
    """
    asked = "/".join((uid, str(generation), trigger.value, occasion, architecture.value))
    digest = hashlib.sha256(asked.encode()).hexdigest()[:_HASHED]
    readable = strategy.replace(".", "-")[:_READABLE].rstrip("-")
    return f"{readable}-{digest}"
