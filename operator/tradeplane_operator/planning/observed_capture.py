"""What is known of a SnapshotCapture when it is planned for, be it of a market or of sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.planning.bundles import BundleFacts, KnownSnapshot
    from tradeplane_operator.planning.connecting import ConnectionView
    from tradeplane_operator.planning.observed import JobPods, ObservedSet, Refusal


@dataclass(frozen=True, slots=True)
class SealedSession:
    """The Snapshot of a closing. ``snapshot.number``: that of the closing. ``verified``: whether it has been read."""

    snapshot: KnownSnapshot
    verified: bool
    records: int


@dataclass(frozen=True, slots=True)
class SessionsView:
    """A Strategy as a capture of its sessions sees it, and the Snapshots there are of them."""

    prefix: str
    mode: str
    sealed: tuple[SealedSession, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedCapture:
    """Everything plan() may look at for one SnapshotCapture.

    ``fresh``: the resource was read after its StatefulSet was observed. ``pods``: of that, where somebody looked.
    ``refusal``: the API server refused the agent, or with ``snapshot_refusal`` a Snapshot, the last time.
    ``taken``: Snapshots there are have the names that this capture's would have. ``bundles``: what was found in the
    store; ``named``: Snapshots there are of their names. ``kept``: all of this capture, where it has a retention.
    ``read``: digests of snapshots that something reads now. ``sessions``: of a capture of those, the Strategy it names.
    """

    resource: Mapping[str, Any]
    sets: Mapping[str, ObservedSet] = field(default_factory=dict)
    connection: ConnectionView | None = None
    fresh: bool = False
    pods: JobPods | None = None
    refusal: Refusal | None = None
    snapshot_refusal: Refusal | None = None
    taken: bool = False
    bundles: BundleFacts | None = None
    named: Mapping[str, KnownSnapshot] = field(default_factory=dict)
    kept: tuple[KnownSnapshot, ...] = ()
    read: frozenset[str] | None = None
    sessions: SessionsView | None = None
