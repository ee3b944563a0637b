"""A session that was sealed, entered into the index that is named: ``TRADEPLANE_INDEX_URL``, as for captures.

A pod has no place beside its store for an index of its own, so none is kept where none is named: Snapshot objects are
the index then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.market.snapshot_manifests import WrittenSnapshot


def enter_sealed(store: ObjectStore, sealed: WrittenSnapshot, index_url: str | None) -> str:
    """Enter a session's snapshot; return in words why it is not in the index that was named, nothing where it is.

    It is sealed all the same, and an index is built again from a store: no reason to call a closing failed.
    """
    if not index_url:
        return ""
    from tradeplane_store.errors import StoreError  # a trader that closes without an index needs no database library
    from tradeplane_store.index import IndexFailure

    from tradeplane_workloads.market.indexing import enter

    try:
        enter(store, sealed, index_url)
    except (IndexFailure, StoreError) as error:
        return f"sealed as {sealed.id}, which is not in the index (tradeplane snapshot reindex enters it): {error}"
    return ""
