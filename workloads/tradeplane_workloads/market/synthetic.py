"""Order flow made from a seed: tapes to try things on where no recording is at hand, the same bits on every processor.

This is no model of a market that one could learn from: bids and asks lie side by side, their middle walks at random,
and orders that take come from both sides alike. All is drawn as integers from the one generator (docs/determinism.md).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.snapshot_manifest import InstrumentKind, Recording, SnapshotSource
from tradeplane_native import Generator, audit_tape
from tradeplane_store.canonical import sha256_digest

from tradeplane_workloads.errors import InvalidSpecification
from tradeplane_workloads.market.importing.recordings import ImportedTapes, to_recording
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.tapes import Tape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

LEVEL, TRADE = 2, 3
BID, ASK = 1, 2
DEPTH = 10
"""Levels of each side."""
MILLISECOND_NS = 1_000_000
_REFRESH, _TRADE, _UP, _DOWN = range(4)
_ROWS = 4
"""Rows that a message may have."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What order flow is made from. Messages are shared among the instruments by chance.

    ``follow``: of 100 moves of an instrument but the first, how many go towards the middle of the first.
    ``gap_ms``: the most milliseconds between two messages.
    """

    seed: int
    messages: int
    start_ns: int
    middle: int
    instruments: tuple[TapeInstrument, ...]
    follow: int = 0
    gap_ms: int = 100


def _future(symbol: str) -> TapeInstrument:
    return TapeInstrument(symbol, Decimal("0.1"), Decimal("0.001"), "USDT", InstrumentKind.LINEAR_FUTURE)


FLOWS = {
    "order-book": Flow(
        seed=20240808,
        messages=120_000,
        start_ns=1_723_075_200_000_000_000,  # 2024-08-08T00:00:00Z
        middle=600_000,
        instruments=(_future("SYNUSDT"),),
    ),
    "pair": Flow(
        seed=20240809,
        messages=160_000,
        start_ns=1_723_161_600_000_000_000,  # 2024-08-09T00:00:00Z
        middle=600_000,
        instruments=(_future("SYNUSDT"), _future("SYNUSDT-NEXT")),
        follow=60,
    ),
}
"""Order flow by name: a book of one future, and books of two that go together."""


def synthetic_tapes(name: str) -> ImportedTapes:
    """Make the tapes of a flow. Raises InvalidSpecification for a name that is none of ``FLOWS``."""
    flow = FLOWS.get(name)
    if flow is None:
        raise InvalidSpecification(f"there is no synthetic flow {name!r}; give one of {', '.join(FLOWS)}")
    symbols = [instrument.symbol for instrument in flow.instruments]
    numbers = [flow.seed, flow.messages, flow.start_ns, flow.middle, flow.follow, flow.gap_ms]
    source = SnapshotSource(
        name=name, format="synthetic", digest=sha256_digest(json.dumps([symbols, numbers]).encode())
    )
    return ImportedTapes(make_tapes(flow), source)


def make_tapes(flow: Flow) -> tuple[Tape, ...]:
    """Make the tapes of a flow, one for each instrument, of one recording."""
    draw = Generator(flow.seed)
    kinds = _kinds(draw, flow.messages)
    owners = draw.integers(0, len(flow.instruments), flow.messages)
    exchange = flow.start_ns + np.cumsum(draw.integers(1, flow.gap_ms + 1, flow.messages)) * MILLISECOND_NS
    local = np.maximum.accumulate(exchange + draw.integers(1, 6, flow.messages) * MILLISECOND_NS)
    bids = _bids(flow, kinds, owners, draw.integers(0, 100, flow.messages))
    rows = _rows(draw, flow.messages, kinds, bids)
    tapes = []
    for index, instrument in enumerate(flow.instruments):
        mine = (owners == index)[:, None] & rows.there
        opening = _opening(int(bids[index][0]), flow)
        of = np.nonzero(mine)[0]
        columns = (
            np.concatenate([np.full(2 * DEPTH, index), len(flow.instruments) + of]).astype(np.uint64),
            np.concatenate([np.full(2 * DEPTH, flow.start_ns), exchange[of]]),
            np.concatenate([np.full(2 * DEPTH, flow.start_ns + MILLISECOND_NS), local[of]]),
            np.concatenate([np.full(2 * DEPTH, LEVEL), rows.kind[mine]]).astype(np.uint8),
            np.concatenate([opening[0], rows.side[mine]]).astype(np.uint8),
            np.concatenate([opening[1], rows.price(index)[mine]]),
            np.concatenate([np.full(2 * DEPTH, 500), rows.quantity[mine]]),
            np.zeros(0, np.uint64),
        )
        tape = Tape(instrument, Recording(messages=0), *columns)
        tapes.append(Tape(instrument, to_recording(audit_tape(tape), 0), *columns))
    return tuple(tapes)


def _kinds(draw: Generator, messages: int) -> Integers:
    """Of 100 messages 62 refresh a level, 30 are trades, and 4 each move the market up and down."""
    chance = draw.integers(0, 100, messages)
    return np.select([chance < 62, chance < 92, chance < 96], [_REFRESH, _TRADE, _UP], _DOWN).astype(np.int64)


def _bids(flow: Flow, kinds: Integers, owners: Integers, chance: Integers) -> list[Integers]:
    """Best bid of each instrument before each message; the kinds of moves that follow the first are put right."""
    best = [flow.middle] * len(flow.instruments)
    found = [np.empty(flow.messages, np.int64) for _ in best]
    for message, (kind, owner) in enumerate(zip(kinds.tolist(), owners.tolist(), strict=True)):
        for index, price in enumerate(best):
            found[index][message] = price
        if kind < _UP:
            continue
        if owner and best[owner] != best[0] and chance[message] < flow.follow:
            kinds[message] = kind = _UP if best[0] > best[owner] else _DOWN
        best[owner] += 1 if kind == _UP else -1
    return found


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of messages, shape (messages, 4), where ``there``; ``offset`` of the price to the best bid before."""

    there: NDArray[np.bool_]
    kind: Integers
    side: Integers
    offset: Integers
    quantity: Integers
    bids: list[Integers]

    def price(self, instrument: int) -> Integers:
        return self.bids[instrument][:, None] + self.offset


def _rows(draw: Generator, messages: int, kinds: Integers, bids: list[Integers]) -> _Rows:
    side = draw.integers(BID, ASK + 1, messages)
    away = draw.integers(0, DEPTH, messages)
    size = draw.integers(1, 1_000, messages)
    none = np.zeros(messages, np.int64)

    def table(refresh: list[Integers | int], trade: list[Integers | int], up: list[int], down: list[int]) -> Integers:
        given = [[*row, *[0] * (_ROWS - len(row))] for row in (refresh, trade, up, down)]
        columns = [[np.broadcast_to(value, messages) for value in each] for each in given]
        return np.stack([np.choose(kinds, [row[place] for row in columns]) for place in range(_ROWS)], axis=1)

    # Up: the asks at the touch are gone, a bid takes their place, and the window of levels moves along; down alike.
    ask_touch, lowest, highest = 1, 1 - DEPTH, DEPTH
    level_offset = np.where(side == BID, -away, ask_touch + away)
    trade_offset = np.where(side == BID, ask_touch, none)
    counts = np.choose(kinds, [1, 1, _ROWS, _ROWS])
    fresh = np.stack([size, draw.integers(1, 1_000, messages)], axis=1)
    quantity = table([size], [1 + size // 20], [0, 1, 1, 0], [0, 1, 1, 0])
    moved = kinds >= _UP
    quantity[moved, 1:3] = fresh[moved]
    return _Rows(
        there=np.arange(_ROWS) < counts[:, None],
        kind=table([LEVEL], [TRADE], [LEVEL] * _ROWS, [LEVEL] * _ROWS),
        side=table([side], [side], [ASK, BID, ASK, BID], [BID, ASK, BID, ASK]),
        offset=table(
            [level_offset],
            [trade_offset],
            [ask_touch, ask_touch, highest + 1, lowest],
            [0, 0, lowest - 1, highest],
        ),
        quantity=quantity,
        bids=bids,
    )


def _opening(bid: int, flow: Flow) -> tuple[Integers, Integers]:
    """Return sides and prices of the levels that a book begins with."""
    steps = np.arange(DEPTH)
    return np.repeat([BID, ASK], DEPTH), np.concatenate([bid - steps, bid + 1 + steps])
