"""``stacks.unit_s``: the tests of every component against Pulumi's mocks, run by pytest in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time

from tests.bench.records import Record
from tests.unit.stacks.components.mutants.__main__ import TESTS_OF_COMPONENTS

ROUNDS = 3
_PASSED = re.compile(r"(\d+) passed")


def measure() -> Record:
    """Run them some times over.

    Raises:
        RuntimeError: when they do not all pass.

    """
    times, passed = [], ""
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        passed = _run()
        times.append(time.perf_counter() - begun)
    timed = (
        f"{passed} tests of tests/unit/stacks/components, every component against mocks; one process, which starts, "
        f"imports and collects as well; median of {ROUNDS}"
    )
    return Record("stacks.unit_s", sorted(times)[ROUNDS // 2], "s", None, None, None, timed)


def _run() -> str:
    """Run the tests, and return how many passed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}/tests"]
        ended = subprocess.run([*command, str(TESTS_OF_COMPONENTS)], capture_output=True, text=True, check=False)
    found = _PASSED.search(ended.stdout)
    if ended.returncode or found is None:
        raise RuntimeError(f"the tests of the components do not pass, and were not timed:\n{ended.stdout[-2000:]}")
    return found.group(1)
