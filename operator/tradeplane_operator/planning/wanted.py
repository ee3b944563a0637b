"""What plan() answers: what it still needs to know, or what is wanted of the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tradeplane_api.strategy import RunStatus

    from tradeplane_operator.planning.replay_attesting import JudgedReplays
    from tradeplane_operator.planning.snapshot_attesting import SealedSnapshot


class Fact(StrEnum):
    """Kinds of facts that are looked up only when a plan needs them."""

    FRESH_RESOURCE = "FreshResource"
    RESULTS = "Results"
    PODS = "Pods"
    ADMISSION = "Admission"
    TRADER = "Trader"
    BUNDLES = "Bundles"
    READERS = "Readers"
    MANIFEST = "Manifest"
    IMAGE = "Image"
    APPROVALS = "Approvals"


@dataclass(frozen=True, slots=True)
class Need:
    """A fact a plan cannot go on without; ``run`` names the run, or is a snapshot's digest or an image."""

    fact: Fact
    run: str = ""


class EventType(StrEnum):
    """Types of Kubernetes Events."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """A Kubernetes Event to tell people about an object."""

    type: EventType
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Removal:
    """A child that is to go, and is no Job: by its kind and name, and by the UID it was seen with."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted of the cluster for one object.

    Where ``needs`` is not empty, the rest is empty: the loop finds the facts and asks again. Otherwise the status is
    written first, if it differs; only when that succeeded are children made and removed and notices given.

    ``create`` and ``delete`` are of Jobs, which never change; ``apply`` and ``remove`` of children that do. What is to
    be applied is marked (``planning.applied``), and is not as wanted yet. ``claims`` of volumes are removed before the
    ``finalizers`` of the object are made what is wanted, last of all; None leaves those as they are.
    """

    needs: tuple[Need, ...] = ()
    status: Mapping[str, Any] | None = None
    create: tuple[Mapping[str, Any], ...] = ()
    delete: tuple[str, ...] = ()
    apply: tuple[Mapping[str, Any], ...] = ()
    remove: tuple[Removal, ...] = ()
    snapshots: tuple[Mapping[str, Any], ...] = ()
    """Snapshots to be made of bundles, or of a session; those that are ``outdated`` are deleted."""
    outdated: tuple[Removal, ...] = ()
    remove_payload: bool = False
    """Whether what a Snapshot names in the store is to be removed now; a plan that knows how that went follows."""
    claims: tuple[str, ...] = ()
    finalizers: tuple[str, ...] | None = None
    notices: tuple[Notice, ...] = ()
    look_again_at: datetime | None = None
    holds: tuple[str, ...] = ()
    """Runs that hold a slot of the caps after this plan."""
    attest: tuple[RunStatus, ...] = ()
    """Runs to be attested beside the loop, once the status is written; ``owed`` are all that are not attested yet."""
    attest_replays: JudgedReplays | None = None
    """The same of replays of a run."""
    attest_snapshot: SealedSnapshot | None = None
    """The same of what a capture sealed."""
    owed: frozenset[str] = frozenset()
    awaits_confirmation: bool = False
    """Whether something follows only once a watch has shown the status as this plan leaves it."""
