"""Reading what runs and imports left in the stores, checked against the digests that name it.

The manifest in the store is the authority on a run: nothing else is taken for a result. What cannot be read now is told
apart from what is not there and from what is wrong, because a person does something else about each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError
from tradeplane_api.capture import SealedBundle
from tradeplane_api.run import ResultsManifest
from tradeplane_api.snapshot_manifest import SnapshotManifest
from tradeplane_store import layout
from tradeplane_store.canonical import result_digest, sha256_digest
from tradeplane_store.errors import NotFound, StoreError, StoreUnavailable
from tradeplane_store.objects import ObjectStore, open_store

from tradeplane_operator.observing.problems import first_problem
from tradeplane_operator.observing.replay_records import check_record, refused
from tradeplane_operator.planning.asking import digest_of
from tradeplane_operator.planning.bundles import BundleFacts
from tradeplane_operator.planning.observed import ResultFacts, ResultState
from tradeplane_operator.planning.payload import PayloadRemoval, RemovalEnd
from tradeplane_operator.planning.snapshot import SnapshotFacts, SnapshotState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_operator.planning.observed import ReplayFacts
    from tradeplane_operator.settings import Store

MOST_BUNDLES = 32
"""Bundles that are read in one pass."""
_MAX_POINTER_BYTES = 65_536
_NAMESPACE = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")


class PointerRefused(ValueError):
    """What lies where a capture leaves a pointer to a bundle is none; the message says where, and what is wrong."""


@dataclass(slots=True)
class Stores:
    """The stores of the settings, opened when first needed."""

    settings: Mapping[str, Store]
    _opened: dict[str, ObjectStore] = field(default_factory=dict)

    def of(self, name: str, namespace: str) -> ObjectStore:
        """Return a namespace's folder of a store. Raises KeyError for a store the settings do not name."""
        if not _NAMESPACE.match(namespace):
            raise ValueError(f"{namespace!r} is not the name of a namespace")
        store = self._opened.get(name)
        if store is None:
            store = self._opened[name] = open_store(self.settings[name].url)
        return store.within(namespace)

    async def results(self, store: str, namespace: str, run: str) -> ResultFacts:
        """Return the results of a run as found in a store."""
        path = layout.results_manifest(run)
        try:
            data = await self.of(store, namespace).aget(path)
        except NotFound:
            message = f"there is no {path} in store {store!r}; the run ended without writing its results"
            return ResultFacts(ResultState.MISSING, message)
        except StoreUnavailable as error:
            return ResultFacts(ResultState.UNAVAILABLE, str(error))
        except StoreError as error:
            return ResultFacts(ResultState.REFUSED, str(error))
        return check_results(data, run)

    async def replay(self, store: str, namespace: str, replay: str) -> ReplayFacts:
        """Return the record of a replay as found in a store."""
        path = layout.replay_record(replay)
        try:
            data = await self.of(store, namespace).aget(path)
        except NotFound:
            message = f"there is no {path} in store {store!r}; the replay ended without writing its record"
            return refused(message, ResultState.MISSING)
        except StoreUnavailable as error:
            return refused(str(error), ResultState.UNAVAILABLE)
        except StoreError as error:
            return refused(str(error))
        return check_record(data, replay)

    async def bundles(self, store: str, namespace: str, capture: str, after: int) -> BundleFacts:
        """Return the bundles that a capture left pointers to, by their numbers, from the one after ``after`` on."""
        found: list[SealedBundle] = []
        try:
            opened = self.of(store, namespace)
            while len(found) < MOST_BUNDLES:
                number = after + 1 + len(found)
                path = layout.capture_pointer(capture, number)
                found.append(check_pointer(await opened.aget(path, limit=_MAX_POINTER_BYTES), path, number))
        except NotFound:
            return BundleFacts(tuple(found))
        except StoreUnavailable as error:
            return BundleFacts(tuple(found), ResultState.UNAVAILABLE, str(error))
        except (StoreError, PointerRefused) as error:
            return BundleFacts(tuple(found), ResultState.REFUSED, str(error))
        return BundleFacts(tuple(found), more=True)

    async def snapshot(self, store: str, namespace: str, digest: str) -> SnapshotFacts:
        """Return a snapshot as found in a store: its manifest's bytes checked, and that its parts are there."""
        path = layout.snapshot_manifest(digest)
        try:
            opened = self.of(store, namespace)
            data = await opened.aget(path)
            facts = check_snapshot(data, digest)
            if facts.manifest is None:
                return facts
            there = set(await opened.alist(path.rpartition("/")[0]))
        except NotFound:
            return SnapshotFacts(SnapshotState.MISSING, f"no {path}")
        except StoreUnavailable as error:
            return SnapshotFacts(SnapshotState.UNAVAILABLE, str(error))
        except StoreError as error:
            return SnapshotFacts(SnapshotState.REFUSED, str(error))
        absent = [part.name for part in facts.manifest.parts if layout.snapshot_part(digest, part.name) not in there]
        if absent:
            return SnapshotFacts(SnapshotState.MISSING, f"parts not there: {', '.join(absent[:4])}")
        return facts

    async def remove_snapshot(self, store: str, namespace: str, digest: str) -> PayloadRemoval:
        """Remove what is stored of a snapshot, its manifest first: nobody finds one whose parts are gone."""
        try:
            opened = self.of(store, namespace)
            await opened.aremove(layout.snapshot_folder(digest), first=layout.snapshot_manifest(digest))
        except StoreUnavailable as error:
            return PayloadRemoval(RemovalEnd.UNAVAILABLE, str(error))
        except StoreError as error:
            return PayloadRemoval(RemovalEnd.REFUSED, str(error))
        return PayloadRemoval(RemovalEnd.GONE)


def check_results(data: bytes, run: str) -> ResultFacts:
    """Return the facts of a results manifest, FOUND only where its own digests hold and it is about this run."""
    try:
        manifest = ResultsManifest.model_validate_json(data)
    except ValidationError as error:
        return ResultFacts(ResultState.REFUSED, f"the results manifest cannot be read: {first_problem(error)}")
    if manifest.specification.run != run:
        return ResultFacts(ResultState.REFUSED, f"the results manifest is of run {manifest.specification.run!r}")
    if digest_of(manifest.specification) != manifest.run_digest:
        return ResultFacts(ResultState.REFUSED, "the results manifest's runDigest is not that of its specification")
    if result_digest(manifest.parts, manifest.summary) != manifest.result_digest:
        return ResultFacts(ResultState.REFUSED, "the results manifest's resultDigest is not that of its parts")
    return ResultFacts(
        ResultState.FOUND,
        run_digest=manifest.run_digest,
        result_digest=manifest.result_digest,
        manifest_digest=sha256_digest(data),
        summary=manifest.summary,
    )


def check_pointer(data: bytes, path: str, number: int) -> SealedBundle:
    """Return the bundle that a pointer is to. Raises PointerRefused where it is not that of this number."""
    try:
        bundle = SealedBundle.model_validate_json(data)
    except ValidationError as error:
        raise PointerRefused(f"{path} cannot be read: {first_problem(error)}") from error
    if bundle.number != number:
        raise PointerRefused(f"{path} is of bundle {bundle.number}")
    return bundle


def check_snapshot(data: bytes, digest: str) -> SnapshotFacts:
    """Return the facts of a snapshot's manifest, FOUND only where its bytes have the digest that names it."""
    found = sha256_digest(data)
    if found != digest:
        return SnapshotFacts(SnapshotState.REFUSED, f"its manifest's digest is {found}")
    try:
        manifest = SnapshotManifest.model_validate_json(data)
    except ValidationError as error:
        return SnapshotFacts(SnapshotState.REFUSED, f"its manifest cannot be read: {first_problem(error)}")
    return SnapshotFacts(SnapshotState.FOUND, manifest=manifest)
