"""Keys of the work queue: which object a piece of work is about."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """Kinds the operator reconciles."""

    STRATEGY = "Strategy"
    SNAPSHOT = "Snapshot"
    BROKER_CONNECTION = "BrokerConnection"
    REPLAY = "Replay"
    SNAPSHOT_CAPTURE = "SnapshotCapture"
    APPROVAL = "Approval"


PLURALS = {
    Kind.STRATEGY: "strategies",
    Kind.SNAPSHOT: "snapshots",
    Kind.BROKER_CONNECTION: "brokerconnections",
    Kind.REPLAY: "replays",
    Kind.SNAPSHOT_CAPTURE: "snapshotcaptures",
    Kind.APPROVAL: "approvals",
}


class Key(NamedTuple):
    """An object by kind, namespace and name."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value}/{self.namespace}/{self.name}"


def parse_key(text: str) -> Key:
    """Return the key that a text is of, as ``str`` writes it."""
    kind, namespace, name = text.split("/", 2)
    return Key(Kind(kind), namespace, name)
