"""How soon a paper trader's order is on its way, and whether anything is lost or doubled when processes are killed.

Trader and exchange are the processes that pods run, on loopback, each on a processor of its own.

How soon an order is on the wire is what the trader itself tells at ``/latency``: from when the bytes were read of what
the order follows from, until its own bytes are with the operating system, its intent on disk in between. Beside it is
what the other side has of it: the trader's journal has when it fed the event, the exchange's record when the order
arrived, both by one clock.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_workloads.exchange.market import tapes_of
from tradeplane_workloads.exchange.venue import Venue
from tradeplane_workloads.paper.volume import newest
from tradeplane_workloads.sessions import SessionSpecification, replay
from tradeplane_workloads.sessions.journal_file import JournalFile, read_in_place
from tradeplane_workloads.sessions.order_names import order_of
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.bench.records import Record
from tests.bench.session.kills import lost_or_doubled_by_kills
from tests.integration.workloads.paper.paper_trading import MARKET
from tests.integration.workloads.paper.processes import Place, ended

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

ORDERS = 3_000
"""How many orders are waited for."""
TRADING_SECONDS = 300.0
"""How long they are waited for."""
SYNCS = 2_000
SYNC_PAUSE_SECONDS = 0.01
"""Between two syncs alone: about what is between two orders."""
LATENCY = (
    "session.order_latency_p99_s",
    "session.order_latency_own_p99_s",
    "session.fsync_alone_p99_s",
    "session.order_read_p99_s",
)
LOST = "session.lost_or_doubled"


def records(names: Collection[str] = ()) -> list[Record]:
    """Measure the records whose names begin with one of those asked for, or all where none is."""
    asked = tuple(names) or ("session",)
    measured = []
    if any(name.startswith(asked) for name in LATENCY):
        measured += asyncio.run(_latency())
    if LOST.startswith(asked):
        measured.append(asyncio.run(lost_or_doubled_by_kills()))
    return measured


async def _latency() -> list[Record]:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), MARKET)
        exchange = await place.exchange()
        trader = await place.trader()
        try:
            processors = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(exchange.pid, {processors[-1]})
            os.sched_setaffinity(trader.pid, {processors[0]})
            await place.trades(trader)
            told = await _told(f"http://127.0.0.1:{place.health}/latency")
            if (await ended(trader), await ended(exchange)) != (0, 0):
                raise RuntimeError("the trader or the exchange failed; their logs say why")
        finally:
            for process in (trader, exchange):
                await ended(process, signal.SIGKILL)
        read = _late(Path(folder))
        size = _written_an_order(Path(folder), told["orders"])
        alone = _syncs(Path(folder), size)
    return [_wire(told), _own(told), _alone(alone, size), _read(read)]


async def _told(url: str) -> dict[str, Any]:
    """Wait until a trader has sent enough orders, and return what it tells of them."""
    async with asyncio.timeout(TRADING_SECONDS), aiohttp.ClientSession() as http:
        while True:
            await asyncio.sleep(1.0)
            async with http.get(url) as answer:
                told: dict[str, Any] = await answer.json()
            if told["orders"] >= ORDERS:
                return told


def _wire(told: dict[str, Any]) -> Record:
    wire, sync = told["toWire"], told["sync"]
    how = (
        f"99th percentile of {told['orders']:,} orders on loopback, from the bytes being read of what the order "
        "follows from (a message, a report; a timer's waking) to its own bytes being with the operating system, its "
        f"intent synced; median {_micro(wire['p50'])}, 90th {_micro(wire['p90'])}; of that fdatasync: median "
        f"{_micro(sync['p50'])}, 90th {_micro(sync['p90'])}, 99th {_micro(sync['p99'])}"
    )
    return Record(LATENCY[0], wire["p99"], "s", None, None, None, how)


def _own(told: dict[str, Any]) -> Record:
    own = told["own"]
    how = (
        "99th percentile of the same, of each order less what fdatasync took before it; "
        f"median {_micro(own['p50'])}, 90th {_micro(own['p90'])}"
    )
    return Record(LATENCY[1], own["p99"], "s", None, None, None, how)


def _alone(alone: NDArray[np.int64], size: int) -> Record:
    p50, p90, p99 = (float(np.percentile(alone, share)) / 1e9 for share in (50, 90, 99))
    how = (
        f"99th percentile of {len(alone):,} times fdatasync of {size} bytes, what an order adds to a journal, written "
        "where a journal has room, nothing done meanwhile, on that disk right after that run; "
        f"median {_micro(p50)}, 90th {_micro(p90)}"
    )
    return Record(LATENCY[2], p99, "s", None, None, None, how)


def _read(late: NDArray[np.int64]) -> Record:
    p50, p90, p99 = (float(np.percentile(late, share)) / 1e9 for share in (50, 90, 99))
    how = (
        f"99th percentile of {len(late):,} orders of that run, from the event being fed to the exchange having read "
        f"the order, its own turn to do so included; median {_micro(p50)}, 90th {_micro(p90)}"
    )
    return Record(LATENCY[3], p99, "s", None, None, None, how)


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} us"


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


def _written_an_order(root: Path, orders: int) -> int:
    """Return how many bytes a journal has an order."""
    place = newest(root / "sessions")
    return max(1, (place.folder / "journal").stat().st_size // orders) if place is not None else 1


def _syncs(folder: Path, size: int) -> NDArray[np.int64]:
    """Time syncs of a journal, as far apart as orders are."""
    spent = np.empty(SYNCS, np.int64)
    with JournalFile(folder / "alone") as file:
        for place in range(SYNCS):
            file.append(b"x" * size)
            file.sync()
            spent[place] = file.sync_nanoseconds
            file.make_room()
            time.sleep(SYNC_PAUSE_SECONDS)
    return spent
