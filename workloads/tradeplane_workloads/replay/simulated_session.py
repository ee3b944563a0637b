"""A session traded again, on the market that it heard, at an exchange that is simulated.

For what has no recording: what would have come of other orders, or of the same where nobody recorded the exchange. The
event engine runs the strategy on the recorded market with the queue model of the session's specification and the
latency that its own orders had. docs/replays.md states what that is and is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tradeplane_api.execution import Execution

from tradeplane_workloads.columns import amount_words
from tradeplane_workloads.events.backtest import backtest_tapes
from tradeplane_workloads.replay.recorded_market import recorded_latency, recorded_tapes
from tradeplane_workloads.replay.session_sides import Replayed, answered_in, logged_fills, logged_orders

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from tradeplane_api.simulation import Simulation

    from tradeplane_workloads.sessions.bundle import Bundle


def simulate(bundle: Bundle, simulation: Simulation, *, own_latency: bool) -> Replayed:
    """Trade the market of a session. ``own_latency``: orders take what the session's took, whatever is specified.

    Raises DataRefused where the session did not hear of each instrument, and InvalidSpecification.
    """
    execution = simulation.execution or Execution()
    if own_latency:
        execution = execution.model_copy(update={"latency": recorded_latency(bundle.survey)})
    tapes = recorded_tapes(bundle.journal, bundle.specification.traded())
    result = backtest_tapes(tapes, simulation.model_copy(update={"execution": execution}))
    log = _Log(result.events)
    return Replayed(logged_orders(log), logged_fills(log), answered_in(log))


class _Log:
    """A log as a table, read as the core gives it."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of the log but ``fee``."""
        return np.array(self._table.column(name).to_pylist(), _KINDS[name])

    def fees(self) -> NDArray[np.uint64]:
        """Return the column ``fee``, 128-bit integers as pairs of words, the lower first."""
        return amount_words(self._table.column("fee"))


_KINDS: dict[str, type[np.generic]] = {
    "local_time": np.int64,
    "exchange_time": np.int64,
    "instrument": np.uint32,
    "event": np.uint8,
    "order": np.uint64,
    "side": np.uint8,
    "price": np.int64,
    "quantity": np.int64,
    "left": np.int64,
    "taker": np.bool_,
}
