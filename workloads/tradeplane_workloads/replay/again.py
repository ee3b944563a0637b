"""A finished run, run again from what its manifest says it was, and judged by what it left.

The baseline stays the one result of its run, whatever the replay finds: a replay leaves a record of its verdict, under
a name of its own, and no results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.parity import Baseline, ReplayRecord, ReplaySpecification
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json
from tradeplane_store.errors import AlreadyExists, NotFound, StoreError

from tradeplane_workloads.errors import DataRefused, StoreFailure
from tradeplane_workloads.manifests import parse_manifest
from tradeplane_workloads.replay.verdict import judge
from tradeplane_workloads.results import describe, open_results, results_digest
from tradeplane_workloads.runner.execution import compute, machine_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_store.objects import ObjectStore

SCHEMA_VERSION = 1
"""The version of a replay's record that this code reads and writes."""


def replay_of(store: ObjectStore, run: str, name: str) -> ReplaySpecification:
    """Return the replay, called ``name``, of a finished run in a store. Raises DataRefused where there is none."""
    return ReplaySpecification(replay=name, baseline=Baseline(run=run, manifest=results_digest(store, run)))


def run_again(
    specification: ReplaySpecification,
    store: ObjectStore,
    *,
    say: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
) -> ReplayRecord:
    """Run the baseline again and judge it; nothing is written. ``say`` is told what is being done.

    Raises DataRefused where the baseline's results or snapshots are not whole, or its manifest is another;
    InvalidSpecification where its strategy is no longer there or refuses its parameters; and StoreFailure.
    """
    baseline = specification.baseline
    try:
        say(f"Verifying the results of {baseline.run}")
        recorded = open_results(store, baseline.run)
        if recorded.digest != baseline.manifest:
            raise DataRefused(
                f"the manifest of run {baseline.run} has the digest {recorded.digest}, and the replay is of "
                f"{baseline.manifest}; replay the run that is there, or restore the other from a copy"
            )
        result = compute(recorded.manifest.specification, store, say)
    except StoreError as error:
        raise StoreFailure(f"the replay of run {baseline.run}: {error}") from error
    return ReplayRecord(
        specification=specification,
        baseline_digest=recorded.manifest.result_digest,
        result_digest=describe(recorded.manifest.specification, result, {}).result_digest,
        verdict=judge(recorded, result),
        environment={**machine_environment(), **(environment or {})},
    )


def write_record(store: ObjectStore, record: ReplayRecord) -> ReplayRecord:
    """Write a replay's record and return the one that is in the store then: an earlier attempt's, if there is one.

    Raises DataRefused where what is there is the record of something else, and StoreFailure.
    """
    replay = record.specification.replay
    path = layout.replay_record(replay)
    try:
        store.put_if_absent(path, canonical_json(record))
    except AlreadyExists:
        earlier = read_record(store, replay)
    except StoreError as error:
        raise StoreFailure(f"replay {replay}: {error}") from error
    else:
        return record
    if earlier.specification != record.specification:
        raise DataRefused(f"{path} is the record of another replay; give this one a name of its own")
    return earlier


def read_record(store: ObjectStore, replay: str) -> ReplayRecord:
    """Return the record of a replay. Raises DataRefused where there is none or it cannot be read."""
    owner = f"replay {replay}"
    try:
        data = store.get(layout.replay_record(replay))
    except NotFound as error:
        raise DataRefused(f"{owner} has left no record in the store {store.url}; run it first") from error
    except StoreError as error:
        raise StoreFailure(f"{owner}: {error}") from error
    return parse_manifest(ReplayRecord, data, owner, SCHEMA_VERSION)
