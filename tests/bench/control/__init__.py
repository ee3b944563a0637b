"""How well the operator controls runs: on a real control plane with twenty fake nodes, and on a real node.

Each module beside this one that has ``measure()`` measures some of the records, on a cluster of its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.bench.control import rate
from tests.bench.control.load import say

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.bench.records import Record

PARTS = {
    ("control.rate_vs_minimal", "control.rate_vs_bare_jobs"): rate.measure,
}
"""What measures which records."""


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the records that begin with one of the names; all of them where there are none."""
    measured: list[Record] = []
    for parts, measure in PARTS.items():
        if not names or any(part.startswith(name) for part in parts for name in names):
            say(f"{', '.join(parts)} ...")
            measured += asyncio.run(measure())
    return measured
