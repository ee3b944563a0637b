"""Who runs Strategies: the operator, a client that only repeats its writes, and nobody (bare Jobs)."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from tests.bench.control.client import ApiClient
from tests.bench.control.documents import SNAPSHOTS, put_snapshot
from tests.bench.control.fleet import REPOSITORY, Fleet, running_fleet
from tests.bench.control.minimal import WATCHING
from tests.bench.control.operator_process import MeasuredOperator, operator_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.bench.control.writes import Writes

_PATIENCE = 30.0


@dataclass(frozen=True)
class Arena:
    """A fleet with a Snapshot that Strategies can name, a client of its API server, and an operator not yet started."""

    fleet: Fleet
    client: ApiClient
    operator: MeasuredOperator


@contextlib.asynccontextmanager
async def arena(*, audit: bool = False, vouched: bool = False) -> AsyncIterator[Arena]:
    """Bring up a fleet for one measurement, and take it down afterwards."""
    with running_fleet(audit=audit, vouched=vouched) as fleet:
        async with ApiClient(fleet.kubeconfig) as client:
            operator = operator_of(fleet)
            await client.request("POST", SNAPSHOTS, put_snapshot(fleet.store))
            try:
                yield Arena(fleet, client, operator)
            finally:
                if operator.process is not None:
                    operator.end()


@contextlib.asynccontextmanager
async def operating(operator: MeasuredOperator) -> AsyncIterator[int]:
    """Run the operator; give its process."""
    await operator.start().working()
    yield operator.pid
    operator.end()


@contextlib.asynccontextmanager
async def minimal_client(kubeconfig: Path, writes: Path) -> AsyncIterator[int]:
    """Run the minimal client; give its process."""
    command = [sys.executable, "-m", "tests.bench.control.minimal", str(kubeconfig), str(writes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        async with asyncio.timeout(_PATIENCE):
            said = await asyncio.to_thread(process.stdout.readline)
        assert said.decode().strip() == WATCHING, f"the minimal client ended: {process.poll()}"
        yield process.pid
        process.terminate()


def bare_jobs(writes: Writes, prefix: str, count: int) -> list[bytes]:
    """Return the Jobs the operator would make, without an owner."""
    job = orjson.loads(writes.job)
    del job["metadata"]["ownerReferences"]
    body = orjson.dumps(job)
    return [
        writes.body(body, f"{prefix}-{index:05}", f"bare-{index}", f"{prefix}-{index:05}", seed=index)
        for index in range(1, count + 1)
    ]
