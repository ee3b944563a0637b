"""What the watches brought, kept small: ten thousand finished strategies have to fit beside each other.

Objects of our kinds are kept as JSON bytes without what no plan reads (managed fields, annotations); their children
(``observing.owned``) as the few fields that matter. The newest of a watched copy and of an answer to our own write is
kept. Resource versions are compared as integers, which the API server promises within one resource type
(https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from sys import intern
from typing import TYPE_CHECKING, Any

import orjson

from tradeplane_operator.observing.children import JOBS, SERVICES, STATEFUL_SETS
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.owned import JobIndex, OwnedIndex, services, stateful_sets
from tradeplane_operator.planning.capture_names import BUNDLE_LABEL, BYTES_ANNOTATION
from tradeplane_operator.planning.names import CAPTURE_UID_LABEL, CLOSING_LABEL, STRATEGY_UID_LABEL
from tradeplane_operator.planning.snapshot_attesting import is_awaited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tradeplane_operator.planning.observed import ObservedChild, ObservedSet

_METADATA = (
    "name",
    "namespace",
    "uid",
    "generation",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
)
_LABELS = (CAPTURE_UID_LABEL, BUNDLE_LABEL, STRATEGY_UID_LABEL, CLOSING_LABEL)
_ANNOTATIONS = (BYTES_ANNOTATION,)


@dataclass(slots=True)
class Record:
    """One object as last seen.

    ``confirmed``: by a watch or a read, not by the answer to a write of ours. ``awaited``: somebody waits for that.
    ``unanswered``: its status speaks of an older spec, or of none. ``maker``: UID of the capture, or of the Strategy,
    that made it; of an Approval what it approves.
    """

    uid: str
    version: int
    confirmed: bool
    body: bytes
    unanswered: bool = False
    awaited: bool = False
    maker: str = ""

    def resource(self) -> dict[str, Any]:
        """Return the object, without what is not kept."""
        parsed: dict[str, Any] = orjson.loads(self.body)
        return parsed


def _kept(body: Mapping[str, Any]) -> bytes:
    metadata = {name: body["metadata"][name] for name in _METADATA if name in body["metadata"]}
    for field_name, names in (("labels", _LABELS), ("annotations", _ANNOTATIONS)):
        there = body["metadata"].get(field_name) or {}
        read = {name: there[name] for name in names if name in there}
        if read:
            metadata[field_name] = read
    return orjson.dumps({"metadata": metadata, "spec": body.get("spec") or {}, "status": body.get("status") or {}})


def _unanswered(body: Mapping[str, Any]) -> bool:
    answered: object = (body.get("status") or {}).get("observedGeneration")
    return bool(answered != body["metadata"].get("generation"))


def _maker(body: Mapping[str, Any]) -> str:
    labels = body["metadata"].get("labels") or {}
    return intern(str(labels.get(CAPTURE_UID_LABEL) or labels.get(STRATEGY_UID_LABEL, "")))


def approved(namespace: str, strategy: str) -> str:
    """Return what Approvals of a Strategy are found by."""
    return intern(f"{namespace}/{strategy}")


def _approved(body: Mapping[str, Any]) -> str:
    reference = (body.get("spec") or {}).get("strategyRef") or {}
    return approved(body["metadata"]["namespace"], str(reference.get("name", "")))


def _version(body: Mapping[str, Any]) -> int:
    return int(body["metadata"]["resourceVersion"])


@dataclass(slots=True)
class ResourceIndex:
    """Objects of one kind of ours, by key; those that a capture or a Strategy made by its UID, too.

    ``belonging``: what else an object is found by; "" for nothing.
    """

    kind: Kind
    belonging: Callable[[Mapping[str, Any]], str] = _maker
    _records: dict[Key, Record] = field(default_factory=dict)
    _made: dict[str, set[Key]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._records))

    def key_of(self, body: Mapping[str, Any]) -> Key:
        """Return the key of an object of this kind."""
        metadata = body["metadata"]
        return Key(self.kind, intern(metadata["namespace"]), metadata["name"])

    def get(self, key: Key) -> Record | None:
        """Return an object as last seen."""
        return self._records.get(key)

    def put(self, body: Mapping[str, Any], *, confirmed: bool) -> bool:
        """Keep an object, unless a newer one is known; return whether anything about it is new."""
        key, version = self.key_of(body), _version(body)
        known = self._records.get(key)
        if known is not None and known.uid == body["metadata"]["uid"]:
            if version < known.version:
                return False
            if version == known.version:
                news = confirmed and not known.confirmed and known.awaited
                known.confirmed = known.confirmed or confirmed
                return news
        if known is not None:
            self._forget(key)
        self._records[key] = Record(
            body["metadata"]["uid"],
            version,
            confirmed,
            _kept(body),
            unanswered=_unanswered(body),
            maker=self.belonging(body),
        )
        if self._records[key].maker:
            self._made.setdefault(self._records[key].maker, set()).add(key)
        return True

    def made_by(self, uid: str) -> list[Record]:
        """Return the objects that the capture or the Strategy with this UID made, or Approvals of a Strategy."""
        return [self._records[key] for key in self._made.get(uid, ())]

    def _forget(self, key: Key) -> None:
        record = self._records.pop(key)
        keys = self._made.get(record.maker, set())
        keys.discard(key)
        if not keys:
            self._made.pop(record.maker, None)

    def remove(self, key: Key, uid: str) -> bool:
        """Forget a deleted object, unless another one of its name has come since; return whether it was known."""
        known = self._records.get(key)
        if known is None or known.uid != uid:
            return False
        self._forget(key)
        return True

    def identities(self) -> dict[str, tuple[Key, int]]:
        """Return key and version of every object, by UID."""
        return {record.uid: (key, record.version) for key, record in self._records.items()}


@dataclass(slots=True)
class Index:
    """All that is known of the cluster."""

    strategies: ResourceIndex = field(default_factory=lambda: ResourceIndex(Kind.STRATEGY))
    snapshots: ResourceIndex = field(default_factory=lambda: ResourceIndex(Kind.SNAPSHOT))
    connections: ResourceIndex = field(default_factory=lambda: ResourceIndex(Kind.BROKER_CONNECTION))
    replays: ResourceIndex = field(default_factory=lambda: ResourceIndex(Kind.REPLAY))
    captures: ResourceIndex = field(default_factory=lambda: ResourceIndex(Kind.SNAPSHOT_CAPTURE))
    approvals: ResourceIndex = field(default_factory=lambda: ResourceIndex(Kind.APPROVAL, _approved))
    jobs: JobIndex = field(default_factory=JobIndex)
    sets: OwnedIndex[ObservedSet] = field(default_factory=stateful_sets)
    services: OwnedIndex[ObservedChild] = field(default_factory=services)
    _readers: dict[Key, set[Key]] = field(default_factory=dict)

    def is_there(self, key: Key, uid: str) -> bool:
        """Return whether an object is there still, and not another of its name."""
        record = self.of_kind(key.kind).get(key)
        return record is not None and record.uid == uid

    def of_kind(self, kind: Kind) -> ResourceIndex:
        """Return the index of one kind of ours."""
        kinds = {
            Kind.STRATEGY: self.strategies,
            Kind.SNAPSHOT: self.snapshots,
            Kind.BROKER_CONNECTION: self.connections,
            Kind.REPLAY: self.replays,
            Kind.SNAPSHOT_CAPTURE: self.captures,
            Kind.APPROVAL: self.approvals,
        }
        return kinds[kind]

    def owned(self, plural: str) -> OwnedIndex[Any]:
        """Return the index of one kind of children."""
        kinds: dict[str, OwnedIndex[Any]] = {JOBS: self.jobs, STATEFUL_SETS: self.sets, SERVICES: self.services}
        return kinds[plural]

    def unanswered(self, key: Key) -> bool:
        """Return whether somebody waits for a first answer to what an object of ours asks."""
        record = self.of_kind(key.kind).get(key)
        return record is not None and record.unanswered

    def awaits_attestation(self, namespace: str, snapshot: str) -> bool:
        """Return whether a Snapshot of a namespace names this id and is still to be attested."""
        spelled = snapshot.encode()
        for key in self.snapshots:
            record = self.snapshots.get(key)
            if key.namespace == namespace and record is not None and spelled in record.body:
                resource = record.resource()
                if resource["spec"].get("digest") == snapshot and is_awaited(resource["status"]):
                    return True
        return False

    def reads(self, strategy: Key, snapshot: Key) -> None:
        """Remember that a strategy waits for a snapshot."""
        self._readers.setdefault(snapshot, set()).add(strategy)

    def take_readers(self, snapshot: Key) -> set[Key]:
        """Return the strategies that waited for a snapshot; they wait no longer until they say so again."""
        return self._readers.pop(snapshot, set())
