"""The kind Replay: a finished run or a recorded session, run again on each architecture asked for, and judged."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from tradeplane_api.attestation import AttestationStatus
from tradeplane_api.base import Boolean, Digest, Document, Integer, Name, Timestamp
from tradeplane_api.conditions import UNSEEN, Conditions
from tradeplane_api.parity import Baseline, Compared, Parity, Tolerance, Verdict, WhatIf
from tradeplane_api.queues import QueueName
from tradeplane_api.rules import Rule
from tradeplane_api.run import MAX_SPECIFICATION_BYTES, Outcome
from tradeplane_api.snapshot import SnapshotReference
from tradeplane_api.strategy import MAX_SECONDS, Architecture, ImageReference, Resources

MAX_REPEATS = 10
NO_DIVERGENCE = "<none>"
"""As kubectl says it; a field left out would be an empty column."""


class ReplayArchitecture(StrEnum):
    """The processor a replay runs on."""

    AMD64 = "amd64"
    ARM64 = "arm64"

    @property
    def of_run(self) -> Architecture:
        """The same as a run has it."""
        return Architecture(self.value)


class ParityAsked(StrEnum):
    """What a replay must have to be Ready."""

    EXACT = "Exact"
    """Every record the same."""
    TOLERANCE = "Tolerance"
    """Decisions the same; what came of them within spec.tolerance."""


class StrategyReference(Document):
    """A Strategy of the same namespace."""

    name: Name = Field(description="Name of the Strategy.")


class ReplayBaseline(Document):
    """What a replay is compared with, where that is not what it is of."""

    run: Name = Field(description="Name of another run of the Strategy, as its status or history has it.")


class ReplaySpec(Document):
    """Which run or session to replay, where, and what is asked of it."""

    strategy_ref: StrategyReference | None = Field(
        default=None,
        description="The Strategy whose run is replayed, or of mode Paper whose newest session; beside snapshotRef, "
        "the one that decides in the place of what is recorded, as it is when this generation is first seen.",
    )
    snapshot_ref: SnapshotReference | None = Field(
        default=None, description="The Snapshot of a session; it is replayed by what it was traded by."
    )
    run: Name | None = Field(
        default=None,
        description="Name of the run, as the Strategy's status or history has it; the newest that succeeded when "
        "absent, as of when this generation was first seen.",
    )
    baseline: ReplayBaseline | None = Field(
        default=None, description="What a run is compared with; with what it left itself when absent."
    )
    architectures: tuple[ReplayArchitecture, ...] = Field(
        default=(ReplayArchitecture.AMD64, ReplayArchitecture.ARM64),
        min_length=1,
        max_length=2,
        description="The processors to run on.",
    )
    repeats: Integer = Field(default=1, ge=1, le=MAX_REPEATS, description="How often on each.")
    parity: ParityAsked = Field(
        default=ParityAsked.EXACT,
        description="Exact: Ready only where every record is the same. Tolerance: also where decisions are, and what "
        "came of them lies within tolerance.",
    )
    tolerance: Tolerance | None = Field(default=None, description="How far it may, for parity Tolerance.")
    what_if: WhatIf | None = Field(
        default=None, description="What is changed; the replay is then compared with its baseline and not judged."
    )
    image: ImageReference | None = Field(
        default=None,
        description="Image of the runner; when absent the one the run had, and of a session that of this release.",
    )
    queue_name: QueueName | None = Field(
        default=None,
        description="A LocalQueue of Kueue, of the same namespace: replays wait there for quota, and may be sent to "
        "another cluster; when absent they start at once, here.",
    )
    suspend: Boolean = Field(default=False, description="Start nothing, and stop what runs, while true.")
    resources: Resources = Field(default_factory=Resources, description="What a container asks for and may use.")
    ttl_seconds_after_finished: Integer | None = Field(
        default=None, ge=0, le=MAX_SECONDS, description="Keep a finished Job this long; records stay in the store."
    )
    active_deadline_seconds: Integer = Field(
        default=3600, ge=1, le=MAX_SECONDS, description="Each may take this long, its retries included."
    )
    backoff_limit: Integer = Field(default=3, ge=0, le=20, description="How often one that failed is tried again.")
    rerun: Integer = Field(default=0, ge=0, le=MAX_SECONDS, description="Raise it to replay again; it never decreases.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.strategyRef) || has(self.snapshotRef)",
            message="there is nothing to replay: give strategyRef, whose run it is, or snapshotRef, of a session",
            holds=lambda one: one.strategy_ref is not None or one.snapshot_ref is not None,
        ),
        Rule(
            cel="!has(self.snapshotRef) || !has(self.run)",
            message="run names a run of strategyRef, and snapshotRef a session: leave one of them out",
            holds=lambda one: one.snapshot_ref is None or one.run is None,
            field="run",
        ),
        Rule(
            cel="!has(self.snapshotRef) || !has(self.baseline)",
            message="baseline is another run of strategyRef; a session is compared with what it recorded: leave it out",
            holds=lambda one: one.snapshot_ref is None or one.baseline is None,
            field="baseline",
        ),
        Rule(
            cel="(self.parity == 'Tolerance') == has(self.tolerance)",
            message="tolerance goes with parity Tolerance, which needs it: give both, or neither",
            holds=lambda one: (one.parity is ParityAsked.TOLERANCE) == (one.tolerance is not None),
            field="tolerance",
        ),
        Rule(
            cel="!has(self.whatIf) || self.parity == 'Exact'",
            message="a whatIf is compared and not judged: leave tolerance and parity out",
            holds=lambda one: one.what_if is None or one.parity is ParityAsked.EXACT,
            field="whatIf",
        ),
        Rule(
            cel="size(self.architectures) < 2 || self.architectures[0] != self.architectures[1]",
            message="architectures names one twice: leave one out, and raise repeats to run more often on each",
            holds=lambda one: len(set(one.architectures)) == len(one.architectures),
            field="architectures",
        ),
        Rule(
            cel="self.rerun >= oldSelf.rerun",
            message="rerun never decreases: leave it as it is, or raise it to replay again",
            holds=None,
            field="rerun",
        ),
    )


class PinnedBaseline(Document):
    """What is replayed, resolved when a generation was first seen."""

    generation: Integer = Field(ge=0, description="The generation it was resolved for.")
    rerun: Integer = Field(ge=0, description="The value of rerun it was resolved for.")
    asked: Digest = Field(description="Digest of the part of the spec that asks for replays; another one asks anew.")
    baseline: Baseline | None = Field(default=None, description="The run, and the digest of its manifest.")
    against: Baseline | None = Field(default=None, description="Another run it is compared with.")
    session: Digest | None = Field(default=None, description="Id of the snapshot of the session, where it is one.")
    simulation: str | None = Field(
        default=None,
        max_length=MAX_SPECIFICATION_BYTES,
        description="Of a session: what decides in the place of what is recorded, JSON.",
    )
    result_digest: Digest | None = Field(
        default=None, description="Digest of the run's result, or of the other's: what a replay must have."
    )
    reference: str | None = Field(
        default=None,
        max_length=512,
        description="The run's results in the registry, by digest; as soon as they are attested.",
    )
    store: Name = Field(description="The store it lies in.")
    image: str = Field(max_length=512, description="The image replays run, by digest.")


class ReplayRun(Document):
    """One replay: a Job on one architecture."""

    name: Name = Field(description="Name of the replay and of its Job.")
    architecture: ReplayArchitecture = Field(description="The processor asked for.")
    repeat: Integer = Field(ge=1, description="Which of the repeats.")
    outcome: Outcome = Field(description="Where it stands.")
    job_digest: Digest | None = Field(
        default=None, description="Digest of what its Job is to have its pods do; the operator takes no other for it."
    )
    start_time: Timestamp | None = Field(default=None, description="When its Job started, RFC 3339.")
    completion_time: Timestamp | None = Field(default=None, description="When it ended, RFC 3339.")
    result_digest: Digest | None = Field(default=None, description="Digest of its result.")
    record_digest: Digest | None = Field(default=None, description="Digest of its record in the store.")
    verdict: Verdict | None = Field(default=None, description="How it compares with the baseline.")
    compared: Compared | None = Field(default=None, description="The same in figures; of a session or a what-if.")
    message: str | None = Field(default=None, max_length=4096, description="Why it stands so.")


class ReplaySummary(Document):
    """All replays in one line: the worst of each."""

    decisions: Parity = Field(description="Of what the trader did.")
    execution: Parity = Field(description="Of what came of it.")
    fills: str = Field(max_length=48, description="Fills the same as the baseline's, of all: the fewest of any.")
    pnl_difference: str = Field(max_length=48, description="Final equity less that of the baseline: the largest.")
    divergence: str = Field(
        default=NO_DIVERGENCE,
        max_length=160,
        description="The first record that differs, as part[number].field; <none> where none does.",
    )


class ReplayStatus(Document):
    """What came of a replay."""

    observed_generation: Integer | None = Field(
        default=None, ge=0, description="The generation the operator has acted on."
    )
    conditions: Conditions = (UNSEEN,)
    pinned: PinnedBaseline | None = Field(default=None, description="What is replayed.")
    replays: tuple[ReplayRun, ...] = Field(
        default=(), max_length=2 * MAX_REPEATS, description="One for each architecture and repeat."
    )
    summary: ReplaySummary | None = Field(default=None, description="The worst of the finished ones.")
    attestation: AttestationStatus | None = Field(
        default=None, description="Where what these replays found is signed, once it is."
    )


class Replay(Document):
    """A run to be run again and compared, record by record."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["Replay"] = "Replay"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: ReplaySpec = Field(description="Which run to replay, and where.")
    status: ReplayStatus | None = Field(default=None, description="What came of it, written by the operator.")
