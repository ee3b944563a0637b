"""``python -m tests.bench.growth.cell <events> <instruments>``: one cell, measured; prints JSON."""

from __future__ import annotations

import json
import resource
import sys
from typing import TYPE_CHECKING

from tradeplane_native import run_events
from tradeplane_workloads.events.feed import event_tape

from tests.bench.replay.timing import best
from tests.event_tapes import Terms, random_tape

if TYPE_CHECKING:
    from tradeplane_native import Desk

INTERVAL_NS = 1_000_000_000
ROWS_TIMED = 20_000_000
"""About so many rows are gone through in all: short tapes several times, of which the best counts."""


class Quoter:
    """Each second, takes its orders back and quotes one lot a side of every instrument, five ticks from the touch."""

    def __init__(self, instruments: int) -> None:
        self.instruments = range(instruments)
        self.standing: list[tuple[int, int]] = []

    def start(self, desk: Desk) -> None:
        self.standing.clear()
        desk.wake(desk.now + INTERVAL_NS)

    def on_timer(self, desk: Desk) -> None:
        desk.wake(desk.now + INTERVAL_NS)
        for order, instrument in self.standing:
            desk.cancel(order, instrument=instrument)
        self.standing.clear()
        for instrument in self.instruments:
            touch = desk.touch(instrument)
            if touch is not None:
                for side, price in ((1, touch[0] - 5), (-1, touch[1] + 5)):
                    order = desk.submit(side, 1, price, instrument=instrument, terms="post-only")
                    self.standing.append((order, instrument))


def main(events: int, instruments: int) -> None:
    """Measure a run over so many events, divided among the instruments of one recording."""
    rows = events // instruments
    made = [random_tape(rows, seed=1000 * one, first=one, step=instruments) for one in range(instruments)]
    tapes = [event_tape(tape) for tape in made]
    strategy = Quoter(instruments)
    logged = 0

    def once() -> None:
        nonlocal logged
        run = run_events(tapes, [Terms()] * instruments, strategy)
        assert run.digest.startswith("sha256:")
        logged = len(run)

    seconds = best(once, runs=max(2, ROWS_TIMED // events))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"events_per_s": rows * instruments / seconds, "peak_mb": peak / 1e6, "logged": logged}))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
