"""What a Strategy of mode Paper asks of its session, and what is said of it.

The status is the record from which a session is carried on and closed: what its trader was told stands there in full,
because the spec may have changed, or be on its way out, when the session has to be closed as it was begun.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tradeplane_api.approvers import GivenApprovals
from tradeplane_api.base import Digest, Document, Integer, Name, Timestamp
from tradeplane_api.capture import CapturedSymbol
from tradeplane_api.paper import MAX_POSITIONS_TOLD, MAX_TRADED, Closing, Held, PaperOutcome
from tradeplane_api.run import MAX_SPECIFICATION_BYTES
from tradeplane_api.venue import Endpoint
from tradeplane_api.volume import Volume

MAX_CLOSINGS = 2**31 - 1


class ConnectionReference(Document):
    """A BrokerConnection of the same namespace."""

    name: Name = Field(description="Name of the BrokerConnection.")


class SessionSpec(Document):
    """What is traded, and how trading ends."""

    symbols: tuple[CapturedSymbol, ...] = Field(
        min_length=1, max_length=MAX_TRADED, description="What is traded, as the market spells it."
    )
    on_suspend: Closing = Field(
        default=Closing.FLATTEN,
        description="What becomes of positions when trading is suspended, the Strategy is deleted or its mode changed: "
        "Flatten closes them at the market, Leave leaves them. Orders are taken back in any case.",
    )
    closing_seconds: Integer = Field(
        default=120, ge=10, le=3_600, description="How long taking orders back and closing positions may take."
    )
    volume: Volume = Field(default_factory=Volume, description="Where the session is recorded.")


class SessionState(StrEnum):
    """Where a session stands. Each is recorded before what it stands for is done."""

    TRADING = "Trading"
    """A trader is wanted."""
    CLOSING = "Closing"
    """No trader is wanted; once none is left, what it left is closed."""
    CLOSED = "Closed"
    """The closing has ended, well or not: ``outcome`` says how."""


class ClosingStatus(Document):
    """How a session is, or was, closed."""

    name: Name = Field(description="Name of its Job.")
    number: Integer = Field(ge=1, le=MAX_CLOSINGS, description="Which of the Strategy's closings it is.")
    generation: Integer = Field(ge=0, description="The generation that asked for it.")
    way: Closing = Field(description="What becomes of positions.")
    within_seconds: Integer = Field(ge=1, le=3_600, description="How long it may take.")
    because: str = Field(max_length=256, description="What asked for it.")
    start_time: Timestamp = Field(description="When it was begun, RFC 3339.")
    completion_time: Timestamp | None = Field(default=None, description="When it ended, RFC 3339.")


class SessionStatus(Document):
    """The session of a Strategy of mode Paper. Figures are those of its last closing."""

    state: SessionState = Field(description="Where it stands.")
    generation: Integer = Field(ge=0, description="The generation it was begun for.")
    asked: Digest = Field(description="Digest of the part of the spec that decides; another one is another session.")
    connection: Name = Field(description="Name of the BrokerConnection.")
    endpoint: Endpoint = Field(description="Where the market is reached, as it was when the session was begun.")
    image: str = Field(max_length=512, description="The image by digest.")
    approvals: GivenApprovals | None = Field(
        default=None, description="The approvals by which it was begun, where any are asked for."
    )
    store: Name = Field(description="Name of the store the session is sealed into.")
    volume: Volume = Field(description="Where it is recorded.")
    on_suspend: Closing = Field(description="What becomes of positions when it is closed.")
    closing_seconds: Integer = Field(ge=1, le=3_600, description="How long closing may take.")
    specification: str = Field(
        max_length=MAX_SPECIFICATION_BYTES,
        description="What the trader was told, JSON; what closes the session is told the same.",
    )
    pod: Name | None = Field(default=None, description="The pod that trades.")
    trading_since: Timestamp | None = Field(
        default=None, description="Since when it trades, RFC 3339; absent while it has not begun to."
    )
    closing: ClosingStatus | None = Field(default=None, description="The newest closing.")
    outcome: PaperOutcome | None = Field(default=None, description="How the newest closing ended.")
    message: str | None = Field(default=None, max_length=1_024, description="What the closing could not do, and why.")
    session: Annotated[str, Field(max_length=32)] | None = Field(default=None, description="Name of the session.")
    number: Integer | None = Field(default=None, ge=1, description="Which of the Strategy's sessions it is.")
    snapshot: Digest | None = Field(default=None, description="Id of the snapshot it was sealed as.")
    snapshot_name: Name | None = Field(
        default=None, description="Name of the Snapshot that was made of it; absent until that is there."
    )
    inputs: Integer | None = Field(default=None, ge=0, description="Events the strategy saw.")
    orders: Integer | None = Field(default=None, ge=0, description="Orders sent.")
    fills: Integer | None = Field(default=None, ge=0, description="Fills of them.")
    equity: Annotated[str, Field(max_length=48)] | None = Field(
        default=None, description="Cash and what positions are worth."
    )
    positions: tuple[Held, ...] = Field(
        default=(), max_length=MAX_POSITIONS_TOLD, description="Positions left, the first 16."
    )
    open_orders: Integer | None = Field(default=None, ge=0, description="Orders that may still trade.")
