"""The tiny API server of ``simulation`` with a Replay in the place of the Strategy, and the operator's ``Replays``."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from tradeplane_api.parity import Parity, ReplayRecord, ReplaySpecification, Verdict
from tradeplane_api.replay import ReplaySpec
from tradeplane_operator.acting.errors import Conflict, NotFound
from tradeplane_operator.observing.feeding import Feed
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.replay_records import check_record, refused
from tradeplane_operator.planning.admission import Admission
from tradeplane_operator.planning.observed import ReplayFacts, ResultState
from tradeplane_operator.planning.snapshot import SnapshotFacts, SnapshotState
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.running.replays import Replays
from tradeplane_store.canonical import canonical_json

from tests.unit.operator.replay_planning import SESSION, SESSION_FOUND
from tests.unit.operator.simulation import (
    NAMESPACE,
    SETTINGS,
    FakeClient,
    FakeEvents,
    FakePods,
    FakeReaper,
    Server,
    SimulatedOperator,
    _run,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = Key(Kind.REPLAY, NAMESPACE, "again")
RESULT = "sha256:" + "b" * 64


def told_to(job: Mapping[str, Any]) -> ReplaySpecification:
    """Return what a replay's Job is told."""
    environment = {item["name"]: item.get("value") for item in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    return ReplaySpecification.model_validate_json(environment["TRADEPLANE_REPLAY"])


def record_of(job: Mapping[str, Any]) -> bytes:
    """Return the record a replay's Job would write: exact."""
    specification = told_to(job)
    record = ReplayRecord(
        schema_version=specification.format_version,
        specification=specification,
        baseline_digest=RESULT,
        result_digest=RESULT,
        verdict=Verdict(
            decisions=Parity.EXACT, execution=Parity.EXACT, fills=7, fills_matched=7, pnl_difference="0.000000000"
        ),
        environment={},
    )
    return canonical_json(record)


@dataclass
class ReplayServer(Server):
    """The API server, the Job controller and the store, with one Replay of a Strategy that has finished."""

    asked: ClassVar[Mapping[str, Any]] = {"strategyRef": {"name": "macd"}}

    def __post_init__(self) -> None:
        spec = ReplaySpec.model_validate(self.asked)
        self.strategy = {
            "metadata": {
                "name": KEY.name,
                "namespace": NAMESPACE,
                "uid": "uid-1",
                "generation": 1,
                "resourceVersion": "1",
                "creationTimestamp": rfc3339(self.now),
            },
            "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
            "status": {},
        }
        self.tell_strategy()

    def runs(self) -> list[dict[str, Any]]:
        """Return the replays the status records."""
        return list(self.strategy["status"].get("replays") or ())

    def may_go(self, run: str) -> bool:
        """Return whether a Job may be removed: the record does not say that it goes on.

        One that was superseded is not in the record any more; that it is not is what is recorded of its end.
        """
        return self.outcome(run) not in ("Pending", "Running")

    def left_by(self, job: Mapping[str, Any]) -> bytes:
        """Return what a Job leaves in the store."""
        return record_of(job)


@dataclass
class SessionServer(ReplayServer):
    """The same with a Replay of a session, and the Snapshot of one that is there, or not, or is not ready.

    ``told``: what each Job was told that there ever was.
    """

    asked: ClassVar[Mapping[str, Any]] = {"snapshotRef": {"name": "quoting-1"}}
    snapshot: dict[str, Any] | None = None
    snapshot_events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    told: dict[str, ReplaySpecification] = field(default_factory=dict)
    store_reads: bool = True

    def put_snapshot(self, *, ready: bool) -> None:
        """Make the Snapshot, or have it said again whether it is ready."""
        version = self.bump()
        if self.snapshot is None:
            metadata = {"name": "quoting-1", "namespace": NAMESPACE, "uid": f"uid-{version}", "generation": 1}
            self.snapshot = {
                "metadata": metadata | {"creationTimestamp": rfc3339(self.now)},
                "spec": {"digest": SESSION.digest, "store": "default"},
            }
        self.snapshot["metadata"]["resourceVersion"] = version
        said = {"type": "Ready", "status": "True" if ready else "False", "reason": "x", "message": "x"}
        self.snapshot["status"] = {"observedGeneration": 1, "conditions": [said]}
        self.snapshot_events.append(("MODIFIED", copy.deepcopy(self.snapshot)))

    def delete_snapshot(self) -> None:
        """Delete the Snapshot."""
        if self.snapshot is not None:
            self.snapshot_events.append(("DELETED", copy.deepcopy(self.snapshot)))
            self.snapshot = None

    def tell_job(self, kind: str, job: dict[str, Any]) -> None:
        """Queue a Job as it is for who watches, and remember what it is told."""
        self.told[job["metadata"]["name"]] = told_to(job)
        super().tell_job(kind, job)


@dataclass
class FakeRecords:
    """The store as the operator reads it."""

    server: Server

    async def snapshot(self, store: str, namespace: str, digest: str) -> SnapshotFacts:
        """Return the session, where the store can be read."""
        assert isinstance(self.server, SessionServer)
        assert (store, namespace, digest) == ("default", NAMESPACE, SESSION.digest)
        return SESSION_FOUND if self.server.store_reads else SnapshotFacts(SnapshotState.UNAVAILABLE, "no route")

    async def replay(self, store: str, namespace: str, replay: str) -> ReplayFacts:
        """Return what a replay left."""
        data = self.server.results.get(replay)
        return refused("nothing there", ResultState.MISSING) if data is None else check_record(data, replay)


def finished_strategy() -> dict[str, Any]:
    """Return a Strategy whose newest run has succeeded."""
    run = {
        "name": "macd-1",
        "outcome": "Succeeded",
        "manifestDigest": "sha256:" + "a" * 64,
        "resultDigest": RESULT,
        "image": "registry.example/runner@sha256:" + "0" * 64,
    }
    return {
        "metadata": {
            "name": "macd",
            "namespace": NAMESPACE,
            "uid": "uid-s",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"store": "default"},
        "status": {"latest": run},
    }


@dataclass
class SimulatedReplays(SimulatedOperator):
    """One process of the operator that has a Replay before it."""

    replays: Replays = field(init=False)
    feed: Feed = field(init=False)
    snapshots_seen: int = 0
    woken: set[Key] = field(default_factory=set)

    def __post_init__(self) -> None:
        server = self.server
        self.feed = Feed(self.index, self.woken.add)
        self.replays = Replays(
            settings=SETTINGS,
            clock=lambda: server.now,
            steady=lambda: server.now.timestamp(),
            index=self.index,
            admission=Admission(self.limits),
            client=FakeClient(server),  # type: ignore[arg-type]
            stores=FakeRecords(server),  # type: ignore[arg-type]
            pods=FakePods(),  # type: ignore[arg-type]
            reaper=FakeReaper(server),  # type: ignore[arg-type]
            events=FakeEvents(),  # type: ignore[arg-type]
            wake=self.queue.add,
        )
        self.index.strategies.put(finished_strategy(), confirmed=True)
        self.relist()
        if isinstance(server, SessionServer):
            self.relist_snapshots()

    def lead(self) -> None:
        """Begin to work with what was seen so far."""
        self.replays.seed()

    def relist_strategies(self) -> None:
        """See the Replay as it is."""
        self.strategies_seen = len(self.server.strategy_events)
        self.index.replays.put(copy.deepcopy(self.server.strategy), confirmed=True)

    def see_strategy(self, *, twice: bool = False) -> bool:
        """Have the watch bring the next event of the Replay; return whether there was one."""
        if self.strategies_seen == len(self.server.strategy_events):
            return False
        body = self.server.strategy_events[self.strategies_seen]
        self.strategies_seen += 1
        for _ in range(1 + twice):
            self.index.replays.put(json.loads(json.dumps(body)), confirmed=True)
        return True

    def see_snapshot(self, *, twice: bool = False) -> bool:
        """Have the watch bring the next event of the Snapshot; return whether there was one."""
        assert isinstance(self.server, SessionServer)
        if self.snapshots_seen == len(self.server.snapshot_events):
            return False
        kind, body = self.server.snapshot_events[self.snapshots_seen]
        self.snapshots_seen += 1
        for _ in range(1 + twice):
            self.feed.snapshot(kind, copy.deepcopy(body))
        return True

    def relist_snapshots(self) -> None:
        """See the Snapshot as it is, and forget one that is gone."""
        assert isinstance(self.server, SessionServer)
        self.snapshots_seen = len(self.server.snapshot_events)
        there = self.server.snapshot
        for uid, (key, _) in self.index.snapshots.identities().items():
            if there is None or there["metadata"]["uid"] != uid:
                self.index.snapshots.remove(key, uid)
        if there is not None:
            self.feed.snapshot("MODIFIED", copy.deepcopy(there))

    def reconcile(self, *, fresh: bool = False) -> bool:
        """Make one pass; return whether it came to its end rather than to a conflict."""
        try:
            self.look_again_at = _run(self.replays.reconcile(KEY, fresh=fresh))
        except (Conflict, NotFound):
            return False
        return True
