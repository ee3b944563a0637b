"""Keys of the work queue: which object a piece of work is about."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """Kinds the operator reconciles."""

    STRATEGY = "Strategy"
    SNAPSHOT = "Snapshot"
    BROKER_CONNECTION = "BrokerConnection"


PLURALS = {
    Kind.STRATEGY: "strategies",
    Kind.SNAPSHOT: "snapshots",
    Kind.BROKER_CONNECTION: "brokerconnections",
}


class Key(NamedTuple):
    """An object by kind, namespace and name."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value}/{self.namespace}/{self.name}"
