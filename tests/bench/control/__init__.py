"""How well the operator controls runs: on a real control plane with twenty fake nodes, and on a real node.

Each module beside this one that has ``measure()`` measures some of the records, on a cluster of its own.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tests.bench.records import Record

PARTS = {
    "rate": ("control.rate_vs_minimal", "control.rate_vs_bare_jobs"),
    "latency": ("control.create_to_job_p99_s",),
    "api_writes": ("control.api_writes_per_run",),
    "memory": ("control.rss_10k_mb", "control.restart_10k_s"),
    "duplicates": ("control.duplicate_runs",),
    "start_delay": ("control.start_delay_vs_bare_job_s",),
}
"""Modules, and the records each measures. They are imported when needed: processes of this package start without."""


def records(names: Collection[str] = ()) -> Iterator[Record]:
    """Measure the records that begin with one of the names, all of them where there are none, one after the other."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clusters are taken down however a measurement ends
    for module, parts in PARTS.items():
        if not names or any(part.startswith(name) for part in parts for name in names):
            print(f"  {', '.join(parts)} ...", file=sys.stderr, flush=True)
            yield from asyncio.run(importlib.import_module(f"{__name__}.{module}").measure())
