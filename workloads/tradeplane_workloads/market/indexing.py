"""Snapshots entered into an index, and an index built again from what is in a store.

A store on a disk has its index beside it, made with the first snapshot that is written there; for another, and for one
shared by many, an index is named by its URL. A store that has snapshots and no index is left so: a partial one would
hide what it lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_store import layout
from tradeplane_store.index import Entry, IndexFailure, Wanted, beside, is_there, open_index

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.market.snapshot_manifests import holds_tapes, read_manifest
from tradeplane_workloads.market.timestamps import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.market.snapshot_manifests import WrittenSnapshot

_BARS, _SESSION = "Bars", "Session"
"""What an index calls instruments that have no tape, which says what kind they are."""


def enter(store: ObjectStore, written: WrittenSnapshot, index_url: str | None = None) -> bool:
    """Enter a snapshot that was written into the index of its store; return whether there is an index.

    Raises IndexFailure where it cannot be reached: the snapshot is written all the same.
    """
    url = index_url or beside(store.url)
    if url is None or (index_url is None and not is_there(url) and not _is_first(store, written.id)):
        return False
    with open_index(url) as index:
        index.enter(entry_of(store, written.id, written.manifest))
    return True


def reindex(
    store: ObjectStore, index_url: str | None = None, after_each: Callable[[], None] | None = None
) -> tuple[int, list[str]]:
    """Build the index of a store again from its manifests: how many snapshots there are, and what cannot be read."""
    entries, faults = [], []
    for digest in snapshot_ids(store):
        try:
            entries.append(entry_of(store, digest, read_manifest(store, digest)))
        except DataRefused as error:
            faults.append(str(error))
        if after_each is not None:
            after_each()
    with open_index(_url_of(store, index_url)) as index:
        index.replace(_key(store), entries)
    return len(entries), faults


def find(store: ObjectStore, wanted: Wanted, index_url: str | None = None) -> list[Entry]:
    """Return the snapshots of a store that are wanted, by start. Raises IndexFailure where there is no index."""
    url = _url_of(store, index_url)
    if not is_there(url):
        raise IndexFailure(f"the store {store.url} has no index; build it: tradeplane snapshot reindex")
    with open_index(url) as index:
        return index.find(_key(store), wanted)


def snapshot_ids(store: ObjectStore) -> list[str]:
    """Return the ids of all snapshots of a store that are whole enough to have a manifest."""
    digests = [f"sha256:{name}" for name in store.folders("snapshots")]
    return [digest for digest in digests if store.exists(layout.snapshot_manifest(digest))]


def entry_of(store: ObjectStore, digest: str, manifest: SnapshotManifest) -> Entry:
    """Return what an index says of a snapshot in a store."""
    state = store.stat(layout.snapshot_manifest(digest))
    parts = [store.stat(layout.snapshot_part(digest, part.name)).size for part in manifest.parts]
    untaped = _BARS if manifest.session is None else _SESSION
    kinds = [(one.symbol, untaped if one.tape is None else str(one.tape.kind)) for one in manifest.instruments]
    return Entry(
        store=_key(store),
        id=digest,
        form=_form(manifest),
        start_ns=nanoseconds(manifest.start),
        end_ns=nanoseconds(manifest.end),
        records=manifest.records,
        bytes=state.size + sum(parts),
        sealed_ns=state.written_ns,
        instruments=tuple(kinds),
        previous=manifest.previous,
    )


def _form(manifest: SnapshotManifest) -> str:
    if manifest.session is not None:
        return "session"
    return "tapes" if holds_tapes(manifest) else "bars"


def _is_first(store: ObjectStore, digest: str) -> bool:
    return snapshot_ids(store) == [digest]


def _key(store: ObjectStore) -> str:
    """Return what a store is called in an index: its URL, however it was written."""
    return store.url.rstrip("/")


def _url_of(store: ObjectStore, index_url: str | None) -> str:
    url = index_url or beside(store.url)
    if url is None:
        raise IndexFailure(
            f"the store {store.url} has no place for an index beside it; name one: TRADEPLANE_INDEX_URL, such as "
            "postgresql://host/database"
        )
    return url
