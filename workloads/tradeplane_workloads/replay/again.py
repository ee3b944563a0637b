"""A finished run, run again from what its manifest says it was, and judged by what it left.

The baseline stays the one result of its run, whatever the replay finds: a replay leaves a record of its verdict, under
a name of its own, and no results.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from tradeplane_api.parity import Baseline, Compared, ReplayRecord, ReplaySpecification
from tradeplane_store.errors import StoreError

from tradeplane_workloads.errors import DataRefused, InvalidSpecification, StoreFailure
from tradeplane_workloads.market.snapshot_manifests import read_manifest
from tradeplane_workloads.replay.figures import figures_of
from tradeplane_workloads.replay.run_figures import counted_run, outcome_of_run
from tradeplane_workloads.replay.tolerance import judged_within
from tradeplane_workloads.replay.verdict import judge
from tradeplane_workloads.replay.what_if import changed, unjudged
from tradeplane_workloads.results import describe, open_results, results_digest
from tradeplane_workloads.runner.execution import compute, machine_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_api.parity import Tolerance, Verdict, WhatIf
    from tradeplane_api.run import RunSpecification
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.results import Results, RunResult


def replay_of(
    store: ObjectStore,
    run: str,
    name: str,
    *,
    tolerance: Tolerance | None = None,
    what_if: WhatIf | None = None,
) -> ReplaySpecification:
    """Return the replay, called ``name``, of a finished run in a store. Raises DataRefused where there is none."""
    return ReplaySpecification(
        format_version=1 if tolerance is None and what_if is None else 2,
        replay=name,
        baseline=Baseline(run=run, manifest=results_digest(store, run)),
        tolerance=tolerance,
        what_if=what_if,
    )


def run_again(
    specification: ReplaySpecification,
    store: ObjectStore,
    *,
    say: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
) -> ReplayRecord:
    """Run the baseline again and judge it; nothing is written. ``say`` is told what is being done.

    Raises DataRefused where the results or snapshots are not whole, or a manifest is another; InvalidSpecification
    where its strategy is no longer there or refuses its parameters; and StoreFailure.
    """
    baseline = specification.baseline
    if baseline is None:
        raise InvalidSpecification("baseline: the replay is of a session, not of a run; give the run")
    try:
        recorded = _verified(store, baseline, say)
        against = recorded if specification.against is None else _verified(store, specification.against, say)
        asked = recorded.manifest.specification
        if specification.what_if is not None:
            simulation = changed(asked.simulation, specification.what_if, on_events=recorded.events is not None)
            asked = asked.model_copy(update={"simulation": simulation})
        result = compute(asked, store, say)
        verdict = _judged(specification, store, against, result, say)
    except StoreError as error:
        raise StoreFailure(f"the replay of run {baseline.run}: {error}") from error
    of_version_1 = specification.of_version_1
    return ReplayRecord(
        schema_version=1 if of_version_1 else 2,
        specification=specification,
        baseline_digest=against.manifest.result_digest,
        result_digest=describe(asked, result, {}).result_digest,
        verdict=verdict,
        compared=None if of_version_1 else _compared(against, asked, result),
        environment={**machine_environment(), **(environment or {})},
    )


def _verified(store: ObjectStore, baseline: Baseline, say: Callable[[str], None]) -> Results:
    say(f"Verifying the results of {baseline.run}")
    recorded = open_results(store, baseline.run)
    if recorded.digest != baseline.manifest:
        raise DataRefused(
            f"the manifest of run {baseline.run} has the digest {recorded.digest}, and the replay is of "
            f"{baseline.manifest}; replay the run that is there, or restore the other from a copy"
        )
    return recorded


def _judged(
    specification: ReplaySpecification,
    store: ObjectStore,
    against: Results,
    result: RunResult,
    say: Callable[[str], None],
) -> Verdict:
    verdict = judge(against, result)
    if specification.what_if is not None:
        return unjudged(verdict)
    if specification.tolerance is None:
        return verdict
    units = _units(store, against.manifest.specification)
    sides = outcome_of_run(against, units), outcome_of_run(result, units)
    verdict, exceeded = judged_within(verdict, specification.tolerance, *sides)
    if exceeded:
        say(f"Beyond the tolerance: {exceeded}")
    return verdict


def _units(store: ObjectStore, run: RunSpecification) -> dict[str, Fraction]:
    """Return what one of a quantity is in units, of each instrument of a run."""
    manifests = [read_manifest(store, digest) for digest in run.snapshots]
    return {one.symbol: Fraction(10) ** one.quantity_exponent for manifest in manifests for one in manifest.instruments}


def _compared(against: Results, asked: RunSpecification, result: RunResult) -> Compared:
    expected = counted_run(against, against.manifest.specification.simulation.capital)
    return Compared(expected=figures_of(expected), got=figures_of(counted_run(result, asked.simulation.capital)))
