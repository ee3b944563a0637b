"""Sessions that were traded and sealed: of all strategies that trade in sessions, each with something that goes wrong.

Most trade at the core of the simulated exchange, without a wire, as fast as they can. The others are traded by the
trader that pods run, at an exchange on loopback that does wrong on purpose, and are closed flat and sealed by it.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeplane_api.paper import Closing, PaperOutcome
from tradeplane_api.venue import Market
from tradeplane_workloads.paper.running import close
from tradeplane_workloads.sessions import open_session
from tradeplane_workloads.sessions.account import account_of
from tradeplane_workloads.sessions.bundle import seal_session

from tests.integration.workloads.exchange.exchange_client import exchange
from tests.integration.workloads.paper import broker_faults
from tests.integration.workloads.paper.paper_trading import at, paper, traded
from tests.unit.workloads.sessions.trading_floor import NAME, QUOTING, STEP_NS, Floor, exchange_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tradeplane_store.objects import ObjectStore

MESSAGES = 700
WIRED_SECONDS, CLOSING_SECONDS = 3.0, 60.0
OWN = Path(__file__).with_name("taker.py")
"""The strategy of a user's own."""
_PAIRS = {"quantities": ["0.01", "0.02"], "window": 20, "entry": 1.0, "exit": 0.2, "intervalMilliseconds": 5}
_SCORES: dict[str, Any] = {"period": 4, "entry": 0.8, "exit": 0.2}
_ON_BARS: dict[str, Any] = {"risk": {"allowShort": True}, "sizing": {"fraction": "0.01"}}


@dataclass(frozen=True, slots=True)
class Kind:
    """A strategy as it trades; ``step_ns``: from message to message, so that what decides on bars has some."""

    algorithm: str
    parameters: dict[str, Any] = field(default_factory=dict)
    flow: str = "order-book"
    step_ns: int = STEP_NS
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def simulation(self) -> dict[str, Any]:
        """Fields of the simulation that say how it trades."""
        return self.fields | {"algorithm": {"name": self.algorithm, "parameters": self.parameters}}


def _on_bars(algorithm: str, flow: str = "order-book", **parameters: Any) -> Kind:
    """Return a strategy that decides on bars of twenty messages."""
    return Kind(algorithm, parameters, flow, 50_000_000, _ON_BARS)


KINDS: Sequence[Kind] = (
    Kind("market-maker", QUOTING),
    Kind("pairs-trader", _PAIRS, "pair"),
    Kind("taker", {"lots": 10}),
    _on_bars("buy-and-hold"),
    _on_bars("sma-cross", fast=2, slow=4),
    _on_bars("macd-momentum", fast=3, slow=8, signal=3),
    _on_bars("rsi-reversion", period=3, oversold=45.0, overbought=55.0),
    _on_bars("bollinger-reversion", period=4, width=0.8),
    _on_bars("zscore-reversion", **_SCORES),
    _on_bars("pairs", "pair", **_SCORES),
)
WIRED: Sequence[Kind] = (
    Kind("market-maker", QUOTING),
    Kind("taker", {"lots": 10}),
    _on_bars("sma-cross", fast=1, slow=2),
)
"""Those that trade over a wire: a few seconds are enough for them to have fills."""


def _none(_: Floor) -> None:
    """Let all go well."""


def _killed(floor: Floor) -> None:
    """End the trader amid a write, and start it again from its journal."""
    floor.recorded.commit(sync=True)
    floor.recorded.close()
    with (floor.session_folder / "journal").open("ab") as journal:
        journal.write(b"\x40\x00\x00\x00\x07")
    floor.recorded = open_session(floor.session_folder, NAME, floor.specification)
    if not floor.recorded.recovered:
        raise AssertionError("a session that was killed did not go on from its journal")


def _gap(floor: Floor) -> None:
    """Lose messages of every instrument, and clear its book."""
    for instrument in range(len(floor.tapes)):
        floor.session.message(floor.now, instrument, floor.session.inputs, floor.now, [(9, 0, 1, 3), (0, 0, 0, 0)])


def _late(floor: Floor) -> None:
    """Keep reports back from now on, until the session's end."""
    floor.held = True


def _back(floor: Floor) -> None:
    """Let the clock of the trader jump back."""
    floor.skew_ns = -30_000_000


FAULTS: Sequence[Callable[[Floor], None]] = (_none, _killed, _gap, _late, _back)


@contextmanager
def own_strategy(folder: Path) -> Iterator[None]:
    """Install the user's own strategy into a folder, as an installer does, and have it found here."""
    described = folder / f"{OWN.stem}-1.0.dist-info"
    described.mkdir(parents=True)
    shutil.copy(OWN, folder)
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {OWN.stem}\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(f"[tradeplane.strategies]\ntaker = {OWN.stem}:Taker\n")
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def on_the_floor(store: ObjectStore, folder: Path, number: int, kind: Kind) -> str:
    """Have a session trade, with the fault of its number, and most of them end; return what it is sealed as."""
    synthetic = {"flow": kind.flow, "seed": number + 1, "messages": MESSAGES}
    floor = Floor(folder, exchange_of(synthetic=synthetic), step_ns=kind.step_ns, seed=number, **kind.simulation)
    floor.trade(end=number % 3 > 0, faults={MESSAGES // 2: FAULTS[number % len(FAULTS)]})
    account = account_of(floor.session, [one.symbol for one in floor.specification.traded()])
    floor.close()
    return seal_session(store, floor.session_folder, record=floor.record, previous=None, account=account).id


def over_a_wire(store: ObjectStore, folder: Path, number: int, fault: str, kind: Kind) -> str:
    """Have a trader trade at an exchange that does something wrong, and close; return what it is sealed as."""
    return asyncio.run(_wired(store, folder, number, fault, kind))


async def _wired(store: ObjectStore, folder: Path, number: int, fault: str, kind: Kind) -> str:
    document, asked = at(tuple(Market)[number // len(WIRED) % len(Market)])
    document |= {"synthetic": document["synthetic"] | {"seed": number + 1}, "faults": broker_faults.FAULTS[fault]}
    if kind.algorithm != asked["simulation"]["algorithm"]["name"]:
        asked["simulation"] |= kind.simulation
    asked["simulation"] |= {"seed": number}
    async with exchange(folder, folder / "record", **document) as (_, address):
        await traded(folder, address, WIRED_SECONDS, **asked)
        places = folder / "sessions", folder / "keys"
        told = await close(
            paper(address.rest, address.streams, **asked), *places, Closing.FLATTEN, CLOSING_SECONDS, store
        )
    if told.outcome is not PaperOutcome.FLAT or told.snapshot is None or told.message:
        raise AssertionError(f"a session was closed {told.outcome.value} where {fault}: {told.message}")
    return told.snapshot
