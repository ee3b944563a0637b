"""From sealed bundles to Snapshots, and which of those are old enough to go.

A bundle counts as recorded (``status.bundles.lastNumber``) once its Snapshot has been seen; only what is recorded may
be deleted. So an operator that ends anywhere between leaves nothing out, and makes nothing anew that a retention, or a
person, has deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.snapshot import DeletionPolicy, SnapshotOrigin

from tradeplane_operator.planning.capture_names import (
    BUNDLE_LABEL,
    BYTES_ANNOTATION,
    CAPTURE_LABEL,
    LONGEST_LABEL,
    snapshot_name,
)
from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.documents import to_wire
from tradeplane_operator.planning.names import API_VERSION, CAPTURE_UID_LABEL, CLOSING_LABEL, PAYLOAD_FINALIZER
from tradeplane_operator.planning.observed import ResultState
from tradeplane_operator.planning.times import parse_rfc3339
from tradeplane_operator.planning.wanted import Removal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from tradeplane_api.capture import SealedBundle
    from tradeplane_api.snapshot_capture import CapturedBundles, SnapshotCaptureSpec, SnapshotRetention


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """Bundles found in the store after the last one recorded, by their numbers.

    ``state`` and ``message``: what came of looking for the next; FOUND also where there is none yet. ``more``: there
    may be others behind these.
    """

    found: tuple[SealedBundle, ...] = ()
    state: ResultState = ResultState.FOUND
    message: str = ""
    more: bool = False


@dataclass(frozen=True, slots=True)
class KnownSnapshot:
    """A Snapshot as a capture sees it.

    ``number`` and ``bytes``: of the bundle it is, if it is one; of a session's, the number is that of the closing.
    ``ended``: the time of its last record, or of its creation where that is not known yet. ``origin``: whether its
    status says which capture sealed it.
    """

    name: str
    uid: str
    digest: str
    store: str
    ended: str
    number: int = 0
    bytes: int = 0
    deleting: bool = False
    origin: bool = False


def known_snapshot(resource: Mapping[str, Any]) -> KnownSnapshot:
    """Return what a capture needs to know of a Snapshot."""
    metadata, spec = resource["metadata"], resource.get("spec") or {}
    labels = metadata.get("labels") or {}
    return KnownSnapshot(
        name=metadata["name"],
        uid=metadata["uid"],
        digest=spec.get("digest", ""),
        store=spec.get("store", "default"),
        ended=(resource.get("status") or {}).get("end") or metadata["creationTimestamp"],
        number=_whole(labels.get(BUNDLE_LABEL) or labels.get(CLOSING_LABEL)),
        bytes=_whole((metadata.get("annotations") or {}).get(BYTES_ANNOTATION)),
        deleting="deletionTimestamp" in metadata,
        origin=bool((resource.get("status") or {}).get("origin")),
    )


def _whole(text: object) -> int:
    """Return the number of a label or an annotation, 0 where somebody made something else of it."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 16 else 0


def under_policy(policy: DeletionPolicy | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a policy adds to metadata and spec of a Snapshot: what is to go with it is held from the first."""
    guard = {"finalizers": [PAYLOAD_FINALIZER]} if policy is DeletionPolicy.DELETE else {}
    return guard, {} if policy is None else {"deletionPolicy": policy.value}


def build_snapshot(
    metadata: Mapping[str, Any],
    prefix: str,
    spec: SnapshotCaptureSpec,
    bundle: SealedBundle,
    *,
    attributed: bool = False,
) -> dict[str, Any]:
    """Return the manifest of the Snapshot of a bundle. It has no owner: it outlives its capture.

    ``attributed``: whether its status is to say which capture sealed it, as that is to be attested.
    """
    guard, policy = under_policy(spec.deletion_policy)
    labels = {CAPTURE_UID_LABEL: metadata["uid"], BUNDLE_LABEL: f"{bundle.number:06}"}
    if len(metadata["name"]) <= LONGEST_LABEL:
        labels[CAPTURE_LABEL] = metadata["name"]
    return {
        "apiVersion": API_VERSION,
        "kind": "Snapshot",
        "metadata": {
            "name": snapshot_name(prefix, bundle.number),
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": {BYTES_ANNOTATION: str(bundle.bytes)},
            **guard,
        },
        "spec": {"store": spec.store, "digest": bundle.snapshot, **policy},
        **({"status": {"origin": _origin(metadata["name"], spec, bundle)}} if attributed else {}),
    }


def _origin(capture: str, spec: SnapshotCaptureSpec, bundle: SealedBundle) -> dict[str, Any]:
    text = spec.model_dump_json(by_alias=True, exclude_none=True)
    return to_wire(SnapshotOrigin(capture=capture, bundle=bundle.number, specification=text))


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the bundles found: what is recorded by now, whose Snapshot is to be made, what is in the way."""

    bundles: CapturedBundles
    wanted: tuple[SealedBundle, ...] = ()
    verdict: Verdict | None = None


def record(
    bundles: CapturedBundles,
    found: Iterable[SealedBundle],
    named: Mapping[str, KnownSnapshot],
    store: str,
    *,
    attributed: bool = False,
) -> Recorded:
    """Record the bundles whose Snapshots are there, up to the first that is not; want the others made.

    What was found after an older record may be recorded by now, and is passed over. ``attributed``: whether those
    whose status does not say yet which capture sealed them are wanted, so that it does.
    """
    wanted: list[SealedBundle] = []
    following = bundles.last_number + 1
    for bundle in found:
        if bundle.number != following:
            continue
        following += 1
        name = snapshot_name(bundles.prefix, bundle.number)
        there = None if bundle.snapshot is None else named.get(name)
        if there is not None and (there.digest, there.store) != (bundle.snapshot, store):
            return Recorded(bundles, tuple(wanted), _taken(name, bundle))
        if bundle.snapshot is not None and (there is None or (attributed and not (there.origin or there.deleting))):
            wanted.append(bundle)
        elif not wanted:
            bundles = _with(bundles, bundle)
    return Recorded(bundles, tuple(wanted))


def _with(bundles: CapturedBundles, bundle: SealedBundle) -> CapturedBundles:
    return bundles.model_copy(
        update={
            "count": bundles.count + (bundle.snapshot is not None),
            "last_number": bundle.number,
            "last_time": bundle.end or bundles.last_time,
            "records": bundles.records + bundle.records,
            "gaps": (bundles.gaps or 0) + bundle.gaps,
        }
    )


def _taken(name: str, bundle: SealedBundle) -> Verdict:
    message = (
        f"there is a Snapshot {name} that is not bundle {bundle.number} of this capture ({bundle.snapshot}); delete "
        "it, and that bundle and those after it become Snapshots. Capturing goes on"
    )
    return Verdict(Standing.STALLED, "SnapshotNameTaken", message)


def outdated(
    retention: SnapshotRetention, kept: Iterable[KnownSnapshot], last_number: int, now: datetime
) -> tuple[KnownSnapshot, ...]:
    """Return the Snapshots beyond a retention, oldest first: recorded ones, and never the newest."""
    newest_first = sorted((one for one in kept if not one.deleting), key=lambda one: one.number, reverse=True)
    total, beyond, found = 0, False, []
    for place, one in enumerate(newest_first):
        total += one.bytes
        beyond = beyond or (place > 0 and _beyond(retention, place, total, one, now))
        if beyond and 0 < one.number <= last_number:
            found.append(one)
    return tuple(reversed(found))


def _beyond(retention: SnapshotRetention, place: int, total: int, one: KnownSnapshot, now: datetime) -> bool:
    if retention.count is not None and place >= retention.count:
        return True
    if retention.bytes is not None and total > retention.bytes:
        return True
    age = (now - parse_rfc3339(one.ended)).total_seconds()
    return retention.age_seconds is not None and age > retention.age_seconds


def removals(snapshots: Iterable[KnownSnapshot], read: frozenset[str]) -> tuple[Removal, ...]:
    """Return the removal of Snapshots, but of those whose digests are being read."""
    return tuple(Removal("Snapshot", one.name, one.uid) for one in snapshots if one.digest not in read)
