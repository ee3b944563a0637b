"""A trader from its specification to its report: it trades until told to end, or it closes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

from tradeplane_api.paper import HEALTH_PORT, MAX_PAPER_WORDS, Closing, PaperOutcome, PaperReport
from tradeplane_api.run import ExitCode

from tradeplane_workloads.brokers.errors import BrokerError
from tradeplane_workloads.errors import StrategyFailed
from tradeplane_workloads.paper.closing import close_desk, take_back
from tradeplane_workloads.paper.entering import enter_sealed
from tradeplane_workloads.paper.health import answering
from tradeplane_workloads.paper.promptness import Promptness, told
from tradeplane_workloads.paper.recording import fetch_record
from tradeplane_workloads.paper.reporting import report
from tradeplane_workloads.paper.trading import at_desk
from tradeplane_workloads.paper.volume import current, named, newest
from tradeplane_workloads.sessions.account import account_of
from tradeplane_workloads.sessions.bundle import seal_session

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.paper import PaperSpecification
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.paper.trading import Desk
    from tradeplane_workloads.paper.volume import SessionPlace

RECORD = "record"
"""What the exchange recorded, beside the session's journal."""
_log = logging.getLogger(__name__)


async def trade(
    specification: PaperSpecification,
    root: Path,
    credentials: Path,
    stop: asyncio.Event,
    address: tuple[str, int] = ("0.0.0.0", HEALTH_PORT),  # noqa: S104 - a pod's own network
) -> PaperReport:
    """Trade until ``stop`` is set, orders and positions staying as they are. Raises WorkloadError and BrokerError."""
    place = current(root, specification.trader, time.time_ns())
    at_work: list[Desk] = []

    def waits_for() -> str:
        return at_work[0].waits_for() if at_work else "the broker's first answer"

    def promptness() -> dict[str, object]:
        return (at_work[0].trader.promptness if at_work else Promptness()).document()

    async with answering(*address, waits_for, promptness) as port, at_desk(specification, place, credentials) as desk:
        _log.info("session %d (%s) trades; health is told at port %d", place.number, place.name.hex(), port)
        at_work.append(desk)
        stopping = asyncio.ensure_future(stop.wait())
        try:
            either: set[asyncio.Future[Any]] = {stopping, desk.failed}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if desk.failed.done():
                await _fail(desk)
        finally:
            stopping.cancel()
            _log.info("%s", told(desk.trader.promptness))
        return report(desk.trader, place, PaperOutcome.STOPPED)


async def _fail(desk: Desk) -> None:
    """Raise what a part failed with. Where it was the strategy, nobody looks after its orders: they are taken back."""
    try:
        desk.failed.result()
    except StrategyFailed:
        with contextlib.suppress(BrokerError):  # the strategy's failure is what is told
            await take_back(desk)
        raise


async def close(
    specification: PaperSpecification,
    root: Path,
    credentials: Path,
    how: Closing,
    within: float,
    store: ObjectStore,
    index_url: str | None = None,
    image: str | None = None,
) -> PaperReport:
    """Close a trader within so many seconds, and seal its session. Raises WorkloadError and BrokerError.

    ``index_url``: the index that the session is entered into, if any. ``image``: the one that traded it, where known.
    What the snapshot lacks of the exchange's record, or the index of the snapshot, is said in the report. Closing again
    what is closed changes nothing and gives the same report.
    """
    place = newest(root)
    if place is None:
        return PaperReport(exit_code=ExitCode.OK, outcome=PaperOutcome.FLAT, message="nothing was ever traded")
    closed = place.closed()
    if closed is not None:
        return closed
    record = place.folder / RECORD
    async with at_desk(specification, place, credentials) as desk:
        until = asyncio.get_running_loop().time() + within
        outcome, words = await close_desk(desk, how, within)
        told = report(desk.trader, place, outcome, words)
        unrecorded = await fetch_record(desk.account, specification.endpoint, record, until)
    there = None if unrecorded else record
    account = account_of(desk.trader.session, [one.symbol for one in desk.trader.traded])
    sealed = seal_session(
        store, place.folder, record=there, previous=_before(root, place), image=image, account=account
    )
    unentered = enter_sealed(store, sealed, index_url)
    if unentered:
        _log.warning("%s", unentered)
    said = "; ".join(words for words in (told.message, unrecorded, unentered) if words)
    told = told.model_copy(update={"snapshot": sealed.id, "message": said[:MAX_PAPER_WORDS]})
    if outcome is PaperOutcome.FLAT and how is Closing.FLATTEN:  # what was left goes on, be it flat by chance
        place.close(told)
    return told


def _before(root: Path, place: SessionPlace) -> str | None:
    """Return the id of the snapshot of the session before."""
    before = place.number > 1 and named(root / str(place.number - 1)).closed()
    return before.snapshot if before else None
