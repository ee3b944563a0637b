"""How well the operator controls runs: on a real control plane with twenty fake nodes, and on a real node.

Each module beside this one that has ``measure()`` measures some of the records, on a cluster of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.records import measured

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
    return measured(__name__, PARTS, names)
