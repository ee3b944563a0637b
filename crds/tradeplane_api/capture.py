"""What a capture takes down, and what it makes of it: docs/capture.md.

The specification travels into the agent's pod as JSON in an environment variable; the same agent runs on a laptop.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tradeplane_api.base import Digest, Document, Integer, Name
from tradeplane_api.forms import Text
from tradeplane_api.venue import Market, url_form

CAPTURE_VARIABLE = "TRADEPLANE_CAPTURE"
"""Environment variable that carries the JSON of a CaptureSpecification into a pod."""
SPOOL_VARIABLE = "TRADEPLANE_SPOOL"
"""Environment variable with the folder that an agent spools to: a volume of its own, which outlives the pod."""
INDEX_VARIABLE = "TRADEPLANE_INDEX_URL"
"""Environment variable with the URL of the index of snapshots, such as postgresql://host/database."""
MAX_CAPTURED = 64
"""Instruments of one capture: the names of all their streams fit into the address of one connection."""

RestUrl = Annotated[str, url_form("http", "fapi.binance.com")]
StreamUrl = Annotated[str, url_form("ws", "fstream.binance.com")]
CapturedSymbol = Annotated[
    str,
    Text(
        pattern=r"^[A-Z0-9_.-]{1,64}$",
        max_length=64,
        message="must be a symbol as the market spells it, in capital letters: BTCUSDT",
    ),
]


class Channel(StrEnum):
    """What of an instrument is taken down."""

    DEPTH = "Depth"
    TRADE = "Trade"
    AGGREGATED_TRADE = "AggregatedTrade"
    QUOTE = "Quote"


class CaptureFeed(Document):
    """Where messages come from, and which."""

    market: Market
    stream: StreamUrl = Field(description="URL of the WebSocket streams, without /stream.")
    rest: RestUrl = Field(description="URL of the REST API, without the path that the market's protocol adds.")
    symbols: tuple[CapturedSymbol, ...] = Field(min_length=1, max_length=MAX_CAPTURED)
    channels: tuple[Channel, ...] = Field(min_length=1, max_length=4)
    depth_limit: Integer = Field(default=1_000, ge=5, le=5_000, description="Levels of a snapshot of the book.")
    weight_per_minute: Integer | None = Field(
        default=None,
        ge=1,
        exclude_if=lambda weight: weight is None,
        description="Of the venue's weight: no book is asked for once it has counted so much in a minute.",
    )
    silent_seconds: Integer = Field(
        default=60, ge=1, le=600, description="A connection without a message for so long is taken for dead."
    )
    max_message_bytes: Integer = Field(default=1_048_576, ge=1_024, le=4_000_000, description="Of one message.")


class Rotation(Document):
    """When a bundle ends: what comes first."""

    seconds: Integer = Field(default=3_600, ge=1, le=86_400, description="How long it is.")
    bytes: Integer = Field(
        default=256 * 1024**2, ge=65_536, le=1024**3, description="How large its recording is, about."
    )


class Spooling(Document):
    """How messages are kept until their bundle is in the store."""

    flush_milliseconds: Integer = Field(
        default=100, ge=1, le=10_000, description="How often what arrived is written and synced."
    )
    keep: Integer = Field(default=0, ge=0, le=100_000, description="Recordings of sealed bundles that are kept.")
    max_bytes: Integer = Field(
        default=16 * 1024**3, ge=1024**2, description="Not sealed yet: above it the capture ends, and says so."
    )


class CaptureSpecification(Document):
    """One capture."""

    format_version: Literal[1] = 1
    capture: Name = Field(description="Name of the capture.")
    feed: CaptureFeed
    rotation: Rotation = Field(default_factory=Rotation)
    spool: Spooling = Field(default_factory=Spooling)
    pointers: Name | None = Field(
        default=None,
        exclude_if=lambda pointers: pointers is None,
        description="Folder of the store in which a pointer to each bundle is left, such as a UID.",
    )


class SealedBundle(Document):
    """A bundle in the store, and what is known of the messages it was made from."""

    number: Integer = Field(ge=1, description="Of the segment.")
    snapshot: Digest | None = Field(description="Id of the snapshot; none where nothing came that a tape holds.")
    previous: Digest | None = Field(default=None, description="Id of the bundle before.")
    lines: Integer = Field(ge=0, description="Lines of the segment, the agent's own included.")
    bytes: Integer = Field(ge=0, description="Bytes of the segment.")
    refused: Integer = Field(default=0, ge=0, description="Lines that no tape could hold, kept beside the segment.")
    records: Integer = Field(default=0, ge=0)
    gaps: Integer = Field(default=0, ge=0, description="Places where messages were lost.")
    start: str | None = Field(default=None, description="Time of the first record, RFC 3339.")
    end: str | None = Field(default=None, description="Time of the last record, RFC 3339.")
