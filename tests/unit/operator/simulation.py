"""A tiny API server, Job controller and store, and an operator on them that can be stale and can crash.

The operator is the real one (``Strategies``, ``Index``, ``plan``); only its client, store and clock are replaced. What
its watches bring is delivered when a test says so, each kind on its own, in order, or not at all until the next list.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import orjson
from tradeplane_api.run import Part, ResultsManifest, RunSpecification, Summary
from tradeplane_api.strategy import StrategySpec
from tradeplane_operator.acting.errors import AlreadyExists, Conflict, NotFound
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.stores import check_results
from tradeplane_operator.planning.admission import Admission
from tradeplane_operator.planning.observed import JobPods, PodFacts, ResultFacts, ResultState
from tradeplane_operator.planning.times import rfc3339
from tradeplane_operator.running.strategies import Strategies
from tradeplane_operator.settings import Images, Limits, Retention, Settings, Store
from tradeplane_store.canonical import canonical_json, result_digest, run_digest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from tradeplane_operator.planning.observed import ObservedJob

T = TypeVar("T")
Json = dict[str, Any]
NAMESPACE = "research"
KEY = Key(Kind.STRATEGY, NAMESPACE, "macd")
SNAPSHOT = "sha256:" + "5" * 64
SETTINGS = Settings(
    stores={"default": Store(url="file:///store", claim="tradeplane-store")},
    images=Images(default="registry.example/runner@sha256:" + "0" * 64),
    retention=Retention(succeeded_seconds=0, failed_seconds=0),
)
SUMMARY = Summary(
    start="2000-01-03T00:00:00Z",
    end="2000-12-29T00:00:00Z",
    bars=252,
    trades=7,
    final_equity="110000",
    total_return="0.1",
    annual_return=None,
    volatility=None,
    sharpe=None,
    sortino=None,
    calmar=None,
    max_drawdown="0.05",
    max_drawdown_start=None,
    max_drawdown_end=None,
    turnover=None,
    exposure="0.5",
    hit_rate=None,
)


AS_ASKED = "as asked"
"""What a Job did, in a test that does not say: what the status has recorded as asked."""


def as_asked(resource: Mapping[str, Any], jobs: Mapping[str, ObservedJob]) -> dict[str, ObservedJob]:
    """Return Jobs that did what their records say was asked of them, but for those that did something else."""
    status = resource["status"]
    recorded = [status.get("latest"), *status.get("history", ()), *status.get("replays", ())]
    digests = {one["name"]: one.get("jobDigest", "") for one in recorded if isinstance(one, dict)}
    return {name: replace(job, did=digests.get(name, "")) if job.did == AS_ASKED else job for name, job in jobs.items()}


class Crash(BaseException):
    """The operator's process ends here, like a kill -9: nothing after it happens."""


def copied(body: Mapping[str, Any]) -> Json:
    """Return a copy of a JSON document; by its text, which takes a tenth of the time of a walk through it."""
    copy: Json = orjson.loads(orjson.dumps(body))
    return copy


def manifest_of(job: Mapping[str, Any]) -> bytes:
    """Return the results manifest a Job's runner would write."""
    environment = {item["name"]: item.get("value") for item in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    specification = RunSpecification.model_validate_json(environment["TRADEPLANE_RUN"])
    parts = (Part(name="equity", rows=1, digest="sha256:" + "1" * 64),)
    manifest = ResultsManifest(
        specification=specification,
        run_digest=run_digest(specification),
        result_digest=result_digest(parts, SUMMARY),
        parts=parts,
        summary=SUMMARY,
        environment={},
    )
    return canonical_json(manifest)


def _merged(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch as RFC 7386, section 2, gives the algorithm."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result


@dataclass
class Server:
    """The API server, the Job controller and the store. ``created`` counts Jobs by name."""

    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    version: int = 1
    strategy: Json = field(default_factory=dict)
    jobs: dict[str, Json] = field(default_factory=dict)
    results: dict[str, bytes] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    removed_by_others: Counter[str] = field(default_factory=Counter)
    removed_unrecorded: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    scheduled: dict[str, str] = field(default_factory=dict)
    """The time that asked for a run, of those a schedule asked for, by name; also of runs no longer in the history."""
    writes: int = 0
    crash_at: int | None = None
    crash_before: bool = False
    strategy_events: list[Json] = field(default_factory=list)
    job_events: list[tuple[str, Json]] = field(default_factory=list)

    def __post_init__(self) -> None:
        spec = StrategySpec.model_validate(
            {"algorithm": {"name": "hold"}, "capital": "1", "snapshotRef": {"name": "prices"}}
        )
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

    def tell_strategy(self) -> None:
        """Queue the Strategy as it is for who watches."""
        self.strategy_events.append(copied(self.strategy))

    def tell_job(self, kind: str, job: Json) -> None:
        """Queue a Job as it is for who watches."""
        self.job_events.append((kind, copied(job)))

    def bump(self) -> str:
        """Return the next resourceVersion."""
        self.version += 1
        return str(self.version)

    def change_spec(self, **changes: Any) -> None:
        """Change the spec as a user does."""
        spec = {**self.strategy["spec"], **changes}
        if spec == self.strategy["spec"]:
            return
        self.strategy["spec"] = spec
        self.strategy["metadata"]["generation"] += 1
        self.strategy["metadata"]["resourceVersion"] = self.bump()
        self.tell_strategy()

    def runs(self) -> list[Json]:
        """Return all runs the status records."""
        status = self.strategy["status"]
        return ([status["latest"]] if status.get("latest") else []) + list(status.get("history") or ())

    def outcome(self, run: str) -> str | None:
        """Return a run's outcome as recorded."""
        return next((item["outcome"] for item in self.runs() if item["name"] == run), None)

    def may_go(self, run: str) -> bool:
        """Return whether a Job may be removed: its end is recorded."""
        return run in self.ended

    def end_job(self, name: str, *, well: bool) -> None:
        """End a Job as the Job controller does, its results written before."""
        job = self.jobs[name]
        if job["status"].get("conditions"):
            return
        if well:
            self.results[name] = self.left_by(job)
        kind = "Complete" if well else "Failed"
        ended = {"type": kind, "status": "True", "lastTransitionTime": rfc3339(self.now), "reason": "Over"}
        job["status"] = {"startTime": rfc3339(self.now), "conditions": [ended]}
        job["metadata"]["resourceVersion"] = self.bump()
        self.tell_job("MODIFIED", job)

    def hold_job(self, name: str, *, suspended: bool) -> None:
        """Suspend a Job as a queue does, or let it go on."""
        job = self.jobs[name]
        if job["status"].get("conditions") or job["spec"].get("suspend", False) == suspended:
            return
        job["spec"]["suspend"] = suspended
        job["status"] = {} if suspended else {"startTime": rfc3339(self.now)}
        job["metadata"]["resourceVersion"] = self.bump()
        self.tell_job("MODIFIED", job)

    def left_by(self, job: Mapping[str, Any]) -> bytes:
        """Return what a Job leaves in the store."""
        return manifest_of(job)

    def remove_job(self, name: str) -> None:
        """Remove a Job and tell who watches."""
        job = self.jobs.pop(name)
        job["metadata"]["resourceVersion"] = self.bump()
        self.tell_job("DELETED", job)

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
class FakeClient:
    """The API server as the operator's client shows it."""

    server: Server

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Read the Strategy or a Job."""
        name = path.rsplit("/", 1)[1]
        if "/jobs/" in path:
            if name not in self.server.jobs:
                raise NotFound(404, "NotFound", name)
            return copied(self.server.jobs[name])
        return copied(self.server.strategy)

    async def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """Create a Job; Events are thrown away."""
        if not path.endswith("/jobs"):
            return dict(body)
        server, name = self.server, body["metadata"]["name"]
        server.before_write()
        if name in server.jobs:
            raise AlreadyExists(409, "AlreadyExists", name)
        assert server.outcome(name) == "Running", f"{name} was created before its record was written"
        job = copied(body)
        server.created[name] += 1
        job["metadata"] |= {
            "uid": f"{name}-{server.created[name]}",
            "resourceVersion": server.bump(),
            "creationTimestamp": rfc3339(server.now),
        }
        job["status"] = {}
        server.jobs[name] = job
        server.tell_job("ADDED", job)
        server.after_write()
        return copied(job)

    async def merge_patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Patch the Strategy's status at a version."""
        assert path.endswith("/status")
        server = self.server
        server.before_write()
        if body["metadata"]["resourceVersion"] != server.strategy["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", path)
        server.strategy["status"] = _merged(server.strategy["status"], body["status"])
        server.strategy["metadata"]["resourceVersion"] = server.bump()
        server.scheduled |= {run["name"]: run["scheduledTime"] for run in server.runs() if run.get("scheduledTime")}
        server.ended |= {run["name"] for run in server.runs() if run["outcome"] not in ("Pending", "Running")}
        server.tell_strategy()
        server.after_write()
        return copied(server.strategy)


@dataclass
class FakeStores:
    """The store as the operator reads it."""

    server: Server

    async def results(self, store: str, namespace: str, run: str) -> ResultFacts:
        """Return what a run left."""
        data = self.server.results.get(run)
        return ResultFacts(ResultState.MISSING, "nothing there") if data is None else check_results(data, run)


class FakePods:
    """Pods that all ended alike."""

    async def of(self, job: Any) -> JobPods:
        """Return one failed pod."""
        pod = PodFacts(name=f"{job.name}-x", created=job.created, phase="Failed", exit_code=1, termination_message="")
        return JobPods((pod,))


@dataclass
class FakeReaper:
    """Removes Jobs at once, noting those whose end was not recorded."""

    server: Server

    def want(self, namespace: str, run: str, owner_uid: str) -> None:
        """Remove a Job."""
        server = self.server
        server.before_write()
        if run in server.jobs:
            if not server.may_go(run):
                server.removed_unrecorded.append(run)
            server.remove_job(run)
        server.after_write()


class FakeEvents:
    """Throws Events away."""

    async def tell(self, *_: Any) -> None:
        """Do nothing."""


@dataclass
class FakeQueue:
    """Remembers that there is something to do."""

    again: bool = False

    def add(self, _key: Key) -> None:
        """Remember."""
        self.again = True


class HasJobs(Protocol):
    """A server with Jobs, and what became of them for who watches."""

    jobs: dict[str, Json]
    job_events: list[tuple[str, Json]]


class WatchesJobs:
    """The part of an operator's process that sees Jobs, as they are or event by event."""

    server: HasJobs
    index: Index
    jobs_seen: int

    def relist_jobs(self) -> None:
        """See the Jobs as they are, and forget those that are gone."""
        self.jobs_seen = len(self.server.job_events)
        there = {job["metadata"]["uid"] for job in self.server.jobs.values()}
        for uid, known in self.index.jobs.identities().items():
            if uid not in there:
                self.index.jobs.remove(known.owner_uid, known.name, uid)
        for job in self.server.jobs.values():
            self.index.jobs.put(copied(job))

    def see_job(self, *, twice: bool = False) -> bool:
        """Have the watch bring the next event of a Job; return whether there was one."""
        if self.jobs_seen == len(self.server.job_events):
            return False
        kind, job = self.server.job_events[self.jobs_seen]
        self.jobs_seen += 1
        for _ in range(1 + twice):
            if kind == "DELETED":
                owner = job["metadata"]["ownerReferences"][0]["uid"]
                self.index.jobs.remove(owner, job["metadata"]["name"], job["metadata"]["uid"])
            else:
                self.index.jobs.put(copied(job))
        return True


@dataclass
class SimulatedOperator(WatchesJobs):
    """One process of the operator, from its start to its end."""

    server: Server
    limits: Limits = field(default_factory=Limits)
    index: Index = field(default_factory=Index)
    queue: FakeQueue = field(default_factory=FakeQueue)
    strategies: Strategies = field(init=False)
    look_again_at: datetime | None = None
    strategies_seen: int = 0
    jobs_seen: int = 0

    def __post_init__(self) -> None:
        server = self.server
        self.strategies = Strategies(
            settings=SETTINGS.model_copy(update={"limits": self.limits}),
            clock=lambda: server.now,
            steady=lambda: server.now.timestamp(),
            index=self.index,
            queue=self.queue,  # type: ignore[arg-type]
            admission=Admission(self.limits),
            client=FakeClient(server),  # type: ignore[arg-type]
            stores=FakeStores(server),  # type: ignore[arg-type]
            pods=FakePods(),  # type: ignore[arg-type]
            reaper=FakeReaper(server),  # type: ignore[arg-type]
            events=FakeEvents(),  # type: ignore[arg-type]
        )
        self.index.snapshots.put(ready_snapshot(), confirmed=True)
        self.relist()

    def lead(self) -> None:
        """Begin to work with what was seen so far."""
        self.strategies.seed()

    def relist(self) -> None:
        """See everything as it is, as after a restart or a watch that was down; forget what is gone."""
        self.relist_strategies()
        self.relist_jobs()

    def relist_strategies(self) -> None:
        """See the Strategy as it is."""
        self.strategies_seen = len(self.server.strategy_events)
        self.index.strategies.put(copied(self.server.strategy), confirmed=True)

    def see_strategy(self, *, twice: bool = False) -> bool:
        """Have the watch bring the next event of the Strategy; return whether there was one."""
        if self.strategies_seen == len(self.server.strategy_events):
            return False
        body = self.server.strategy_events[self.strategies_seen]
        self.strategies_seen += 1
        for _ in range(1 + twice):
            self.index.strategies.put(copied(body), confirmed=True)
        return True

    def reconcile(self, *, fresh: bool = False) -> bool:
        """Make one pass; return whether it came to its end rather than to a conflict."""
        try:
            self.look_again_at = _run(self.strategies.reconcile(KEY, fresh=fresh))
        except (Conflict, NotFound):
            return False
        return True

    def settle(self) -> None:
        """See everything and make passes until nothing changes any more."""
        for _ in range(60):
            before = self.server.writes
            while self.see_strategy() or self.see_job():
                pass
            self.queue.again = False
            ended = self.reconcile(fresh=True)
            if ended and self.server.writes == before and not self.queue.again:
                return
            self.server.now += timedelta(seconds=1)
        raise AssertionError(f"no rest after 60 passes: {self.server.strategy['status']}")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing, which nothing here does; a loop for each would take most of the time."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("the simulated operator waited for something")


def ready_snapshot() -> Json:
    """Return a Snapshot that was verified."""
    return {
        "metadata": {
            "name": "prices",
            "namespace": NAMESPACE,
            "uid": "uid-s",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"store": "default", "digest": SNAPSHOT},
        "status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]},
    }
