"""Runs sent to two other clusters by Kueue: whether each is recorded once though one dies, and what the operator costs.

A manager and two workers on loopback, each with Kueue's own controller; the operator has the account and permissions
that it is deployed with. There are no nodes: a stand-in ends the workers' pods, its results in the store by then.
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
    "lost_worker": ("multikueue.recorded_fraction", "multikueue.double_recorded"),
    "admission": ("multikueue.admission_vs_kueue",),
}
"""Modules, and the records each measures."""


def records(names: Collection[str] = ()) -> Iterator[Record]:
    """Measure the records that begin with one of the names, all of them where there are none."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clusters are taken down however a measurement ends
    for module, parts in PARTS.items():
        if not names or any(part.startswith(name) for part in parts for name in names):
            print(f"  {', '.join(parts)} ...", file=sys.stderr, flush=True)
            yield from asyncio.run(importlib.import_module(f"{__name__}.{module}").measure())
