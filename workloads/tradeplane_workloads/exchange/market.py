"""The tapes an exchange plays: read from a store or made from a seed, each in the exchange's own order of its rows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.snapshot_manifest import InstrumentKind

from tradeplane_workloads.errors import DataRefused, InvalidSpecification
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.snapshots import read_market
from tradeplane_workloads.market.synthetic import FLOWS, make_tapes
from tradeplane_workloads.market.tapes import Tape

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tradeplane_api.exchange import ExchangeSpecification, SyntheticMarket
    from tradeplane_store.objects import ObjectStore

MAX_INSTRUMENTS = 256
"""Instruments of one exchange."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Messages of all tapes in the order they are played: instrument, rows ``first`` to before ``end``, tape's time."""

    instrument: NDArray[np.int64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    time_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time_ns)


def tapes_of(specification: ExchangeSpecification, store: ObjectStore | None) -> tuple[Tape, ...]:
    """Return the tapes of a specification. Raises InvalidSpecification, DataRefused or a store's error."""
    if specification.synthetic is not None:
        return tuple(in_exchange_order(tape) for tape in _synthetic(specification.synthetic))
    if specification.snapshot is None or store is None:
        raise InvalidSpecification("snapshot: there is no store to read it from; set its URL")
    held = read_market(store, [specification.snapshot], None)
    if not isinstance(held, tuple):
        raise DataRefused(f"snapshot {specification.snapshot} has bars, and an exchange plays tapes; give one of tapes")
    if len(held) > MAX_INSTRUMENTS:
        raise DataRefused(f"the snapshot has {len(held)} instruments, more than {MAX_INSTRUMENTS}; import fewer")
    return tuple(in_exchange_order(tape) for tape in held)


def in_exchange_order(tape: Tape) -> Tape:
    """Return a tape with its rows by exchange time; those of one time stay in the order of the tape."""
    if bool(np.all(tape.exchange_time[1:] >= tape.exchange_time[:-1])):
        return tape
    order = np.argsort(tape.exchange_time, kind="stable")
    sorted_columns = (column[order] if len(column) else column for column in tape.columns())
    # The core asks for sequences that ascend: rows of one message keep one number, and messages are counted anew.
    renumbered, *others = sorted_columns
    fresh = np.concatenate([[0], np.cumsum(renumbered[1:] != renumbered[:-1])]).astype(np.uint64)
    return Tape(tape.instrument, tape.recording, fresh, *others)  # type: ignore[arg-type]


def schedule_of(tapes: tuple[Tape, ...]) -> Schedule:
    """Return the messages of tapes by time; those of one time in the order of the instruments."""
    parts = []
    for index, tape in enumerate(tapes):
        first = np.flatnonzero(np.concatenate([[True], tape.sequence[1:] != tape.sequence[:-1]]))
        end = np.append(first[1:], len(tape))
        parts.append((np.full(len(first), index), first, end, tape.exchange_time[first]))
    instrument, first, end, time_ns = (np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))
    order = np.argsort(time_ns, kind="stable")
    return Schedule(instrument[order], first[order], end[order], time_ns[order])


def _synthetic(market: SyntheticMarket) -> tuple[Tape, ...]:
    flow = FLOWS[market.flow]
    instruments = tuple(_as_kind(instrument, market.kind) for instrument in flow.instruments)
    return make_tapes(dataclasses.replace(flow, seed=market.seed, messages=market.messages, instruments=instruments))


def _as_kind(instrument: TapeInstrument, kind: InstrumentKind) -> TapeInstrument:
    """Return a flow's instrument as one of another kind, named as Binance names that kind."""
    if kind is not InstrumentKind.INVERSE_FUTURE:
        return dataclasses.replace(instrument, kind=kind)
    pair, _, rest = instrument.symbol.partition("-")
    base = pair.removesuffix(instrument.currency)
    return TapeInstrument(f"{base}USD_{rest or 'PERP'}", instrument.tick, Decimal(1), base, kind, Decimal(10))
