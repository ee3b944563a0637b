"""A recorded session, replayed and judged twice.

*Decisions*: the strategy, fed the recorded inputs, decides what was recorded. *Execution*: the exchange, given its own
recorded input order, does what it did, and what the session was told of its orders is what the exchange says came of
them. Each is judged by its own recording, so a fault in one does not hide in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeplane_api.parity import FirstDivergence, Parity, Verdict

from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.runner.execution import machine_environment
from tradeplane_workloads.sessions.bundle import open_bundle, read_environment
from tradeplane_workloads.sessions.cash import gained, last_prices
from tradeplane_workloads.sessions.journal_survey import FILLS, Told
from tradeplane_workloads.sessions.replaying import replay
from tradeplane_workloads.sessions.verdict import RECORD, judge_execution, orders_of
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradeplane_api.snapshot import SnapshotManifest
    from tradeplane_native import EventRun
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.exchange.parity import Parting
    from tradeplane_workloads.exchange.parity import Verdict as RecordVerdict
    from tradeplane_workloads.market.tapes import TapeInstrument
    from tradeplane_workloads.sessions.bundle import Bundle
    from tradeplane_workloads.sessions.replaying import Difference
    from tradeplane_workloads.sessions.verdict import Came, Orders

MOST_FIELD, MOST_TEXT = 64, 256
BUYS = 1
"""In a log's column of sides; 2 sells."""
_JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class SessionReplay:
    """A session that was replayed: the verdict, where it was sealed, and where it ran now."""

    id: str
    manifest: SnapshotManifest
    verdict: Verdict
    recorded_on: dict[str, str]
    replayed_on: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Executed:
    parity: Parity
    divergence: FirstDivergence | None
    fills_matched: int
    fills: Sequence[Told | Came]


def replay_session(store: ObjectStore, digest: str, say: Callable[[str], None]) -> SessionReplay:
    """Replay the session of a snapshot; nothing is written. ``say`` is told what is being done.

    Raises DataRefused where the snapshot is not whole, or the market of its exchange is not in the store;
    InvalidSpecification where its strategy is no longer there or refuses its parameters; and StoreFailure.
    """
    say("Reading the session")
    with open_bundle(store, digest) as bundle:
        say("Deciding again")
        difference, fills = _decided(bundle)
        executed = _executed(bundle, store, say)
        if executed is None:
            executed = _Executed(Parity.UNJUDGED, None, _same(bundle.survey.fills, fills), fills)
        decided = None if difference is None else _told(difference)
        verdict = Verdict(
            decisions=Parity.EXACT if decided is None else Parity.DIVERGED,
            execution=executed.parity,
            fills=len(bundle.survey.fills),
            fills_matched=executed.fills_matched,
            pnl_difference=_pnl_difference(bundle, executed.fills),
            divergence=decided or executed.divergence,
        )
        return SessionReplay(digest, bundle.manifest, verdict, read_environment(store, digest), machine_environment())


def _decided(bundle: Bundle) -> tuple[Difference | None, list[Told]]:
    """Return where the strategy decides otherwise, and the fills as far as it does not."""
    try:
        found = replay(bundle.journal, bundle.specification)
    except InvalidSpecification as error:
        name = bundle.specification.simulation.algorithm.name
        raise InvalidSpecification(
            f"the session was traded by strategy {name!r}, which cannot be run here: {error}; install the version "
            "that traded it"
        ) from error
    return found.difference, [] if found.run is None else _fills_of(found.run)


def _fills_of(run: EventRun) -> list[Told]:
    """Return the fills in a log."""
    columns = [run.column(name) for name in ("instrument", "event", "order", "side", "price", "quantity", "left")]
    taker, fees = run.column("taker"), run.fees()
    found = []
    for row, values in enumerate(zip(*columns, strict=True)):
        instrument, event, *rest = (int(value) for value in values)
        if event in FILLS:
            fee = int.from_bytes(fees[row].tobytes(), "little", signed=True)
            order, half, price, quantity, left = rest
            side = 1 if half == BUYS else -1
            found.append(Told(0, instrument, event, order, side, price, quantity, left, bool(taker[row]), fee))
    return found


def _same(told: Sequence[Told], again: Sequence[Told]) -> int:
    return sum(one._replace(record=0) == other for one, other in zip(told, again, strict=False))


def _executed(bundle: Bundle, store: ObjectStore, say: Callable[[str], None]) -> _Executed | None:
    """Judge a session by its exchange's record; None where it has none."""
    if bundle.exchange is None or bundle.record is None:
        return None
    say("Running the exchange again")
    exchange = replay_record(bundle.exchange, store, bundle.record.tobytes())
    session = bytes.fromhex(bundle.manifest.session.name) if bundle.manifest.session else b""
    orders = orders_of(exchange.steps, session, _instruments(bundle, exchange))
    found = judge_execution(bundle.survey, orders, session)
    divergence = found.divergence if exchange.parting is None else _parting(exchange.parting)
    fills = _until_the_end(bundle, orders)
    parity = Parity.EXACT if divergence is None else Parity.DIVERGED
    return _Executed(parity, divergence, found.fills_matched, fills)


def _until_the_end(bundle: Bundle, orders: Orders) -> list[Came]:
    """Return the fills in the record: of each order as many as were told, or, once a session is over, all."""
    told: dict[int, int] = {}
    for one in bundle.survey.fills:
        told[one.order] = told.get(one.order, 0) + 1
    return [
        one
        for order in orders.came
        for place, one in enumerate(orders.fills(order))
        if place < told.get(order, 0) or (bundle.survey.over and one.time_ns <= bundle.survey.last_ns)
    ]


def _instruments(bundle: Bundle, exchange: RecordVerdict) -> dict[int, int]:
    """Return the session's number of each of the exchange's instruments that it trades.

    Raises DataRefused where one of them counts in other units than the other.
    """
    ours = {one.symbol: (index, one) for index, one in enumerate(bundle.specification.traded())}
    found = {}
    for listing in exchange.venue.listings.all:
        index, traded = ours.get(listing.symbol, (0, None))
        if traded is not None:
            _refuse_other_units(traded, listing.instrument)
            found[listing.index] = index
    return found


def _refuse_other_units(ours: TapeInstrument, theirs: TapeInstrument) -> None:
    if (ours.tick, ours.lot, ours.contract_size) != (theirs.tick, theirs.lot, theirs.contract_size):
        raise DataRefused(
            f"the session counts {ours.symbol} in ticks of {ours.tick} and lots of {ours.lot}, the exchange in "
            f"ticks of {theirs.tick} and lots of {theirs.lot}; give the record of the exchange that it traded at"
        )


def _pnl_difference(bundle: Bundle, fills: Sequence[Told | Came]) -> str:
    """Return what fills came to, less what those came to that the session was told of."""
    told, instruments = bundle.survey.fills, bundle.specification.traded()
    marks = last_prices(told)
    more = gained(fills, marks, instruments) - gained(told, marks, instruments)
    return format(Decimal(more).scaleb(-9).normalize(), "f") if more else "0"


def _told(difference: Difference) -> FirstDivergence:
    return FirstDivergence(
        part=_JOURNAL,
        sequence=difference.record,
        field=difference.field[:MOST_FIELD],
        expected=difference.expected[:MOST_TEXT],
        got=difference.got[:MOST_TEXT],
    )


def _parting(parting: Parting) -> FirstDivergence:
    """Return where the exchange parted from its record: the field of an outcome, or the outcome that one lacks."""
    sides = (
        None if outcome is None else str(getattr(outcome, parting.field or "event", parting.words))
        for outcome in (parting.expected, parting.got)
    )
    expected, got = next(sides), next(sides)
    if parting.field is None:
        named = [None if side is None else OrderEvent(int(side)).name.lower() for side in (expected, got)]
        expected, got = named
    return FirstDivergence(
        part=RECORD, sequence=parting.input, field=parting.field or RECORD, expected=expected, got=got
    )
