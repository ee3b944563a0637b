"""The manifest of a snapshot: what names it, what it holds, and reading it as what its digest says.

Apart from the data, whose tables are slow to load: a session that is replayed is read by its manifest and has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import SESSION_SCHEMA_VERSION, TAPE_SCHEMA_VERSION, SnapshotManifest
from tradeplane_store import layout
from tradeplane_store.canonical import sha256_digest

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.manifests import parse_manifest, read_manifest_bytes

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore

SCHEMA_VERSION = SESSION_SCHEMA_VERSION
"""The newest version of a snapshot's manifest that this code reads."""
FORMS = {False: ("bars",), True: ("tape", "messages")}
"""What the parts of an instrument hold, in their order, without and with tapes."""
REMEDY = "import the data again, or restore it from a copy"


@dataclass(frozen=True, slots=True)
class WrittenSnapshot:
    """A snapshot in the store. ``created`` is False where it was there already."""

    id: str
    manifest: SnapshotManifest
    created: bool


def part_name(index: int, form: str = "bars") -> str:
    """Return the name of the part that holds something of the manifest's instrument at ``index``.

    ``bars``, or the rows of its ``tape`` and the ``messages`` they came in.
    """
    return f"{form}-{index}"


def read_manifest(store: ObjectStore, digest: str) -> SnapshotManifest:
    """Return the manifest of a snapshot. Raises DataRefused when it is missing, altered, or of a newer schema."""
    owner = f"snapshot {digest}"
    data = read_manifest_bytes(
        store, layout.snapshot_manifest(digest), owner, "import it there (tradeplane snapshot import)"
    )
    found = sha256_digest(data)
    if found != digest:
        raise DataRefused(f"the manifest of {owner} has the digest {found}: it was altered or damaged; {REMEDY}")
    manifest = parse_manifest(SnapshotManifest, data, owner, SCHEMA_VERSION)
    if manifest.session is not None:
        return manifest  # whose parts are checked by the document itself
    forms = FORMS[holds_tapes(manifest)]
    expected = [part_name(index, form) for index in range(len(manifest.instruments)) for form in forms]
    if [part.name for part in manifest.parts] != expected:
        raise DataRefused(
            f"{owner} does not have one part of {' and '.join(forms)} for each instrument; import it again"
        )
    return manifest


def holds_tapes(manifest: SnapshotManifest) -> bool:
    """Say whether a snapshot holds tapes; it holds bars otherwise."""
    return manifest.schema_version == TAPE_SCHEMA_VERSION


def parts_of_each(manifest: SnapshotManifest) -> int:
    """Return how many parts each instrument has."""
    return len(FORMS[holds_tapes(manifest)])
