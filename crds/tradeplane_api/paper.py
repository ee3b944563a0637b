"""What a paper trader is asked, and what it answers.

The question travels into its pod as JSON in an environment variable; the answer is the pod's termination message. The
same specification is given to the pod that trades, which goes on until it is told to end, and to the one that closes:
takes orders back, closes positions where asked, seals the session, and says what it could not do.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tradeplane_api.base import Digest, Document, Integer, Name
from tradeplane_api.broker_connection import RateLimits
from tradeplane_api.capture import CapturedSymbol
from tradeplane_api.forms import Text
from tradeplane_api.run import ExitCode
from tradeplane_api.simulation import Simulation
from tradeplane_api.venue import Endpoint, Market

PAPER_VARIABLE = "TRADEPLANE_PAPER"
"""Environment variable that carries the JSON of a PaperSpecification into a pod."""
IMAGE_VARIABLE = "TRADEPLANE_IMAGE"
"""Environment variable: the image, by digest, that traded what is closed; it is written beside what is sealed."""
SESSIONS_VARIABLE = "TRADEPLANE_SESSIONS"
"""Environment variable with the folder of a trader's sessions: a volume of its own, which outlives the pod."""
HEALTH_PORT = 8080
"""Where a trader answers ``GET /healthz`` (it lives) and ``GET /readyz`` (its books are known and its orders too)."""
MAX_TRADED = 64
"""Instruments of one trader."""
MAX_PAPER_WORDS = 600
"""Characters of a report's words; in JSON they fit a termination message whatever they are made of."""
MAX_POSITIONS_TOLD = 16

Trader = Annotated[
    str,
    Text(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$",
        max_length=64,
        message="must be lower-case letters, digits and -, at most 64, such as the UID of a Strategy",
    ),
]


class Closing(StrEnum):
    """What becomes of positions when a trader is closed; orders are taken back in any case."""

    FLATTEN = "Flatten"
    """Close them at the market; the session is over then."""
    LEAVE = "Leave"
    """Leave them; the session goes on when the trader does."""


class PaperSpecification(Document):
    """One trader: who, where, what."""

    format_version: Literal[1] = 1
    trader: Trader = Field(description="Whose sessions these are; names of orders are derived from it.")
    market: Market
    endpoint: Endpoint
    rate_limits: RateLimits = Field(default_factory=RateLimits)
    secret: Name | None = Field(default=None, description="Name of the Secret, for words; its files are mounted.")
    symbols: tuple[CapturedSymbol, ...] = Field(min_length=1, max_length=MAX_TRADED, description="What is traded.")
    simulation: Simulation = Field(description="Strategy, capital, limits and seed.")


class PaperOutcome(StrEnum):
    """How a trader ended."""

    STOPPED = "Stopped"
    """It was told to end and can go on: orders and positions are as they were."""
    FLAT = "Flat"
    """Closed: no order and no position is left."""
    LEFT = "Left"
    """Closed: no order is left, positions are."""
    NOT_FLAT = "NotFlat"
    """Closing did not come to its end: ``message`` says what is left, and why."""
    FAILED = "Failed"
    """It could not trade: ``message`` says why."""


class Held(Document):
    """A position that is left."""

    symbol: CapturedSymbol = Field(description="What is held, as the market spells it.")
    quantity: Annotated[str, Field(max_length=48)] = Field(description="Below zero where it is short.")


class PaperReport(Document):
    """What a trader's pod says at its end."""

    format_version: Literal[1] = 1
    exit_code: ExitCode
    outcome: PaperOutcome
    message: str = Field(default="", max_length=MAX_PAPER_WORDS, description="What is wrong, and what to do.")
    session: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$", description="Name of the session.")
    number: Integer | None = Field(default=None, ge=1, description="Which of the trader's sessions it is.")
    snapshot: Digest | None = Field(default=None, description="Id of the snapshot the session was sealed as.")
    inputs: Integer = Field(default=0, ge=0)
    orders: Integer = Field(default=0, ge=0, description="Sent in this session.")
    fills: Integer = Field(default=0, ge=0, description="In this session.")
    equity: str | None = Field(default=None, max_length=48, description="Cash and what positions are worth.")
    positions: tuple[Held, ...] = Field(default=(), max_length=MAX_POSITIONS_TOLD, description="The first 16 left.")
    open_orders: Integer = Field(default=0, ge=0, description="Orders that may still trade.")
