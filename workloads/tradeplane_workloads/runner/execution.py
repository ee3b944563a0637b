"""Read the data by digest, compute, write the results.

A run that is killed between any two writes leaves no manifest, so its results do not exist yet; the next attempt
computes the same and writes it all.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Protocol

from tradeplane_store.errors import StoreError

from tradeplane_workloads.errors import InvalidSpecification, StoreFailure
from tradeplane_workloads.market.snapshots import read_bars
from tradeplane_workloads.results import write_results

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.run import ResultsManifest, RunSpecification
    from tradeplane_api.simulation import Simulation
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.market.bars import Bars
    from tradeplane_workloads.results import RunResult

_log = logging.getLogger(__name__)


class Backtest(Protocol):
    """What computes a result: the engine."""

    def __call__(self, bars: Bars, simulation: Simulation) -> RunResult:
        """Return the result of a simulation on bars; raises InvalidSpecification or DataRefused."""


def run(
    specification: RunSpecification,
    store: ObjectStore,
    *,
    backtest: Backtest | None = None,
    environment: Mapping[str, str] | None = None,
) -> ResultsManifest:
    """Run a specification against a namespace's store and return the manifest of its results there.

    ``backtest`` is the engine, tradeplane's own by default; ``environment`` is added to what the manifest says of
    where the run took place. Raises InvalidSpecification, DataRefused, ResultConflict or StoreFailure.
    """
    try:
        bars = read_bars(store, specification.snapshots)
        rows, instruments = bars.close.shape
        _log.info("read %d bars of %d instruments from %s", rows, instruments, store.url)
        result = (backtest or _engine())(bars, specification.simulation)
        _log.info("computed %d trades", result.trades.num_rows)
        manifest = write_results(store, specification, result, {**_environment(), **(environment or {})})
    except StoreError as error:
        raise StoreFailure(f"run {specification.run}: {error}") from error
    _log.info("result %s of run %s is in the store", manifest.result_digest, specification.run)
    return manifest


def _engine() -> Backtest:
    """Return tradeplane's engine, imported only here: what reads or lists results does not need it."""
    try:
        from tradeplane_workloads.engine import backtest
    except ValueError as error:  # the core does not load with a SIMD path that is not there
        raise InvalidSpecification(str(error)) from error
    return backtest


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
