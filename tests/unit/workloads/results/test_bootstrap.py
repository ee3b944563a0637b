"""The interval of a Sharpe ratio: as its definition says, the same for a seed, and refused where there is none."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tradeplane_native import Generator, bootstrap_sharpe
from tradeplane_workloads.analytics.bootstrap import Resampling, cube_root, sharpe_interval
from tradeplane_workloads.columns import amount_words, words
from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.results import Results

from tests.unit.cli.sample_results import bars, equity_table, manifest, trades_table

if TYPE_CHECKING:
    from collections.abc import Sequence

EQUITY = [100, 120, 90, 150, 200, 180]
YEAR = {"periods_per_year": 4.0, "risk_free_rate": 0.02}


def results() -> Results:
    """Return results of a thousand bars."""
    equity, trades = equity_table(bars()), trades_table(bars())
    return Results(manifest(trades.num_rows), "sha256:" + "0" * 64, equity, trades, trades.slice(0, 0))


def ratios(equity: Sequence[int], samples: int, block: int, seed: int) -> list[float] | None:
    """Return the ratios of samples of an equity in billionths."""
    return bootstrap_sharpe(words(equity), **YEAR, samples=samples, block=block, seed=seed)


def by_definition(equity: Sequence[int], samples: int, block: int, seed: int) -> list[float]:
    """Return them as docs/results.md defines them, by the draws of docs/determinism.md."""
    returns = [later / earlier - 1 for earlier, later in pairwise(equity)]
    count, mean = len(returns), 0.0
    for value in returns:
        mean += value
    mean /= count
    seeds, found = _Words(seed), []
    for _ in range(samples):
        draws = _Words(seeds.word())
        at, total, squares = draws.below(count), 0.0, 0.0
        for _ in returns:
            value = returns[at] - mean
            total += value
            squares += value * value
            at = draws.below(count) if draws.below(block) == 0 else (at + 1) % count
        spread = squares - total * (total / count)
        if spread > squares / 2**40:
            found.append((mean + total / count - 0.02 / 4) / math.sqrt(spread / (count - 1)) * 2)
    return sorted(found)


class _Words:
    """PCG64 as docs/determinism.md states it."""

    def __init__(self, seed: int) -> None:
        mixed = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) % 2**64
            word = ((seed ^ seed >> 30) * 0xBF58476D1CE4E5B9) % 2**64
            word = ((word ^ word >> 27) * 0x94D049BB133111EB) % 2**64
            mixed.append(word ^ word >> 31)
        state, stream = (high << 64 | low for high, low in (mixed[:2], mixed[2:]))
        self.increment = (stream << 1 | 1) % 2**128
        self.state = 0
        self._step()
        self.state = (self.state + state) % 2**128
        self._step()

    def _step(self) -> None:
        self.state = (self.state * 0x2360ED051FC65DA44385DF649FCCF645 + self.increment) % 2**128

    def word(self) -> int:
        self._step()
        folded, turned = (self.state >> 64 ^ self.state) % 2**64, self.state >> 122
        return (folded >> turned | folded << (-turned % 64)) % 2**64

    def below(self, bound: int) -> int:
        while True:
            product = self.word() * bound
            if product % 2**64 >= 2**64 % bound:
                return product >> 64


@pytest.mark.parametrize(("samples", "block", "seed"), [(1, 1, 0), (7, 2, 42), (40, 3, 2**63 - 1), (9, 10**9, 5)])
def test_ratios_are_those_of_the_definition_to_the_last_bit(samples: int, block: int, seed: int) -> None:
    assert ratios(EQUITY, samples, block, seed) == by_definition(EQUITY, samples, block, seed)


def test_the_words_here_are_the_generators() -> None:
    mine, theirs = _Words(42), Generator(42)
    assert [(mine.word() >> 11) / 2**53 for _ in range(4)] == theirs.uniform(4).tolist()


def test_an_interval_holds_the_share_of_samples_that_was_asked_for() -> None:
    run = results()
    found = sharpe_interval(run, samples=200, percent=90, seed=3)
    assert found.resampling == Resampling(200, 9, 3)  # 999 returns
    drawn = bootstrap_sharpe(
        np.ascontiguousarray(amount_words(run.equity.column("equity"))),
        periods_per_year=float(run.manifest.specification.simulation.periods_per_year),
        risk_free_rate=0.0,
        samples=200,
        block=9,
        seed=3,
    )
    assert drawn is not None
    assert (found.low, found.median, found.high) == tuple(f"{drawn[place]:.9f}" for place in (10, 100, 189))
    within = [ratio for ratio in drawn if float(found.low) - 1e-9 <= ratio <= float(found.high) + 1e-9]
    assert len(within) == 180
    assert sharpe_interval(run, samples=200, percent=90, seed=3) == found
    assert sharpe_interval(run, samples=200, percent=90, seed=4) != found


@pytest.mark.parametrize("equity", [[100], [100, 110], [100, 100, 100], [100, -5, 20]])
def test_what_has_no_ratio_has_no_interval(equity: list[int]) -> None:
    assert ratios(equity, 5, 2, 1) is None
    run = results()
    table = run.equity.slice(0, 2)
    with pytest.raises(DataRefused, match="has no Sharpe ratio"):
        sharpe_interval(replace(run, equity=table), samples=5, percent=95)


def test_more_draws_than_anyone_waits_for_are_refused_with_how_many_may_be() -> None:
    with pytest.raises(DataRefused, match=r"1,000,000,000 draws; draw at most 1,001,001"):
        sharpe_interval(results(), samples=1_001_002, percent=95)


@pytest.mark.parametrize(("shape", "block", "periods"), [((3, 1), 2, 4.0), ((3, 2), 0, 4.0), ((3, 2), 2, 0.0)])
def test_what_cannot_be_drawn_is_refused(shape: tuple[int, int], block: int, periods: float) -> None:
    with pytest.raises(ValueError, match="two words an amount"):
        bootstrap_sharpe(
            np.ones(shape, np.uint64), periods_per_year=periods, risk_free_rate=0.0, samples=1, block=block, seed=0
        )


def test_a_cube_root_is_whole() -> None:
    assert [cube_root(number) for number in (1, 7, 8, 26, 27, 999, 1_000, 10**15)] == [1, 1, 2, 2, 3, 9, 10, 100_000]
