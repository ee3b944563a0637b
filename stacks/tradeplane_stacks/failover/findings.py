"""Whether a region can take a service over: judged from what was seen in it and in the active one, without asking."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ready", "behind", "missing", "unknown"]

SIGNS = "ECC_NIST_P256"


@dataclass(frozen=True, order=True)
class Finding:
    """One part of a service in the region that is to be active, and how it stands.

    ``behind`` and ``unknown`` may be accepted where the source is lost: they say what is lost with it. What is
    ``missing`` can be made up for by nothing.
    """

    part: str
    state: State
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {"part": self.part, "state": self.state, "message": self.message}


@dataclass(frozen=True)
class KeySeen:
    """The key that an alias leads to."""

    id: str
    state: str
    spec: str
    multi_region: bool


@dataclass(frozen=True)
class BucketSeen:
    """A bucket, and what is known of the copying into it."""

    versioned: bool
    locked: bool
    copied_into: bool | None
    """Whether the active region's bucket is set to be copied here; None where that could not be asked."""
    pending_bytes: float | None
    """What was not copied yet, by the newest measurement; None where there is none of the last minutes."""
    last_pending_bytes: float | None = None
    """The same by the newest measurement of the last hours."""


Repositories = Mapping[str, frozenset[str]]
"""Digests of the images in each repository, by its name."""


def key_finding(there: KeySeen | None, here: KeySeen | None, *, asked_here: bool) -> Finding:
    """Judge the key of the region that is to be active (``there``) by that of the active one."""
    part = "signing_key"
    if there is None:
        return Finding(part, "missing", "no key is led to by the alias")
    if there.state != "Enabled" or there.spec != SIGNS or not there.multi_region:
        return Finding(
            part, "missing", f"key {there.id} is {there.state}, {there.spec}; wanted is an Enabled {SIGNS} replica"
        )
    if not asked_here:
        return Finding(part, "unknown", f"key {there.id} is there; whether it is the one that signed cannot be asked")
    if here is None or here.id != there.id:
        return Finding(part, "missing", f"key {there.id} is not the one that signs now, {here.id if here else 'none'}")
    return Finding(part, "ready", f"key {there.id} is the one that signs now")


def store_finding(bucket: str, seen: BucketSeen | None) -> Finding:
    """Judge the bucket of the region that is to be active."""
    part = "snapshot_store"
    if seen is None:
        return Finding(part, "missing", f"there is no bucket {bucket}")
    if not (seen.versioned and seen.locked):
        return Finding(part, "missing", f"bucket {bucket} keeps no versions, or does not lock them")
    if seen.copied_into is False:
        return Finding(part, "missing", f"nothing is set to be copied into {bucket}")
    if seen.pending_bytes is None or seen.copied_into is None:
        last = seen.last_pending_bytes
        tail = "" if last is None else f"; {last:.0f} bytes were waiting by the last measurement of the last hours"
        return Finding(part, "unknown", f"how much is not copied into {bucket} yet is not known{tail}")
    if seen.pending_bytes > 0:
        return Finding(part, "behind", f"{seen.pending_bytes:.0f} bytes are not copied into {bucket} yet")
    return Finding(part, "ready", f"everything is copied into {bucket}")


def registry_findings(images: tuple[str, ...], there: Repositories, here: Repositories | None) -> Iterator[Finding]:
    """Judge the repositories of the region that is to be active by those of the active one."""
    part = "artifact_registry"
    if absent := sorted(set(images) - set(there)):
        yield Finding(part, "missing", f"there is no repository {', '.join(absent)}")
        return
    if empty := sorted(image for image in images if not there[image]):
        yield Finding(part, "missing", f"no image is in {', '.join(empty)}, of which the operator or its runs are")
        return
    if here is None:
        yield Finding(part, "unknown", "repositories are there; what was pushed last cannot be compared")
        return
    late = {name: len(digests - there.get(name, frozenset())) for name, digests in sorted(here.items())}
    if behind := {name: count for name, count in late.items() if count}:
        listed = ", ".join(f"{count} of {name}" for name, count in behind.items())
        yield Finding(part, "behind", f"not copied yet: {listed}")
        return
    yield Finding(part, "ready", f"all of {len(here)} repositories is there")


def refusals(findings: tuple[Finding, ...], *, source_lost: bool) -> tuple[Finding, ...]:
    """Return what forbids a move: what is missing always, the rest unless what the source has is given up."""
    accepted = {"ready", "behind", "unknown"} if source_lost else {"ready"}
    return tuple(finding for finding in findings if finding.state not in accepted)
