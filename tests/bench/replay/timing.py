"""How long an action takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def best(action: Callable[[], object], runs: int) -> float:
    """Return the processor time of this thread in an action, in seconds: the best of some runs, the least disturbed."""
    times = []
    for _ in range(runs):
        started = time.thread_time()
        action()
        times.append(time.thread_time() - started)
    return min(times)
