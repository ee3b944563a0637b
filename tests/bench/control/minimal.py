"""The least that could do it: ``python -m tests.bench.control.minimal KUBECONFIG WRITES``.

A client that makes the operator's writes, each byte of them, and nothing else: it checks no spec, plans nothing, reads
no store, counts nothing and keeps no Lease; killed, it would have forgotten all. What an operator costs beyond the
writes themselves is the difference from this.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from tradeplane_operator.planning.names import MANAGED_BY, MANAGED_BY_LABEL, RUN_LABEL

from tests.bench.control.client import LISTED, MERGE_PATCH, ApiClient
from tests.bench.control.documents import JOBS, OURS, STRATEGIES, is_true
from tests.bench.control.operator_process import RETENTION_SECONDS
from tests.bench.control.writes import Writes

if TYPE_CHECKING:
    from tests.bench.control.documents import Json

WATCHING = "watching"
_DELETED_AT_ONCE = 100
_DELETION_PAUSE = 0.5


@dataclass
class _Run:
    strategy: str
    uid: str
    version: str


@dataclass
class MinimalClient:
    """Strategies to Jobs to statuses."""

    client: ApiClient
    writes: Writes
    group: asyncio.TaskGroup
    runs: dict[str, _Run] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)

    async def follow_strategies(self, watching: asyncio.Event) -> None:
        """Start a run for each Strategy that has none."""
        async for event, resource in self.client.watch(STRATEGIES):
            if event == LISTED:
                watching.set()
            elif event == "ADDED" and "observedGeneration" not in (resource.get("status") or {}):
                self.group.create_task(self._start(resource))

    async def follow_jobs(self, watching: asyncio.Event) -> None:
        """Record the end of each run whose Job is complete."""
        async for event, job in self.client.watch(JOBS, OURS):
            if event == LISTED:
                watching.set()
            elif event == "MODIFIED" and is_true(job, "Complete"):
                run = self.runs.pop(job["metadata"]["name"], None)
                if run is not None:
                    self.group.create_task(self._finish(job["metadata"]["name"], run))

    async def remove_jobs(self) -> None:
        """Remove Jobs whose retention is over, many in one request."""
        while True:
            await asyncio.sleep(_DELETION_PAUSE)
            due, self.finished = self.finished, []
            for start in range(0, len(due), _DELETED_AT_ONCE):
                names = "%2C".join(due[start : start + _DELETED_AT_ONCE])
                ours = f"{MANAGED_BY_LABEL}%3D{MANAGED_BY}"
                selector = f"labelSelector={ours}%2C{RUN_LABEL.replace('/', '%2F')}%20in%20%28{names}%29"
                await self.client.request("DELETE", f"{JOBS}?{selector}", {"propagationPolicy": "Background"})

    async def _start(self, resource: Json) -> None:
        name, uid, version = (resource["metadata"][key] for key in ("name", "uid", "resourceVersion"))
        run = f"{name}-{uid[-12:]}"
        seed = resource["spec"]["seed"]
        recorded = self.writes.body(self.writes.running, name, uid, run, version=version)
        written = await self.client.request("PATCH", f"{STRATEGIES}/{name}/status", recorded, MERGE_PATCH)
        self.runs[run] = _Run(name, uid, written["metadata"]["resourceVersion"])
        await self.client.request("POST", JOBS, self.writes.body(self.writes.job, name, uid, run, seed=seed))

    async def _finish(self, name: str, run: _Run) -> None:
        done = self.writes.body(self.writes.done, run.strategy, run.uid, name, version=run.version)
        await self.client.request("PATCH", f"{STRATEGIES}/{run.strategy}/status", done, MERGE_PATCH)
        asyncio.get_running_loop().call_later(RETENTION_SECONDS, self.finished.append, name)


async def serve(kubeconfig: Path, writes: Writes) -> None:
    """Work until the process is ended; say on standard output when both watches are open."""
    async with ApiClient(kubeconfig) as client, asyncio.TaskGroup() as group:
        minimal = MinimalClient(client, writes, group)
        watches = (asyncio.Event(), asyncio.Event())
        group.create_task(minimal.follow_strategies(watches[0]))
        group.create_task(minimal.follow_jobs(watches[1]))
        group.create_task(minimal.remove_jobs())
        for watching in watches:
            await watching.wait()
        print(WATCHING, flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Path(sys.argv[1]), Writes.read(Path(sys.argv[2]))))
