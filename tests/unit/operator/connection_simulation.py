"""A tiny API server with one BrokerConnection and its probes, and an operator on it that can be stale and can crash.

As ``simulation`` does for Strategies: the operator is the real one, its client and clock are replaced, and what its
watches bring is delivered when a test says so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.broker_connection import BrokerConnectionSpec, CredentialsState
from tradeplane_api.probe import ProbeOutcome, ProbeReport
from tradeplane_operator.acting.errors import AlreadyExists, Conflict, NotFound
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.names import read_probe_name
from tradeplane_operator.planning.observed import JobPods, ObservedJob, PodFacts
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.running.broker_connections import BrokerConnections

from tests.unit.operator.simulation import (
    NAMESPACE,
    SETTINGS,
    Crash,
    FakeEvents,
    FakeQueue,
    Json,
    WatchesJobs,
    _merged,
    _run,
    copied,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEY", "Crash", "Server", "SimulatedOperator", "report"]

KEY = Key(Kind.BROKER_CONNECTION, NAMESPACE, "binance")
UID = "uid-c"


def report(outcome: ProbeOutcome = ProbeOutcome.CONNECTED, latency: int = 12_000, **others: Any) -> str:
    """Return what a probe says in the end."""
    defaults = {"credentials": CredentialsState.NONE, "clock_skew_microseconds": 1_500, "message": "said by the test"}
    return ProbeReport(outcome=outcome, latency_microseconds=latency, **defaults | others).model_dump_json()


@dataclass
class Server:
    """The API server and the Job controller. ``created`` counts Jobs by name, ``asked`` by generation and interval."""

    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    jump: timedelta = timedelta()
    """By how much the operator's time of day was set."""
    version: int = 1
    connection: Json = field(default_factory=dict)
    jobs: dict[str, Json] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    asked: Counter[tuple[int, int]] = field(default_factory=Counter)
    removed_by_others: Counter[tuple[int, int]] = field(default_factory=Counter)
    too_early: list[str] = field(default_factory=list)
    of_another_spec: list[str] = field(default_factory=list)
    asked_by: dict[str, tuple[int, int]] = field(default_factory=dict)
    writes: int = 0
    status_writes: int = 0
    crash_at: int | None = None
    crash_before: bool = False
    connection_events: list[Json] = field(default_factory=list)
    job_events: list[tuple[str, Json]] = field(default_factory=list)

    def __post_init__(self) -> None:
        spec = BrokerConnectionSpec(type="Binance")
        self.connection = {
            "metadata": {
                "name": KEY.name,
                "namespace": NAMESPACE,
                "uid": UID,
                "generation": 1,
                "resourceVersion": "1",
                "creationTimestamp": rfc3339(self.now),
            },
            "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
            "status": {},
        }
        self.tell()

    @property
    def status(self) -> Json:
        """The status as it is."""
        status: Json = self.connection["status"]
        return status

    @property
    def generation(self) -> int:
        """The generation as it is."""
        return int(self.connection["metadata"]["generation"])

    @property
    def interval(self) -> int:
        """Seconds between probes."""
        return int(self.connection["spec"]["probe"]["intervalSeconds"])

    def tell(self) -> None:
        """Queue the connection as it is for who watches."""
        self.connection_events.append(copied(self.connection))

    def bump(self) -> str:
        """Return the next resourceVersion."""
        self.version += 1
        return str(self.version)

    def change_spec(self, **changes: Any) -> None:
        """Change the spec as a user does."""
        spec = {**self.connection["spec"], **changes}
        if spec == self.connection["spec"]:
            return
        self.connection["spec"] = spec
        self.connection["metadata"]["generation"] += 1
        self.connection["metadata"]["resourceVersion"] = self.bump()
        self.tell()

    def end_job(self, name: str, said: str) -> None:
        """End a probe's Job; one that says nothing has failed."""
        job = self.jobs[name]
        if job["status"].get("conditions"):
            return
        self.reports[job["metadata"]["uid"]] = said
        kind = "Complete" if said else "Failed"
        ended = {"type": kind, "status": "True", "lastTransitionTime": rfc3339(self.now), "reason": "Over"}
        job["status"] = {"startTime": rfc3339(self.now), "conditions": [ended]}
        job["metadata"]["resourceVersion"] = self.bump()
        self.job_events.append(("MODIFIED", copied(job)))

    def remove_job(self, name: str) -> None:
        """Remove a Job and tell who watches."""
        job = self.jobs.pop(name)
        job["metadata"]["resourceVersion"] = self.bump()
        self.job_events.append(("DELETED", copied(job)))

    def lose_job(self, name: str) -> None:
        """Remove a Job as somebody else might."""
        self.removed_by_others[self.asked_by[name]] += 1
        self.remove_job(name)

    def add_job(self, body: Mapping[str, Any]) -> Json:
        """Create a Job, and note in which interval it was asked for. Raises AlreadyExists."""
        name = body["metadata"]["name"]
        if name in self.jobs:
            raise AlreadyExists(409, "AlreadyExists", name)
        job: Json = copied(body)
        self.created[name] += 1
        asked = (self.generation, int(self.now.timestamp()) // self.interval)
        self.asked[asked] += 1
        self.asked_by[name] = asked
        named = read_probe_name(name)
        if named is None or named.generation != self.generation or self.connection["spec"]["suspend"]:
            self.of_another_spec.append(name)
        until = self.status.get("notBefore")
        if until and self.status.get("observedGeneration") == self.generation and parse_rfc3339(until) > self.now:
            self.too_early.append(name)
        job["metadata"] |= {
            "uid": f"{name}-{self.created[name]}",
            "resourceVersion": self.bump(),
            "creationTimestamp": rfc3339(self.now),
        }
        job["status"] = {}
        self.jobs[name] = job
        self.job_events.append(("ADDED", copied(job)))
        return copied(job)

    def write_status(self, body: Mapping[str, Any]) -> Json:
        """Patch the status at a version. Raises Conflict."""
        if body["metadata"]["resourceVersion"] != self.connection["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", KEY.name)
        self.connection["status"] = _merged(self.status, body["status"])
        self.connection["metadata"]["resourceVersion"] = self.bump()
        self.status_writes += 1
        self.tell()
        return copied(self.connection)

    def before_write(self) -> None:
        """Crash here, if it was asked for."""
        self.writes += 1
        if self.crash_at == self.writes and self.crash_before:
            raise Crash

    def after_write(self) -> None:
        """Crash here, with the write done and its answer lost, if it was asked for."""
        if self.crash_at == self.writes and not self.crash_before:
            raise Crash


@dataclass
class _Client:
    """The API server as the operator's client shows it."""

    server: Server

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        name = path.rsplit("/", 1)[1]
        if "/jobs/" not in path:
            return copied(self.server.connection)
        if name not in self.server.jobs:
            raise NotFound(404, "NotFound", name)
        return copied(self.server.jobs[name])

    async def create(self, path: str, body: Mapping[str, Any]) -> Any:
        self.server.before_write()
        created = self.server.add_job(body)
        self.server.after_write()
        return created

    async def merge_patch(self, path: str, body: Mapping[str, Any]) -> Any:
        assert path.endswith("/status")
        self.server.before_write()
        written = self.server.write_status(body)
        self.server.after_write()
        return written


@dataclass
class _Pods:
    """One pod a Job, which said what the test had it say."""

    server: Server

    async def of(self, job: ObservedJob) -> JobPods:
        said = self.server.reports.get(job.uid, "")
        pod = PodFacts(f"{job.name}-x", job.created, "Over", exit_code=0 if said else 1, termination_message=said)
        return JobPods((pod,))


@dataclass
class _Reaper:
    """Removes Jobs at once."""

    server: Server

    def want(self, namespace: str, run: str, owner_uid: str) -> None:
        self.server.before_write()
        if run in self.server.jobs:
            self.server.remove_job(run)
        self.server.after_write()


@dataclass
class SimulatedOperator(WatchesJobs):
    """One process of the operator, from its start to its end."""

    server: Server
    index: Index = field(default_factory=Index)
    queue: FakeQueue = field(default_factory=FakeQueue)
    connections: BrokerConnections = field(init=False)
    look_again_at: datetime | None = None
    connections_seen: int = 0
    jobs_seen: int = 0

    def __post_init__(self) -> None:
        server = self.server
        self.connections = BrokerConnections(
            SETTINGS,
            lambda: server.now + server.jump,
            self.index,
            _Client(server),  # type: ignore[arg-type]
            _Pods(server),  # type: ignore[arg-type]
            _Reaper(server),  # type: ignore[arg-type]
            FakeEvents(),  # type: ignore[arg-type]
            self.queue.add,
            steady=lambda: server.now.timestamp(),
        )
        self.relist_connections()
        self.relist_jobs()

    def relist_connections(self) -> None:
        """See the connection as it is."""
        self.connections_seen = len(self.server.connection_events)
        self.index.connections.put(copied(self.server.connection), confirmed=True)

    def see_connection(self, *, twice: bool = False) -> bool:
        """Have the watch bring the next event of the connection; return whether there was one."""
        if self.connections_seen == len(self.server.connection_events):
            return False
        body = self.server.connection_events[self.connections_seen]
        self.connections_seen += 1
        for _ in range(1 + twice):
            self.index.connections.put(copied(body), confirmed=True)
        return True

    def reconcile(self, *, fresh: bool = False) -> bool:
        """Make one pass; return whether it came to its end rather than to a conflict."""
        try:
            self.look_again_at = _run(self.connections.reconcile(KEY, fresh=fresh))
        except (Conflict, NotFound):
            return False
        return True

    def settle(self) -> None:
        """See everything and make passes until nothing changes any more; time stands still."""
        for _ in range(30):
            before = self.server.writes
            while self.see_connection() or self.see_job():
                pass
            self.queue.again = False
            if self.reconcile(fresh=True) and self.server.writes == before and not self.queue.again:
                return
        raise AssertionError(f"no rest after 30 passes: {self.server.status}")

    def wait(self) -> None:
        """Let time pass until the operator wants to look again, and settle."""
        assert self.look_again_at is not None, self.server.status
        self.server.now = max(self.look_again_at, self.server.now + timedelta(seconds=1))
        self.settle()
