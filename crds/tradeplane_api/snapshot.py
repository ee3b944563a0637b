"""The kind Snapshot: an object of a cluster that names what lies in a store."""

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from tradeplane_api.attestation import AttestationStatus
from tradeplane_api.base import Digest, Document, Integer, Name, Timestamp
from tradeplane_api.conditions import UNSEEN, Conditions
from tradeplane_api.rules import Rule
from tradeplane_api.run import MAX_SPECIFICATION_BYTES
from tradeplane_api.snapshot_manifest import Holding, Symbol


class SnapshotReference(Document):
    """A Snapshot of the same namespace."""

    name: Name = Field(description="Name of the Snapshot.")


class DeletionPolicy(StrEnum):
    """What becomes of what a Snapshot names in the store when the Snapshot is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


def _unchanged(field: str) -> Rule:
    return Rule(
        cel=f"self.{field} == oldSelf.{field}",
        message=f"{field} is immutable, since a snapshot never changes: create a Snapshot with another name",
        holds=None,
        field=field,
    )


class SnapshotSpec(Document):
    """A snapshot that lies in a store."""

    store: Name = Field(default="default", description="Name of a store the administrator configured.")
    digest: Digest = Field(description="Id of the snapshot: the digest of its manifest.")
    deletion_policy: DeletionPolicy | None = Field(
        default=None,  # absent and not filled in, so that an operator of before there were policies can read the spec
        description="What becomes of what lies in the store when this is deleted: Retain (when absent) leaves it, "
        "Delete removes it unless another Snapshot names it too, or the store does not let it go.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (_unchanged("store"), _unchanged("digest"))


class SnapshotOrigin(Document):
    """Which SnapshotCapture sealed it, as the operator recorded when it made the Snapshot."""

    capture: Name = Field(description="Name of the SnapshotCapture.")
    bundle: Integer = Field(ge=1, description="Which of its bundles it is.")
    specification: str = Field(max_length=MAX_SPECIFICATION_BYTES, description="Its spec at that time, JSON.")


class SnapshotStatus(Document):
    """What the operator found."""

    observed_generation: Integer | None = Field(
        default=None, ge=0, description="The generation the operator has acted on."
    )
    conditions: Conditions = (UNSEEN,)
    holds: Holding | None = Field(default=None, description="Bars or tapes of a market, or a session that was traded.")
    instruments: tuple[Symbol, ...] = Field(default=(), max_length=16, description="Symbols, the first 16.")
    records: Integer | None = Field(default=None, ge=0, description="Records in all parts.")
    start: Timestamp | None = Field(default=None, description="Time of the first record, RFC 3339.")
    end: Timestamp | None = Field(default=None, description="Time of the last record, RFC 3339.")
    origin: SnapshotOrigin | None = Field(
        default=None, description="Which capture sealed it; absent of what somebody imported."
    )
    attestation: AttestationStatus | None = Field(
        default=None, description="Where it is attested how it came to be, of what a capture sealed."
    )


class Snapshot(Document):
    """An immutable set of market data, or a recorded session, named by the digest of its manifest."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["Snapshot"] = "Snapshot"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: SnapshotSpec = Field(description="Where the snapshot lies.")
    status: SnapshotStatus | None = Field(default=None, description="What the operator found.")
