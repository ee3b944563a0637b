"""How long the replay of a session takes from the start of its process to the first recorded input of its strategy.

The process is what a pod of a replay runs, with the packages of this checkout; what a container runtime and an image's
file system add is left out. The clock is the system's monotonic one, read by the parent just before the start and by
the strategy when it is first called.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tradeplane_store.objects import open_store
from tradeplane_workloads.sessions.bundle import seal_session

from tests.bench.records import Record
from tests.unit.workloads.sessions.trading_floor import QUOTING, Floor, exchange_of

NAME_OF_RECORD = "replay.container_to_first_event_s"
STARTS, MESSAGES = 15, 20_000
LIMIT_S = 60
FIRST_EVENT = """
import os, sys, time
from tradeplane_workloads.strategies import registry
from tradeplane_workloads.strategies.quoting import QUOTING
begun = int(sys.argv.pop())
class Watched:
    def start(self, desk):
        print(time.monotonic_ns() - begun, flush=True)
        os._exit(0)
class Replayed:
    name, api_version, Parameters = "market-maker", "v1", QUOTING["market-maker"].Parameters
    def trader(self, instruments, parameters, rng): return Watched()
registry.BUILT_IN["market-maker"] = Replayed()
import runpy
runpy.run_module("tradeplane_workloads.replay", run_name="__main__", alter_sys=False)
"""


def container_to_first_event() -> Record:
    """Give the median of several starts."""
    with tempfile.TemporaryDirectory() as folder:
        size, environment = _sealed(Path(folder))
        times = sorted(_start(environment) for _ in range(STARTS))
    timed = (
        "wall time from the start of the process that a pod of a replay runs, in this checkout and without a "
        "container, to the first input of its strategy: interpreter, imports, specification, snapshot of a session of "
        f"{MESSAGES:,} messages ({size / 1e6:.1f} MB with its exchange's record) read and verified; median of "
        f"{STARTS} starts"
    )
    return Record(NAME_OF_RECORD, times[STARTS // 2], "s", None, None, None, timed)


def _sealed(folder: Path) -> tuple[int, dict[str, str]]:
    """Let a session trade and seal it; give its bytes, and the variables of its replay."""
    floor = Floor(
        folder / "floor",
        exchange_of(synthetic={"messages": MESSAGES}),
        algorithm={"name": "market-maker", "parameters": QUOTING},
    )
    floor.trade()
    floor.close()
    store = open_store((folder / "store").as_uri(), create=True)
    session = seal_session(store, floor.session_folder, record=floor.record, previous=None).id
    size = sum(file.stat().st_size for file in (folder / "store").rglob("*.bin"))
    return size, {
        "TRADEPLANE_REPLAY": json.dumps({"formatVersion": 2, "replay": "start", "session": session}),
        "TRADEPLANE_STORE_URL": store.url,
        "TRADEPLANE_TERMINATION_LOG": str(folder / "termination"),
    }


def _start(environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", FIRST_EVENT, str(time.monotonic_ns())]
    done = subprocess.run(
        command, env=os.environ | environment, check=False, capture_output=True, text=True, timeout=LIMIT_S
    )
    if done.returncode != 0 or not done.stdout.strip().isdigit():
        raise RuntimeError(f"the replay ended with {done.returncode} before its first event: {done.stderr[-2_000:]}")
    return int(done.stdout) / 1e9
