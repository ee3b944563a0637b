"""Read the data by digest, compute, write the results.

A run that is killed between any two writes leaves no manifest, so its results do not exist yet; the next attempt
computes the same and writes it all.
"""

from __future__ import annotations

import logging
import os
import sys
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING

from tradeplane_store.errors import StoreError

from tradeplane_workloads.errors import InvalidSpecification, StoreFailure
from tradeplane_workloads.market.snapshots import read_market
from tradeplane_workloads.results import write_results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tradeplane_api.run import RunSpecification
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.results import RunResult, Written

_log = logging.getLogger(__name__)


def run(
    specification: RunSpecification,
    store: ObjectStore,
    *,
    say: Callable[[str], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Written:
    """Run a specification against a namespace's store and return what its results there are.

    ``say`` is told what is being done, for people who wait; ``environment`` is added to what the manifest says of where
    the run took place. Raises InvalidSpecification, DataRefused, ResultConflict or StoreFailure.
    """
    told = say or _log.info
    try:
        result = compute(specification, store, told)
        _log.info("computed %d trades", result.summary.trades)
        told("Writing the results")
        written = write_results(store, specification, result, {**machine_environment(), **(environment or {})})
    except StoreError as error:
        raise StoreFailure(f"run {specification.run}: {error}") from error
    _log.info("result %s of run %s is in the store", written.manifest.result_digest, specification.run)
    return written


def compute(specification: RunSpecification, store: ObjectStore, say: Callable[[str], None]) -> RunResult:
    """Read the snapshots and run the engine for what they hold; nothing is written.

    Raises InvalidSpecification, DataRefused, or what the store raises.
    """
    _load_core()
    simulation = specification.simulation
    tick = None if simulation.execution is None else simulation.execution.tick
    held = read_market(store, specification.snapshots, None if tick is None else Decimal(tick))
    if isinstance(held, tuple):
        from tradeplane_workloads.events.backtest import backtest_tapes

        rows = sum(map(len, held))
        _log.info("read %d rows of %d instruments from %s", rows, len(held), store.url)
        say(f"Running through {rows:,} events")
        return backtest_tapes(held, simulation)
    from tradeplane_workloads.engine.backtest import backtest

    rows, instruments = held.close.shape
    _log.info("read %d bars of %d instruments from %s", rows, instruments, store.url)
    say(f"Simulating {rows:,} bars")
    return backtest(held, simulation)


def _load_core() -> None:
    """Import the core only where something runs: what reads or lists results does not need it."""
    try:
        import_module("tradeplane_native")
    except ValueError as error:  # it does not load with a SIMD path that is not there
        raise InvalidSpecification(str(error)) from error


def machine_environment() -> dict[str, str]:
    """Return where this runs, for people; it enters no digest. The core must be loaded."""
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
