"""A Strategy that trades while its operator is killed again and again, and what must hold of it afterwards.

API server, operator, exchange, traders and closings are real; the node that runs the pods is ours (``Kubelet``). What
is found wrong is returned, one line for each, so that tests and measurements ask the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tradeplane_api.paper import Closing, PaperOutcome
from tradeplane_operator.acting.errors import NotFound
from tradeplane_workloads.paper.volume import named

from tests.integration.operator import connections, sessions
from tests.integration.operator.cluster import condition, eventually
from tests.integration.operator.kubelet import Kubelet
from tests.integration.operator.sessions import NAME
from tests.integration.operator.witness import Witness, at_once, made_twice, sessions_recorded
from tests.integration.workloads.paper.paper_trading import (
    MARKET,
    QUOTING,
    exchanged,
    held_to_exchange,
    not_exact,
    told_fills,
)
from tests.integration.workloads.paper.processes import Place, ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tradeplane_native import Generator
    from tradeplane_workloads.paper.volume import SessionPlace

    from tests.integration.operator.cluster import Bench
    from tests.integration.operator.processes import OperatorProcess
    from tests.integration.operator.witness import Change

Json = dict[str, Any]
STORE_CLAIM = "tradeplane-store"
SECRET = "exchange-keys"  # noqa: S105 -- a name
_LIMITS = {"weightPerMinute": 1_000_000, "ordersPerSecond": 1_000}
_PATIENCE_S = 240.0
"""A closing has 120 s, and its pod and the next trader's have to start, on a machine that may be busy."""

_ENDED = ("ends, so that another replica goes on", "cannot start")


class KilledOperator:
    """One Strategy, and an operator that is killed while the Strategy is suspended and resumed."""

    def __init__(self, bench: Bench, root: Path, start: Callable[[], OperatorProcess]) -> None:
        self.bench, self.root, self._start = bench, root, start
        (root / "place").mkdir()
        (root / "node").mkdir()
        self.place = Place(root / "place", MARKET)
        here = Path(urlsplit(bench.store.url).path)
        self.kubelet = Kubelet(bench, root / "node", {STORE_CLAIM: here}, {SECRET: self.place.keys})
        self.witness = Witness(bench)
        self.askings = 0
        """How often trading was asked for."""
        self.fills = 0
        """How many fills the sessions were told of, in the end."""
        self.operators: list[OperatorProcess] = []
        self._suspended = False

    async def live(self, kills: int, drawn: Generator) -> list[str]:
        """Kill the operator so many times at moments that are drawn; return what is lost or doubled afterwards."""
        async with self._trading():
            for _ in range(kills):
                await asyncio.sleep(float(drawn.integers(200, 800, 1)[0]) / 1_000)
                await self._ask(suspend=not self._suspended, way=_drawn_way(drawn))
                await asyncio.sleep(float(drawn.integers(0, 4_000, 1)[0]) / 1_000)
                await self._kill()
                if int(drawn.integers(0, 4, 1)[0]) == 0:
                    await self._ask(suspend=not self._suspended, way=_drawn_way(drawn))
                self._go_on()
                await self._settled()
            await self._ask(suspend=True, way=Closing.FLATTEN)
            await self._settled()
            changes = await self.witness.has_seen_all()
        return [*self._controlled(changes), *self._traded(sessions_recorded(changes))]

    def told(self) -> str:
        """Say how much there was that could have been lost or doubled."""
        closings = len({change.name for change in self.witness.changes if change.kind == "jobs"})
        orders = len(exchanged(MARKET, self.place.directory / "record")[0])
        return (
            f"{len(self._places())} sessions, {closings} closings, {orders} orders and {self.fills} fills, "
            f"{self.kubelet.started} containers, {len(self.witness.changes)} changes of objects"
        )

    @contextlib.asynccontextmanager
    async def _trading(self) -> AsyncIterator[None]:
        """Have an exchange, a node and an operator, and a Strategy that trades."""
        exchange = await self.place.exchange()
        try:
            async with self.witness.watching(), self.kubelet.serving():
                self._go_on()
                await self.operators[-1].working()
                await self._create()
                await self._settled()
                yield
            if await ended(exchange) != 0:
                raise RuntimeError("the exchange failed; its log says why")
        finally:
            for process in self.operators[-1:]:
                process.end()
            await ended(exchange, signal.SIGKILL)

    async def _create(self) -> None:
        endpoint = {"rest": self.place.rest, "stream": self.place.streams}
        secret, probe = {"name": SECRET}, {"intervalSeconds": 3_600}
        fields: Json = {"endpoint": endpoint, "credentialsSecretRef": secret, "rateLimits": _LIMITS, "probe": probe}
        await connections.create(self.bench, type="Simulated", market="UsdMargined", **fields)
        await sessions.connected(self.bench)
        self.askings = 1
        await self.bench.create_strategy(
            NAME,
            mode="Paper",
            snapshotRef=None,
            connectionRef={"name": connections.NAME},
            session={"symbols": ["SYNUSDT"], "volume": {"size": "1Mi"}},
            algorithm={"name": "market-maker", "parameters": QUOTING},
            execution={"periodSeconds": 1},
        )

    async def _ask(self, *, suspend: bool, way: Closing) -> None:
        self.askings += not suspend and self._suspended
        self._suspended = suspend
        await self.bench.change(NAME, suspend=suspend, session={"onSuspend": way.value})

    async def _kill(self) -> None:
        """Kill the operator. It is surely dead, so its Lease is removed: to wait for its end would show nothing."""
        self.operators[-1].kill()
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.bench.namespace}/leases/tradeplane-operator"
        with contextlib.suppress(NotFound):
            await self.bench.client._write("DELETE", path, {})

    def _go_on(self) -> None:
        self.operators.append(self._start())

    async def _settled(self) -> None:
        """Wait until what was asked last is so."""
        wanted = "Suspended" if self._suspended else "Trading"

        async def settled() -> bool:
            process = self.operators[-1].process
            if process is None or process.poll() is not None:
                self._go_on()  # a busy machine may have cost it its Lease; its Deployment starts it again
            found = await self.bench.strategy(NAME)
            seen = (found.get("status") or {}).get("observedGeneration") == found["metadata"]["generation"]
            return seen and condition(found, "Ready").get("reason") == wanted

        async def state() -> Json:
            return {"status": (await self.bench.strategy(NAME)).get("status"), "log": self.operators[-1].log[-4_000:]}

        await eventually(settled, f"Strategy {NAME} to be {wanted}", _PATIENCE_S, state)

    def _controlled(self, changes: list[Change]) -> list[str]:
        """Return what the operator did twice, or should not have done."""
        wrong = [*at_once(changes), *self.kubelet.together]
        wrong += [f"Job {name} was made twice" for name in made_twice(changes)]
        said = sessions_recorded(changes)
        closings = {one["closing"]["number"]: one["closing"]["name"] for one in said if "closing" in one}
        if sorted(closings) != list(range(1, len(closings) + 1)):
            wrong.append(f"the closings recorded are {closings}")
        jobs = {change.name for change in changes if change.kind == "jobs"}
        wrong += [f"Job {name} is of no closing that was recorded" for name in sorted(jobs - set(closings.values()))]
        begun = {one["generation"] for one in said}
        if len(begun) > self.askings:
            wrong.append(f"{len(begun)} sessions were begun, and trading was asked for {self.askings} times")
        wrong += [f"an operator logged an error: {line}" for one in self.operators for line in _faults(one.log)]
        return wrong

    def _traded(self, said: list[Json]) -> list[str]:
        """Return what sessions lost or did twice at the exchange, and which of them do not replay exactly."""
        places = self._places()
        self.fills, wrong = held_to_exchange(places, MARKET, self.place.directory / "record")
        wrong += [f"session {one.number} is closed, its orders are not" for one in places if told_fills(one).open]
        flat = {one["session"]: one for one in said if one.get("outcome") == PaperOutcome.FLAT and "session" in one}
        names = [place.name.hex() for place in places]
        if len(places) > self.askings or sorted(names) != sorted(flat):
            wrong.append(f"sessions on the volume are {names}, closed were {sorted(flat)}, asked {self.askings}")
        for snapshot in dict.fromkeys(one["snapshot"] for one in said if one.get("snapshot")):
            wrong += not_exact(self.bench.store, snapshot)
        return wrong

    def _places(self) -> list[SessionPlace]:
        """Return the sessions on the volume of the Strategy's trader."""
        (volume,) = (path for path in (self.root / "node").iterdir() if path.name.startswith("sessions-"))
        return [named(path) for path in sorted(volume.iterdir()) if path.name.isdigit()]


def _faults(log: str) -> list[str]:
    """Return what an operator logged as an error, but that it ended: a busy machine may cost it its Lease."""
    errors = [line for line in log.splitlines() if '"level":"ERROR"' in line]
    return [line for line in errors if not any(words in line for words in _ENDED)]


def _drawn_way(drawn: Generator) -> Closing:
    """Draw whether positions are closed or left; the session that is left goes on when it is resumed."""
    return (Closing.FLATTEN, Closing.LEAVE)[int(drawn.integers(0, 2, 1)[0])]
