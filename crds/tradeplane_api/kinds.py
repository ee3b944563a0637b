"""The kinds of the API and how ``kubectl`` names and prints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.approval import Approval
from tradeplane_api.broker_connection import BrokerConnection
from tradeplane_api.replay import Replay
from tradeplane_api.snapshot import Snapshot
from tradeplane_api.snapshot_capture import SnapshotCapture
from tradeplane_api.strategy import Strategy

if TYPE_CHECKING:
    from tradeplane_api.base import Document


@dataclass(frozen=True)
class Column:
    """A column of ``kubectl get``; a ``wide`` one is printed with ``-o wide`` alone."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind: its model, its names, its columns."""

    model: type[Document]
    plural: str
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """Return the kind as manifests spell it."""
        return self.model.__name__


_READY = '.status.conditions[?(@.type=="Ready")]'
_READY_COLUMNS = (
    Column("Ready", f"{_READY}.status", "Whether what was asked for is there."),
    Column("Status", f"{_READY}.reason", "Why it is, or is not."),
)
_LAST_COLUMNS = (
    Column("Message", f"{_READY}.message", "What happened, and what a person can do.", wide=True),
    Column("Age", ".metadata.creationTimestamp", "Time since it was created.", type="date"),
)

STRATEGY = Kind(
    model=Strategy,
    plural="strategies",
    short_names=("strat",),
    columns=(
        Column("Algorithm", ".spec.algorithm.name", "What decides."),
        Column("Mode", ".spec.mode", "How it trades."),
        Column("Snapshot", ".spec.snapshotRef.name", "The market data it reads."),
        Column("Connection", ".spec.connectionRef.name", "The broker it trades with.", wide=True),
        *_READY_COLUMNS,
        Column("Return", ".status.latest.totalReturn", "Return of the newest run, a fraction."),
        Column("Sharpe", ".status.latest.sharpe", "Yearly Sharpe ratio of the newest run."),
        Column("Drawdown", ".status.latest.maxDrawdown", "Largest fall from a peak, a fraction."),
        Column("Trades", ".status.latest.trades", "Trades made.", type="integer", wide=True),
        Column("Result", ".status.latest.resultDigest", "Digest of the result; equal wherever it ran.", wide=True),
        Column("Architecture", ".spec.architecture", "The processor asked for.", wide=True),
        Column("Next", ".status.nextScheduleTime", "When the schedule runs it next.", wide=True),
        Column("Session", ".status.session.state", "Whether it trades, is being closed, or is closed.", wide=True),
        Column("Outcome", ".status.session.outcome", "How the session's last closing ended.", wide=True),
        *_LAST_COLUMNS,
    ),
)

SNAPSHOT = Kind(
    model=Snapshot,
    plural="snapshots",
    short_names=("snap",),
    columns=(
        *_READY_COLUMNS,
        Column("Holds", ".status.holds", "Bars or tapes of a market, or a session that was traded."),
        Column("Instruments", ".status.instruments", "Symbols, the first 16."),
        Column("Records", ".status.records", "Records in all parts.", type="integer"),
        Column("Start", ".status.start", "Time of the first record."),
        Column("End", ".status.end", "Time of the last record."),
        Column("Store", ".spec.store", "The store it lies in.", wide=True),
        Column("Digest", ".spec.digest", "Its id.", wide=True),
        *_LAST_COLUMNS,
    ),
)

BROKER_CONNECTION = Kind(
    model=BrokerConnection,
    plural="brokerconnections",
    short_names=("bc",),
    columns=(
        Column("Type", ".spec.type", "Who answers."),
        Column("Market", ".spec.market", "Which of Binance's protocols is spoken.", wide=True),
        *_READY_COLUMNS,
        Column("Latency", ".status.latencyMilliseconds", "Median time from a request to its answer, milliseconds."),
        Column("Skew", ".status.clockSkewMilliseconds", "The broker's clock less the node's, milliseconds."),
        Column("Credentials", ".status.credentials", "What the broker said of the credentials.", wide=True),
        *_LAST_COLUMNS,
    ),
)

REPLAY = Kind(
    model=Replay,
    plural="replays",
    short_names=("rp",),
    columns=(
        Column("Strategy", ".spec.strategyRef.name", "Whose run is replayed, or what decides in a session."),
        Column("Snapshot", ".spec.snapshotRef.name", "The session that is replayed."),
        *_READY_COLUMNS,
        Column("Decisions", ".status.summary.decisions", "Whether the trader did the same."),
        Column("Execution", ".status.summary.execution", "Whether the same came of it."),
        Column("Fills", ".status.summary.fills", "Fills the same as the baseline's, of all."),
        Column("PnL", ".status.summary.pnlDifference", "Final equity less that of the baseline."),
        Column("Divergence", ".status.summary.divergence", "The first record that differs."),
        Column("Run", ".status.pinned.baseline.run", "The run that is replayed.", wide=True),
        Column("Result", ".status.pinned.resultDigest", "Digest of its result.", wide=True),
        *_LAST_COLUMNS,
    ),
)

SNAPSHOT_CAPTURE = Kind(
    model=SnapshotCapture,
    plural="snapshotcaptures",
    short_names=("sc",),
    columns=(
        Column("Connection", ".spec.source.connectionRef.name", "The broker whose market is taken down."),
        Column("Strategy", ".spec.source.strategyRef.name", "The Strategy whose sessions are captured."),
        *_READY_COLUMNS,
        Column("Bundles", ".status.bundles.count", "Snapshots made so far.", type="integer"),
        Column("Last", ".status.bundles.lastTime", "Time of the last record of the newest."),
        Column("Gaps", ".status.bundles.gaps", "Places where messages were lost.", type="integer"),
        Column("Records", ".status.bundles.records", "Records in all of them.", type="integer", wide=True),
        Column("Store", ".spec.store", "The store they lie in.", wide=True),
        *_LAST_COLUMNS,
    ),
)

APPROVAL = Kind(
    model=Approval,
    plural="approvals",
    short_names=("appr",),
    columns=(
        Column("Strategy", ".spec.strategyRef.name", "What is approved."),
        Column("User", ".spec.user", "Who approves."),
        *_READY_COLUMNS,
        Column("Until", ".status.notAfter", "Until when it lets something start."),
        Column("Configuration", ".spec.configuration", "Digest of the specification.", wide=True),
        Column("Key", ".status.key", "Fingerprint of the key that verifies it.", wide=True),
        *_LAST_COLUMNS,
    ),
)

KINDS = (STRATEGY, SNAPSHOT, BROKER_CONNECTION, REPLAY, SNAPSHOT_CAPTURE, APPROVAL)
