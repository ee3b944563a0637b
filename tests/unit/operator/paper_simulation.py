"""A tiny API server with one Strategy that trades, the controllers of its children, and an operator on them.

As ``simulation`` does for backtests: the operator is the real one, its client and clock are replaced, and what its
watches bring is delivered when a test says so. The controllers of StatefulSets and Jobs act when a test says so, too;
whenever a pod is made, the server notes what must never be: a trader beside a closing, two closings, a session begun
while one before it was not flat.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.broker_connection import BrokerConnectionSpec
from tradeplane_api.paper import Closing, PaperOutcome, PaperReport
from tradeplane_api.strategy import StrategySpec
from tradeplane_operator.acting.errors import AlreadyExists, Conflict, NotFound, Refused
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.admission import Admission
from tradeplane_operator.planning.observed import JobPods, ObservedJob, ObservedSet, PodFacts
from tradeplane_operator.planning.paper_names import claim_name, pod_name, trader_name
from tradeplane_operator.planning.session_snapshots import session_snapshot_name
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.running.strategies import Strategies

from tests.unit.operator.simulation import (
    NAMESPACE,
    SETTINGS,
    Crash,
    FakeQueue,
    FakeStores,
    Json,
    WatchesJobs,
    _merged,
    _run,
    ready_snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.planning.wanted import Notice

KEY = Key(Kind.STRATEGY, NAMESPACE, "maker")
UID = "uid-p"
TRADER = trader_name(KEY.name, UID)
POD = pod_name(KEY.name, UID)
CLAIM = claim_name(KEY.name, UID)
CONNECTION = Key(Kind.BROKER_CONNECTION, NAMESPACE, "sim")
CLOSES = "-closing-"
"""In the name of the Job of each closing."""
SEALED = "sha256:" + "9" * 64
SPEC: Json = {
    "algorithm": {"name": "market-maker"},
    "capital": "1",
    "mode": "Paper",
    "connectionRef": {"name": "sim"},
    "session": {"symbols": ["BTCUSDT"]},
}
BACKTEST: Json = {
    "algorithm": {"name": "hold"},
    "capital": "1",
    "snapshotRef": {"name": "prices"},
}


def full(spec: Json) -> Json:
    """Return a spec as the API server keeps it, with defaults."""
    return StrategySpec.model_validate(spec).model_dump(mode="json", by_alias=True, exclude_none=True)


def report(outcome: PaperOutcome, **others: Any) -> str:
    """Return what a closing says in the end."""
    defaults: Json = {"exit_code": 0, "session": "a" * 32, "number": 1, "inputs": 10, "orders": 4, "fills": 2}
    defaults["snapshot"] = SEALED if outcome in (PaperOutcome.FLAT, PaperOutcome.LEFT) else None
    return PaperReport.model_validate({"outcome": outcome, **defaults, **others}).model_dump_json()


FLAT = report(PaperOutcome.FLAT)
LEFT = report(PaperOutcome.LEFT, positions=({"symbol": "BTCUSDT", "quantity": "0.5"},))
NOT_FLAT = report(PaperOutcome.NOT_FLAT, message="the broker took no orders", exit_code=1, open_orders=1)


def connection(*, ready: bool = True, version: int = 1, **spec: Any) -> Json:
    """Return a BrokerConnection to a simulated exchange."""
    endpoint = {"rest": "http://exchange:9090", "stream": "ws://exchange:9090"}
    asked = BrokerConnectionSpec.model_validate({"type": "Simulated", "endpoint": endpoint} | spec)
    said = {"type": "Ready", "status": str(ready), "reason": "Connected" if ready else "EndpointUnreachable"}
    return {
        "metadata": {
            "name": CONNECTION.name,
            "namespace": NAMESPACE,
            "uid": "uid-c",
            "generation": 1,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": asked.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": {"observedGeneration": 1, "conditions": [said | {"message": "said by the test"}]},
    }


def environment(template: Mapping[str, Any], name: str) -> str:
    """Return a variable of the only container of a pod's template."""
    (container,) = template["spec"]["containers"]
    return next(str(each["value"]) for each in container["env"] if each["name"] == name)


@dataclass
class Pod:
    """A pod that trades or closes. ``closing``: the Job it is of."""

    name: str
    told: str
    closing: str = ""
    ready: bool = False
    ending: bool = False
    exit_code: int | None = None
    said: str = ""
    phase: str = "Running"
    waiting_reason: str = ""
    unschedulable: str = ""
    unreported: bool = False
    removing: str = ""


@dataclass
class Server:
    """The API server, and what its controllers made."""

    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    version: int = 10
    strategy: Json = field(default_factory=dict)
    gone: bool = False
    jobs: dict[str, Json] = field(default_factory=dict)
    sets: dict[str, Json] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    claims: set[str] = field(default_factory=set)
    snapshots: dict[str, Json] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    """Snapshots that were made, by name."""
    results: dict[str, bytes] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    removed_by_others: Counter[str] = field(default_factory=Counter)
    never: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    open_as: str | None = None
    """What the session was told that is not closed flat."""
    writes: int = 0
    crash_at: int | None = None
    crash_before: bool = False
    strategy_events: list[Json] = field(default_factory=list)
    job_events: list[tuple[str, Json]] = field(default_factory=list)
    set_events: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.strategy = {
            "metadata": {
                "name": KEY.name,
                "namespace": NAMESPACE,
                "uid": UID,
                "generation": 1,
                "resourceVersion": "1",
                "creationTimestamp": rfc3339(self.now),
            },
            "spec": full(SPEC),
            "status": {},
        }
        self.tell_strategy()

    @property
    def session(self) -> Json:
        """What the status says of the session."""
        session: Json = self.strategy["status"].get("session") or {}
        return session

    @property
    def metadata(self) -> Json:
        """The Strategy's metadata."""
        metadata: Json = self.strategy["metadata"]
        return metadata

    def condition(self, kind: str = "Ready") -> Json:
        """Return a condition of the Strategy."""
        found: Json = next(said for said in self.strategy["status"]["conditions"] if said["type"] == kind)
        return found

    def tell_strategy(self) -> None:
        """Queue the Strategy as it is for who watches."""
        self.strategy_events.append(copy.deepcopy(self.strategy))

    def bump(self) -> str:
        """Return the next resourceVersion."""
        self.version += 1
        return str(self.version)

    def change_spec(self, **changes: Any) -> None:
        """Change the spec as a user does; None takes a field away."""
        spec = {key: value for key, value in {**self.strategy["spec"], **changes}.items() if value is not None}
        self.set_spec(spec)

    def set_spec(self, spec: Json) -> None:
        """Write another spec, as a user does."""
        spec = full(spec)
        if self.gone or spec == self.strategy["spec"]:
            return
        self.strategy["spec"] = spec
        self.metadata["generation"] += 1
        self.metadata["resourceVersion"] = self.bump()
        self.tell_strategy()

    def delete_strategy(self) -> None:
        """Delete the Strategy as a user does: it goes once it has no finalizers."""
        if self.gone or "deletionTimestamp" in self.metadata:
            return
        self.metadata["deletionTimestamp"] = rfc3339(self.now)
        self.metadata["generation"] += 1
        self.metadata["resourceVersion"] = self.bump()
        self.tell_strategy()
        self._collect()

    def _collect(self) -> None:
        """Have the Strategy go, and all that is its, where it is to go and nothing holds it any more."""
        if "deletionTimestamp" not in self.metadata or self.metadata.get("finalizers"):
            return
        if self.open_as is not None and self.session.get("state") != "Closed" and self.now < self.limit:
            self.never.append("the Strategy went while its session was open, and there was time")
        if self.unmade and not self.refuse:
            self.never.append("the Strategy went before its sealed session was a Snapshot")
        self.gone = True
        for name in list(self.jobs):
            self.remove_job(name)
        self.sets.clear()
        self.pods.clear()

    @property
    def unmade(self) -> bool:
        """Whether the status has a session that was sealed and of which no Snapshot was ever made."""
        sealed = self.session.get("state") == "Closed" and self.session.get("snapshot")
        if not sealed or "snapshotName" in self.session:
            return False
        return self.made[session_snapshot_name(KEY.name, UID, self.session["closing"]["number"])] == 0

    def add_snapshot(self, body: Mapping[str, Any]) -> Json:
        """Create a Snapshot. Raises AlreadyExists and Refused."""
        name = body["metadata"]["name"]
        if name in self.refuse or "snapshots" in self.refuse:
            raise Refused(403, "Forbidden", self.refuse.get(name) or self.refuse["snapshots"])
        if name in self.snapshots:
            raise AlreadyExists(409, "AlreadyExists", name)
        if not self.unmade and self.made[name]:
            self.never.append(f"{name} was made again though it was recorded")
        made: Json = json.loads(json.dumps(body))
        self.made[name] += 1
        made["metadata"] |= {
            "uid": f"{name}-{self.made[name]}",
            "generation": 1,
            "resourceVersion": self.bump(),
            "creationTimestamp": rfc3339(self.now),
        }
        self.snapshots[name] = made
        return copy.deepcopy(made)

    @property
    def limit(self) -> datetime:
        """Until when a Strategy that is deleted waits for its closing."""
        asked = self.session.get("closingSeconds", 0) + SETTINGS.pace.closing_grace_seconds
        return parse_rfc3339(self.metadata["deletionTimestamp"]) + timedelta(seconds=asked)

    def end_job(self, name: str, said: str, *, well: bool | None = None) -> None:
        """End a closing's Job, its pod having said something; one that says nothing has failed."""
        job = self.jobs[name]
        if job["status"].get("conditions"):
            return
        if not any(pod.closing == name for pod in self.pods.values()):
            said = ""  # nobody was there to say it
        complete = bool(said) and '"exitCode":0' in said if well is None else well
        for pod in self.pods.values():
            if pod.closing == name:
                pod.phase, pod.exit_code, pod.said = "Succeeded" if complete else "Failed", 0 if complete else 1, said
                if complete and said == FLAT:
                    self.open_as = None
        kind = "Complete" if complete else "Failed"
        ended = {"type": kind, "status": "True", "lastTransitionTime": rfc3339(self.now), "reason": "Over"}
        job["status"] = {"startTime": rfc3339(self.now), "conditions": [ended]}
        job["metadata"]["resourceVersion"] = self.bump()
        self.job_events.append(("MODIFIED", copy.deepcopy(job)))

    def remove_job(self, name: str) -> None:
        """Remove a Job and its pods, and tell who watches."""
        job = self.jobs.pop(name)
        job["metadata"]["resourceVersion"] = self.bump()
        self.job_events.append(("DELETED", copy.deepcopy(job)))
        for pod in [pod for pod in self.pods.values() if pod.closing == name]:
            del self.pods[pod.name]

    def controllers_act(self) -> None:
        """Have the controllers of StatefulSets and Jobs make what is wanted, and end what is not."""
        for made in self.sets.values():
            self._set_controller(made)
        for name, job in self.jobs.items():
            closes = not job["status"].get("conditions") and CLOSES in name
            if closes and not any(pod.closing == name for pod in self.pods.values()):
                self._make_pod(Pod(f"{name}-x{len(self.created)}", self._told(job), closing=name))

    def _told(self, made: Json) -> str:
        return environment(made["spec"]["template"], "TRADEPLANE_PAPER")

    def _set_controller(self, made: Json) -> None:
        pod = self.pods.get(POD)
        if made["spec"]["replicas"] == 0:
            if pod is not None:
                pod.ending = True
        elif pod is None:
            self.claims.add(CLAIM)
            self._make_pod(Pod(POD, self._told(made)))
        elif pod.told != self._told(made):
            pod.ending = True
        self.set_status(made)

    def set_status(self, made: Json) -> None:
        """Write a StatefulSet's status as its controller does."""
        pod = self.pods.get(POD)
        status = {
            "observedGeneration": made["metadata"]["generation"],
            "replicas": 0 if pod is None else 1,
            "readyReplicas": 1 if pod is not None and pod.ready and not pod.ending else 0,
            "updatedReplicas": 1 if pod is not None and pod.told == self._told(made) else 0,
        }
        if status != made["status"]:
            made["status"] = status
            made["metadata"]["resourceVersion"] = self.bump()
            self.set_events.append(copy.deepcopy(made))

    def _make_pod(self, pod: Pod) -> None:
        """Make a pod, noting what must never be."""
        live = [other for other in self.pods.values() if other.exit_code is None or not other.closing]
        if live:
            self.never.append(f"{pod.name} beside {[other.name for other in live]}")
        if not pod.closing and self.open_as is not None and pod.told != self.open_as:
            self.never.append("a session was begun while the one before was not flat")
        if not pod.closing:
            self.open_as = pod.told
            if "tradeplane.dev/closing" not in self.metadata.get("finalizers", ()):
                self.never.append("a trader of a Strategy that may go at any moment")
        if self.gone:
            self.never.append(f"{pod.name} of a Strategy that is gone")
        self.pods[pod.name] = pod

    def trader_ready(self, *, ready: bool = True) -> None:
        """Have the trader's pod be ready."""
        if POD in self.pods:
            self.pods[POD].ready = ready
            for made in self.sets.values():
                self.set_status(made)

    def ending_pods_end(self) -> None:
        """Have pods end that were told to."""
        for pod in [pod for pod in self.pods.values() if pod.ending]:
            del self.pods[pod.name]
        for made in self.sets.values():
            self.set_status(made)

    def before_write(self) -> None:
        """Crash here, if it was asked for."""
        self.writes += 1
        if self.crash_at == self.writes and self.crash_before:
            raise Crash

    def after_write(self) -> None:
        """Crash here, with the write done and its answer lost, if it was asked for."""
        if self.crash_at == self.writes and not self.crash_before:
            raise Crash

    def patch_strategy(self, body: Mapping[str, Any], part: str) -> Json:
        """Patch status or metadata at a version. Raises Conflict and NotFound."""
        if self.gone:
            raise NotFound(404, "NotFound", KEY.name)
        if body["metadata"]["resourceVersion"] != self.metadata["resourceVersion"]:
            raise Conflict(409, "Conflict", KEY.name)
        if part == "status":
            if self.unmade and (body["status"].get("session") or {}).get("state") and not self.refuse:
                self.never.append("a session went on before what was sealed of it was a Snapshot")
            self.strategy["status"] = _merged(self.strategy["status"], body["status"])
        else:
            self.metadata["finalizers"] = list(body["metadata"]["finalizers"])
        self.metadata["resourceVersion"] = self.bump()
        self.tell_strategy()
        self._collect()
        return copy.deepcopy(self.strategy)

    def apply(self, manifest: Mapping[str, Any]) -> Json:
        """Make a StatefulSet like its manifest."""
        name = manifest["metadata"]["name"]
        if name in self.refuse:
            raise Refused(403, "Forbidden", self.refuse[name])
        known = self.sets.get(name)
        made: Json = json.loads(json.dumps(manifest))
        uid = f"{name}-{self.version}" if known is None else known["metadata"]["uid"]
        made["metadata"] |= {"uid": uid, "creationTimestamp": rfc3339(self.now), "resourceVersion": self.bump()}
        generation = 1 if known is None else known["metadata"]["generation"] + (known["spec"] != made["spec"])
        made["metadata"]["generation"] = generation
        made["status"] = {} if known is None else known["status"]
        self.sets[name] = made
        self.set_events.append(copy.deepcopy(made))
        return copy.deepcopy(made)

    def add_job(self, body: Mapping[str, Any]) -> Json:
        """Create a Job. Raises AlreadyExists and Refused."""
        name = body["metadata"]["name"]
        if name in self.refuse or "*" in self.refuse:
            raise Refused(403, "Forbidden", self.refuse.get(name) or self.refuse["*"])
        if name in self.jobs:
            raise AlreadyExists(409, "AlreadyExists", name)
        recorded = self.session.get("state") == "Closing" and self.session["closing"]["name"] == name
        if CLOSES in name and not recorded:
            self.never.append(f"{name} was asked for before it was recorded")
        job: Json = json.loads(json.dumps(body))
        self.created[name] += 1
        job["metadata"] |= {
            "uid": f"{name}-{self.created[name]}",
            "resourceVersion": self.bump(),
            "creationTimestamp": rfc3339(self.now),
        }
        job["status"] = {}
        self.jobs[name] = job
        self.job_events.append(("ADDED", copy.deepcopy(job)))
        return copy.deepcopy(job)


@dataclass
class _Client:
    """The API server as the operator's client shows it."""

    server: Server

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        server, name = self.server, path.rsplit("/", 1)[1]
        if path.endswith("/pods"):
            pods = server.pods.values()
            return {"items": [{"metadata": {"name": pod.name}, "status": {"phase": pod.phase}} for pod in pods]}
        if "/persistentvolumeclaims/" in path:
            labels = {"tradeplane.dev/strategy-uid": UID}
            found: Json | None = {"metadata": {"uid": name, "labels": labels}} if name in server.claims else None
        elif "/statefulsets/" in path:
            found = server.sets.get(name)
        elif "/jobs/" in path:
            found = server.jobs.get(name)
        elif "/snapshots/" in path:
            found = server.snapshots.get(name)
        else:
            found = None if server.gone else server.strategy
        if found is None:
            raise NotFound(404, "NotFound", name)
        return copy.deepcopy(found)

    async def create(self, path: str, body: Mapping[str, Any]) -> Any:
        assert path.endswith(("/jobs", "/snapshots"))
        self.server.before_write()
        created = self.server.add_job(body) if path.endswith("/jobs") else self.server.add_snapshot(body)
        self.server.after_write()
        return created

    async def apply(self, path: str, manifest: Mapping[str, Any], *, force: bool) -> Any:
        self.server.before_write()
        made = self.server.apply(manifest)
        self.server.after_write()
        return made

    async def merge_patch(self, path: str, body: Mapping[str, Any]) -> Any:
        self.server.before_write()
        written = self.server.patch_strategy(body, "status" if path.endswith("/status") else "metadata")
        self.server.after_write()
        return written

    async def delete(self, path: str, uid: str) -> None:
        self.server.before_write()
        self.server.claims.discard(path.rsplit("/", 1)[1])
        self.server.after_write()


@dataclass
class _Pods:
    """Pods as they are."""

    server: Server

    async def of(self, job: ObservedJob) -> JobPods:
        return JobPods(tuple(_facts(pod, job.created) for pod in self.server.pods.values() if pod.closing == job.name))

    async def of_set(self, observed: ObservedSet) -> JobPods:
        pod = self.server.pods.get(POD)
        return JobPods(() if pod is None else (_facts(pod, observed.created),))


def _facts(pod: Pod, created: str) -> PodFacts:
    return PodFacts(
        pod.name,
        created,
        pod.phase,
        unschedulable=pod.unschedulable,
        waiting_reason=pod.waiting_reason,
        exit_code=pod.exit_code,
        termination_message=pod.said,
        unreported=pod.unreported,
        removing=pod.removing,
    )


@dataclass
class _Reaper:
    """Removes Jobs at once, noting those whose end is not recorded."""

    server: Server

    def want(self, namespace: str, run: str, owner_uid: str) -> None:
        self.server.before_write()
        if run in self.server.jobs:
            closing = self.server.session.get("closing") or {}
            if self.server.session.get("state") == "Closing" and closing.get("name") == run:
                self.server.never.append(f"{run} was removed before its end was recorded")
            self.server.remove_job(run)
        self.server.after_write()


@dataclass
class _Events:
    """Keeps Events."""

    server: Server

    async def tell(self, _key: Key, _uid: str, notices: tuple[Notice, ...]) -> None:
        self.server.notices += notices


@dataclass
class SimulatedOperator(WatchesJobs):
    """One process of the operator, from its start to its end."""

    server: Server
    index: Index = field(default_factory=Index)
    queue: FakeQueue = field(default_factory=FakeQueue)
    strategies: Strategies = field(init=False)
    look_again_at: datetime | None = None
    strategies_seen: int = 0
    jobs_seen: int = 0
    sets_seen: int = 0

    def __post_init__(self) -> None:
        server = self.server
        self.strategies = Strategies(
            settings=SETTINGS,
            clock=lambda: server.now,
            steady=lambda: server.now.timestamp(),
            index=self.index,
            queue=self.queue,  # type: ignore[arg-type]
            admission=Admission(SETTINGS.limits),
            client=_Client(server),  # type: ignore[arg-type]
            stores=FakeStores(server),  # type: ignore[arg-type]
            pods=_Pods(server),  # type: ignore[arg-type]
            reaper=_Reaper(server),  # type: ignore[arg-type]
            events=_Events(server),  # type: ignore[arg-type]
        )
        self.index.snapshots.put(ready_snapshot(), confirmed=True)
        self.index.connections.put(connection(), confirmed=True)
        self.relist()

    def relist(self) -> None:
        """See everything as it is."""
        self.relist_strategies()
        self.relist_jobs()
        self.relist_sets()
        self.relist_snapshots()

    def relist_snapshots(self) -> None:
        """See the Snapshots of sessions as they are, and forget those that are gone."""
        there = {made["metadata"]["uid"] for made in self.server.snapshots.values()}
        for uid, (key, _) in self.index.snapshots.identities().items():
            if uid not in there and uid != ready_snapshot()["metadata"]["uid"]:
                self.index.snapshots.remove(key, uid)
        for made in self.server.snapshots.values():
            self.index.snapshots.put(copy.deepcopy(made), confirmed=True)

    def relist_strategies(self) -> None:
        """See the Strategy as it is, or that it is gone."""
        self.strategies_seen = len(self.server.strategy_events)
        if self.server.gone:
            self.index.strategies.remove(KEY, UID)
        else:
            self.index.strategies.put(copy.deepcopy(self.server.strategy), confirmed=True)

    def relist_sets(self) -> None:
        """See the StatefulSets as they are, and forget those that are gone."""
        self.sets_seen = len(self.server.set_events)
        there = {made["metadata"]["uid"] for made in self.server.sets.values()}
        for uid, known in self.index.sets.identities().items():
            if uid not in there:
                self.index.sets.remove(known.owner_uid, known.name, uid)
        for made in self.server.sets.values():
            self.index.sets.put(copy.deepcopy(made))

    def see_strategy(self, *, twice: bool = False) -> bool:
        """Have the watch bring the next event of the Strategy; return whether there was one."""
        if self.strategies_seen == len(self.server.strategy_events):
            return False
        body = self.server.strategy_events[self.strategies_seen]
        self.strategies_seen += 1
        for _ in range(1 + twice):
            self.index.strategies.put(copy.deepcopy(body), confirmed=True)
        return True

    def see_set(self, *, twice: bool = False) -> bool:
        """Have the watch bring the next event of a StatefulSet; return whether there was one."""
        if self.sets_seen == len(self.server.set_events):
            return False
        body = self.server.set_events[self.sets_seen]
        self.sets_seen += 1
        for _ in range(1 + twice):
            self.index.sets.put(copy.deepcopy(body))
        return True

    def reconcile(self, *, fresh: bool = False) -> bool:
        """Make one pass; return whether it came to its end rather than to a conflict."""
        try:
            self.look_again_at = _run(self.strategies.reconcile(KEY, fresh=fresh))
        except (Conflict, NotFound):
            return False
        return True

    def settle(self) -> None:
        """See everything and make passes until nothing changes any more; time stands still."""
        for _ in range(40):
            before = self.server.writes
            while self.see_strategy() or self.see_job() or self.see_set():
                pass
            if self.server.gone:
                self.index.strategies.remove(KEY, UID)
            self.queue.again = False
            ended = self.reconcile(fresh=True)
            if ended and self.server.writes == before and not self.queue.again:
                return
        raise AssertionError(f"no rest after 40 passes: {self.server.strategy['status']}")

    def step(self) -> None:
        """Have everything be done that is to be done now: by the operator, by the controllers, by pods that end."""
        for _ in range(6):
            self.settle()
            self.server.controllers_act()
            self.server.ending_pods_end()
            self.server.controllers_act()
        self.settle()

    def close(self, said: str = FLAT, *, well: bool | None = None) -> str:
        """Have the closing that goes on end; return its name."""
        self.step()
        (name,) = [name for name, job in self.server.jobs.items() if not job["status"].get("conditions")]
        self.server.end_job(name, said, well=well)
        self.step()
        return name

    def wait(self, seconds: int) -> None:
        """Let time pass, and have done what is to be done then."""
        self.server.now += timedelta(seconds=seconds)
        self.step()


def trading(**spec: Any) -> tuple[Server, SimulatedOperator]:
    """Return a server with a Strategy that trades."""
    server = Server()
    server.change_spec(**spec)
    operator = SimulatedOperator(server)
    operator.step()
    server.trader_ready()
    operator.step()
    return server, operator


__all__ = ["BACKTEST", "CLAIM", "FLAT", "KEY", "LEFT", "NOT_FLAT", "POD", "SPEC", "TRADER", "Closing", "Crash", "Pod"]
