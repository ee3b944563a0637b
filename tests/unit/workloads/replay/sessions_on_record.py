"""Sessions that traded, sealed into a store and altered on purpose, for tests of their replay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tradeplane_workloads.replay.sessions import Asked, SessionReplay, replay_session
from tradeplane_workloads.sessions.account import account_of
from tradeplane_workloads.sessions.bundle import seal_session
from tradeplane_workloads.sessions.specification import SessionSpecification
from tradeplane_workloads.strategies.protocol import OrderEvent

from tests.unit.workloads.sessions.forgery import Frame, forged_journal
from tests.unit.workloads.sessions.trading_floor import Floor, journal_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_store.objects import ObjectStore

REPORT = 2
FILLS = (OrderEvent.TRADE, OrderEvent.FILL)


def traded(folder: Path, tell: Any = None, *, end: bool = True, **fields: Any) -> Floor:
    """Return a floor where a session traded; ``tell`` is what it was told instead of what happened."""
    floor = Floor(folder, **fields)
    floor.tell = tell or floor.tell
    floor.trade(end=end)
    floor.close()
    return floor


def sealed(store: ObjectStore, floor: Floor, *, record: bool = True) -> str:
    """Seal the session of a floor and return its id."""
    account = account_of(floor.session, [one.symbol for one in floor.specification.instruments])
    kept = floor.record if record else None
    return seal_session(store, floor.session_folder, record=kept, previous=None, account=account).id


def replayed(store: ObjectStore, floor: Floor, *, record: bool = True, **asked: Any) -> SessionReplay:
    """Replay the session of a floor."""
    return replay_session(store, sealed(store, floor, record=record), lambda _: None, Asked(**asked))


def forge(floor: Floor, alter: Callable[[list[Frame]], None], specification: bytes | None = None) -> None:
    """Alter the journal on disk, checksums and seals as well."""
    data = forged_journal(journal_of(floor).tobytes(), alter, specification)
    (floor.session_folder / "journal").write_bytes(data)


def change_parameter(floor: Floor, *, with_header: bool) -> None:
    """Change a parameter on disk that the session was traded by; ``with_header``: in the journal's header as well."""
    path = floor.session_folder / "specification.json"
    document = json.loads(path.read_bytes())
    document["simulation"]["algorithm"]["parameters"]["halfSpreadTicks"] ^= 1
    changed = SessionSpecification.model_validate(document)
    path.write_bytes(changed.encode())
    if with_header:
        forge(floor, lambda _: None, changed.digest())


def on_fill(which: int, change: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> Any:
    """Tell a session something else of its fill of that number."""
    fills = 0

    def tell(_: int, report: dict[str, Any]) -> list[dict[str, Any]]:
        nonlocal fills
        fills += report["event"] in FILLS
        return change(report) if report["event"] in FILLS and fills == which else [report]

    return tell
