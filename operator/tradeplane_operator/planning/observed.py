"""What plan() is shown: compact, immutable views of the cluster and of the stores.

Each may be stale or missing; plan() says what it still needs to know (``Need``) and the loop finds out and asks again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tradeplane_operator.planning.sealing_terms import SealingTerms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tradeplane_api.parity import Compared, Verdict
    from tradeplane_api.run import Summary

    from tradeplane_operator.planning.approving import FoundApprovals
    from tradeplane_operator.planning.attesting import AttestationFacts
    from tradeplane_operator.planning.bundles import KnownSnapshot
    from tradeplane_operator.planning.connecting import ConnectionView
    from tradeplane_operator.planning.image_trust import ImageFacts


class JobEnd(StrEnum):
    """How a Job ended, by its condition."""

    COMPLETE = "Complete"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class ObservedJob:
    """What matters of a Job; times are RFC 3339. ``ready``: a pod of it runs, or has just succeeded.

    ``has_pod``: its controller has made a pod, which may still wait.
    ``did``: what it had its pods do (``planning.job_digest``), of one that has ended. ``queue``: where it waits, or has
    waited, for quota; "" where it does not. ``elsewhere``: its pods are in another cluster, and none of them here.
    """

    name: str
    namespace: str
    uid: str
    owner_uid: str
    owner_name: str
    resource_version: int
    created: str
    ready: bool = False
    has_pod: bool = False
    start_time: str | None = None
    end: JobEnd | None = None
    end_time: str | None = None
    reason: str = ""
    message: str = ""
    suspended: bool = False
    deleting: bool = False
    owner_kind: str = "Strategy"
    did: str = ""
    queue: str = ""
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class ObservedChild:
    """What matters of a child that changes, and so is applied: of a Service, and of more than that.

    ``applied``: the digest of the manifest it was last made like (``planning.applied``).
    """

    name: str
    namespace: str
    uid: str
    owner_uid: str
    owner_name: str
    owner_kind: str
    resource_version: int
    created: str
    applied: str = ""
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class ObservedSet(ObservedChild):
    """What matters of a StatefulSet.

    ``wanted``: how many pods its spec asks for. ``pods``: how many there are, those that are ending included. ``ready``
    of them answer, and ``updated`` of them are of the newest template.
    """

    generation: int = 0
    observed_generation: int = 0
    wanted: int = 1
    pods: int = 0
    ready: int = 0
    updated: int = 0

    @property
    def settled(self) -> bool:
        """Whether the counts are of the newest spec."""
        return self.observed_generation >= self.generation

    @property
    def running(self) -> bool:
        """Whether all pods wanted are of the newest template, and answer."""
        return self.settled and 0 < self.wanted <= min(self.ready, self.updated) and self.pods == self.wanted

    @property
    def empty(self) -> bool:
        """Whether no pod is wanted and none is left."""
        return self.settled and self.wanted == 0 and self.pods == 0


@dataclass(frozen=True, slots=True)
class TraderFacts:
    """What the API server itself shows of a trader, rather than what a watch has shown.

    ``stopped``: its StatefulSet wants no pod, and its controller knows; or there is none. ``live``: names of the pods
    that trade or close and have not ended. ``claimed``: there is a claim of its volume.
    """

    stopped: bool
    live: tuple[str, ...]
    claimed: bool


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What one pod tells about why it waits or how it ended.

    ``last_exit_code``, ``last_message``: of the container's run before this one, where it was started again.
    ``unreported``: it counts as not ready although its container was, as is said of pods whose node is silent.
    ``removing``: why it is being removed, in words; "" where it is not.
    """

    name: str
    created: str
    phase: str
    unschedulable: str = ""
    waiting_reason: str = ""
    waiting_message: str = ""
    terminated_reason: str = ""
    exit_code: int | None = None
    termination_message: str = ""
    status_reason: str = ""
    status_message: str = ""
    last_exit_code: int | None = None
    last_message: str = ""
    unreported: bool = False
    removing: str = ""


@dataclass(frozen=True, slots=True)
class JobPods:
    """Pods of a Job or StatefulSet, oldest first; and, where there are none, why its controller could create none.

    ``finished``: of a Job that waits and was sent elsewhere: Kueue has said that its work is finished.
    """

    pods: tuple[PodFacts, ...]
    refusal: str = ""
    finished: bool = False


class ResultState(StrEnum):
    """What was found where a run's manifest should lie."""

    FOUND = "Found"
    MISSING = "Missing"
    REFUSED = "Refused"
    UNAVAILABLE = "Unavailable"


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """A run's results as read from the store, already checked against their digests where FOUND."""

    state: ResultState
    message: str = ""
    run_digest: str = ""
    result_digest: str = ""
    manifest_digest: str = ""
    summary: Summary | None = None


@dataclass(frozen=True, slots=True)
class ReplayFacts:
    """The record of a replay as read from the store: as results of a run, and how it compares where they are FOUND."""

    results: ResultFacts
    verdict: Verdict | None = None
    compared: Compared | None = None


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """What a Strategy, or a Replay, needs to know of the Snapshot it names."""

    digest: str
    store: str
    ready: bool
    stalled: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The answer to a run that asked for a slot: granted, or what it waits for."""

    granted: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the API server answered when a Job was to be created, and when."""

    reason: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything plan() may look at for one Strategy.

    ``confirmed``: the resource came from a watch or a read, not from the answer to a write of ours.
    ``fresh``: it was read after the Jobs were observed, so that a Job missing here is not one recorded and gone.
    ``sets``, ``connection`` and ``trader`` are of mode Paper, and so is ``sealed``: the Snapshot there is of the name
    that the one of its last closing has. ``sealing_terms``: what captures of its sessions ask for.
    """

    resource: Mapping[str, Any]
    jobs: Mapping[str, ObservedJob] = field(default_factory=dict)
    snapshot: SnapshotView | None = None
    confirmed: bool = True
    fresh: bool = False
    sets: Mapping[str, ObservedSet] = field(default_factory=dict)
    connection: ConnectionView | None = None
    trader: TraderFacts | None = None
    sealed: KnownSnapshot | None = None
    sealing_terms: SealingTerms = field(default_factory=SealingTerms)
    results: Mapping[str, ResultFacts] = field(default_factory=dict)
    pods: Mapping[str, JobPods] = field(default_factory=dict)
    admitted: Mapping[str, Admitted] = field(default_factory=dict)
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    attestations: Mapping[str, AttestationFacts] = field(default_factory=dict)
    images: Mapping[str, ImageFacts] = field(default_factory=dict)
    approvals: FoundApprovals | None = None
