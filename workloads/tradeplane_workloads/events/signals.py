"""A strategy that decides on bars, traded on tapes: bars of the trades heard, targets, and what trades towards them.

The bars come from a run of the engine itself that trades nothing, so that they are the ones a trader would have heard,
at the times they would have been heard. The first is that of the first trade, wherever a tape or a session begins.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_native import SignalTrader, event_bars

from tradeplane_workloads.engine.backtest import decider
from tradeplane_workloads.engine.checks import check_bars
from tradeplane_workloads.engine.settings import billionths
from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.market.bars import Bars, Instrument, repeat_last_close
from tradeplane_workloads.market.instruments import exponent_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from tradeplane_api.simulation import Simulation

    from tradeplane_workloads.events.prepared import Prepared
    from tradeplane_workloads.market.instruments import TapeInstrument


def signal_trader(instruments: Sequence[TapeInstrument], simulation: Simulation, prepared: Prepared) -> SignalTrader:
    """Return what trades the targets of the simulation's strategy. Raises as ``backtest_tapes`` does."""
    decided = decider(simulation)
    bars = heard_bars(instruments, prepared)
    if not len(bars.time_ns):
        seconds = prepared.execution.period_seconds
        raise InvalidSpecification(
            f"execution.periodSeconds: the tapes end before a first period of {seconds} s does, so there is no bar to "
            "decide on; give shorter ones"
        )
    targets = np.zeros(bars.present.shape, dtype=np.int64)
    for first in np.flatnonzero(bars.present.any(axis=1))[:1]:
        traded = _since(bars, int(first))
        check_bars(traded)
        targets[first:] = decided(traded)
    fraction = billionths(simulation.sizing.fraction)
    return SignalTrader(targets, fraction=fraction, allow_short=simulation.risk.allow_short)


def heard_bars(instruments: Sequence[TapeInstrument], prepared: Prepared) -> Bars:
    """Return the bars of the trades heard in each period, also before the first trade; shape (periods, instruments).

    They are as :func:`bars_of` gives them.
    """
    return bars_of(instruments, *event_bars(prepared.tapes, prepared.terms, prepared.period_ns))


def _since(bars: Bars, first: int) -> Bars:
    columns = ("time_ns", "open", "high", "low", "close", "volume", "present")
    return replace(bars, **{name: getattr(bars, name)[first:] for name in columns})


def bars_of(
    instruments: Sequence[TapeInstrument],
    time_ns: NDArray[np.int64],
    columns: Sequence[NDArray[np.int64]],
    present: NDArray[np.bool_],
) -> Bars:
    """Return bars of trades as strategies are given them.

    ``time_ns``: when each period ended, shape (n,). ``columns``: opens, highs, lows and closes in ticks, and volumes in
    lots, each of shape (n, k), as ``present`` is. Prices become units of ten to the exponent of the tick, volumes of
    that of the lot.
    """
    ticks = np.array([steps_of(one.tick) for one in instruments], dtype=np.int64)
    lots = np.array([steps_of(one.lot) for one in instruments], dtype=np.int64)
    fields = dict(zip(("open", "high", "low", "close"), (column * ticks for column in columns[:4]), strict=True))
    repeat_last_close(fields, present)
    return Bars(
        tuple(Instrument(one.symbol, one.currency, exponent_of(one.tick), exponent_of(one.lot)) for one in instruments),
        time_ns,
        volume=columns[4] * lots,
        present=present,
        **fields,
    )
