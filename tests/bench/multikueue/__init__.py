"""Runs sent to two other clusters by Kueue: whether each is recorded once though one dies, and what the operator costs.

A manager and two workers on loopback, each with Kueue's own controller; the operator has the account and permissions
that it is deployed with. There are no nodes: a stand-in ends the workers' pods, its results in the store by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.records import measured

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tests.bench.records import Record

PARTS = {
    "lost_worker": ("multikueue.recorded_fraction", "multikueue.double_recorded"),
    "admission": ("multikueue.admission_vs_kueue",),
}
"""Modules, and the records each measures."""


def records(names: Collection[str] = ()) -> Iterator[Record]:
    """Measure the records that begin with one of the names, all of them where there are none, one after the other."""
    return measured(__name__, PARTS, names)
