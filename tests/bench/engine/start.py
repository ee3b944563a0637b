"""How long a runner takes from its start to the first event of its simulation, in the image.

The image is exported, unpacked and entered by chroot as its own user, which leaves out what a container runtime adds;
the clock is the system's monotonic one, read by the parent just before the start and by the runner when its engine
begins.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING

from tradeplane_api.run import RunSpecification
from tradeplane_api.simulation import Algorithm, Simulation
from tradeplane_store.objects import open_store
from tradeplane_workloads.market.importing import import_arch
from tradeplane_workloads.market.snapshots import write_snapshot

from tests.bench.image_root import entered, hand_over, image_root

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 15
RUN_LIMIT_S = 30
FIRST_EVENT = """
import os, runpy, sys, time
import tradeplane_workloads.engine.backtest as backtest
simulator = backtest.Simulator
class Watched:
    def __init__(self, *arguments): self.simulator = simulator(*arguments)
    def run(self):
        print(time.monotonic_ns() - int(sys.argv[1]), flush=True)
        os._exit(0)
backtest.Simulator = Watched
runpy.run_module("tradeplane_workloads.runner", run_name="__main__", alter_sys=False)
"""


def seconds_to_first_event() -> float:
    """Give the median of several starts of the amd64 image's runner on twenty years of daily bars."""
    with image_root("amd64") as (root, variables):
        environment = _specified(root) | variables
        times = sorted(_start(root, environment) for _ in range(RUNS))
    return times[RUNS // 2]


def _specified(root: Path) -> dict[str, str]:
    """Put a snapshot into the image's root; give the variables of a run on it."""
    (root / "store").mkdir()
    imported = import_arch("sp500")
    snapshot = write_snapshot(open_store((root / "store").as_uri()), imported.series, [imported.source])
    hand_over(root / "store")
    simulation = Simulation(algorithm=Algorithm(name="macd-momentum"), capital="1000000")
    specification = RunSpecification(run="start", snapshots=(snapshot.id,), simulation=simulation)
    return {
        "TRADEPLANE_RUN": json.dumps(specification.model_dump(mode="json", by_alias=True)),
        "TRADEPLANE_STORE_URL": "file:///store",
        "TRADEPLANE_TERMINATION_LOG": "/store/termination",
    }


def _start(root: Path, environment: dict[str, str]) -> float:
    command = [*entered(root), "-c", FIRST_EVENT, str(time.monotonic_ns())]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=RUN_LIMIT_S)
    if done.returncode != 0:
        raise RuntimeError(f"the runner in the image ended with {done.returncode}: {done.stderr[-2000:]}")
    return int(done.stdout.split()[-1]) / 1e9
