"""``evidence.ledger_append_rate`` and ``evidence.ledger_verify_rate``: a real Postgres that waits for its disk.

Appended is by one process with as many events under way as an operator has that records what it sees, each of which
waits for its own answer. Verified is the whole ledger that came of it, from the server to the last hash.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from tradeplane_evidence.ledger.appending import append
from tradeplane_evidence.ledger.database import connect, migrate
from tradeplane_evidence.ledger.group_commit import GroupCommit
from tradeplane_evidence.ledger.reading import verify

from tests.bench.records import Record
from tests.postgres import postgres
from tests.unit.evidence.sample_events import event

if TYPE_CHECKING:
    from concurrent.futures import Future

    from sqlalchemy import Engine
    from tradeplane_evidence.ledger.appending import Recorded

APPEND = "evidence.ledger_append_rate"
VERIFY = "evidence.ledger_verify_rate"
UNDER_WAY = 256
APPENDED = 20_000
FILLED = 300_000
_BATCH = 5_000
ROUNDS = 3


def measure() -> list[Record]:
    """Append, fill up the ledger, and verify it."""
    with postgres("") as server:  # with fsync, as it is by itself
        engine = connect(server.create("bench"))
        migrate(engine)
        appended, last = _append(engine)
        for first in range(APPENDED + 1, FILLED, _BATCH):
            append(engine, [event(number) for number in range(first, first + _BATCH)])
        entries, verified = _verify(engine)
        engine.dispose()
    return [
        Record(
            APPEND,
            appended,
            "events/s",
            None,
            None,
            None,
            f"{APPENDED:,} events by one process, {UNDER_WAY} under way at a time, each answered when it is on disk "
            f"(fsync, synchronous_commit=on); the slowest answer {last * 1e3:.0f} ms",
        ),
        Record(
            VERIFY,
            verified,
            "entries/s",
            None,
            None,
            None,
            f"the whole chain of {entries:,} entries, from Postgres to the last hash; median of {ROUNDS}",
        ),
    ]


def _append(engine: Engine) -> tuple[float, float]:
    """Return events a second, and the longest that one waited."""
    events = [event(number) for number in range(1, APPENDED + 1)]
    waiting: deque[tuple[float, Future[Recorded]]] = deque()
    slowest = 0.0
    with GroupCommit(engine) as group:
        begun = time.perf_counter()
        for one in events:
            waiting.append((time.perf_counter(), group.append(one)))
            if len(waiting) == UNDER_WAY:
                slowest = max(slowest, _answered(waiting))
        while waiting:
            slowest = max(slowest, _answered(waiting))
        return APPENDED / (time.perf_counter() - begun), slowest


def _answered(waiting: deque[tuple[float, Future[Recorded]]]) -> float:
    asked, future = waiting.popleft()
    future.result(60)
    return time.perf_counter() - asked


def _verify(engine: Engine) -> tuple[int, float]:
    """Return how many entries there are, and entries a second."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        entries = verify(engine).sequence
        times.append(time.perf_counter() - begun)
    return entries, entries / sorted(times)[ROUNDS // 2]
