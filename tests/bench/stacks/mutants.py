"""``stacks.mutants_killed_fraction``: how many weakenings of the components' settings their own tests notice."""

from __future__ import annotations

import re
import subprocess
import sys

import tests.unit.stacks.components.mutants as tables
from tests.bench.records import Record

_NOTICED = re.compile(r"^\w+: (\d+) of (\d+) weakenings noticed$", re.MULTILINE)


def measure() -> Record:
    """Weaken each setting of each table in turn, in a process of its own.

    Raises:
        RuntimeError: when the tests do not pass with nothing weakened, or a table is out of date.

    """
    command = [sys.executable, "-m", tables.__name__]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    counts = [(int(noticed), int(every)) for noticed, every in _NOTICED.findall(ended.stdout)]
    killed, made = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    if not made or ended.returncode != (killed < made):
        raise RuntimeError(f"weakenings of the components could not be judged:\n{ended.stderr[-2000:]}")
    for survivor in (line for line in ended.stdout.splitlines() if line.startswith("survives: ")):
        print(f"  {survivor}", file=sys.stderr)
    timed = f"{made} weakenings of {len(counts)} modules of components, each with the module's tests; those noticed"
    return Record("stacks.mutants_killed_fraction", killed / made, "of all", None, 1.0, killed / made, timed)
