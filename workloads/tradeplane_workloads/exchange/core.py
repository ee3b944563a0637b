"""The exchange of the Rust core, made from a specification and its tapes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import tradeplane_native
from tradeplane_api.execution import Execution, QueueModel
from tradeplane_store.canonical import market_bytes

from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.events.feed import event_tape
from tradeplane_workloads.events.terms import terms_under
from tradeplane_workloads.exchange.listing import Wire, base_per_lot

if TYPE_CHECKING:
    from tradeplane_api.exchange import ExchangeSpecification

    from tradeplane_workloads.exchange.listing import Listings
    from tradeplane_workloads.market.tapes import Tape


def core_of(
    specification: ExchangeSpecification, tapes: tuple[Tape, ...], listings: Listings
) -> tradeplane_native.Exchange:
    """Return an exchange that had no input yet.

    Raises DataRefused for tapes that cannot be played, InvalidSpecification for terms that do not go with them.
    """
    if specification.queue.model is QueueModel.EXACT and any(not len(tape.order) for tape in tapes):
        raise InvalidSpecification(
            "queue.model: Exact needs tapes of single orders, and these have levels alone; choose RiskAverse, Probable "
            "or Drawn"
        )
    execution = Execution(fees=specification.fees, queue=specification.queue, impact=specification.impact)
    number = {asset: index for index, asset in enumerate(listings.assets)}
    spot = listings.wire is Wire.SPOT
    try:
        return tradeplane_native.Exchange(
            [event_tape(tape) for tape in tapes],
            [terms_under(tape.instrument, execution, cash=0, seed=specification.seed) for tape in tapes],
            [
                (number[one.base if spot else one.settled], number[one.settled], base_per_lot(one))
                for one in listings.all
            ],
            asset_count=len(number),
            leverage=specification.leverage,
            market=hashlib.sha256(market_bytes(specification)).digest(),
        )
    except ValueError as error:
        raise DataRefused(f"the tapes cannot be played: {error}; import the recording again") from error
