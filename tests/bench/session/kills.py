"""Whether anything is lost or doubled when processes are killed: trader, exchange, capture agent and operator.

Each of the four is killed twenty times at moments drawn from a generator of its own seed. What is counted as wrong is
what the integration tests count, by the same code; each of these modules says what it holds to what.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from tradeplane_native import Generator
from tradeplane_operator.acting.access import Access
from tradeplane_operator.acting.client import ApiClient
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings
from tradeplane_store.objects import open_store

from tests.bench.records import Record
from tests.binance_wire import flow, wire
from tests.integration.capture.killed_capture import KilledCapture
from tests.integration.conftest import await_kinds
from tests.integration.operator.cluster import Bench, opened
from tests.integration.operator.killed_operator import STORE_CLAIM, KilledOperator
from tests.integration.operator.processes import IMAGE, OperatorProcess
from tests.integration.workloads.paper.paper_trading import MARKET, lost_or_doubled, not_exact
from tests.integration.workloads.paper.processes import Place, ended
from tests.venue_stand_in import StandIn, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

KILLS = 20
"""Of each of the four."""
SEEDS = {"trader and exchange": 1, "agent": 2, "operator": 3}
_MESSAGES, _PAUSE_S = 60_000, 0.002
"""What the venue plays while agents are killed: two minutes and more."""
_CLOSING_S = 180.0
_NAMESPACE = "killed"
_KINDS = Path(__file__).parents[3] / "crds" / "yaml"
Found = tuple[list[str], str]
"""What is wrong, and how much there was that could have been."""


async def lost_or_doubled_by_kills() -> Record:
    """Kill all four, and count what is lost or doubled."""
    measures: dict[str, Callable[[Path, Generator], Awaitable[Found]]] = {
        "trader and exchange": _traders_and_exchanges,
        "agent": _agents,
        "operator": _operators,
    }
    wrong, seen, began = [], [], time.monotonic()
    for victim, measure in measures.items():
        with tempfile.TemporaryDirectory() as folder:
            found, amount = await measure(Path(folder), Generator(SEEDS[victim]))
        seen.append(f"{victim} (seed {SEEDS[victim]}): {amount}")
        for words in found:
            Console(stderr=True).print(f"{victim}: {words}", markup=False)
        wrong += found
    how = (
        f"messages, orders, fills, sessions, closings and Jobs that were lost, doubled, or changed once sealed, after "
        f"{KILLS} times kill -9 of each of trader, exchange, capture agent and operator at random moments; "
        f"{'; '.join(seen)}; all that was sealed replays Exact/Exact; it took {time.monotonic() - began:.0f} s"
    )
    return Record("session.lost_or_doubled", float(len(wrong)), "events", None, None, None, how)


async def _traders_and_exchanges(folder: Path, drawn: Generator) -> Found:
    """Kill the trader and the exchange in turn, hold the session to the exchange's record, and seal and replay it."""
    place = Place(folder, MARKET)
    exchange = await place.exchange()
    trader = await place.trader()
    try:
        for turn in range(2 * KILLS):
            await place.trades(trader)
            await asyncio.sleep(float(drawn.integers(1, 2_000, 1)[0]) / 1_000)
            if turn % 2:
                await ended(exchange, signal.SIGKILL)
                exchange = await place.exchange()
            else:
                await ended(trader, signal.SIGKILL)
                trader = await place.trader()
        await place.trades(trader)
        await asyncio.sleep(2.0)
        stopped = await ended(trader)
        trader = await place.trader("--close", "Flatten")
        closed = await asyncio.wait_for(trader.wait(), _CLOSING_S)
        if (stopped, closed, await ended(exchange)) != (0, 0, 0):
            raise RuntimeError("the trader or the exchange failed; their logs say why")
    finally:
        for process in (trader, exchange):
            await ended(process, signal.SIGKILL)
    fills, wrong = lost_or_doubled(folder, MARKET)
    told = place.report()
    if told.snapshot is None:
        raise RuntimeError(f"the session was not sealed: {told.message}")
    store = open_store((folder / "store").as_uri())
    return [*wrong, *not_exact(store, told.snapshot)], f"{told.orders} orders, {fills} fills"


async def _agents(folder: Path, drawn: Generator) -> Found:
    """Kill agents while a venue plays numbered messages, and hold the bundles to these.

    One of four is killed while it starts, the others once they listen.
    """
    messages = wire(flow(_MESSAGES, seed=5))
    async with StandIn(messages) as venue:
        playing = asyncio.ensure_future(venue.play(pause=_PAUSE_S))
        capture = KilledCapture(folder, venue, messages)
        for turn in range(KILLS):
            before = venue.connections
            agent = await capture.agent()
            if turn % 4:
                await until(partial(_connected, venue, before))
            await asyncio.sleep(float(drawn.integers(1, 2_500, 1)[0]) / 1_000)
            await capture.kill(agent)
        before = venue.connections
        agent = await capture.agent()
        await until(partial(_connected, venue, before))
        await asyncio.sleep(2.0)
        if playing.done():
            raise RuntimeError("the venue had played everything before the last agent was ended; give it more messages")
        await capture.end(agent)
        playing.cancel()
    bundles = capture.bundles()
    lines = sum(one.lines for one in bundles)
    amount = f"{len(bundles)} bundles of {lines} lines, {capture.trades()} trades, {capture.gaps()} times without feed"
    return capture.lost_or_doubled(), amount


def _connected(venue: StandIn, before: int) -> bool:
    return venue.connections > before


async def _operators(folder: Path, drawn: Generator) -> Found:
    """Kill operators of a real API server while a Strategy trades, is closed and goes on."""
    settings = replace(Settings.from_environment(os.environ), state=folder / "plane", control_plane_only=True)
    cluster = EmbeddedCluster(settings, report=lambda _: None)
    try:
        cluster.up()
        async with _namespace(cluster, folder) as bench:
            started = iter(range(1, 10_000))

            def start() -> OperatorProcess:
                asked = _settings(folder)
                return OperatorProcess(folder / f"operator-{next(started)}", cluster.kubeconfig, asked).start()

            life = KilledOperator(bench, folder, start)
            wrong = await life.live(KILLS, drawn)
            return wrong, life.told()
    finally:
        cluster.down(purge=True)


@asynccontextmanager
async def _namespace(cluster: EmbeddedCluster, folder: Path) -> AsyncIterator[Bench]:
    """Give an enrolled namespace of an API server that has our kinds, and its folder in a store."""
    cluster.client.run("apply", "-k", str(_KINDS))
    await_kinds(cluster)
    (folder / "store" / _NAMESPACE).mkdir(parents=True)
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    access = Access()
    try:
        client = ApiClient(access, 10.0)
        await client.create("/api/v1/namespaces", {"metadata": {"name": _NAMESPACE}})
        path = f"/api/v1/namespaces/{_NAMESPACE}/serviceaccounts"
        await client.create(path, {"metadata": {"name": "tradeplane-runner"}})
        store = open_store((folder / "store").as_uri()).within(_NAMESPACE)
        async with opened(access, _NAMESPACE, store) as bench:
            yield bench
    finally:
        await access.close()


def _settings(folder: Path) -> dict[str, Any]:
    """Return an operator's settings: of one namespace, and else its defaults."""
    return {
        "stores": {"default": {"url": (folder / "store").as_uri(), "claim": STORE_CLAIM}},
        "images": {"default": IMAGE},
        "namespaces": [_NAMESPACE],
        "lease": {"namespace": _NAMESPACE},
    }
