"""How long the replay of a session takes from the start of its process to the first recorded input of its strategy.

The process is what a pod of a replay runs, in the root of the amd64 image, entered by chroot as the image's user: what
a container runtime adds is left out. The clock is the system's monotonic one, read by the parent just before the start
and by the strategy when it is first called.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

from tradeplane_store.objects import open_store
from tradeplane_workloads.sessions.bundle import seal_session

from tests.bench.image_root import entered, hand_over, image_root
from tests.bench.records import Record
from tests.first_input import at_first_input
from tests.unit.workloads.sessions.trading_floor import QUOTING, Floor, exchange_of

NAME_OF_RECORD = "replay.container_to_first_event_s"
STARTS, MESSAGES = 15, 20_000
LIMIT_S = 60
FIRST_EVENT = at_first_input("print(time.monotonic_ns() - int(sys.argv[1]))")


def container_to_first_event() -> Record:
    """Give the median of several starts."""
    with image_root("amd64") as (root, variables):
        size, asked = _sealed(root)
        times = sorted(_start(root, variables | asked) for _ in range(STARTS))
    timed = (
        "wall time from the start of the process that a pod of a replay runs, in the amd64 image's root and without a "
        "container, to the first input of its strategy: interpreter, imports, specification, snapshot of a session of "
        f"{MESSAGES:,} messages ({size / 1e6:.1f} MB with its exchange's record) read and verified; median of "
        f"{STARTS} starts"
    )
    return Record(NAME_OF_RECORD, times[STARTS // 2], "s", None, None, None, timed)


def _sealed(root: Path) -> tuple[int, dict[str, str]]:
    """Let a session trade and seal it into the image's root; give its bytes, and the variables of its replay."""
    store = open_store((root / "store").as_uri(), create=True)
    with tempfile.TemporaryDirectory() as folder:
        floor = Floor(
            Path(folder),
            exchange_of(synthetic={"messages": MESSAGES}),
            algorithm={"name": "market-maker", "parameters": QUOTING},
        )
        floor.trade()
        floor.close()
        session = seal_session(store, floor.session_folder, record=floor.record, previous=None).id
    hand_over(root / "store")
    size = sum(file.stat().st_size for file in (root / "store").rglob("*.bin"))
    return size, {
        "TRADEPLANE_REPLAY": json.dumps({"formatVersion": 2, "replay": "start", "session": session}),
        "TRADEPLANE_STORE_URL": "file:///store",
        "TRADEPLANE_TERMINATION_LOG": "/store/termination",
    }


def _start(root: Path, environment: dict[str, str]) -> float:
    command = [*entered(root), "-c", FIRST_EVENT, str(time.monotonic_ns())]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode != 0 or not done.stdout.strip().isdigit():
        raise RuntimeError(f"the replay ended with {done.returncode} before its first event: {done.stderr[-2_000:]}")
    return int(done.stdout) / 1e9
