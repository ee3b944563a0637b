"""How many messages a second one capture takes down and seals, on one processor; and what it adds to a message.

A generator of ours in Rust sends over loopback from another processor, as fast as it is read. The agent is the one a
pod runs, its sealing process on the same processor; what was sealed is read back and held to what was sent.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.capture import CAPTURE_VARIABLE, SPOOL_VARIABLE, SealedBundle
from tradeplane_api.run import STORE_VARIABLE, ExitCode
from tradeplane_native import Spool
from tradeplane_store.objects import open_store
from tradeplane_workloads.market.snapshots import read_tapes
from tradeplane_workloads.sessions import open_session

from tests.bench.records import Record
from tests.binance_wire import flow, wire
from tests.unit.workloads.capture.samples import FEED, specification
from tests.unit.workloads.sessions.sample_sessions import NAME, QUOTING, Market
from tests.unit.workloads.sessions.sample_sessions import specification as session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray
    from tradeplane_native import OrderRequest

MESSAGES = 4_000_000
"""About half a minute of them."""
ROTATION_SECONDS = 5
NATIVE = Path(__file__).parents[3] / "workloads" / "native"
LIMIT_SECONDS = 600
APPENDED, COMMITTED = 200_000, 50_000
QUIET = {"onTouch": False, "intervalMilliseconds": 500}
"""So that most inputs lead to no order: before one leaves there is a sync, which is measured elsewhere."""
_FLOOD, _SNAPSHOT = (2, 3), (0, 1)
"""Kinds of rows that messages of the flood have; what has any of the others is a snapshot of the book."""
NAMES = ("capture.sustained_rate", "capture.added_p99_s")


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the records whose names begin with one of those asked for, or all where none is."""
    asked = tuple(names) or ("capture",)
    measured = []
    if NAMES[0].startswith(asked):
        measured.append(_sustained())
    if NAMES[1].startswith(asked):
        measured.append(_added())
    return measured


def _sustained() -> Record:
    """Take down and seal a flood; the rate is that of both, from the first message to the last bundle."""
    build = ["cargo", "build", "--quiet", "--locked", "--release", "--no-default-features", "--example", "flood"]
    subprocess.run(build, cwd=NATIVE, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or NATIVE / "target")
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        raise RuntimeError("one processor is for the agent and one for the generator; this machine has only one")
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [target / "release" / "examples" / "flood", str(MESSAGES), "0"], stdout=subprocess.PIPE, text=True
        ) as flood,
    ):
        try:
            os.sched_setaffinity(flood.pid, {processors[1]})
            return _captured(Path(folder), flood, processors[0])
        finally:
            flood.kill()


def _captured(root: Path, flood: subprocess.Popen[str], processor: int) -> Record:
    if flood.stdout is None:
        raise RuntimeError("the generator has no output")
    port = int(flood.stdout.readline())
    places = {"stream": f"ws://127.0.0.1:{port}", "rest": f"http://127.0.0.1:{port}"}
    chosen = specification(feed={**FEED, **places}, rotation={"seconds": ROTATION_SECONDS}, spool={"keep": 1_000})
    (root / "store").mkdir()
    environ = {
        **os.environ,
        CAPTURE_VARIABLE: chosen.model_dump_json(),
        STORE_VARIABLE: (root / "store").as_uri(),
        SPOOL_VARIABLE: str(root / "spool"),
    }
    with subprocess.Popen(
        ["taskset", "-c", str(processor), sys.executable, "-m", "tradeplane_workloads.capture"],
        env=environ,
        stderr=subprocess.DEVNULL,
    ) as agent:
        try:
            _first_line(root / "spool" / "1.log")
            started = time.monotonic()
            sent, sending = flood.stdout.readline().split()
            _spooled(root / "spool", int(sent))
            taken = time.monotonic() - started
            agent.terminate()
            if agent.wait(LIMIT_SECONDS) != ExitCode.OK:
                raise RuntimeError("the agent failed")
            sealed = time.monotonic() - started
        finally:
            agent.kill()
    messages, bundles = _read_back(root)
    if messages != int(sent):
        raise AssertionError(f"{sent} messages were sent, and {messages} are in the bundles")
    how = (
        f"{messages:,} messages, three changes of a book to one trade, none lost, over loopback from a generator on "
        f"another processor (held back by its reader: it sent for {float(sending):.1f} s), from the first message to "
        f"the last of {bundles} bundles sealed in {sealed:.1f} s, agent and sealing on one processor; all were synced "
        f"in the spool after {taken:.1f} s, {messages / taken:,.0f} a second"
    )
    return Record("capture.sustained_rate", messages / sealed, "messages/s", None, None, None, how)


def _first_line(path: Path) -> None:
    """Wait for the first messages on the disk."""
    _await(lambda: path.exists() and path.stat().st_size > 0)


def _spooled(spool: Path, messages: int) -> None:
    """Wait until the last message is on the disk: its number is the last one's."""
    last = f'"t":{messages // 4},'.encode()

    def there() -> bool:
        for path in sorted(spool.glob("*.log"), key=lambda path: int(path.stem))[-2:]:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 4_096))
                if last in file.read():
                    return True
        return False

    _await(there)


def _await(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError("the capture did not come so far")
        time.sleep(0.02)


def _read_back(root: Path) -> tuple[int, int]:
    """Count the messages of the flood in the bundles, each once, by their trades and updates; and the bundles."""
    store = open_store((root / "store").as_uri())
    messages = bundles = 0
    for path in (root / "spool").glob("*.sealed"):
        bundle = SealedBundle.model_validate_json(path.read_bytes())
        if bundle.snapshot is None:
            continue
        (tape,) = read_tapes(store, bundle.snapshot)
        if tape.recording.gaps > (bundle.number == 1):  # the first begins before there is a snapshot
            raise AssertionError(f"segment {bundle.number} has gaps")
        of_the_flood, snapshots = (np.unique(tape.sequence[np.isin(tape.kind, kinds)]) for kinds in (_FLOOD, _SNAPSHOT))
        messages += len(np.setdiff1d(of_the_flood, snapshots)) + tape.recording.left_out
        bundles += 1
    return messages, bundles


def _added() -> Record:
    """Give the greater of what an agent and what a trader spend on recording a message they handle."""
    appended, committed = _appended(), _committed()
    p99 = [float(np.percentile(spent, 99)) / 1e9 for spent in (appended, committed)]
    how = (
        f"99th percentile of what recording adds to a message, the greater of two: {p99[0] * 1e6:.1f} us of "
        f"{len(appended):,} appends to an agent's spool in memory, looked at and stamped; {p99[1] * 1e6:.1f} us of "
        f"{len(committed):,} commits of a trader's session that send nothing, written to the journal. Not in it: what "
        "is synced every 100 ms, and before an order leaves (session.order_latency_p99_s)"
    )
    return Record("capture.added_p99_s", max(p99), "s", None, None, None, how)


def _appended() -> NDArray[np.int64]:
    """Time what an agent calls for each message, in nanoseconds."""
    spool = Spool(["SYNUSDT"], 1_048_576)
    texts = [message.text.encode() for message in wire(flow(APPENDED))]
    spent = np.empty(len(texts), np.int64)
    for place, text in enumerate(texts):
        before = time.perf_counter_ns()
        spool.append(time.time_ns(), text)
        spent[place] = time.perf_counter_ns() - before
        if place % 10_000 == 9_999:
            spool.take()
    if spool.messages != len(texts):
        raise AssertionError("not all messages were appended")
    return spent


def _committed() -> NDArray[np.int64]:
    """Time what a trader calls after each input, where that leads to no order, in nanoseconds."""
    spent = []
    with (
        tempfile.TemporaryDirectory() as folder,
        open_session(Path(folder), NAME, session_of("market-maker", QUOTING | QUIET)) as recorded,
    ):

        def commit() -> list[OrderRequest]:
            before = time.perf_counter_ns()
            requests = recorded.commit()
            if not requests:
                spent.append(time.perf_counter_ns() - before)
            return requests

        Market(commit=commit).run(recorded.session, COMMITTED)
    if len(spent) < COMMITTED // 2:
        raise AssertionError(f"{len(spent)} of {COMMITTED} inputs led to no order; let the strategy be quieter")
    return np.array(spent, np.int64)
