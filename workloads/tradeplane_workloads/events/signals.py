"""A strategy that decides on bars, traded on tapes: bars of the trades heard, targets, and what trades towards them.

The bars come from a run of the engine itself that trades nothing, so that they are the ones a trader would have heard,
at the times they would have been heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tradeplane_native import SignalTrader, event_bars

from tradeplane_workloads.engine.backtest import decide
from tradeplane_workloads.engine.checks import check_bars
from tradeplane_workloads.engine.settings import billionths
from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.market.bars import Bars, Instrument, repeat_last_close
from tradeplane_workloads.market.instruments import exponent_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_api.simulation import Simulation

    from tradeplane_workloads.events.prepared import Prepared
    from tradeplane_workloads.market.instruments import TapeInstrument


def signal_trader(instruments: Sequence[TapeInstrument], simulation: Simulation, prepared: Prepared) -> SignalTrader:
    """Return what trades the targets of the simulation's strategy. Raises as ``backtest_tapes`` does."""
    bars = heard_bars(instruments, prepared)
    if not len(bars.time_ns):
        seconds = prepared.execution.period_seconds
        raise InvalidSpecification(
            f"execution.periodSeconds: the tapes end before a first period of {seconds} s does, so there is no bar to "
            "decide on; give shorter ones"
        )
    check_bars(bars)
    targets = decide(bars, simulation)
    fraction = billionths(simulation.sizing.fraction)
    return SignalTrader(targets, fraction=fraction, allow_short=simulation.risk.allow_short)


def heard_bars(instruments: Sequence[TapeInstrument], prepared: Prepared) -> Bars:
    """Return the bars of the trades heard in each period, shape (periods, instruments).

    Prices are in units of ten to the exponent of the tick, volumes of that of the lot.
    """
    time_ns, columns, present = event_bars(prepared.tapes, prepared.terms, prepared.period_ns)
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
