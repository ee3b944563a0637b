"""The manifest of a snapshot: what it holds. A runner reads it, and nothing of the kind, an object of a cluster."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tradeplane_api.base import Digest, Document, Timestamp
from tradeplane_api.forms import refuse
from tradeplane_api.run import Count, Part

Moment = Annotated[Timestamp, Field(pattern=r"^[0-9-]{10}T[0-9:]{8}(\.[0-9]{1,9})?Z$")]
"""When something was, in UTC, to the nanosecond."""

CURRENCY = r"^[A-Z0-9]{3,8}$"
"""The form of a currency's code."""
Symbol = Annotated[str, Field(min_length=1, max_length=64)]
"""The name a market gives an instrument."""
IntegerText = Annotated[str, Field(pattern=r"^(0|-?[1-9][0-9]{0,19})$")]
"""A whole number of up to 64 bits in decimal digits: JSON does not carry it exactly as a number."""
WideText = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,38})$")]
"""A whole number of up to 128 bits in decimal digits."""
AmountText = Annotated[str, Field(pattern=r"^(0|-?[1-9][0-9]{0,38})$")]
"""A whole number of up to 128 bits in decimal digits, below zero as well."""
Units = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,17}(\.[0-9]{0,11}[1-9])?|0\.[0-9]{0,11}[1-9])$")]
"""A decimal above zero in its one shortest form, such as "0.1", "0.00001" or "100"."""
SPECIFICATION, EXCHANGE = "specification.json", "exchange.json"
"""Parts of a session: what it traded by, and what the exchange was that recorded it."""
JOURNAL, RECORD = "journal", "record"
"""What parts of a session are pieces of, such as ``journal-0.bin``: its journal, and the record of the exchange."""
MAX_INSTRUMENTS = 4096
"""Instruments of one snapshot."""
TAPE_SCHEMA_VERSION = 2
"""The version of a manifest that holds tapes."""
SESSION_SCHEMA_VERSION = 3
"""The version of a manifest that holds a session."""


class InstrumentKind(StrEnum):
    """What is traded, and so what a price times a quantity is."""

    SPOT = "Spot"
    LINEAR_FUTURE = "LinearFuture"
    INVERSE_FUTURE = "InverseFuture"


class TapeColumn(Document):
    """What the stored numbers of a column start from and are counted in; see docs/formats/tape.md."""

    name: Literal["sequence", "exchange_time", "local_time", "price", "quantity", "order"]
    first: IntegerText
    unit: IntegerText


class Recording(Document):
    """What was found in the recording of an instrument: counts, of messages where nothing else is said."""

    messages: int = Field(ge=0, description="That are on the tape.")
    left_out: int = Field(default=0, ge=0, description="That are not: they change nothing a tape holds.")
    gaps: int = Field(default=0, ge=0, description="Places where messages were lost.")
    lost: int = Field(default=0, ge=0, description="Known to be lost.")
    crossed: int = Field(default=0, ge=0, description="After which the best bid was above the best ask.")
    locked: int = Field(default=0, ge=0, description="After which the best bid was the best ask.")
    out_of_order: int = Field(default=0, ge=0, description="With a local time below that of the one before.")
    ahead: int = Field(default=0, ge=0, description="With an exchange time above their local time.")
    blind_rows: int = Field(default=0, ge=0, description="Changes of the book while it was not known.")
    unknown_orders: int = Field(
        default=0,
        ge=0,
        exclude_if=lambda rows: rows == 0,  # recordings without them keep their canonical JSON, and so their ids
        description="Rows about an order that is not in the book, or that add one that is.",
    )
    min_latency_ns: IntegerText = Field(default="0", description="The smallest local time less exchange time.")


class TapeDescription(Document):
    """What a tape needs beside its part: units, contract, the encoding's origin, and what its recording was like."""

    kind: InstrumentKind
    tick: Units = Field(description="Price of one tick.")
    lot: Units = Field(description="Quantity of one lot.")
    contract_size: Units = Field(
        default="1", description="Units of the underlying in a contract; of an inverse future, units of the currency."
    )
    columns: tuple[TapeColumn, ...] = Field(min_length=5, max_length=6)
    recording: Recording


class SnapshotInstrument(Document):
    """An instrument of a snapshot and the units of its integers; see tradeplane_workloads.market."""

    symbol: Symbol
    currency: str = Field(default="USD", pattern=CURRENCY)
    price_exponent: int = Field(ge=-12, le=6)
    quantity_exponent: int = Field(ge=-12, le=6)
    tape: TapeDescription | None = Field(
        default=None,
        exclude_if=lambda tape: tape is None,  # bars keep their canonical JSON, and so their ids
        description="Of an instrument whose part is a tape.",
    )


class SnapshotSource(Document):
    """Where a snapshot's records came from."""

    name: str = Field(max_length=256, description="File or feed.")
    format: str = Field(max_length=64)
    digest: Digest = Field(description="Digest of the bytes that were read.")


class GeneratorState(Document):
    """Where a session's random numbers stood at its end."""

    state: WideText
    increment: WideText


class SessionHolding(Document):
    """What a session's account came to in one instrument, in whole numbers."""

    symbol: str
    position: IntegerText = Field(description="Lots, below zero when short.")
    cash: AmountText = Field(description="In billionths of the currency; the capital is with the first instrument.")
    fees: AmountText = Field(description="In billionths of the currency.")


class SessionDescription(Document):
    """What a session was, beside its parts; see docs/formats/session.md."""

    name: str = Field(pattern=r"^[0-9a-f]{32}$", description="Its 16 bytes in hexadecimal.")
    number: int | None = Field(
        default=None, ge=1, description="Which of its trader's sessions it is, where that is known."
    )
    over: bool = Field(
        description="Whether it is over; one that is open may go on, and another snapshot has more of it."
    )
    inputs: int = Field(ge=0)
    orders: int = Field(ge=0, description="That it sent.")
    fills: int = Field(ge=0, description="That it was told of.")
    gaps: int = Field(default=0, ge=0, description="Places where messages of the market were lost.")
    lost: int = Field(default=0, ge=0, description="Messages known to be lost.")
    seed: IntegerText
    generator: GeneratorState | None = Field(
        default=None, description="Of one that is over and whose strategy draws random numbers."
    )
    account: tuple[SessionHolding, ...] | None = Field(
        default=None,
        max_length=MAX_INSTRUMENTS,
        exclude_if=lambda account: account is None,  # what was sealed before there were accounts keeps its id
        description="What it came to in each instrument, by the session's own arithmetic.",
    )

    def fits(self, parts: Sequence[str]) -> bool:
        """Say whether a manifest's parts are, by their names and their order, those of a session."""
        journal, record = (
            [f"{form}-{index}.bin" for index in range(sum(part.startswith(f"{form}-") for part in parts))]
            for form in (JOURNAL, RECORD)
        )
        exchange = [EXCHANGE, *record] if EXCHANGE in parts else []
        return bool(journal) and list(parts) == [SPECIFICATION, *journal, *exchange]


class Holding(StrEnum):
    """What a snapshot's records are of."""

    BARS = "Bars"
    TAPES = "Tapes"
    SESSION = "Session"


class SnapshotManifest(Document):
    """What a snapshot holds: snapshots/<hex of id>/manifest.json. Its canonical JSON's digest is the snapshot's id.

    Version 1 holds bars, version 2 tapes, version 3 a session.
    """

    schema_version: Literal[1, 2, 3] = 1
    kind: Literal["Snapshot"] = "Snapshot"
    instruments: tuple[SnapshotInstrument, ...] = Field(min_length=1, max_length=MAX_INSTRUMENTS)
    start: Moment = Field(description="Time of the first record, RFC 3339, UTC.")
    end: Moment = Field(description="Time of the last record, RFC 3339, UTC.")
    records: Count
    sources: tuple[SnapshotSource, ...]
    previous: Digest | None = Field(
        default=None,
        exclude_if=lambda previous: previous is None,  # what no capture made keeps its canonical JSON, and so its id
        description="Id of the bundle before, of the same capture: this one's book begins where that one's ends.",
    )
    session: SessionDescription | None = Field(
        default=None,
        exclude_if=lambda session: session is None,  # bars and tapes keep their canonical JSON, and so their ids
        description="Of a snapshot that holds a session.",
    )
    parts: tuple[Part, ...]

    @property
    def holds(self) -> Holding:
        """What its records are of."""
        if self.session is not None:
            return Holding.SESSION
        return Holding.TAPES if self.schema_version == TAPE_SCHEMA_VERSION else Holding.BARS

    @model_validator(mode="after")
    def _each_form_has_its_version(self) -> Self:
        tapes = self.schema_version == TAPE_SCHEMA_VERSION
        if any((one.tape is not None) != tapes for one in self.instruments):
            raise refuse("version 1 holds bars of all its instruments, version 2 a tape of each")
        if (self.session is not None) != (self.schema_version == SESSION_SCHEMA_VERSION):
            raise refuse("version 3 holds a session, and no other version does")
        if self.session is not None and not self.session.fits([part.name for part in self.parts]):
            raise refuse(
                "the parts of a session are its specification, its journal and, where it has one, the exchange and its "
                "record, each in pieces from 0 on"
            )
        return self
