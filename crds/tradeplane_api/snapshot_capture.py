"""The kind SnapshotCapture: a market taken down without end, into Snapshots that follow each other.

What its agent is told is ``tradeplane_api.capture``. For each bundle it seals the agent leaves a pointer in the store,
from which the operator makes a Snapshot: a pod of ours has no token to make one with.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tradeplane_api.base import Boolean, Digest, Document, Integer, Name, Timestamp
from tradeplane_api.capture import MAX_CAPTURED, CapturedSymbol, Channel, Rotation
from tradeplane_api.conditions import UNSEEN, Conditions
from tradeplane_api.rules import Rule
from tradeplane_api.run import MAX_SPECIFICATION_BYTES
from tradeplane_api.session import ConnectionReference
from tradeplane_api.snapshot import DeletionPolicy
from tradeplane_api.strategy import ResourceList, Resources
from tradeplane_api.volume import Volume

MAX_KEPT = 10_000
"""Snapshots that a retention may keep: they are looked through at each bundle."""
_ANEW = "create a SnapshotCapture with another name"


def _unchanged(field: str, why: str) -> Rule:
    return Rule(
        cel=f"self.{field} == oldSelf.{field}",
        message=f"{field} cannot be changed, {why}: leave it as it is, or {_ANEW}",
        holds=None,
        field=field,
    )


class CaptureSource(Document):
    """What is taken down."""

    connection_ref: ConnectionReference = Field(
        description="The BrokerConnection whose market it is; its address is resolved once it is ready."
    )
    instruments: tuple[CapturedSymbol, ...] = Field(
        min_length=1, max_length=MAX_CAPTURED, description="Symbols as the market spells them."
    )
    channels: tuple[Channel, ...] = Field(
        default=(Channel.DEPTH, Channel.TRADE), min_length=1, max_length=4, description="What of each instrument."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.instruments.all(one, self.instruments.exists_one(other, other == one))",
            message="instruments names one twice: leave one out",
            holds=lambda one: len(set(one.instruments)) == len(one.instruments),
            field="instruments",
        ),
        Rule(
            cel="self.channels.all(one, self.channels.exists_one(other, other == one))",
            message="channels names one twice: leave one out",
            holds=lambda one: len(set(one.channels)) == len(one.channels),
            field="channels",
        ),
    )


class SnapshotRetention(Document):
    """Which Snapshots of a capture stay; the oldest beyond any of these are deleted, the newest never is."""

    count: Integer | None = Field(default=None, ge=1, le=MAX_KEPT, description="So many.")
    age_seconds: Integer | None = Field(
        default=None, ge=60, le=315_360_000, description="Those whose last record is not older."
    )
    bytes: Integer | None = Field(
        default=None, ge=65_536, description="As many as were made from so many bytes of recordings."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.count) || has(self.ageSeconds) || has(self.bytes)",
            message="retention keeps everything: give count, ageSeconds or bytes, or leave retention out",
            holds=lambda one: (one.count, one.age_seconds, one.bytes) != (None, None, None),
        ),
    )


class SnapshotCaptureSpec(Document):
    """What to take down, and what becomes of it."""

    source: CaptureSource = Field(description="What is taken down.")
    rotation: Rotation = Field(default_factory=Rotation, description="When a bundle ends: what comes first.")
    retention: SnapshotRetention | None = Field(
        default=None, description="Which Snapshots stay; all when absent. What they name in the store: deletionPolicy."
    )
    deletion_policy: DeletionPolicy | None = Field(
        default=None,
        description="That of the Snapshots made from now on: whether what they name in the store stays (Retain, when "
        "absent) or goes with them (Delete).",
    )
    store: Name = Field(default="default", description="Name of a store the administrator configured.")
    volume: Volume = Field(
        default_factory=lambda: Volume(size="5Gi"), description="Where messages are until their bundle is in the store."
    )
    resources: Resources = Field(
        default_factory=lambda: Resources(limits=ResourceList(memory="2Gi")),
        description="What the agent asks for and may use; to seal a bundle takes several times its size.",
    )
    suspend: Boolean = Field(
        default=False, description="Take nothing down while true; what is there is sealed, and the volume kept."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        _unchanged("source", "a bundle goes on where the one before it ended"),
        _unchanged("store", "a bundle names the one before it"),
        _unchanged("volume", "a volume that is there keeps its size"),
    )


class CaptureAgent(Document):
    """The agent of a capture, as it was resolved when what it is told was first seen."""

    asked: Digest = Field(description="Digest of the part of the spec it was resolved for.")
    image: str = Field(max_length=512, description="The image it runs, by digest.")
    specification: str = Field(max_length=MAX_SPECIFICATION_BYTES, description="What it was told, JSON.")


class CapturedBundles(Document):
    """The bundles that Snapshots were made of."""

    prefix: Name = Field(description="What the names of the Snapshots begin with; their number follows.")
    count: Integer = Field(default=0, ge=0, description="Snapshots made so far, those deleted since included.")
    last_number: Integer = Field(default=0, ge=0, description="Number of the newest bundle.")
    last_time: Timestamp | None = Field(default=None, description="Time of its last record, RFC 3339.")
    records: Integer = Field(default=0, ge=0, description="Records in all of them.")
    gaps: Integer = Field(default=0, ge=0, description="Places where messages were lost, in all of them.")


class SnapshotCaptureStatus(Document):
    """Where a capture stands."""

    observed_generation: Integer | None = Field(
        default=None, ge=0, description="The generation the operator has acted on."
    )
    conditions: Conditions = (UNSEEN,)
    agent: CaptureAgent | None = Field(default=None, description="What captures.")
    bundles: CapturedBundles | None = Field(default=None, description="What was captured.")


class SnapshotCapture(Document):
    """A market taken down without end, into Snapshots that follow each other."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["SnapshotCapture"] = "SnapshotCapture"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: SnapshotCaptureSpec = Field(description="What to take down, and what becomes of it.")
    status: SnapshotCaptureStatus | None = Field(default=None, description="Where it stands, written by the operator.")
