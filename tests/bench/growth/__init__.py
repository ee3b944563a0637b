"""How the cost of the event engine grows: events a second and memory, by events and by instruments.

Each cell runs in a process of its own, so that its peak of memory is its own. Tapes are made up in place, piece by
piece: the columns, 42 bytes a row, are nearly all that a process needs besides Python. A table and a plot are written
to ``build/``, for ``docs/benchmarks.md``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.growth.plot import Cell, svg, table
from tests.bench.records import Record

if TYPE_CHECKING:
    from collections.abc import Collection

MILLIONS = (1, 10, 100)
INSTRUMENTS = (1, 4, 16)
LIMIT_S = 600
BUILD = Path("build")


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the cells any record of which has a name that begins with one of those asked for, or all."""
    asked = tuple(names) or ("growth",)
    cells, measured = [], []
    for millions in MILLIONS:
        for instruments in INSTRUMENTS:
            rate = f"growth.events_{millions}m_x{instruments}"
            memory = f"growth.memory_{millions}m_x{instruments}"
            if rate.startswith(asked) or memory.startswith(asked):
                cell = _measure(millions, instruments)
                cells.append(cell)
                measured.extend(_records(rate, memory, cell))
    if len(cells) == len(MILLIONS) * len(INSTRUMENTS):
        BUILD.mkdir(exist_ok=True)
        (BUILD / "growth.svg").write_text(svg(cells), encoding="utf-8")
        (BUILD / "growth.md").write_text(table(cells), encoding="utf-8")
    return measured


def _measure(millions: int, instruments: int) -> Cell:
    command = [sys.executable, "-m", "tests.bench.growth.cell", str(millions * 1_000_000), str(instruments)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIMIT_S)
    return Cell(millions, instruments, **json.loads(finished.stdout.splitlines()[-1]))


def _records(rate: str, memory: str, cell: Cell) -> list[Record]:
    what = f"{cell.millions} M events of {cell.instruments} instruments, an order a side and instrument each second"
    timed = f"processor time of one thread; {what}; both clocks, digests on; tape checked beforehand"
    peak = f"peak resident memory of the process; {what}; the tape's columns are {cell.millions * 42} MB of it"
    return [
        Record(rate, cell.events_per_s, "events/s", None, None, None, timed),
        Record(memory, cell.peak_mb, "MB", None, None, None, peak),
    ]
