"""The records of a snapshot in a registry: an artifact of their own that refers to the snapshot's, its files as layers.

What is signed of a snapshot is an artifact that follows from its id alone. So records may come beside it at any time,
from anybody, or never, and nothing that was attested changes by it; they are believed by the digests that stand in the
snapshot's manifest, not by who pushed them. The same files give the same artifact, however often it is pushed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tradeplane_store import layout
from tradeplane_store.errors import NotFound, TooLarge
from tradeplane_store.objects import MAX_PART_BYTES

from tradeplane_evidence.errors import Malformed, NotAttested
from tradeplane_evidence.registry.manifests import EMPTY, MANIFEST_TYPE, MAX_LAYERS, artifact, described
from tradeplane_evidence.registry.referrers import push_referrer
from tradeplane_evidence.results_artifact import ARROW_TYPE
from tradeplane_evidence.snapshot_artifact import snapshot_artifact
from tradeplane_evidence.statements.snapshot import refuse_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_store.objects import ObjectStore

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.stored_snapshots import StoredSnapshot

RECORDS_TYPE = "application/vnd.tradeplane.snapshot.records.v1+json"
"""What the artifact is."""
MAX_FILES = MAX_LAYERS
"""Parts of a snapshot whose records are pushed: so many layers has a manifest at most."""


@dataclass(frozen=True, slots=True)
class RecordLimits:
    """How much of a snapshot's records is pushed: bytes of all its files, and of one, which is held in memory."""

    all_bytes: int = MAX_FILES * MAX_PART_BYTES
    file_bytes: int = MAX_PART_BYTES

    def check(self, snapshot: str, sizes: Sequence[int]) -> None:
        """Raise Malformed where the files of a snapshot, by their sizes in bytes, are more than is pushed."""
        if len(sizes) > MAX_FILES:
            raise Malformed(
                f"snapshot {snapshot} has {len(sizes):,} parts, and the records of {MAX_FILES} at most go to a "
                "registry; import fewer instruments into one, or leave its records in the store"
            )
        found = ((sum(sizes), self.all_bytes, "in all"), (max(sizes, default=0), self.file_bytes, "in one file"))
        for size, most, where in found:
            if size > most:
                raise Malformed(
                    f"the records of snapshot {snapshot} have {size:,} bytes {where}, and {most:,} at most go to a "
                    "registry; leave them in the store, or raise the limit"
                )


def record_files(snapshot: str, manifest: SnapshotManifest) -> tuple[str, ...]:
    """Return where the records of a snapshot lie in a store, in the order of its parts."""
    return tuple(layout.snapshot_part(snapshot, part.name) for part in manifest.parts)


def title_of(file: str) -> str:
    """Return what the layer of a file of a store is called."""
    return PurePosixPath(file).name


def records_artifact(stored: StoredSnapshot, layers: Sequence[Descriptor]) -> bytes:
    """Return the artifact of a snapshot's records, from the layers of its files in their order."""
    subject = described(snapshot_artifact(stored.data, stored.manifest.holds), MANIFEST_TYPE)
    return artifact(RECORDS_TYPE, tuple(layers), subject=subject)


async def push_records(
    stored: StoredSnapshot, store: ObjectStore, registry: Registry, repository: Reference, limits: RecordLimits
) -> str:
    """Push the records of a snapshot, whose artifact is in the repository; return the digest of theirs.

    One file is in memory at a time; what is beyond the limits is found out before the first is sent. Raises
    PolicyRefused where it holds a session, Malformed where there are more than is pushed, NotAttested where a file is
    missing, and what store and registry raise.
    """
    refuse_session(stored.snapshot, stored.manifest)
    files = record_files(stored.snapshot, stored.manifest)
    layers = []
    try:
        states = await asyncio.to_thread(lambda: [store.stat(file) for file in files])
        limits.check(stored.snapshot, [one.size for one in states])
        for file, state in zip(files, states, strict=True):
            data = await store.aget(file, limit=state.size)
            await registry.push_blob(repository.repository, data)
            layers.append(described(data, ARROW_TYPE, title_of(file)))
    except NotFound as error:
        raise NotAttested(
            f"snapshot {stored.snapshot} is not whole: {error}; restore it from a copy, or import it again"
        ) from error
    except TooLarge as error:
        raise Malformed(f"the records of snapshot {stored.snapshot} change as they are read: {error}") from error
    await registry.push_blob(repository.repository, EMPTY)
    return await push_referrer(registry, repository.repository, records_artifact(stored, layers))
