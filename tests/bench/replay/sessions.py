"""What share of recorded sessions is replayed exactly: both verdicts, of sessions of differing strategies and faults.

Each is read from the store and replayed, on the processor this runs on and by the image of the other one, emulated.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_store.objects import open_store
from tradeplane_workloads.replay.sessions import replay_session

from tests.bench.records import Record
from tests.bench.replay.elsewhere import ARCHITECTURE, replayed_elsewhere
from tests.bench.replay.recorded import FAULTS, KINDS, WIRED, on_the_floor, over_a_wire, own_strategy
from tests.integration.workloads.paper.broker_faults import FAULTS as BROKER_FAULTS

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore

NAME_OF_RECORD = "replay.parity_fraction"
SESSIONS = 50
LEAST_FILLS, LEAST_FILLS_OF_EACH = 1_000, 5
"""Of all sessions together, and of each strategy: those that hardly trade would be exact whatever was wrong."""


def parity_fraction() -> Record:
    """Replay all sessions on both processors. Raises AssertionError where they traded too little to tell anything."""
    exact, fills = 0, Counter[str]()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        store = open_store((folder / "store").as_uri(), create=True)
        with own_strategy(folder / "own"):
            sealed = _sealed(store, folder)
            elsewhere = replayed_elsewhere(folder / "store", folder / "own", [session for session, _ in sealed])
            for (session, algorithm), (there, digest) in zip(sealed, elsewhere, strict=True):
                found = replay_session(store, session, lambda _: None)
                here = found.verdict.exact and found.verdict.fills == found.verdict.fills_matched
                exact += here and there and found.digests[1] == digest
                fills[algorithm] += found.verdict.fills
    _check_fills(fills)
    timed = (
        f"nothing: {SESSIONS} recorded sessions with {fills.total():,} fills and a seed each, of {len(fills)} "
        f"strategies, one of them a user's own; {len(BROKER_FAULTS)} by the trader that pods run, each with another "
        f"fault of its broker, the others with one of {len(FAULTS)} of the trader; those whose decisions and execution "
        f"are Exact, with the same figures, on this processor and by the image for {ARCHITECTURE}"
    )
    return Record(NAME_OF_RECORD, exact / SESSIONS, "of sessions", None, None, None, timed)


def _sealed(store: ObjectStore, folder: Path) -> list[tuple[str, str]]:
    """Have all sessions trade; return what each was sealed as, and the name of its strategy."""
    sealed = []
    for number, fault in enumerate(BROKER_FAULTS):
        kind = WIRED[number % len(WIRED)]
        place = folder / f"wired-{number}"
        place.mkdir()
        sealed.append((over_a_wire(store, place, number, fault, kind), kind.algorithm))
    for number in range(SESSIONS - len(sealed)):
        # Each strategy meets another fault each time.
        kind = KINDS[(number + number // len(KINDS)) % len(KINDS)]
        sealed.append((on_the_floor(store, folder / f"floor-{number}", number, kind), kind.algorithm))
    return sealed


def _check_fills(fills: Counter[str]) -> None:
    missing = {kind.algorithm for kind in KINDS} - {name for name, had in fills.items() if had >= LEAST_FILLS_OF_EACH}
    if missing or fills.total() < LEAST_FILLS:
        raise AssertionError(
            f"{SESSIONS} sessions had {fills.total()} fills, and too few of {sorted(missing)}: {dict(fills)}; of all "
            f"together {LEAST_FILLS}, of each {LEAST_FILLS_OF_EACH} are needed, so let them trade more"
        )
