"""The user's side of a benchmark: Strategies are created, and what becomes of them is seen by watches."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench.control.client import LISTED
from tests.bench.control.documents import JOBS, OURS, PODS, STRATEGIES, is_true

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from tests.bench.control.client import ApiClient
    from tests.bench.control.documents import Json

AT_ONCE = 16
_REPORT_SECONDS = 10.0


def say(words: str) -> None:
    """Tell a person what is going on."""
    print(f"  {words}", file=sys.stderr, flush=True)


@dataclass
class Seen:
    """What watches have shown, with the time on this process's clock at which they did."""

    ready: dict[str, float] = field(default_factory=dict)
    """Strategies that are Ready, by name."""
    stalled: dict[str, Json] = field(default_factory=dict)
    job_of: dict[str, float] = field(default_factory=dict)
    """When a Strategy's first Job appeared, by the Strategy's name."""
    jobs: dict[str, str] = field(default_factory=dict)
    """The Strategy of each Job there ever was, by the Job's UID."""
    complete: dict[str, float] = field(default_factory=dict)
    """Jobs that are complete, by name."""
    ended: dict[str, float] = field(default_factory=dict)
    """When a Strategy's first Job was complete, by the Strategy's name."""
    pods: dict[str, str] = field(default_factory=dict)
    """The Job of each pod there ever was, by the pod's UID."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def strategy(self, resource: Json) -> None:
        """Note what a watch shows of a Strategy."""
        if is_true(resource, "Ready"):
            self.ready.setdefault(resource["metadata"]["name"], time.perf_counter())
        if is_true(resource, "Stalled"):
            self.stalled.setdefault(resource["metadata"]["name"], resource["status"]["conditions"])

    def job(self, resource: Json) -> None:
        """Note what a watch shows of a Job."""
        metadata = resource["metadata"]
        owner = next((item["name"] for item in metadata.get("ownerReferences") or ()), "")
        self.jobs[metadata["uid"]] = owner
        self.job_of.setdefault(owner, time.perf_counter())
        if is_true(resource, "Complete"):
            self.complete.setdefault(metadata["name"], time.perf_counter())
            self.ended.setdefault(owner, time.perf_counter())

    def pod(self, resource: Json) -> None:
        """Note what a watch shows of a pod."""
        metadata = resource["metadata"]
        self.pods[metadata["uid"]] = next((item["uid"] for item in metadata.get("ownerReferences") or ()), "")

    async def until(self, of: str, count: int, patience: float) -> float:
        """Wait until so many of something were seen; return when. Raises AssertionError after ``patience`` seconds."""
        found, deadline, told = getattr(self, of), time.perf_counter() + patience, time.perf_counter()
        while len(found) < count:
            assert not self.stalled, f"a Strategy is stalled: {next(iter(self.stalled.items()))}"
            assert time.perf_counter() < deadline, f"{len(found)} of {count} {of} after {patience:g} s"
            self.news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.news.wait()
            if time.perf_counter() - told > _REPORT_SECONDS:
                told = time.perf_counter()
                say(f"{len(found):,} of {count:,} {of.replace('_', ' ')}")
        return time.perf_counter()


_WATCHES = {"strategies": (STRATEGIES, ""), "jobs": (JOBS, OURS), "pods": (PODS, OURS)}


@contextlib.asynccontextmanager
async def seeing(client: ApiClient, *kinds: str) -> AsyncIterator[Seen]:
    """Watch strategies, jobs or pods while the block runs."""
    seen = Seen()
    notes: dict[str, Callable[[Json], None]] = {"strategies": seen.strategy, "jobs": seen.job, "pods": seen.pod}

    async def follow(kind: str, watching: asyncio.Event) -> None:
        async for event, resource in client.watch(*_WATCHES[kind]):
            if event == LISTED:
                watching.set()
            elif event != "DELETED":
                notes[kind](resource)
                seen.news.set()

    async with asyncio.TaskGroup() as group:
        begun = {kind: asyncio.Event() for kind in kinds}
        tasks = [group.create_task(follow(kind, begun[kind])) for kind in kinds]
        for watching in begun.values():
            await watching.wait()
        yield seen
        for task in tasks:
            task.cancel()


async def create(client: ApiClient, path: str, bodies: Sequence[Json | bytes]) -> None:
    """Create objects as fast as they are taken, some at once."""
    left = iter(bodies)

    async def work() -> None:
        for body in left:
            await client.request("POST", path, body)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


async def create_at(client: ApiClient, bodies: Sequence[Json], per_second: float) -> dict[str, float]:
    """Create Strategies at a steady rate; return when each was asked for, by name."""
    asked: dict[str, float] = {}

    async def one(body: Json) -> None:
        asked[body["metadata"]["name"]] = time.perf_counter()
        await client.request("POST", STRATEGIES, body)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for index, body in enumerate(bodies):
            await asyncio.sleep(started + index / per_second - time.perf_counter())
            group.create_task(one(body))
    return asked


def percentile(values: Sequence[float], per_cent: float) -> float:
    """Return the smallest value that is not below so many per cent of all (nearest rank)."""
    return sorted(values)[math.ceil(len(values) * per_cent / 100) - 1]


async def eventually(reached: Callable[[], Awaitable[bool]], what: str, patience: float) -> float:
    """Ask until the answer is yes; return when it was. Raises AssertionError after ``patience`` seconds."""
    deadline = time.perf_counter() + patience
    while not await reached():
        assert time.perf_counter() < deadline, f"waited {patience:g} s for {what}"
        await asyncio.sleep(0.2)
    return time.perf_counter()


async def removed(client: ApiClient, patience: float = 180.0) -> None:
    """Wait until whoever runs Strategies has removed their Jobs."""

    async def gone() -> bool:
        return not (await client.request("GET", f"{JOBS}?limit=1&{OURS}"))["items"]

    await eventually(gone, "the Jobs to be removed", patience)


async def clear(client: ApiClient, patience: float = 180.0) -> None:
    """Remove all Strategies, Jobs and pods, and wait until they are gone."""
    for path in (STRATEGIES, JOBS):
        await client.request("DELETE", path, {"propagationPolicy": "Background"})

    async def gone() -> bool:
        pages = [await client.request("GET", f"{path}?limit=1") for path in (STRATEGIES, JOBS, PODS)]
        return not any(page["items"] for page in pages)

    await eventually(gone, "all Strategies, Jobs and pods to be gone", patience)
