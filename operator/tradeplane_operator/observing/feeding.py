"""What watches tell goes into the index, and the keys it is news for into the queue. Nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.names import OWNER_LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_operator.observing.index import Index
    from tradeplane_operator.observing.owned import OwnedIndex

DELETED = "DELETED"
_OWNERS = frozenset(OWNER_LABELS.values())
"""Kinds that have children."""


@dataclass(slots=True)
class Feed:
    """Takes events of watches: a type as the API server spells it, and an object. ``wake`` is told of news."""

    index: Index
    wake: Callable[[Key], None]

    def strategy(self, event: str, body: Mapping[str, Any]) -> None:
        """Take what a watch says of a Strategy: news for the Replays that wait for a run of it, too."""
        self._read_by_others(Kind.STRATEGY, event, body)

    def snapshot(self, event: str, body: Mapping[str, Any]) -> None:
        """Take what a watch says of a Snapshot: news for the Strategies that wait for it, too."""
        self._read_by_others(Kind.SNAPSHOT, event, body)

    def connection(self, event: str, body: Mapping[str, Any]) -> None:
        """Take what a watch says of a BrokerConnection: news for the Strategies that wait for it, too."""
        self._read_by_others(Kind.BROKER_CONNECTION, event, body)

    def replay(self, event: str, body: Mapping[str, Any]) -> None:
        """Take what a watch says of a Replay."""
        self._resource(Kind.REPLAY, event, body)

    def capture(self, event: str, body: Mapping[str, Any]) -> None:
        """Take what a watch says of a SnapshotCapture."""
        self._resource(Kind.SNAPSHOT_CAPTURE, event, body)

    def approval(self, event: str, body: Mapping[str, Any]) -> None:
        """Take what a watch says of an Approval: news for the Strategy that it approves, too."""
        key = self._resource(Kind.APPROVAL, event, body)
        reference = (body.get("spec") or {}).get("strategyRef") or {}
        if key is not None and reference.get("name"):
            self.wake(Key(Kind.STRATEGY, key.namespace, reference["name"]))

    def job(self, event: str, body: Mapping[str, Any]) -> None:
        """Take what a watch says of a Job: news for its owner where a plan would act on it."""
        self._child(self.index.jobs, event, body)

    def stateful_set(self, event: str, body: Mapping[str, Any]) -> None:
        """Take what a watch says of a StatefulSet: news for its owner where a plan would act on it."""
        self._child(self.index.sets, event, body)

    def service(self, event: str, body: Mapping[str, Any]) -> None:
        """Take what a watch says of a Service: news for its owner where a plan would act on it."""
        self._child(self.index.services, event, body)

    def _child(self, known: OwnedIndex[Any], event: str, body: Mapping[str, Any]) -> None:
        metadata = body["metadata"]
        deleted = event == DELETED
        news = not deleted and known.put(body) is not None
        owners = metadata.get("ownerReferences") or ()
        owner = next((owner for owner in owners if owner.get("kind") in _OWNERS), None)
        if owner is None:
            return
        key = Key(Kind(owner["kind"]), metadata["namespace"], owner["name"])
        if deleted:
            gone = known.remove(owner["uid"], metadata["name"], metadata["uid"])
            news = gone and self.index.of_kind(key.kind).get(key) is not None
        if news:
            self.wake(key)

    def _read_by_others(self, kind: Kind, event: str, body: Mapping[str, Any]) -> None:
        key = self._resource(kind, event, body)
        if key is not None:
            for reader in self.index.take_readers(key):
                self.wake(reader)

    def _resource(self, kind: Kind, event: str, body: Mapping[str, Any]) -> Key | None:
        """Keep or forget an object of ours; return its key if that is news."""
        known = self.index.of_kind(kind)
        key = known.key_of(body)
        gone = event == DELETED
        news = known.remove(key, body["metadata"]["uid"]) if gone else known.put(body, confirmed=True)
        if not news:
            return None
        self.wake(key)
        return key
