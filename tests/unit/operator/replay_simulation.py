"""The tiny API server of ``simulation`` with a Replay in the place of the Strategy, and the operator's ``Replays``."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_api.parity import Parity, ReplayRecord, ReplaySpecification, Verdict
from tradeplane_api.replay import ReplaySpec
from tradeplane_operator.acting.errors import Conflict, NotFound
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.stores import check_record
from tradeplane_operator.planning.admission import Admission
from tradeplane_operator.planning.observed import ResultFacts, ResultState
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.running.replays import Replays
from tradeplane_store.canonical import canonical_json

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


def record_of(job: Mapping[str, Any]) -> bytes:
    """Return the record a replay's Job would write: exact."""
    environment = {item["name"]: item.get("value") for item in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    record = ReplayRecord(
        specification=ReplaySpecification.model_validate_json(environment["TRADEPLANE_REPLAY"]),
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

    def __post_init__(self) -> None:
        spec = ReplaySpec.model_validate({"strategyRef": {"name": "macd"}})
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
class FakeRecords:
    """The store as the operator reads it."""

    server: Server

    async def replay(self, store: str, namespace: str, replay: str) -> tuple[ResultFacts, Verdict | None]:
        """Return what a replay left."""
        data = self.server.results.get(replay)
        return (ResultFacts(ResultState.MISSING, "nothing there"), None) if data is None else check_record(data, replay)


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

    def __post_init__(self) -> None:
        server = self.server
        self.replays = Replays(
            settings=SETTINGS,
            clock=lambda: server.now,
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

    def reconcile(self, *, fresh: bool = False) -> bool:
        """Make one pass; return whether it came to its end rather than to a conflict."""
        try:
            self.look_again_at = _run(self.replays.reconcile(KEY, fresh=fresh))
        except (Conflict, NotFound):
            return False
        return True
