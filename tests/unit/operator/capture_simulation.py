"""A tiny API server with one SnapshotCapture, the controller of its StatefulSet, its agent, and an operator on them.

As ``simulation`` does for backtests: the operator is the real one, its client and clock are replaced, and what its
watches bring is delivered when a test says so. The server counts how often each Snapshot was made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.capture import SealedBundle
from tradeplane_api.snapshot_capture import SnapshotCaptureSpec
from tradeplane_operator.acting.errors import AlreadyExists, Conflict, NotFound, Refused
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.bundles import BundleFacts
from tradeplane_operator.planning.capture_names import BUNDLE_LABEL, agent_name
from tradeplane_operator.planning.observed import JobPods, ResultState
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.running.snapshot_captures import SnapshotCaptures
from tradeplane_operator.settings import Evidence

from tests.unit.operator.simulation import NAMESPACE, SETTINGS, Crash, Json, _merged, _run, copied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.planning.observed import PodFacts
    from tradeplane_operator.planning.wanted import Notice

ATTESTING = SETTINGS.model_copy(
    update={"evidence": Evidence(registry="registry.example.com/runs", signer="file:/key.pem")}
)
KEY = Key(Kind.SNAPSHOT_CAPTURE, NAMESPACE, "tape")
UID = "uid-c"
AGENT = agent_name(KEY.name, UID)
SPEC: Json = {"source": {"connectionRef": {"name": "sim"}, "instruments": ["SYNUSDT"]}}
FOUND_AT_ONCE = 3


def digest_of(number: int) -> str:
    """Return the id of the snapshot of a bundle."""
    return f"sha256:{number:064x}"


def bundle(number: int, *, empty: bool = False, size: int = 1_000) -> SealedBundle:
    """Return a bundle as an agent seals it: of ten records and a gap, or of none."""
    if empty:
        return SealedBundle(number=number, snapshot=None, lines=0, bytes=0)
    facts: Json = {"lines": 12, "bytes": size, "records": 10, "gaps": 1, "end": f"2026-01-05T00:00:{number % 60:02}Z"}
    return SealedBundle(number=number, snapshot=digest_of(number), **facts)


def connection(*, ready: bool = True, host: str = "exchange") -> Json:
    """Return the BrokerConnection captured at."""
    said = {"type": "Ready", "status": "True" if ready else "False", "reason": "Connected" if ready else "Refused"}
    return {
        "metadata": {
            "name": "sim",
            "namespace": NAMESPACE,
            "uid": "uid-b",
            "generation": 1,
            "resourceVersion": "1" if ready else "0",
        },
        "spec": {
            "type": "Simulated",
            "market": "UsdMargined",
            "endpoint": {"rest": f"http://{host}:9090", "stream": f"ws://{host}:9090"},
        },
        "status": {"observedGeneration": 1, "conditions": [said | {"message": "as it is"}]},
    }


@dataclass
class Server:
    """What there is, and what must never be."""

    now: datetime = datetime(2026, 1, 5, tzinfo=UTC)
    version: int = 10
    capture: Json | None = None
    snapshots: dict[str, Json] = field(default_factory=dict)
    sets: dict[str, Json] = field(default_factory=dict)
    pointers: dict[int, SealedBundle] = field(default_factory=dict)
    store: BundleFacts = field(default_factory=BundleFacts)
    made: Counter[str] = field(default_factory=Counter)
    claims_removed: list[str] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    pods: tuple[PodFacts, ...] = ()
    notices: list[Notice] = field(default_factory=list)
    events: list[tuple[str, str, Json]] = field(default_factory=list)
    crash_after: int | None = None
    """Writes until the operator's process ends, before the write that makes it 0 arrives."""
    attests: bool = False
    """Whether the operator attests what captures seal."""
    prunes: bool = False
    """Whether the definitions of the kinds are those of before a Snapshot said where it is from."""
    earlier: list[Json] = field(default_factory=list)
    """The capture as it was after each change."""

    def create(self, **spec: Any) -> None:
        """Create the SnapshotCapture."""
        full = SnapshotCaptureSpec.model_validate(SPEC | spec).model_dump(mode="json", by_alias=True, exclude_none=True)
        metadata = {"name": KEY.name, "namespace": NAMESPACE, "uid": UID, "generation": 1}
        self.capture = {"metadata": metadata | {"resourceVersion": self.bump()}, "spec": full, "status": {}}
        self.tell("capture", "ADDED", self.capture)

    def change(self, **spec: Any) -> None:
        """Change the spec."""
        assert self.capture is not None
        self.capture["spec"] = _merged(self.capture["spec"], spec)
        self.capture["metadata"] |= {
            "generation": self.capture["metadata"]["generation"] + 1,
            "resourceVersion": self.bump(),
        }
        self.tell("capture", "MODIFIED", self.capture)

    def remove(self) -> None:
        """Delete the SnapshotCapture."""
        assert self.capture is not None
        self.capture["metadata"] |= {"deletionTimestamp": rfc3339(self.now), "resourceVersion": self.bump()}
        self._settle_deletion()

    def _settle_deletion(self) -> None:
        assert self.capture is not None
        gone = "deletionTimestamp" in self.capture["metadata"] and not self.capture["metadata"].get("finalizers")
        self.tell("capture", "DELETED" if gone else "MODIFIED", self.capture)
        if gone:
            self.capture = None

    def delete_snapshot(self, name: str) -> None:
        """Delete a Snapshot."""
        self.tell("snapshot", "DELETED", self.snapshots.pop(name))

    def seal(self, *, empty: bool = False, size: int = 1_000) -> None:
        """Have the agent seal its next bundle."""
        number = len(self.pointers) + 1
        self.pointers[number] = bundle(number, empty=empty, size=size)

    def control(self) -> None:
        """Have the controller of StatefulSets, and the kubelet, do what is asked."""
        for made in self.sets.values():
            wanted = made["spec"]["replicas"]
            counts = {"replicas": wanted, "readyReplicas": wanted, "updatedReplicas": wanted}
            made["status"] = counts | {"observedGeneration": made["metadata"]["generation"]}
            made["metadata"]["resourceVersion"] = self.bump()
            self.tell("stateful_set", "MODIFIED", made)

    def bump(self) -> str:
        """Return the next resource version."""
        self.version += 1
        return str(self.version)

    def tell(self, kind: str, event: str, body: Json) -> None:
        """Have the watches bring something, when they are delivered."""
        if kind == "capture":
            self.earlier.append(copied(body))
        self.events.append((kind, event, copied(body)))

    def ready(self) -> Json:
        """Return the condition Ready."""
        assert self.capture is not None
        said: Json = next(one for one in self.capture["status"]["conditions"] if one["type"] == "Ready")
        return said

    @property
    def bundles(self) -> Json:
        """What the status says of bundles."""
        assert self.capture is not None
        found: Json = self.capture["status"]["bundles"]
        return found

    @property
    def gone(self) -> bool:
        """Whether the capture is deleted and let go."""
        return self.capture is None

    def numbers(self) -> list[int]:
        """Return the numbers of the bundles that are Snapshots."""
        return sorted(int(one["metadata"]["labels"][BUNDLE_LABEL]) for one in self.snapshots.values())


@dataclass
class _Client:
    server: Server

    def _write(self) -> None:
        """Count a write. Raises Crash where the process ends before it."""
        if self.server.crash_after is not None:
            self.server.crash_after -= 1
            if self.server.crash_after == 0:
                raise Crash

    async def get(self, path: str) -> Any:
        server, name = self.server, path.rsplit("/", 1)[1]
        found = {KEY.name: server.capture}.get(name) or server.snapshots.get(name) or server.sets.get(name)
        if "persistentvolumeclaims" in path:
            metadata = {"uid": "uid-pvc", "labels": {"tradeplane.dev/snapshot-capture-uid": UID}}
            found = {"metadata": metadata}
        if found is None:
            raise NotFound(404, "NotFound", path)
        return copied(found)

    async def create(self, _path: str, body: Mapping[str, Any]) -> Any:
        server, name = self.server, body["metadata"]["name"]
        self._write()
        if name in server.refuse:
            raise Refused(403, "Forbidden", server.refuse[name])
        if name in server.snapshots:
            raise AlreadyExists(409, "AlreadyExists", name)
        server.made[name] += 1
        made: Json = copied(body)
        facts = {"uid": f"{name}-{server.made[name]}", "resourceVersion": server.bump(), "generation": 1}
        made["metadata"] |= facts | {"creationTimestamp": rfc3339(server.now)}
        server.snapshots[name] = made
        server.tell("snapshot", "ADDED", made)
        return copied(made)

    async def apply(self, path: str, manifest: Mapping[str, Any], *, force: bool) -> Any:
        server, name = self.server, path.rsplit("/", 1)[1]
        self._write()
        if name in server.refuse:
            raise Refused(403, "Forbidden", server.refuse[name])
        assert manifest["spec"]["replicas"] in (0, 1)
        known, made = server.sets.get(name), copied(manifest)
        generation = 1 if known is None else known["metadata"]["generation"] + 1
        facts = {"uid": "uid-set", "generation": generation, "resourceVersion": server.bump()}
        made["metadata"] |= facts | {"creationTimestamp": rfc3339(server.now)}
        made["status"] = {} if known is None else known["status"]
        server.sets[name] = made
        assert list(server.sets) == [AGENT], "there is one agent, whatever was missed"
        server.tell("stateful_set", "MODIFIED", made)
        return copied(made)

    async def merge_patch(self, path: str, body: Mapping[str, Any]) -> Any:
        self._write()
        server, capture = self.server, self.server.capture
        if "/snapshots/" in path:
            return self._patch_snapshot(path, body)
        if capture is None:
            raise NotFound(404, "NotFound", path)
        if body["metadata"]["resourceVersion"] != capture["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", path)
        if path.endswith("/status"):
            capture["status"] = _merged(capture["status"], body["status"])
        else:
            capture["metadata"]["finalizers"] = list(body["metadata"]["finalizers"])
        capture["metadata"]["resourceVersion"] = server.bump()
        written = copied(capture)
        server._settle_deletion()
        return written

    def _patch_snapshot(self, path: str, body: Mapping[str, Any]) -> Json:
        name = path.removesuffix("/status").rsplit("/", 1)[1]
        there = self.server.snapshots.get(name)
        if there is None:
            raise NotFound(404, "NotFound", path)
        if body["metadata"]["resourceVersion"] != there["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", path)
        if not self.server.prunes:
            there["status"] = _merged(there.get("status") or {}, body["status"])
        there["metadata"]["resourceVersion"] = self.server.bump()
        self.server.tell("snapshot", "MODIFIED", there)
        return copied(there)

    async def delete(self, path: str, uid: str) -> None:
        server, name = self.server, path.rsplit("/", 1)[1]
        self._write()
        if "persistentvolumeclaims" in path:
            server.claims_removed.append(name)
        elif name not in server.snapshots:
            raise NotFound(404, "NotFound", path)
        elif server.snapshots[name]["metadata"]["uid"] != uid:
            raise Conflict(409, "Conflict", path)
        else:
            server.delete_snapshot(name)


@dataclass
class _Stores:
    server: Server

    async def bundles(self, _store: str, _namespace: str, _capture: str, after: int) -> BundleFacts:
        if self.server.store.state is not ResultState.FOUND:
            return self.server.store
        found = [self.server.pointers[number] for number in sorted(self.server.pointers) if number > after]
        return BundleFacts(tuple(found[:FOUND_AT_ONCE]), more=len(found) > FOUND_AT_ONCE)


@dataclass
class _Pods:
    server: Server

    async def of_set(self, _: Any) -> JobPods:
        return JobPods(self.server.pods)


@dataclass
class _Events:
    server: Server

    async def tell(self, _key: Key, _uid: str, notices: tuple[Notice, ...]) -> None:
        self.server.notices += notices


class SimulatedOperator:
    """An operator that has just started: it has listed everything there is.

    ``behind``: one that has stood by, and whose watch of captures is behind by so many changes.
    """

    def __init__(self, server: Server, view: Json | None = None, behind: int = 0) -> None:
        self.server = server
        self.index = Index()
        self.woken: list[Key] = []
        self.again: datetime | None = None
        server.events.clear()
        if view is not None:
            self.index.connections.put(view, confirmed=True)
        self._put("capture", "ADDED", server.earlier[-min(behind, len(server.earlier))] if behind else server.capture)
        for body in server.snapshots.values():
            self._put("snapshot", "ADDED", body)
        for body in server.sets.values():
            self._put("stateful_set", "ADDED", body)
        self.captures = SnapshotCaptures(
            ATTESTING if server.attests else SETTINGS,
            lambda: server.now,
            self.index,
            _Client(server),  # type: ignore[arg-type]
            _Stores(server),  # type: ignore[arg-type]
            _Pods(server),  # type: ignore[arg-type]
            _Events(server),  # type: ignore[arg-type]
            self.woken.append,
            steady=lambda: server.now.timestamp(),
        )

    def _put(self, kind: str, event: str, body: Json | None) -> None:
        if body is None:
            return
        if kind == "stateful_set":
            self.index.sets.put(body)
            return
        known = self.index.captures if kind == "capture" else self.index.snapshots
        if event == "DELETED":
            known.remove(known.key_of(body), body["metadata"]["uid"])
        else:
            known.put(copied(body), confirmed=True)

    def deliver(self, most: int = 1_000) -> None:
        """Have the watches bring what has happened, the oldest first."""
        for _ in range(min(most, len(self.server.events))):
            self._put(*self.server.events.pop(0))

    def step(self) -> None:
        """Make one pass; a conflict is seen to by a fresh one, as the loop does. Raises Crash."""
        try:
            self.again = _run(self.captures.reconcile(KEY))
        except (Conflict, NotFound):
            self.again = _run(self.captures.reconcile(KEY, fresh=True))

    def settle(self, passes: int = 12) -> None:
        """Make passes until nothing is left to do, time and controllers going on."""
        for _ in range(passes):
            self.deliver()
            self.step()
            self.server.control()
            self.deliver()
            self.server.now += timedelta(seconds=11)


def capturing(*, attests: bool = False, **spec: Any) -> tuple[Server, SimulatedOperator]:
    """Return a capture whose agent runs."""
    server = Server(attests=attests)
    server.create(**spec)
    operator = SimulatedOperator(server, connection())
    operator.settle(4)
    assert server.ready()["reason"] == "Capturing"
    return server, operator
