"""Pointers: what a capture leaves in the store of each bundle it sealed, for whoever makes Snapshot objects of them.

One is written once, after the snapshot it names is whole and before its segment is marked as sealed. Their numbers go
up by one without a hole: who knows the last one finds the next without a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.capture import SealedBundle
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json
from tradeplane_store.errors import AlreadyExists

from tradeplane_workloads.errors import DataRefused

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore


def leave_pointer(store: ObjectStore, capture: str, bundle: SealedBundle) -> SealedBundle:
    """Leave a pointer to a bundle, or return what stands there already of the same segment.

    Another version may have sealed the segment just before, to another snapshot of the same lines: what was said first
    holds. Raises DataRefused where a bundle of other lines has this number, and StoreError.
    """
    path = layout.capture_pointer(capture, bundle.number)
    try:
        store.put_if_absent(path, canonical_json(bundle))
    except AlreadyExists:
        there = _read(store, path)
        if (there.number, there.lines, there.bytes) != (bundle.number, bundle.lines, bundle.bytes):
            raise DataRefused(
                f"{path} is of a bundle of {there.lines} lines, and segment {bundle.number} has {bundle.lines}: two "
                "spools were sealed under one name; capture under another name"
            ) from None
        return there
    return bundle


def newest_pointer(store: ObjectStore, capture: str) -> int:
    """Return the number of the newest pointer a capture left, 0 where there is none. Raises StoreError."""
    above = 1
    while store.exists(layout.capture_pointer(capture, above)):
        above *= 2
    least = above // 2
    while above - least > 1:
        middle = (least + above) // 2
        if store.exists(layout.capture_pointer(capture, middle)):
            least = middle
        else:
            above = middle
    return least


def _read(store: ObjectStore, path: str) -> SealedBundle:
    try:
        return SealedBundle.model_validate_json(store.get(path))
    except ValueError as error:
        raise DataRefused(f"{path} is no pointer to a bundle: {error}; capture under another name") from error
