"""Tapes as the core reads them: checked, and in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_native import EventTape

if TYPE_CHECKING:
    from tradeplane_workloads.market.tapes import Tape


def event_tape(tape: Tape, base_latency_ns: int = 0) -> EventTape:
    """Check the rows of a tape and make them ready to be run; its arrays must not change from here on.

    ``base_latency_ns``: what the fastest message takes, where the recorder's clock was behind. Raises ValueError naming
    the row where the columns are no tape.
    """
    return EventTape(
        tape.sequence,
        tape.exchange_time,
        tape.local_time,
        tape.kind,
        tape.side,
        tape.price,
        tape.quantity,
        tape.order if len(tape.order) else None,
        base_latency_ns=base_latency_ns,
    )
