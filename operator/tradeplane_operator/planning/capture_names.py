"""Names of what a capture makes: its agent, and the Snapshots of its bundles."""

from __future__ import annotations

import hashlib
import re

from tradeplane_operator.planning.names import GROUP

SEALING_FINALIZER = f"{GROUP}/sealing"
"""Keeps a capture from going before its last bundle is sealed and has become a Snapshot."""
CAPTURE_ROLE = "capture"
"""Role of pods that capture, for a NetworkPolicy to select."""
SPOOL = "spool"
"""The volume of an agent."""
CAPTURE_LABEL = f"{GROUP}/capture"
"""Of a Snapshot: the name of the capture that made it, where a label can hold it."""
BUNDLE_LABEL = f"{GROUP}/bundle"
"""Of a Snapshot: the number of the bundle it is."""
BYTES_ANNOTATION = f"{GROUP}/recording-bytes"
"""Of a Snapshot: bytes of the recording its bundle was made of."""
LONGEST_LABEL = 63

_AGENT = 52
"""The controller of StatefulSets adds eleven characters to the name, in a label, and a label has 63."""
_READABLE, _HASHED = 35, 8
_LONGEST_PREFIX = 200
_NUMBER = re.compile(r"-[0-9]{6,16}")


def agent_name(capture: str, uid: str) -> str:
    """Return the name of a capture's StatefulSet: ``<capture>-capture``, or a shorter one made unique by the UID."""
    name = f"{capture}-{CAPTURE_ROLE}"
    if len(name) <= _AGENT and "." not in capture:
        return name
    return f"{_readable(capture, _READABLE)}-{_hash(uid)}-{CAPTURE_ROLE}"


def claim_of(capture: str, uid: str) -> str:
    """Return the name of the claim of an agent's volume."""
    return f"{claim_template(uid)}-{agent_name(capture, uid)}-0"


def claim_template(uid: str) -> str:
    """Return the name a StatefulSet has for its volume: a capture made anew under a name never meets an older spool."""
    return f"{SPOOL}-{_hash(uid)}"


def snapshot_prefix(capture: str, uid: str, *, taken: bool) -> str:
    """Return what the names of a capture's Snapshots begin with; ``taken``: its own name is that of others' already."""
    if taken or len(capture) > _LONGEST_PREFIX:
        return f"{_readable(capture, _LONGEST_PREFIX)}-{_hash(uid)}"
    return capture


def snapshot_name(prefix: str, number: int) -> str:
    """Return the name of the Snapshot of a bundle."""
    return f"{prefix}-{number:06}"


def is_snapshot_of(prefix: str, name: str) -> bool:
    """Return whether a name is one that a capture with this prefix gives."""
    return name.startswith(prefix) and _NUMBER.fullmatch(name, len(prefix)) is not None


def _readable(capture: str, longest: int) -> str:
    return capture.replace(".", "-")[:longest].rstrip("-")


def _hash(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:_HASHED]
