"""The kind Strategy: what to run, on which data or against which broker, when, and what came of it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tradeplane_api.approvers import GivenApprovals
from tradeplane_api.attestation import AttestationStatus
from tradeplane_api.base import Boolean, Digest, Document, Integer, Name, Timestamp
from tradeplane_api.conditions import UNSEEN, Conditions
from tradeplane_api.forms import Text
from tradeplane_api.queues import QueueName
from tradeplane_api.rules import Rule
from tradeplane_api.run import MAX_STATUS_FIGURE, Outcome
from tradeplane_api.session import ConnectionReference, SessionSpec, SessionStatus
from tradeplane_api.simulation import Simulation
from tradeplane_api.snapshot import SnapshotReference

MAX_SECONDS = 2**31 - 1
"""Durations fit what the Kubernetes Job controller computes with."""


class Mode(StrEnum):
    """How a strategy trades.

    ``LIVE`` is named and not yet available. The schema takes it and the operator refuses it in a condition: what a
    platform can do is a matter of the operator that runs there, not of the API.
    """

    BACKTEST = "Backtest"
    PAPER = "Paper"
    LIVE = "Live"


class Architecture(StrEnum):
    """The processor a run asks for."""

    AMD64 = "amd64"
    ARM64 = "arm64"
    ANY = "Any"


MACHINES = {Architecture.AMD64.value: "x86_64", Architecture.ARM64.value: "aarch64"}
"""What the kernel calls each processor, and so the environment that results state."""


class ConcurrencyPolicy(StrEnum):
    """What a schedule does while its last run still goes on, as batch/v1 CronJob defines it."""

    ALLOW = "Allow"
    FORBID = "Forbid"
    REPLACE = "Replace"


def _cron_field(value: str) -> str:
    item = rf"(\*|({value})(-({value}))?)(/[1-9][0-9]?)?"
    return rf"{item}(,{item})*"


_MONTHS = "[jJ][aA][nN]|[fF][eE][bB]|[mM][aA][rR]|[aA][pP][rR]|[mM][aA][yY]|[jJ][uU][nN]"
_MONTHS += "|[jJ][uU][lL]|[aA][uU][gG]|[sS][eE][pP]|[oO][cC][tT]|[nN][oO][vV]|[dD][eE][cC]"
_DAYS = "[sS][uU][nN]|[mM][oO][nN]|[tT][uU][eE]|[wW][eE][dD]|[tT][hH][uU]|[fF][rR][iI]|[sS][aA][tT]"
_CRON_FIELDS = (
    "[0-5]?[0-9]",
    "[01]?[0-9]|2[0-3]",
    "0?[1-9]|[12][0-9]|3[01]",
    f"0?[1-9]|1[0-2]|{_MONTHS}",
    f"[0-7]|{_DAYS}",
)

CronExpression = Annotated[
    str,
    Text(
        pattern="^" + " +".join(_cron_field(value) for value in _CRON_FIELDS) + "$",
        max_length=128,
        message="must be five cron fields: minute (0-59), hour (0-23), day of month (1-31), month (1-12 or JAN-DEC) "
        "and day of week (0-7 or SUN-SAT), such as 30 18 * * 1-5; the zone goes into timeZone",
    ),
]
"""When, as crontab(5) writes it: numbers or names, ranges, lists, steps; no @daily, no seconds."""

TimeZone = Annotated[
    str,
    Text(
        pattern=r"^(UTC|GMT|[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){1,2})$",
        max_length=64,
        message="must be an IANA time zone such as Etc/UTC or America/New_York",
    ),
]

ImageReference = Annotated[
    str,
    Text(
        pattern=r"^([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?/)?"
        r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*"
        r"(:[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$",
        max_length=512,
        message="must be an image reference: registry/repository@sha256:<64 hexadecimal digits>, "
        "or with a tag where the administrator allows tags",
    ),
]


class Schedule(Document):
    """When to run again."""

    cron: CronExpression = Field(description="Five fields: minute, hour, day of month, month, day of week.")
    time_zone: TimeZone = Field(default="Etc/UTC", description="IANA name of the zone cron is read in.")
    concurrency_policy: ConcurrencyPolicy = Field(
        default=ConcurrencyPolicy.FORBID,
        description="While the last run still goes on: Allow another, Forbid it, or Replace the one that runs.",
    )
    starting_deadline_seconds: Integer | None = Field(
        default=None, ge=10, le=MAX_SECONDS, description="A run that cannot start this long after its time is missed."
    )
    successful_runs_history_limit: Integer = Field(
        default=3, ge=0, le=50, description="Succeeded runs of the schedule kept in status.history."
    )
    failed_runs_history_limit: Integer = Field(
        default=1, ge=0, le=50, description="Failed runs of the schedule kept in status.history."
    )


CpuQuantity = Annotated[
    str,
    Text(
        pattern=r"^([0-9]{1,6}(\.[0-9]{1,3})?|[0-9]{1,9}m)$",
        max_length=10,
        message='must be a quantity of processors: "2", "0.5" or "500m"',
    ),
]

MemoryQuantity = Annotated[
    str,
    Text(
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,3})?(Ki|Mi|Gi|Ti|k|M|G|T)?$",
        max_length=18,
        message='must be a quantity of bytes: "512Mi", "1.5Gi" or "1000000000"',
    ),
]

_SUFFIXES = {
    **{f"{prefix}i": Decimal(1024) ** power for power, prefix in enumerate("KMGT", start=1)},
    **{prefix: Decimal(1000) ** power for power, prefix in enumerate("kMGT", start=1)},
    "m": Decimal("0.001"),
}


def quantity(text: str) -> Decimal:
    """Return the number a Kubernetes quantity of CPU or memory stands for."""
    number = text.rstrip("".join(_SUFFIXES))
    return Decimal(number) * _SUFFIXES.get(text[len(number) :], Decimal(1))


def _within(requested: str | None, limit: str | None) -> bool:
    return requested is None or limit is None or quantity(requested) <= quantity(limit)


def _request_rule(resource: str) -> Rule:
    requested, limit = f"self.requests.{resource}", f"self.limits.{resource}"
    return Rule(
        cel=f"!has({requested}) || !has({limit}) || !isQuantity({requested}) || !isQuantity({limit}) || "
        f"quantity({requested}).compareTo(quantity({limit})) <= 0",
        message=f"requests.{resource} may not be above limits.{resource}: lower the one or raise the other",
        holds=lambda r: _within(getattr(r.requests, resource), getattr(r.limits, resource)),
        field=f"requests.{resource}",
    )


class ResourceList(Document):
    """CPU and memory as Kubernetes quantities."""

    cpu: CpuQuantity | None = Field(default=None, description="Processors, or thousandths of one with m.")
    memory: MemoryQuantity | None = Field(default=None, description="Bytes, with a suffix such as Mi or Gi.")


class Resources(Document):
    """What a run's container asks for and may use."""

    requests: ResourceList = Field(
        default_factory=lambda: ResourceList(cpu="100m", memory="256Mi"),
        description="What a run is scheduled with.",
    )
    limits: ResourceList = Field(
        default_factory=lambda: ResourceList(memory="1Gi"), description="What a run may not exceed."
    )

    rules: ClassVar[tuple[Rule, ...]] = (_request_rule("cpu"), _request_rule("memory"))


class StrategySpec(Simulation):
    """What a user asks for: a simulation, and how to run it."""

    mode: Mode = Field(
        default=Mode.BACKTEST,
        description="Backtest runs on a Snapshot; Paper trades a BrokerConnection until it is suspended; Live is not "
        "yet available and is refused.",
    )
    # What a mode has no use for leaves no trace in the text of a spec, so that the digests of what was asked for before
    # there was such a field stay as they are, and nothing is run again.
    snapshot_ref: SnapshotReference | None = Field(
        default=None,
        exclude_if=lambda reference: reference is None,
        description="The market data: a Snapshot of the same namespace; required for mode Backtest.",
    )
    connection_ref: ConnectionReference | None = Field(
        default=None,
        exclude_if=lambda reference: reference is None,
        description="The broker: a BrokerConnection of the same namespace; required for mode Paper.",
    )
    session: SessionSpec | None = Field(
        default=None,
        exclude_if=lambda session: session is None,
        description="What is traded, and how trading ends; required for mode Paper.",
    )
    store: Name = Field(
        default="default",
        description="Name of the store results and sessions go to, configured by the administrator.",
    )
    image: ImageReference | None = Field(
        default=None, description="Image of the runner; the operator's own choice when absent."
    )
    architecture: Architecture = Field(
        default=Architecture.ANY, description="The processor to run on; the result is the same on each."
    )
    queue_name: QueueName | None = Field(
        default=None,
        exclude_if=lambda name: name is None,
        description="A LocalQueue of Kueue, of the same namespace: runs wait there for quota, and may be sent to "
        "another cluster; when absent they start at once, here.",
    )
    schedule: Schedule | None = Field(default=None, description="When to run again; once when absent.")
    rerun: Integer = Field(
        default=0, ge=0, le=MAX_SECONDS, description="Raise it to run the same again; it never decreases."
    )
    suspend: Boolean = Field(
        default=False, description="Start nothing, and stop what runs, while true; a session is closed then."
    )
    resources: Resources = Field(default_factory=Resources, description="What a run's container asks for and may use.")
    ttl_seconds_after_finished: Integer | None = Field(
        default=None,
        ge=0,
        le=MAX_SECONDS,
        description="Keep a finished run's Job this long; results and logs stay in the store.",
    )
    active_deadline_seconds: Integer = Field(
        default=3600,
        ge=1,
        le=MAX_SECONDS,
        description="A run, its retries included, may take this long; a session of mode Paper has no such limit.",
    )
    backoff_limit: Integer = Field(default=3, ge=0, le=20, description="How often a run that failed is tried again.")
    history_limit: Integer = Field(default=10, ge=1, le=50, description="Runs kept in status.history.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.schedule) || self.mode == 'Backtest'",
            message="schedule runs backtests again and has no meaning in another mode: "
            "remove it, or set mode: Backtest",
            holds=lambda s: s.schedule is None or s.mode is Mode.BACKTEST,
            field="schedule",
        ),
        Rule(
            cel="!has(self.queueName) || self.mode == 'Backtest'",
            message="queueName has runs wait for quota, and a queue may stop them or send them to another cluster; "
            "a session can be neither stopped nor sent: remove it, or set mode: Backtest",
            holds=lambda s: s.queue_name is None or s.mode is Mode.BACKTEST,
            field="queueName",
        ),
        Rule(
            cel="self.mode != 'Backtest' || has(self.snapshotRef)",
            message="snapshotRef is required for mode Backtest: name a Snapshot of this namespace, "
            "or set mode: Paper to trade a BrokerConnection",
            holds=lambda s: s.mode is not Mode.BACKTEST or s.snapshot_ref is not None,
            field="snapshotRef",
        ),
        Rule(
            cel="self.mode != 'Paper' || !has(self.snapshotRef)",
            message="snapshotRef has no meaning in mode Paper, whose data come from connectionRef: "
            "remove it, or set mode: Backtest",
            holds=lambda s: s.mode is not Mode.PAPER or s.snapshot_ref is None,
            field="snapshotRef",
        ),
        Rule(
            cel="self.mode != 'Paper' || has(self.connectionRef)",
            message="connectionRef is required for mode Paper: name a BrokerConnection of this namespace",
            holds=lambda s: s.mode is not Mode.PAPER or s.connection_ref is not None,
            field="connectionRef",
        ),
        Rule(
            cel="self.mode != 'Backtest' || !has(self.connectionRef)",
            message="connectionRef has no meaning in mode Backtest, which reads a Snapshot: "
            "remove it, or set mode: Paper",
            holds=lambda s: s.mode is not Mode.BACKTEST or s.connection_ref is None,
            field="connectionRef",
        ),
        Rule(
            cel="self.mode != 'Paper' || has(self.session)",
            message="session is required for mode Paper: say at least what is traded, session.symbols: [BTCUSDT]",
            holds=lambda s: s.mode is not Mode.PAPER or s.session is not None,
            field="session",
        ),
        Rule(
            cel="self.mode != 'Backtest' || !has(self.session)",
            message="session has no meaning in mode Backtest, which has none: remove it, or set mode: Paper",
            holds=lambda s: s.mode is not Mode.BACKTEST or s.session is None,
            field="session",
        ),
        Rule(
            cel="!has(self.session) || !has(oldSelf.session) || self.session.volume == oldSelf.session.volume",
            message="session.volume cannot be changed, a volume that is there keeps its size: leave it as it is, "
            "or delete the Strategy and create it anew",
            holds=None,
            field="session",
        ),
        Rule(
            cel="self.rerun >= oldSelf.rerun",
            message="rerun never decreases: leave it as it is, or raise it to run the same again",
            holds=None,
            field="rerun",
        ),
    )


class Trigger(StrEnum):
    """What asked for a run."""

    GENERATION = "Generation"
    RERUN = "Rerun"
    SCHEDULE = "Schedule"


class PinnedInputs(Document):
    """Image and data resolved to digests when a generation was first seen."""

    generation: Integer = Field(ge=0, description="The generation they were resolved for.")
    image: str = Field(max_length=512, description="The image by digest.")
    snapshots: tuple[Digest, ...] = Field(max_length=16, description="Ids of the snapshots read.")
    asked: Digest | None = Field(
        default=None,
        description="Digest of the part of the spec that asks for a run; another one is a new run.",
    )


class ImageManifest(Document):
    """The image of one platform, of those that an image's index lists."""

    platform: str = Field(max_length=64, description="Operating system and processor, as linux/amd64.")
    digest: Digest = Field(description="Digest of its manifest.")
    attestation: Digest | None = Field(
        default=None, description="Digest of the attestation of it; absent where there is none by a trusted key."
    )


class RunStatus(Document):
    """One run of a strategy."""

    name: Name = Field(description="Name of the run and of its Job.")
    generation: Integer = Field(ge=0, description="Generation of the Strategy that was run.")
    trigger: Trigger = Field(description="What asked for it.")
    configuration: Digest | None = Field(
        default=None, description="Digest of the spec that was run, as the ledger and Approvals have it."
    )
    scheduled_time: Timestamp | None = Field(default=None, description="The time the schedule named, RFC 3339.")
    architecture: Architecture = Field(description="The processor asked for.")
    image: str | None = Field(default=None, max_length=512, description="The image by digest.")
    image_attestation: Digest | None = Field(
        default=None, description="Digest of the attestation of the image that let it be run, where one is asked for."
    )
    image_manifests: tuple[ImageManifest, ...] | None = Field(
        default=None,
        max_length=len(MACHINES),
        description="What the image is on each processor that the run may run on, where the image had to be attested.",
    )
    approvals: GivenApprovals | None = Field(
        default=None, description="The approvals by which it was started, where any are asked for."
    )
    outcome: Outcome = Field(description="Where the run stands.")
    job_uid: str | None = Field(default=None, max_length=64, description="UID of its Job.")
    job_digest: Digest | None = Field(
        default=None, description="Digest of what its Job is to have its pods do; the operator takes no other for it."
    )
    start_time: Timestamp | None = Field(default=None, description="When its Job started, RFC 3339.")
    completion_time: Timestamp | None = Field(default=None, description="When it ended, RFC 3339.")
    run_digest: Digest | None = Field(default=None, description="Digest of what decides the result.")
    result_digest: Digest | None = Field(default=None, description="Digest of the result; equal wherever it ran.")
    manifest_digest: Digest | None = Field(default=None, description="Digest of the manifest in the store.")
    files_digest: Digest | None = Field(
        default=None, description="Digest over the files of its results, as its pod said at its end that it left them."
    )
    message: str | None = Field(default=None, max_length=4096, description="Why it stands so, in the runner's words.")
    total_return: str | None = Field(
        default=None, max_length=MAX_STATUS_FIGURE, description="Return over the whole run, a fraction."
    )
    sharpe: str | None = Field(default=None, max_length=MAX_STATUS_FIGURE, description="Yearly Sharpe ratio.")
    max_drawdown: str | None = Field(
        default=None, max_length=MAX_STATUS_FIGURE, description="Largest fall from a peak, a fraction."
    )
    trades: Integer | None = Field(default=None, ge=0, description="Trades made.")
    attestation: AttestationStatus | None = Field(
        default=None, description="Where its signed provenance lies; absent while there is none."
    )


class StrategyStatus(Document):
    """What came of a strategy."""

    observed_generation: Integer | None = Field(
        default=None, ge=0, description="The generation the operator has acted on."
    )
    conditions: Conditions = (UNSEEN,)
    pinned: PinnedInputs | None = Field(default=None, description="Image and data, resolved to digests.")
    observed_rerun: Integer | None = Field(default=None, ge=0, description="The value of rerun acted on.")
    latest: RunStatus | None = Field(default=None, description="The newest run.")
    history: tuple[RunStatus, ...] = Field(
        default=(), max_length=150, description="Finished runs before it, newest first."
    )
    last_schedule_time: Timestamp | None = Field(default=None, description="When the schedule last ran, RFC 3339.")
    next_schedule_time: Timestamp | None = Field(default=None, description="When it runs next, RFC 3339.")
    session: SessionStatus | None = Field(default=None, description="The session of mode Paper, the newest.")


class Strategy(Document):
    """A trading strategy to run."""

    api_version: Literal["tradeplane.dev/v1alpha1"] = "tradeplane.dev/v1alpha1"
    kind: Literal["Strategy"] = "Strategy"
    metadata: dict[str, object] = Field(default_factory=dict)
    spec: StrategySpec = Field(description="What to run, on which data, and when.")
    status: StrategyStatus | None = Field(default=None, description="What came of it, written by the operator.")
