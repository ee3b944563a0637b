"""What a simulated exchange plays, to whom, and by which rules: docs/simulated-exchange.md.

The specification travels into the exchange's pod as JSON in an environment variable. It has no keys in it: those are
read from a directory. Which of Binance's wire forms is spoken follows from the kind of the instruments: spot, USD-M or
COIN-M futures; all instruments of an exchange are of one kind.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tradeplane_api.base import Digest, Document, Integer, NonNegativeDecimal, PositiveDecimal
from tradeplane_api.execution import Fees, Impact, Queue
from tradeplane_api.forms import Bounds, Text
from tradeplane_api.rules import Rule
from tradeplane_api.simulation import MAX_SEED
from tradeplane_api.snapshot_manifest import InstrumentKind

EXCHANGE_VARIABLE = "TRADEPLANE_EXCHANGE"
"""Environment variable that carries the JSON of an ExchangeSpecification into a pod."""
EXCHANGE_PORT = 9090
"""Where the server in a pod listens, unless it is told another port."""
MAX_BALANCES = 64
MAX_FAULTS = 64
MAX_FLOW_MESSAGES = 1_000_000

Asset = Annotated[
    str,
    Text(
        pattern=r"^[A-Z0-9]{2,12}$",
        max_length=12,
        message="must be the name of an asset: 2 to 12 capital letters and digits, such as USDT",
    ),
]

Speed = Annotated[
    PositiveDecimal, Bounds(least="0.001", most="1000", hint='write "1" for as fast as recorded, "10" for ten times')
]
"""How much of the tape's time passes in a second."""


class SyntheticMarket(Document):
    """Order flow made from a seed, for when there is no recording: the same on every processor."""

    flow: Literal["order-book", "pair"] = Field(default="order-book", description="One instrument, or two together.")
    seed: Integer = Field(default=1, ge=0, le=MAX_SEED, description="Another seed is another flow.")
    messages: Integer = Field(default=120_000, ge=100, le=MAX_FLOW_MESSAGES, description="Messages of the flow in all.")
    kind: InstrumentKind = Field(
        default=InstrumentKind.LINEAR_FUTURE, description="What the instruments are, and so the wire form."
    )


class AtEnd(StrEnum):
    """What happens when the tapes are over."""

    STAND = "Stand"
    REPEAT = "Repeat"
    STOP = "Stop"


class OpeningBalance(Document):
    """How much of an asset an account begins with."""

    asset: Asset = Field(description="Its name, such as USDT.")
    amount: NonNegativeDecimal = Field(description="How much of it.")


class FaultKind(StrEnum):
    """What goes wrong on purpose."""

    DROP = "Drop"
    GARBAGE = "Garbage"
    DOUBLE = "Double"
    REORDER = "Reorder"
    STALL = "Stall"
    RATE_LIMITED = "RateLimited"
    BANNED = "Banned"


class FaultChannel(StrEnum):
    """Where it goes wrong."""

    MARKET = "Market"
    USER = "User"
    REQUEST = "Request"


_ANYWHERE = (FaultKind.DROP, FaultKind.GARBAGE, FaultKind.STALL)
_POSSIBLE = {(kind, channel) for kind in _ANYWHERE for channel in FaultChannel}
_POSSIBLE |= {
    (kind, channel)
    for kind in (FaultKind.DOUBLE, FaultKind.REORDER)
    for channel in (FaultChannel.MARKET, FaultChannel.USER)
}
_POSSIBLE |= {(kind, FaultChannel.REQUEST) for kind in (FaultKind.RATE_LIMITED, FaultKind.BANNED)}


class Fault(Document):
    """One fault: message ``after`` + 1 of a channel since the server began, and ``count`` - 1 that follow it."""

    kind: FaultKind = Field(
        description="Drop: the connection. Garbage: what is no message. Double: twice. Reorder: after the next one. "
        "Stall: nothing for a while. RateLimited, Banned: 429 and 418, of requests."
    )
    channel: FaultChannel = Field(description="Market: streams. User: reports of the account. Request: REST.")
    after: Integer = Field(ge=0, le=1_000_000_000, description="Messages or requests that go well before.")
    count: Integer = Field(default=1, ge=1, le=1_000_000, description="How many in a row it hits.")
    milliseconds: Integer = Field(
        default=1_000, ge=1, le=600_000, description="How long a stall takes, or until a refused client may return."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(self.kind in ['RateLimited', 'Banned']) ? self.channel == 'Request' : "
            "(self.channel != 'Request' || self.kind in ['Drop', 'Garbage', 'Stall'])",
            message="RateLimited and Banned go with channel Request, and Double and Reorder with Market and User: "
            "choose another channel",
            holds=lambda one: (one.kind, one.channel) in _POSSIBLE,
            field="channel",
        ),
    )


class RequestLimits(Document):
    """How much a client may ask, as Binance counts it."""

    weight_per_minute: Integer = Field(default=2_400, ge=10, le=1_000_000, description="Of requests, by address.")
    orders_per_ten_seconds: Integer = Field(default=300, ge=1, le=1_000_000, description="New orders, by account.")
    orders_per_minute: Integer = Field(default=1_200, ge=1, le=1_000_000, description="New orders, by account.")


class ExchangeTerms(Document):
    """How an exchange plays its market, by which rules, and what goes wrong."""

    speed: Speed = Field(default="1", description="Seconds of the tape that pass in a second of the clock.")
    at_end: AtEnd = Field(
        default=AtEnd.STAND,
        description="Stand: the market stands still. Repeat: the tapes begin again. Stop: the server ends.",
    )
    fees: Fees = Field(default_factory=Fees, description="What a fill costs, in the asset of settlement.")
    queue: Queue = Field(default_factory=Queue, description="Where resting orders stand.")
    impact: Impact = Field(default_factory=Impact, description="What taking costs beside the fees.")
    seed: Integer = Field(default=0, ge=0, le=MAX_SEED, description="Of the queue's model Drawn.")
    leverage: Integer = Field(default=20, ge=1, le=125, description="Of futures: value of positions to margin.")
    balances: tuple[OpeningBalance, ...] = Field(
        default=(), max_length=MAX_BALANCES, description="What each account begins with."
    )
    limits: RequestLimits = Field(default_factory=RequestLimits, description="Of requests.")
    faults: tuple[Fault, ...] = Field(default=(), max_length=MAX_FAULTS, description="What goes wrong on purpose.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.balances.all(a, self.balances.exists_one(b, a.asset == b.asset))",
            message="an asset has one balance: remove the other",
            holds=lambda one: len({balance.asset for balance in one.balances}) == len(one.balances),
            field="balances",
        ),
    )


class ExchangeSpecification(ExchangeTerms):
    """A simulated exchange."""

    market_fields: ClassVar[frozenset[str]] = frozenset(
        {"snapshot", "synthetic", "fees", "queue", "impact", "seed", "leverage"}
    )
    """Market and terms: what decides an exchange's outcomes besides its inputs. A record is of one of them."""

    format_version: Literal[1] = 1
    snapshot: Digest | None = Field(default=None, description="Id of a snapshot of tapes to play.")
    synthetic: SyntheticMarket | None = Field(default=None, description="Order flow to play instead of a snapshot.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.snapshot) != has(self.synthetic)",
            message="an exchange plays a snapshot or a synthetic market: give one of snapshot and synthetic",
            holds=lambda one: (one.snapshot is None) != (one.synthetic is None),
            field="snapshot",
        ),
    )
