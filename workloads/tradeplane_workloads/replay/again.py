"""A finished run, run again from what its manifest says it was, and judged by what it left.

Nothing is written: the baseline stays the one result of its run, whatever the replay finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_store.errors import StoreError

from tradeplane_workloads.errors import StoreFailure
from tradeplane_workloads.replay.verdict import judge
from tradeplane_workloads.results import open_results
from tradeplane_workloads.runner.execution import compute, machine_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_api.replay import Verdict
    from tradeplane_api.run import ResultsManifest
    from tradeplane_store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay: of what, where, and what was found."""

    baseline: ResultsManifest
    environment: Mapping[str, str]
    verdict: Verdict


def replay_run(store: ObjectStore, run: str, say: Callable[[str], None]) -> Replayed:
    """Run again what a run in a store was, and judge it by its results. ``say`` is told what is being done.

    Raises DataRefused where the results or the snapshots are not whole, InvalidSpecification where the strategy is no
    longer there or refuses its parameters, and StoreFailure.
    """
    try:
        say(f"Verifying the results of {run}")
        baseline = open_results(store, run)
        result = compute(baseline.manifest.specification, store, say)
    except StoreError as error:
        raise StoreFailure(f"the replay of run {run}: {error}") from error
    return Replayed(baseline.manifest, machine_environment(), judge(baseline, result))
