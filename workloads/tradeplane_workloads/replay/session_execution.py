"""What the record of an exchange says came of a session's orders, beside what the session was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.parity import FirstDivergence

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.exchange.parity import replay_record
from tradeplane_workloads.sessions.journal_survey import Told
from tradeplane_workloads.sessions.verdict import RECORD, judge_execution, orders_of
from tradeplane_workloads.strategies.protocol import OrderEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.exchange.parity import Parting
    from tradeplane_workloads.exchange.parity import Verdict as RecordVerdict
    from tradeplane_workloads.market.instruments import TapeInstrument
    from tradeplane_workloads.sessions.bundle import Bundle
    from tradeplane_workloads.sessions.verdict import Orders


@dataclass(frozen=True, slots=True)
class Executed:
    """What was found: the first thing that is not as it was told, how many fills are, and the fills there were."""

    divergence: FirstDivergence | None
    fills_matched: int
    fills: Sequence[Told]


def executed_by_record(bundle: Bundle, store: ObjectStore) -> Executed | None:
    """Judge a session by its exchange's record; None where it has none.

    Raises DataRefused where the record, or the market it was of, is not whole or of other units.
    """
    if bundle.exchange is None or bundle.record is None:
        return None
    exchange = replay_record(bundle.exchange, store, bundle.record.tobytes())
    session = bytes.fromhex(bundle.manifest.session.name) if bundle.manifest.session else b""
    orders = orders_of(exchange.steps, session, _instruments(bundle, exchange))
    found = judge_execution(bundle.survey, orders, session)
    divergence = found.divergence if exchange.parting is None else _parting(exchange.parting)
    return Executed(divergence, found.fills_matched, _until_the_end(bundle, orders))


def _until_the_end(bundle: Bundle, orders: Orders) -> list[Told]:
    """Return the fills in the record: of each order as many as were told, or, once a session is over, all."""
    told: dict[int, int] = {}
    for one in bundle.survey.fills:
        told[one.order] = told.get(one.order, 0) + 1
    return [
        Told(0, one.instrument, one.event, order, one.side, one.price, one.quantity, one.left, one.taker, one.fee)
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
