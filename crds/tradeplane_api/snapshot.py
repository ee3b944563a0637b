"""The kind Snapshot, and the manifest it names."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tradeplane_api.base import Digest, Document, Integer, Name, Timestamp
from tradeplane_api.conditions import UNSEEN, Conditions
from tradeplane_api.rules import Rule
from tradeplane_api.run import Part

Symbol = Annotated[str, Field(min_length=1, max_length=64)]
"""The name a market gives an instrument."""


class SnapshotInstrument(Document):
    """An instrument of a snapshot and the units of its integers; see tradeplane_workloads.market.bars."""

    symbol: Symbol
    currency: str = Field(default="USD", pattern=r"^[A-Z0-9]{3,8}$")
    price_exponent: int = Field(ge=-12, le=6)
    quantity_exponent: int = Field(ge=-12, le=6)


class SnapshotSource(Document):
    """Where a snapshot's records came from."""

    name: str = Field(max_length=256, description="File or feed.")
    format: str = Field(max_length=64)
    digest: Digest = Field(description="Digest of the bytes that were read.")


class SnapshotManifest(Document):
    """What a snapshot holds: snapshots/<hex of id>/manifest.json. Its canonical JSON's digest is the snapshot's id."""

    schema_version: Literal[1] = 1
    kind: Literal["Snapshot"] = "Snapshot"
    instruments: tuple[SnapshotInstrument, ...] = Field(min_length=1, max_length=4096)
    start: str = Field(description="Time of the first record, RFC 3339.")
    end: str = Field(description="Time of the last record, RFC 3339.")
    records: int = Field(ge=0)
    sources: tuple[SnapshotSource, ...]
    parts: tuple[Part, ...]


class SnapshotSpec(Document):
    """A snapshot that lies in a store."""

    store: Name = Field(default="default", description="Name of a store the administrator configured.")
    digest: Digest = Field(description="Id of the snapshot: the digest of its manifest.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self == oldSelf",
            message="spec is immutable, since a snapshot never changes: create a Snapshot with another name",
            holds=None,
        ),
    )


class SnapshotStatus(Document):
    """What the operator found."""

    observed_generation: Integer | None = Field(
        default=None, ge=0, description="The generation the operator has acted on."
    )
    conditions: Conditions = (UNSEEN,)
    instruments: tuple[Symbol, ...] = Field(default=(), max_length=16, description="Symbols, the first 16.")
    records: Integer | None = Field(default=None, ge=0, description="Records in all parts.")
    start: Timestamp | None = Field(default=None, description="Time of the first record, RFC 3339.")
    end: Timestamp | None = Field(default=None, description="Time of the last record, RFC 3339.")


class Snapshot(Document):
    """An immutable set of market data, named by the digest of its manifest."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["Snapshot"] = "Snapshot"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: SnapshotSpec = Field(description="Where the snapshot lies.")
    status: SnapshotStatus | None = Field(default=None, description="What the operator found.")
