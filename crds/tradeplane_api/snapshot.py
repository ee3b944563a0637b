"""The kind Snapshot, and the manifest it names."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tradeplane_api.base import Digest, Document, Name
from tradeplane_api.conditions import Condition
from tradeplane_api.run import Part


class SnapshotInstrument(Document):
    """An instrument of a snapshot and the units of its integers; see tradeplane_workloads.market.bars."""

    symbol: str = Field(min_length=1, max_length=64)
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


class SnapshotStatus(Document):
    """What the operator found."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    instruments: tuple[str, ...] = Field(default=(), description="Symbols, the first 16.")
    records: int | None = None
    start: str | None = None
    end: str | None = None


class Snapshot(Document):
    """An immutable set of market data, named by the digest of its manifest."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["Snapshot"] = "Snapshot"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: SnapshotSpec
    status: SnapshotStatus | None = None
