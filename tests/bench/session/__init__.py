"""How soon a paper trader's order is on its way, and whether anything is lost or doubled when processes are killed.

Trader and exchange are the processes that pods run, on loopback. The trader's journal has when it had the event that an
order follows from; the exchange's record has when the order arrived. Both are of one clock, so their difference is what
lies between, the exchange's own reading of the request included: it is above what is asked for, never below.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_workloads.exchange.market import tapes_of
from tradeplane_workloads.exchange.venue import Venue
from tradeplane_workloads.paper.volume import newest
from tradeplane_workloads.sessions import SessionSpecification, replay
from tradeplane_workloads.sessions.journal_file import read_in_place
from tradeplane_workloads.sessions.order_names import order_of
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.bench.records import Record
from tests.bench.session.kills import lost_or_doubled_by_kills
from tests.integration.workloads.paper.paper_trading import MARKET
from tests.integration.workloads.paper.processes import Place, ended

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

TRADING_SECONDS = 60.0
SYNCS = 2_000
_RECORD_BYTES = 400
"""What a decision adds to a journal, about."""
NAMES = ("session.order_latency_p99_s", "session.lost_or_doubled")


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the records whose names begin with one of those asked for, or all where none is."""
    asked = tuple(names) or ("session",)
    measured = []
    if NAMES[0].startswith(asked):
        measured.append(asyncio.run(_latency()))
    if NAMES[1].startswith(asked):
        measured.append(asyncio.run(lost_or_doubled_by_kills()))
    return measured


async def _latency() -> Record:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), MARKET)
        exchange = await place.exchange()
        trader = await place.trader()
        try:
            processors = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(exchange.pid, {processors[-1]})
            os.sched_setaffinity(trader.pid, {processors[0]})
            await place.trades(trader)
            await asyncio.sleep(TRADING_SECONDS)
            if (await ended(trader), await ended(exchange)) != (0, 0):
                raise RuntimeError("the trader or the exchange failed; their logs say why")
        finally:
            for process in (trader, exchange):
                await ended(process, signal.SIGKILL)
        late = _late(Path(folder))
        alone = _syncs(Path(folder))
    p50, p99 = (float(np.percentile(late, share)) / 1e9 for share in (50, 99))
    how = (
        f"99th percentile of {len(late):,} orders on loopback, from the event that the trader had (a message, a "
        f"report, a timer) to the exchange having read it, its intent synced; median {p50 * 1e6:.0f} us; "
        f"fdatasync of as much alone, on that disk: median {np.percentile(alone, 50) / 1e3:.0f} us, 99th percentile "
        f"{np.percentile(alone, 99) / 1e3:.0f} us"
    )
    return Record("session.order_latency_p99_s", p99, "s", None, None, None, how)


def _late(root: Path) -> NDArray[np.int64]:
    """Return the nanoseconds from each order's event to its arrival."""
    place = newest(root / "sessions")
    if place is None:
        raise RuntimeError("nothing was traded")
    specification = SessionSpecification.decode((place.folder / "specification.json").read_bytes())
    run = replay(read_in_place(place.folder / "journal"), specification).run
    if run is None:
        raise RuntimeError("the session does not replay")
    columns = (run.column(name).tolist() for name in ("event", "order", "local_time"))
    decided = {order: when for event, order, when in zip(*columns, strict=True) if event == OrderEvent.SUBMIT}
    market = ExchangeSpecification.model_validate(MARKET)
    venue = Venue(market, tapes_of(market, None), lambda: 0)
    arrived = {
        order_of(step.client, place.name): step.outcomes[0].exchange_time
        for step in venue.replay((root / "record").read_bytes()).steps
        if step.client is not None
    }
    return np.array([arrived[order] - when for order, when in decided.items() if order in arrived], np.int64)


def _syncs(folder: Path) -> NDArray[np.int64]:
    """Time appends and syncs alone."""
    spent = np.empty(SYNCS, np.int64)
    with (folder / "alone").open("wb", buffering=0) as file:
        for place in range(SYNCS):
            file.write(bytes(_RECORD_BYTES))
            before = time.perf_counter_ns()
            os.fdatasync(file.fileno())
            spent[place] = time.perf_counter_ns() - before
    return spent
