"""The kind SnapshotCapture: a market taken down without end, into Snapshots that follow each other, or sessions.

The sessions of a Strategy become Snapshots by themselves; here they are counted, and kept within bounds.

What an agent is told is ``tradeplane_api.capture``. For each bundle it seals the agent leaves a pointer in the store,
from which the operator makes a Snapshot: a pod of ours has no token to make one with.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tradeplane_api.base import Boolean, Digest, Document, Integer, Name, Timestamp
from tradeplane_api.capture import MAX_CAPTURED, CapturedSymbol, Channel, Rotation
from tradeplane_api.conditions import UNSEEN, Conditions
from tradeplane_api.replay import StrategyReference
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
    """What is taken down: a market, or the sessions of a Strategy."""

    connection_ref: ConnectionReference | None = Field(
        default=None, description="The BrokerConnection whose market it is; its address is resolved once it is ready."
    )
    strategy_ref: StrategyReference | None = Field(
        default=None,
        description="The Strategy of mode Paper whose sessions they are: a bundle is what a closing seals, and every "
        "cadenceSeconds what there is of one. No agent runs, and rotation, store, volume and resources are of no "
        "effect.",
    )
    instruments: tuple[CapturedSymbol, ...] = Field(
        default=(), max_length=MAX_CAPTURED, description="Of a market: symbols as it spells them."
    )
    channels: tuple[Channel, ...] = Field(
        default=(Channel.DEPTH, Channel.TRADE),
        min_length=1,
        max_length=4,
        description="Of a market: what of each instrument.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.connectionRef) != has(self.strategyRef)",
            message="give connectionRef, of a market, or strategyRef, whose sessions they are: one of the two",
            holds=lambda one: (one.connection_ref is None) != (one.strategy_ref is None),
        ),
        Rule(
            cel="!has(self.connectionRef) || size(self.instruments) > 0",
            message="instruments names none: give the symbols of connectionRef that are captured",
            holds=lambda one: one.connection_ref is None or bool(one.instruments),
            field="instruments",
        ),
        Rule(
            cel="!has(self.strategyRef) || size(self.instruments) == 0",
            message="instruments are of a market, and a session has those it traded: leave them out",
            holds=lambda one: one.strategy_ref is None or not one.instruments,
            field="instruments",
        ),
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
    cadence_seconds: Integer | None = Field(
        default=None,
        ge=60,
        le=31_536_000,
        description="Of sessions: how often one that goes on is sealed. Trading pauses for as long as a closing takes: "
        "orders are taken back, positions stay, and the session goes on. When absent it is sealed once it is closed.",
    )
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
        Rule(
            cel="!has(self.source.strategyRef) || !has(self.retention) || !has(self.retention.bytes)",
            message="retention.bytes is of recordings, and a session is not made of one: give count or ageSeconds",
            holds=lambda one: one.source.strategy_ref is None or one.retention is None or one.retention.bytes is None,
            field="retention.bytes",
        ),
        Rule(
            cel="!has(self.cadenceSeconds) || has(self.source.strategyRef)",
            message="cadenceSeconds is of sessions; a bundle of a market ends by its rotation: set rotation.seconds",
            holds=lambda one: one.cadence_seconds is None or one.source.strategy_ref is not None,
            field="cadenceSeconds",
        ),
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
    gaps: Integer | None = Field(
        default=None, ge=0, description="Places where messages were lost, in all of them; absent of sessions."
    )


class SnapshotCaptureStatus(Document):
    """Where a capture stands."""

    observed_generation: Integer | None = Field(
        default=None, ge=0, description="The generation the operator has acted on."
    )
    conditions: Conditions = (UNSEEN,)
    agent: CaptureAgent | None = Field(default=None, description="What captures.")
    bundles: CapturedBundles | None = Field(default=None, description="What was captured.")


class SnapshotCapture(Document):
    """A market taken down without end, into Snapshots that follow each other; or the sessions of a Strategy."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["SnapshotCapture"] = "SnapshotCapture"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: SnapshotCaptureSpec = Field(description="What to take down, and what becomes of it.")
    status: SnapshotCaptureStatus | None = Field(default=None, description="Where it stands, written by the operator.")
