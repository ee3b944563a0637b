"""A strategy that decides on bars, in a session: asked at the end of each period for its targets on all bars so far.

A strategy that does not look ahead, as none may, decides at the end of a period what it decides there on a whole tape;
so a session, its replay and a backtest on the market that it heard have the same bars and the same targets.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_native import BarTrader

from tradeplane_workloads.engine.backtest import decider
from tradeplane_workloads.engine.checks import check_bars
from tradeplane_workloads.engine.settings import billionths
from tradeplane_workloads.events.signals import bars_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_api.simulation import Simulation

    from tradeplane_workloads.market.instruments import TapeInstrument

Bar = tuple[int, int, int, int, int]
"""Open, high, low and close in ticks, volume in lots."""
NO_BAR: Bar = (0, 0, 0, 0, 0)


def bar_trader(instruments: Sequence[TapeInstrument], simulation: Simulation) -> BarTrader:
    """Return what trades the targets of a simulation's strategy. Raises InvalidSpecification where it cannot be."""
    heard = _HeardBars(instruments, simulation)
    fraction = billionths(simulation.sizing.fraction)
    allow_short = simulation.risk.allow_short
    return BarTrader(heard.targets, instruments=len(instruments), fraction=fraction, allow_short=allow_short)


class _HeardBars:
    """The bars that a session has heard, and what is decided on them."""

    def __init__(self, instruments: Sequence[TapeInstrument], simulation: Simulation) -> None:
        self._instruments = instruments
        self._decided = decider(simulation)
        self._times = array("q")
        self._columns = tuple(array("q") for _ in NO_BAR)
        self._present = array("b")

    def targets(self, end: int, bars: Sequence[Bar | None]) -> list[int]:
        """Take the bars of the period that ended then; return a target in billionths for each instrument."""
        if not self._times and not any(bars):
            return [0] * len(bars)  # nothing has traded yet: there is no first bar
        self._times.append(end)
        self._present.extend(bar is not None for bar in bars)
        for bar in bars:
            for column, value in zip(self._columns, bar or NO_BAR, strict=True):
                column.append(value)
        shape = (len(self._times), len(bars))
        columns = [np.array(column, dtype=np.int64).reshape(shape) for column in self._columns]
        present = np.array(self._present, dtype=np.bool_).reshape(shape)
        all_bars = bars_of(self._instruments, np.array(self._times, dtype=np.int64), columns, present)
        check_bars(all_bars)
        decided: list[int] = self._decided(all_bars)[-1].tolist()
        return decided
