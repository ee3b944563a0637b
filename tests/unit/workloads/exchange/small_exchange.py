"""A small exchange for tests: a tape of a few rows, a clock that the test turns, and an audience that listens."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from tradeplane_api.exchange import ExchangeSpecification
from tradeplane_api.snapshot_manifest import InstrumentKind, Recording
from tradeplane_workloads.exchange.account_events import account_messages
from tradeplane_workloads.exchange.orders import new_order
from tradeplane_workloads.exchange.parameters import Parameters
from tradeplane_workloads.exchange.venue import Venue
from tradeplane_workloads.market.instruments import TapeInstrument
from tradeplane_workloads.market.tapes import Tape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tradeplane_workloads.exchange.ledger import Happened, Order
    from tradeplane_workloads.exchange.record_file import RecordFile
    from tradeplane_workloads.exchange.venue import MarketUpdate

CLEAR, SNAPSHOT, LEVEL, TRADE = range(4)
NONE, BID, ASK = range(3)
BEGIN_NS = 1_700_000_000_000_000_000
BOOK = (
    (0, LEVEL, BID, 1000, 5),
    (0, LEVEL, BID, 999, 10),
    (0, LEVEL, ASK, 1001, 5),
    (0, LEVEL, ASK, 1002, 10),
)
"""The message a tape begins with: message, kind, side, price in ticks of 0.1, quantity in lots of 0.001."""
MARKET = (
    *BOOK,
    (1, LEVEL, BID, 1000, 7),
    (2, TRADE, ASK, 1000, 2),
    (3, LEVEL, ASK, 999, 3),  # reaches the bids, which are gone
    (4, LEVEL, ASK, 999, 0),
    (4, LEVEL, BID, 998, 4),
    (5, CLEAR, NONE, 0, 0),
    (5, SNAPSHOT, BID, 1000, 1),
    (5, SNAPSHOT, ASK, 1001, 1),
    (6, TRADE, BID, 1001, 1),
)
Row = tuple[int, int, int, int, int]


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now_ns = BEGIN_NS

    def __call__(self) -> int:
        return self.now_ns

    def turn(self, milliseconds: int) -> None:
        self.now_ns += milliseconds * 1_000_000


@dataclass
class Heard:
    """An audience that keeps what it hears."""

    venue: Venue
    market: list[MarketUpdate] = field(default_factory=list)
    accounts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def on_market(self, update: MarketUpdate) -> None:
        self.market.append(update)

    def on_account(self, account: int, happened: list[Happened], time_ms: int) -> None:
        told = account_messages(self.venue, account, happened, time_ms)
        self.accounts += [(account, json.loads(message)) for message in told]


def tape_of(rows: Sequence[Row] = MARKET, kind: InstrumentKind = InstrumentKind.LINEAR_FUTURE) -> Tape:
    """Return a tape; its messages are ten milliseconds apart."""
    message, kinds, side, price, quantity = zip(*rows, strict=True)
    inverse = kind is InstrumentKind.INVERSE_FUTURE
    instrument = TapeInstrument(
        "BTCUSD_PERP" if inverse else "BTCUSDT",
        Decimal("0.1"),
        Decimal(1) if inverse else Decimal("0.001"),
        "BTC" if inverse else "USDT",
        kind,
        Decimal(100) if inverse else Decimal(1),
    )
    times = BEGIN_NS + np.array(message, np.int64) * 10_000_000
    return Tape(
        instrument,
        Recording(messages=len(set(message))),
        np.array(message, np.uint64),
        times,
        times,
        np.array(kinds, np.uint8),
        np.array(side, np.uint8),
        np.array(price, np.int64),
        np.array(quantity, np.int64),
        np.zeros(0, np.uint64),
    )


SPECIFICATION = ExchangeSpecification.model_validate(
    {
        "snapshot": "sha256:" + "0" * 64,
        "balances": [{"asset": "USDT", "amount": "1000"}, {"asset": "BTC", "amount": "1"}],
        "fees": {"tiers": [{"fromVolume": "0", "makerBasisPoints": "2", "takerBasisPoints": "4"}]},
    }
)


class Small:
    """A venue with a clock; messages of its tape happen one by one."""

    def __init__(
        self,
        kind: InstrumentKind = InstrumentKind.LINEAR_FUTURE,
        rows: Sequence[Row] = MARKET,
        record: RecordFile | None = None,
        specification: ExchangeSpecification = SPECIFICATION,
    ) -> None:
        self.clock = Clock()
        self.tape = tape_of(rows, kind)
        self.venue = Venue(specification, (self.tape,), self.clock, record)
        self.heard = Heard(self.venue)
        self.venue.audience.append(self.heard)
        self.row = 0

    @property
    def listing(self) -> Any:
        return self.venue.listings.all[0]

    def play(self, messages: int = 1) -> None:
        """Let the next messages of the tape happen, as far as there are any."""
        for _ in range(messages):
            first = self.row
            if first == len(self.tape):
                return
            while self.row < len(self.tape) and self.tape.sequence[self.row] == self.tape.sequence[first]:
                self.row += 1
            self.clock.turn(10)
            self.venue.play(0, first, self.row)

    def submit(self, query: str, account: int = 0) -> Order:
        """Send an order as a client writes it."""
        parameters = Parameters(query)
        listing = parameters.listing(self.venue.listings)
        return self.venue.submit(account, new_order(self.venue.wire, listing, parameters))


def keys_in(directory: Path, key: str = "k" * 64, secret: str = "s" * 64) -> Path:
    """Write a pair of keys into a directory, and return it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "apiKey").write_text(key + "\n")
    (directory / "apiSecret").write_text(secret + "\n")
    return directory
