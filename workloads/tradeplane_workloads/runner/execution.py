"""Read the data by digest, compute, write the results.

A run that is killed between any two writes leaves no manifest, so its results do not exist yet; the next attempt
computes the same and writes it all.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_store.errors import StoreError

from tradeplane_workloads.errors import InvalidSpecification, StoreFailure
from tradeplane_workloads.market.snapshots import holds_tapes, read_bars, read_manifest, read_tapes
from tradeplane_workloads.results import write_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tradeplane_api.run import ResultsManifest, RunSpecification
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.results import RunResult

_log = logging.getLogger(__name__)


def run(
    specification: RunSpecification,
    store: ObjectStore,
    *,
    say: Callable[[str], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> ResultsManifest:
    """Run a specification against a namespace's store and return the manifest of its results there.

    ``say`` is told what is being done, for people who wait; ``environment`` is added to what the manifest says of where
    the run took place. Raises InvalidSpecification, DataRefused, ResultConflict or StoreFailure.
    """
    told = say or _log.info
    try:
        result = _compute(specification, store, told)
        _log.info("computed %d trades", result.summary.trades)
        told("Writing the results")
        manifest = write_results(store, specification, result, {**_environment(), **(environment or {})})
    except StoreError as error:
        raise StoreFailure(f"run {specification.run}: {error}") from error
    _log.info("result %s of run %s is in the store", manifest.result_digest, specification.run)
    return manifest


def _compute(specification: RunSpecification, store: ObjectStore, say: Callable[[str], None]) -> RunResult:
    """Read the snapshots and run the engine for what the first holds; others of another form are refused."""
    if holds_tapes(read_manifest(store, specification.snapshots[0])):
        return _on_tapes(specification, store, say)
    return _on_bars(specification, store, say)


def _on_bars(specification: RunSpecification, store: ObjectStore, say: Callable[[str], None]) -> RunResult:
    bars = read_bars(store, specification.snapshots)
    rows, instruments = bars.close.shape
    _log.info("read %d bars of %d instruments from %s", rows, instruments, store.url)
    with _loading():
        from tradeplane_workloads.engine import backtest
    say(f"Simulating {rows:,} bars")
    return backtest(bars, specification.simulation)


def _on_tapes(specification: RunSpecification, store: ObjectStore, say: Callable[[str], None]) -> RunResult:
    with _loading():
        from tradeplane_workloads.events import backtest_tapes
    execution = specification.simulation.execution
    tick = None if execution is None or execution.tick is None else Decimal(execution.tick)
    tapes = read_tapes(store, specification.snapshots, tick)
    rows = sum(map(len, tapes))
    _log.info("read %d rows of %d instruments from %s", rows, len(tapes), store.url)
    say(f"Running through {rows:,} events")
    return backtest_tapes(tapes, specification.simulation)


@contextmanager
def _loading() -> Iterator[None]:
    """Where the engine is imported, only when it is used: what reads or lists results does not need it."""
    try:
        yield
    except ValueError as error:  # the core does not load with a SIMD path that is not there
        raise InvalidSpecification(str(error)) from error


def _environment() -> dict[str, str]:
    """Return where this runs, for people; it enters no digest."""
    import numpy as np
    import pyarrow as pa
    import tradeplane_native

    machine = os.uname()
    return {
        "architecture": machine.machine,
        "kernel": f"{machine.sysname} {machine.release}",
        "python": sys.version.partition(" ")[0],
        "tradeplane-native": tradeplane_native.__version__,
        "simd": tradeplane_native.simd_path(),
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
    }
