"""Finds strategies that look ahead.

What is decided on a prefix of the bars must be a prefix of what is decided on all of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_native import Generator

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tradeplane_workloads.market.bars import Bars
    from tradeplane_workloads.strategies.protocol import Strategy


def prefix(bars: Bars, length: int) -> Bars:
    """Take the first ``length`` bars."""
    columns = ("time_ns", "open", "high", "low", "close", "volume", "present")
    return replace(bars, **{name: getattr(bars, name)[:length] for name in columns})


def first_lookahead(
    strategy: Strategy, bars: Bars, parameters: BaseModel, seed: int, lengths: tuple[int, ...]
) -> int | None:
    """Find the first bar whose target changes when later bars are taken away, at each of some prefix lengths.

    None where there is no such bar: the strategy did not look ahead on these bars.
    """
    whole = strategy.targets(bars, parameters, Generator(seed))
    found = []
    for length in lengths:
        part = strategy.targets(prefix(bars, length), parameters, Generator(seed))
        differing = np.flatnonzero((part != whole[:length]).any(axis=1))
        found.extend(differing[:1].tolist())
    return min(found, default=None)
