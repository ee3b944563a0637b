"""The records of a snapshot, had from a registry: what is there of them, and each file by its digest into a store.

Whoever may write to the repository can push something that says it is the records of a snapshot. Nothing of that is
believed here but that it has the files that the snapshot's manifest names, and no more bytes than are taken; whether
the records are the ones that were attested, the digests in that manifest say to whoever reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from tradeplane_store import layout

from tradeplane_evidence.errors import DigestMismatch, Malformed, RegistryRefused
from tradeplane_evidence.registry.manifests import parse_manifest
from tradeplane_evidence.registry.referrers import list_referrers
from tradeplane_evidence.snapshot_manifests import MAX_MANIFEST_BYTES, parse_snapshot
from tradeplane_evidence.snapshot_records import RECORDS_TYPE, record_files, title_of
from tradeplane_evidence.stored_snapshots import StoredSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_store.objects import ObjectStore

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.manifests import Descriptor, Manifest
    from tradeplane_evidence.registry.references import Reference

MAX_TRIED = 8
"""Artifacts that say they are the records of one snapshot, which are looked at; a snapshot has one."""


@dataclass(frozen=True, slots=True)
class Records:
    """What may be the records of a snapshot: their artifact, and its files in the order of the snapshot's parts."""

    reference: Reference
    layers: tuple[Descriptor, ...]

    @property
    def bytes(self) -> int:
        """How many bytes the files have by what the artifact says; no more are taken."""
        return sum(layer.size for layer in self.layers)


async def pull_snapshot(registry: Registry, place: Reference, snapshot: str) -> StoredSnapshot:
    """Return a snapshot's manifest from a registry, by its id. Raises DigestMismatch, Malformed and RegistryRefused."""
    data = await registry.blob(place.repository, snapshot, MAX_MANIFEST_BYTES)
    return StoredSnapshot(snapshot, data, parse_snapshot(data, snapshot))


async def find_records(registry: Registry, place: Reference, pulled: StoredSnapshot) -> tuple[Records, ...]:
    """Return what may be the records of a snapshot whose artifact is at a place, in the registry's order.

    Raises what the registry raises where it cannot be asked.
    """
    hung = await list_referrers(registry, place.repository, place.digest or "")
    listed = [one for one in hung if one.artifact_type == RECORDS_TYPE][:MAX_TRIED]
    found = [await _looked_at(registry, place, one.digest, pulled) for one in listed]
    return tuple(one for one in found if one is not None)


async def pull_records(
    registry: Registry, records: Records, pulled: StoredSnapshot, store: ObjectStore, say: Callable[[str], None]
) -> None:
    """Pull the files of a snapshot into a store that has none of them yet; ``say`` is told how far it is.

    One file is in memory at a time, and the manifest is written last: what was cut short is no snapshot. Raises
    DigestMismatch where a file is another, Malformed where it has more bytes than were said, and what registry and
    store raise.
    """
    done = 0
    for layer, file in zip(records.layers, record_files(pulled.snapshot, pulled.manifest), strict=True):
        say(f"Pulling {title_of(file)}: {done:,} of {records.bytes:,} bytes")
        data = await registry.blob(records.reference.repository, layer.digest, layer.size)
        await store.aput_if_absent(file, data)
        done += len(data)
    await store.aput_if_absent(layout.snapshot_manifest(pulled.snapshot), pulled.data)


async def _looked_at(registry: Registry, place: Reference, digest: str, pulled: StoredSnapshot) -> Records | None:
    """Return what an artifact has of the records; None where it is none of this snapshot, or is gone."""
    reference = place.at(digest)
    try:
        data, _ = await registry.manifest(reference)
        manifest = parse_manifest(data, f"the manifest of {reference}")
    except (DigestMismatch, Malformed):
        return None
    except RegistryRefused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None
    return Records(reference, manifest.layers) if _is_of(manifest, place, pulled) else None


def _is_of(manifest: Manifest, place: Reference, pulled: StoredSnapshot) -> bool:
    """Return whether an artifact is about the one at a place, and has the files that a snapshot's manifest names."""
    subject = None if manifest.subject is None else manifest.subject.digest
    named = [title_of(file) for file in record_files(pulled.snapshot, pulled.manifest)]
    titles = [layer.title for layer in manifest.layers]
    return (manifest.artifact_type, subject, titles) == (RECORDS_TYPE, place.digest, named)
