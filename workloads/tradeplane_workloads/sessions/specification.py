"""What decides what a session does beside its inputs, as a document: the journal's header has its digest."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, ValidationError
from tradeplane_api.base import Document
from tradeplane_api.simulation import Simulation
from tradeplane_api.snapshot_manifest import InstrumentKind, Symbol, Units
from tradeplane_store.canonical import canonical_json

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.instruments import TapeInstrument, decimal_text
from tradeplane_workloads.runner.specification import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_INSTRUMENTS = 1024
MAX_BYTES = 1 << 20
"""Of a specification as it is stored."""


class SessionInstrument(Document):
    """What is traded, and what its integers are in."""

    symbol: Symbol
    tick: Units
    lot: Units
    currency: str = Field(pattern=r"^[A-Z0-9]{3,8}$")
    kind: InstrumentKind
    contract_size: Units

    def traded(self) -> TapeInstrument:
        """Return the instrument as the engine has it."""
        tick, lot, size = Decimal(self.tick), Decimal(self.lot), Decimal(self.contract_size)
        return TapeInstrument(self.symbol, tick, lot, self.currency, self.kind, size)


class SessionSpecification(Document):
    """What decides what a session does beside its inputs.

    Of ``execution``, a session reads fees, limits and the length of periods; latency, queue and impact are the
    exchange's, be it a real one or the simulated one of a replay.
    """

    kind: Literal["Session"] = "Session"
    format_version: Literal[1] = 1
    instruments: tuple[SessionInstrument, ...] = Field(min_length=1, max_length=MAX_INSTRUMENTS)
    simulation: Simulation

    @classmethod
    def of(cls, instruments: Sequence[TapeInstrument], simulation: Simulation) -> Self:
        """Make the specification of a session that trades instruments."""
        described = [
            SessionInstrument(
                symbol=one.symbol,
                tick=decimal_text(one.tick),
                lot=decimal_text(one.lot),
                currency=one.currency,
                kind=one.kind,
                contract_size=decimal_text(one.contract_size),
            )
            for one in instruments
        ]
        return cls(instruments=tuple(described), simulation=simulation)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a specification as it is stored. Raises DataRefused naming the field that is wrong."""
        if len(data) > MAX_BYTES:
            raise DataRefused(f"the session's specification has {len(data)} bytes, more than {MAX_BYTES}; restore it")
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise DataRefused(f"the session's specification: {describe(error)}") from error

    def encode(self) -> bytes:
        """Return the specification as it is stored: its canonical JSON."""
        return canonical_json(self)

    def digest(self) -> bytes:
        """Return SHA-256 of the bytes."""
        return hashlib.sha256(self.encode()).digest()

    def traded(self) -> tuple[TapeInstrument, ...]:
        """Return the instruments as the engine has them."""
        return tuple(one.traded() for one in self.instruments)
