"""Names and labels of what the operator makes.

A Job's name is computed from what asked for it and from nothing else, so that a restart, a second replica or a
doubled event asks the API server for the same name, and "already exists" means done.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from tradeplane_api.base import API_VERSION, GROUP, VERSION

if TYPE_CHECKING:
    from tradeplane_api.strategy import Architecture, Trigger

__all__ = [
    "API_VERSION",
    "APPLIED_ANNOTATION",
    "ATTESTATION_FINALIZER",
    "CAPTURE_UID_LABEL",
    "CLOSING_LABEL",
    "CONNECTION_UID_LABEL",
    "EXCHANGE_LABEL",
    "EXCHANGE_ROLE",
    "GROUP",
    "MANAGED_BY",
    "MANAGED_BY_LABEL",
    "OWNER_LABELS",
    "PAYLOAD_FINALIZER",
    "PROBE_ROLE",
    "REPLAY_UID_LABEL",
    "ROLE_LABEL",
    "RUN_LABEL",
    "STORE_LABEL",
    "STRATEGY_UID_LABEL",
    "VERSION",
    "ProbeName",
    "probe_name",
    "read_probe_name",
    "run_name",
]

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "tradeplane"
STRATEGY_UID_LABEL = f"{GROUP}/strategy-uid"
CONNECTION_UID_LABEL = f"{GROUP}/broker-connection-uid"
REPLAY_UID_LABEL = f"{GROUP}/replay-uid"
CAPTURE_UID_LABEL = f"{GROUP}/snapshot-capture-uid"
CLOSING_LABEL = f"{GROUP}/closing"
"""Of a Snapshot: the number of the closing that sealed it."""
OWNER_LABELS = {
    STRATEGY_UID_LABEL: "Strategy",
    CONNECTION_UID_LABEL: "BrokerConnection",
    REPLAY_UID_LABEL: "Replay",
    CAPTURE_UID_LABEL: "SnapshotCapture",
}
"""Labels by which a child says whose it is, and the kind each stands for."""
APPLIED_ANNOTATION = f"{GROUP}/applied"
"""The digest of the manifest a child was last made like."""
ATTESTATION_FINALIZER = f"{GROUP}/attestation"
"""Keeps an object whose attestation was delayed from going before it has that."""
PAYLOAD_FINALIZER = f"{GROUP}/payload"
"""Keeps a Snapshot whose deletionPolicy is Delete from going before what it names in the store is gone."""
RUN_LABEL = f"{GROUP}/run"
"""The Job's own name, by which it is removed."""
ROLE_LABEL = f"{GROUP}/role"
PROBE_ROLE = "broker-probe"
"""Role of pods that may reach brokers, for a NetworkPolicy to select."""
EXCHANGE_ROLE = "exchange"
EXCHANGE_LABEL = f"{GROUP}/exchange"
"""Of pods that are simulated exchanges: the UID of their connection. Probes and traders may reach what carries it."""
STORE_LABEL = f"{GROUP}/store"
"""Of pods of ours that use no store, with the value ``none``: a NetworkPolicy keeps them from it."""

_READABLE = 50
_HASHED = 12
_PROBE_READABLE = 28
_PROBE_HASHED = 8


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


class ProbeName(NamedTuple):
    """What the name of a probe's Job says: the generation it probes, and in which interval since 1970 it was asked."""

    generation: int
    interval: int


_PROBE_NAME = re.compile(r"-([0-9]{1,10})-([0-9]{1,12})$")


def probe_name(connection: str, uid: str, probe: ProbeName) -> str:
    """Return the name of a probe and of its Job: at most 63 characters, and one an interval."""
    digest = hashlib.sha256(uid.encode()).hexdigest()[:_PROBE_HASHED]
    readable = connection.replace(".", "-")[:_PROBE_READABLE].rstrip("-")
    return f"{readable}-{digest}-{probe.generation}-{probe.interval}"


def read_probe_name(name: str) -> ProbeName | None:
    """Return what the name of a probe's Job says, or nothing where it is not such a name."""
    found = _PROBE_NAME.search(name)
    return None if found is None else ProbeName(int(found[1]), int(found[2]))
