"""What share of recorded sessions is replayed exactly: both verdicts, of sessions of differing strategies and faults.

Each trades at the core of the simulated exchange, without a wire, and is sealed with what that recorded; then it is
read from the store and replayed, on the processor this runs on and by the image of the other one, emulated.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradeplane_store.objects import open_store
from tradeplane_workloads.replay.sessions import replay_session
from tradeplane_workloads.sessions import open_session
from tradeplane_workloads.sessions.bundle import seal_session

from tests.bench.records import Record
from tests.bench.replay.elsewhere import ARCHITECTURE, replayed_elsewhere
from tests.unit.workloads.sessions.trading_floor import NAME, QUOTING, Floor, exchange_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradeplane_store.objects import ObjectStore

NAME_OF_RECORD = "replay.parity_fraction"
SESSIONS, MESSAGES = 50, 700
LEAST_FILLS = 1_000
"""Of all sessions together: sessions that hardly trade would be exact whatever was wrong."""
PAIRS = {"quantities": ["0.01", "0.02"], "window": 20, "entry": 1.0, "exit": 0.2, "intervalMilliseconds": 5}
STRATEGIES: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("market-maker", "order-book", QUOTING),
    ("market-maker", "order-book", QUOTING | {"halfSpreadTicks": 1, "skewHalfTicks": 1, "onTouch": False}),
    ("market-maker", "order-book", QUOTING | {"quantity": "0.003", "intervalMilliseconds": 7}),
    ("pairs-trader", "pair", PAIRS),
    ("pairs-trader", "pair", PAIRS | {"ratio": [2, 1], "entry": 0.8, "window": 10}),
)


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


def parity_fraction() -> Record:
    """Replay all sessions on both processors. Raises AssertionError where they traded too little to tell anything."""
    exact = fills = 0
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "store")
        store = open_store(kept.as_uri(), create=True)
        sealed = [_sealed(store, Path(folder, str(number)), number) for number in range(SESSIONS)]
        elsewhere = replayed_elsewhere(kept, sealed)
        for session, (there, digest) in zip(sealed, elsewhere, strict=True):
            found = replay_session(store, session, lambda _: None)
            here = found.verdict.exact and found.verdict.fills == found.verdict.fills_matched
            exact += here and there and found.digests[1] == digest
            fills += found.verdict.fills
    if fills < LEAST_FILLS:
        raise AssertionError(f"{SESSIONS} sessions had {fills} fills, fewer than {LEAST_FILLS}; let them trade more")
    timed = (
        f"nothing: {SESSIONS} recorded sessions with {fills:,} fills, of {len(STRATEGIES)} strategies, {len(FAULTS)} "
        "kinds of faults and a seed each; those whose decisions and execution are Exact, with the same figures, on "
        f"this processor and by the image for {ARCHITECTURE}"
    )
    return Record(NAME_OF_RECORD, exact / SESSIONS, "of sessions", None, None, None, timed)


def _sealed(store: ObjectStore, folder: Path, number: int) -> str:
    floor = _traded(folder, number)
    return seal_session(store, floor.session_folder, record=floor.record, previous=None).id


def _traded(folder: Path, number: int) -> Floor:
    """Return a floor where a session traded and, but for some, was ended."""
    name, flow, parameters = STRATEGIES[number % len(STRATEGIES)]
    fault = FAULTS[number // len(STRATEGIES) % len(FAULTS)]
    exchange = exchange_of(synthetic={"flow": flow, "seed": number + 1, "messages": MESSAGES})
    floor = Floor(folder, exchange, algorithm={"name": name, "parameters": parameters}, seed=number)
    floor.trade(end=number % 3 > 0, faults={MESSAGES // 2: fault})
    floor.close()
    return floor
