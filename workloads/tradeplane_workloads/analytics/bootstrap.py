"""How far a run's Sharpe ratio may lie elsewhere by chance: an interval from samples of its returns, drawn anew.

docs/results.md states what is drawn. Equal arguments give equal bits, on every processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.execution import Execution
from tradeplane_native import bootstrap_sharpe

from tradeplane_workloads.analytics.summary import YEAR_SECONDS
from tradeplane_workloads.columns import amount_words
from tradeplane_workloads.errors import DataRefused

if TYPE_CHECKING:
    from tradeplane_workloads.results import Results

MAX_DRAWS = 1_000_000_000
"""Returns drawn in all: about a quarter of a minute."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """What is drawn: ``samples``, each of blocks of ``block`` returns on average, by a ``seed``."""

    samples: int
    block: int
    seed: int


@dataclass(frozen=True, slots=True)
class SharpeInterval:
    """Sharpe ratios between which ``percent`` of the samples lie, and the middle one; as decimal strings.

    ``defined``: how many samples have a ratio.
    """

    low: str
    median: str
    high: str
    percent: int
    defined: int
    resampling: Resampling


def sharpe_interval(
    results: Results, samples: int, percent: int, seed: int = 0, block: int | None = None
) -> SharpeInterval:
    """Return the interval of a run; blocks have by default the whole cube root of the number of returns.

    Raises DataRefused where its Sharpe ratio, or that of every sample, is not defined, or it would take too long.
    """
    run, equity = results.manifest.specification.run, results.equity
    returns = equity.num_rows - 1
    if samples * returns > MAX_DRAWS:
        raise DataRefused(
            f"{samples:,} samples of the {returns:,} returns of run {run} are more than {MAX_DRAWS:,} draws; draw at "
            f"most {MAX_DRAWS // returns:,}"
        )
    asked = Resampling(samples, block or cube_root(max(returns, 1)), seed)
    simulation = results.manifest.specification.simulation
    ratios = bootstrap_sharpe(
        np.ascontiguousarray(amount_words(equity.column("equity"))),
        periods_per_year=_periods_per_year(results),
        risk_free_rate=float(Decimal(simulation.risk_free_rate)),
        samples=asked.samples,
        block=asked.block,
        seed=asked.seed,
    )
    if not ratios:
        raise DataRefused(f"run {run} has no Sharpe ratio (docs/results.md says when), so there is no interval of it")
    outside = len(ratios) * (100 - percent) // 200
    chosen = (outside, len(ratios) // 2, len(ratios) - 1 - outside)
    low, median, high = (f"{ratios[place]:.9f}" for place in chosen)
    return SharpeInterval(low, median, high, percent, len(ratios), asked)


def cube_root(number: int) -> int:
    """Return the largest whole number whose cube is not above a number, which is above 0."""
    root = 1
    while (root + 1) ** 3 <= number:
        root += 1
    return root


def _periods_per_year(results: Results) -> float:
    """Return what annualises, as in the summary."""
    simulation = results.manifest.specification.simulation
    if results.events is None:
        return float(simulation.periods_per_year)
    return YEAR_SECONDS / (simulation.execution or Execution()).period_seconds
