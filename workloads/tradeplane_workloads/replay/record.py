"""The record of a replay in the store: written once, under a name of the replay's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.parity import ReplayRecord
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json
from tradeplane_store.errors import AlreadyExists, NotFound, StoreError

from tradeplane_workloads.errors import DataRefused, StoreFailure

if TYPE_CHECKING:
    from tradeplane_store.objects import ObjectStore

SCHEMA_VERSION = 2
"""The newest version of a replay's record that this code reads; what version 1 has words for is written as that."""


def write_record(store: ObjectStore, record: ReplayRecord) -> ReplayRecord:
    """Write a replay's record and return the one that is in the store then: an earlier attempt's, if there is one.

    Raises DataRefused where what is there is the record of something else or came to something else, which an attempt
    of the same does not, and StoreFailure.
    """
    replay = record.specification.replay
    path = layout.replay_record(replay)
    try:
        store.put_if_absent(path, canonical_json(record))
    except AlreadyExists:
        earlier = read_record(store, replay)
    except StoreError as error:
        raise StoreFailure(f"replay {replay}: {error}") from error
    else:
        return record
    if earlier.specification != record.specification:
        raise DataRefused(f"{path} is the record of another replay; give this one a name of its own")
    if _found(earlier) != _found(record):
        raise DataRefused(
            f"{path} says that this replay came to something else than it does (result {earlier.result_digest}, now "
            f"{record.result_digest}); somebody else wrote it, or one of the machines is at fault: replay it anew"
        )
    return earlier


def _found(record: ReplayRecord) -> ReplayRecord:
    """Return what a record says, without where the replay ran."""
    return record.model_copy(update={"environment": {}, "schema_version": SCHEMA_VERSION})


def read_record(store: ObjectStore, replay: str) -> ReplayRecord:
    """Return the record of a replay. Raises DataRefused where there is none or it cannot be read."""
    from tradeplane_workloads.manifests import parse_manifest

    owner = f"replay {replay}"
    try:
        data = store.get(layout.replay_record(replay))
    except NotFound as error:
        raise DataRefused(f"{owner} has left no record in the store {store.url}; run it first") from error
    except StoreError as error:
        raise StoreFailure(f"{owner}: {error}") from error
    return parse_manifest(ReplayRecord, data, owner, SCHEMA_VERSION)
