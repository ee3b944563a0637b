"""The kind Strategy: what to run, on which data, when, and what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from tradeplane_api.base import Digest, Document, Name
from tradeplane_api.conditions import Condition
from tradeplane_api.run import Outcome
from tradeplane_api.simulation import Simulation


class Mode(StrEnum):
    """How a strategy trades. ``PAPER`` and ``LIVE`` are named and refused as not yet available."""

    BACKTEST = "Backtest"
    PAPER = "Paper"
    LIVE = "Live"


class Architecture(StrEnum):
    """The processor a run asks for."""

    AMD64 = "amd64"
    ARM64 = "arm64"
    ANY = "Any"


class SnapshotReference(Document):
    """A Snapshot of the same namespace."""

    name: Name


class ConcurrencyPolicy(StrEnum):
    """What a schedule does while its last run still goes on, as batch/v1 CronJob defines it."""

    ALLOW = "Allow"
    FORBID = "Forbid"
    REPLACE = "Replace"


class Schedule(Document):
    """When to run again."""

    cron: str = Field(max_length=128, description="Five fields: minute, hour, day of month, month, day of week.")
    time_zone: str = Field(default="Etc/UTC", max_length=64, description="IANA name of the zone cron is read in.")
    concurrency_policy: ConcurrencyPolicy = ConcurrencyPolicy.FORBID
    starting_deadline_seconds: int | None = Field(default=None, ge=10)
    successful_runs_history_limit: int = Field(default=3, ge=0, le=50)
    failed_runs_history_limit: int = Field(default=1, ge=0, le=50)


class ResourceList(Document):
    """CPU and memory as Kubernetes quantities."""

    cpu: str | None = Field(default=None, pattern=r"^[0-9]+(\.[0-9]+)?m?$")
    memory: str | None = Field(default=None, pattern=r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$")


class Resources(Document):
    """What a run's container asks for and may use."""

    requests: ResourceList = Field(default_factory=lambda: ResourceList(cpu="100m", memory="256Mi"))
    limits: ResourceList = Field(default_factory=lambda: ResourceList(memory="1Gi"))


class StrategySpec(Simulation):
    """What a user asks for: a simulation, and how to run it."""

    mode: Mode = Mode.BACKTEST
    snapshot_ref: SnapshotReference
    store: Name = Field(
        default="default", description="Name of the store results go to, configured by the administrator."
    )
    image: str | None = Field(
        default=None, max_length=512, description="Image of the runner; the operator's own choice when absent."
    )
    architecture: Architecture = Architecture.ANY
    schedule: Schedule | None = None
    rerun: int = Field(default=0, ge=0, description="Raise it to run the same again.")
    suspend: bool = Field(default=False, description="Start nothing, and stop what runs, while true.")
    resources: Resources = Field(default_factory=Resources)
    ttl_seconds_after_finished: int | None = Field(
        default=None, ge=0, description="Keep a finished run's Job this long; results and logs stay in the store."
    )
    active_deadline_seconds: int | None = Field(default=3600, ge=1)
    backoff_limit: int = Field(default=3, ge=0, le=20)
    history_limit: int = Field(default=10, ge=1, le=50, description="Runs kept in status.history.")


class Trigger(StrEnum):
    """What asked for a run."""

    GENERATION = "Generation"
    RERUN = "Rerun"
    SCHEDULE = "Schedule"


class PinnedInputs(Document):
    """Image and data resolved to digests when a generation was first seen."""

    generation: int
    image: str
    snapshots: tuple[Digest, ...]


class RunStatus(Document):
    """One run of a strategy."""

    name: Name = Field(description="Name of the run and of its Job.")
    generation: int
    trigger: Trigger
    scheduled_time: str | None = None
    architecture: Architecture
    image: str | None = None
    outcome: Outcome
    start_time: str | None = None
    completion_time: str | None = None
    run_digest: Digest | None = None
    result_digest: Digest | None = None
    manifest_digest: Digest | None = None
    message: str | None = None
    total_return: str | None = None
    sharpe: str | None = None
    max_drawdown: str | None = None
    trades: int | None = None


class StrategyStatus(Document):
    """What came of a strategy."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    pinned: PinnedInputs | None = None
    observed_rerun: int | None = None
    latest: RunStatus | None = Field(default=None, description="The newest run.")
    history: tuple[RunStatus, ...] = Field(default=(), description="Finished runs before it, newest first.")
    last_schedule_time: str | None = None
    next_schedule_time: str | None = None


class Strategy(Document):
    """A trading strategy to run."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["Strategy"] = "Strategy"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: StrategySpec
    status: StrategyStatus | None = None
