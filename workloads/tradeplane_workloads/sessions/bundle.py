"""A recorded session as a snapshot: written once, named by its manifest's digest, read only when it is what that says.

Journal and record are cut into pieces at the ends of frames, each with the digest of its bytes: two sessions are
compared by them, and none has to be in memory whole to be written or to be read.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import EXCHANGE, JOURNAL, RECORD, SPECIFICATION
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.errors import NotFound, StoreError, TooLarge

from tradeplane_workloads.errors import DataRefused, StoreFailure
from tradeplane_workloads.market.snapshot_manifests import WrittenSnapshot, read_manifest
from tradeplane_workloads.sessions.bundle_contents import contents_of, describe, exchange_of, read_contents
from tradeplane_workloads.sessions.frames import MAX_PIECE_BYTES
from tradeplane_workloads.sessions.journal_file import read_in_place
from tradeplane_workloads.sessions.specification import MAX_BYTES, SessionSpecification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray
    from tradeplane_api.exchange import ExchangeSpecification
    from tradeplane_api.run import Part
    from tradeplane_api.snapshot_manifest import SessionHolding, SnapshotManifest
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.sessions.journal_survey import Survey

_REMEDY = "seal the session again from its folder, or restore the snapshot from a copy"
_LIMITS = {SPECIFICATION: MAX_BYTES, EXCHANGE: MAX_BYTES}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A session read out of a store, verified. The journal is a file that is read in place, and so is the record."""

    id: str
    manifest: SnapshotManifest
    specification: SessionSpecification
    journal: NDArray[np.uint8]
    survey: Survey
    exchange: ExchangeSpecification | None
    record: NDArray[np.uint8] | None


def seal_session(
    store: ObjectStore,
    folder: Path,
    *,
    record: Path | None,
    previous: str | None,
    image: str | None = None,
    account: tuple[SessionHolding, ...] | None = None,
) -> WrittenSnapshot:
    """Write the session of a folder, over or not, as a snapshot: its whole records, and those of an exchange.

    ``record``: what the exchange recorded, with its specification beside it, as ``brokers.record`` leaves them.
    ``previous``: id of the snapshot that this one goes on from. ``image``: the one that traded it, which is told beside
    it and enters no digest: whoever replays it after its strategy is gone knows where to find that. ``account``: what
    the session's own account came to with its last record (``account_of``), to which a replay is held. A session that
    is sealed already is verified, and what was damaged written again. Raises DataRefused for a session that had no
    input or was altered, and StoreFailure.
    """
    from tradeplane_workloads.runner.execution import machine_environment  # which whoever reads has no use for

    contents = read_contents(folder, record)
    manifest = describe(contents, previous, account)
    data = canonical_json(manifest)
    digest = sha256_digest(data)
    try:
        created = not store.exists(layout.snapshot_manifest(digest))
        for part in manifest.parts:
            if created or _fault(store, digest, part) is not None:
                store.put(layout.snapshot_part(digest, part.name), contents.parts[part.name])
        if created:
            traded_by = {} if image is None else {"image": image}
            store.put(layout.snapshot_environment(digest), canonical_json(machine_environment() | traded_by))
        if created or _stored(store, layout.snapshot_manifest(digest)) != data:
            store.put(layout.snapshot_manifest(digest), data)
    except StoreError as error:
        raise StoreFailure(f"session {contents.name}: {error}") from error
    return WrittenSnapshot(digest, manifest, created)


@contextlib.contextmanager
def open_bundle(store: ObjectStore, digest: str) -> Iterator[Bundle]:
    """Read a session out of a store, into files that are gone when this ends.

    Raises DataRefused where it is missing, holds no session, or is not what its manifest says; and StoreFailure.
    """
    manifest = read_manifest(store, digest)
    if manifest.session is None:
        raise DataRefused(f"snapshot {digest} holds no session but market data; give the snapshot of a session")
    with tempfile.TemporaryDirectory(prefix="tradeplane-") as temporary:
        folder = Path(temporary)
        yield _bundle(store, digest, manifest, folder)


def assemble(store: ObjectStore, digest: str, parts: list[Part], path: Path) -> NDArray[np.uint8]:
    """Put pieces of a snapshot together in a file and return it, read in place. Raises as ``open_bundle`` does."""
    try:
        with path.open("wb") as file:
            for part in parts:
                file.write(read_piece(store, digest, part))
    except OSError as error:
        raise StoreFailure(f"{path}: it cannot be written ({error.strerror}); make room, or set TMPDIR") from error
    return read_in_place(path)


def pieces_of(manifest: SnapshotManifest, form: str) -> list[Part]:
    """Return the parts of a manifest that are pieces of the journal, or of the record."""
    return [part for part in manifest.parts if part.name.startswith(f"{form}-")]


def read_piece(store: ObjectStore, digest: str, part: Part) -> bytes:
    """Return the bytes of a part, which have the digest that the manifest states. Raises DataRefused, StoreFailure."""
    named = f"part {part.name} of snapshot {digest}"
    try:
        data = store.get(layout.snapshot_part(digest, part.name), limit=_LIMITS.get(part.name, MAX_PIECE_BYTES))
    except NotFound as error:
        raise DataRefused(f"{named} is not in the store; {_REMEDY}") from error
    except TooLarge as error:
        raise DataRefused(f"{named}: {error}; {_REMEDY}") from error
    except StoreError as error:
        raise StoreFailure(f"{named}: {error}") from error
    found = sha256_digest(data)
    if found != part.digest:
        raise DataRefused(f"{named} has the digest {found}, not {part.digest}; {_REMEDY}")
    return data


def verify_session(store: ObjectStore, digest: str, after_part: Callable[[], None] | None = None) -> list[str]:
    """Read all of a session's snapshot and return what is wrong with it; empty when it is whole.

    ``after_part`` is called after each part. Raises DataRefused as ``read_manifest`` does, and StoreFailure.
    """
    faults = []
    for part in read_manifest(store, digest).parts:
        faults.append(_fault(store, digest, part))
        if after_part is not None:
            after_part()
    found = [fault for fault in faults if fault is not None]
    return found or _whole(store, digest)


def read_environment(store: ObjectStore, digest: str) -> dict[str, str]:
    """Return where a session was sealed, as far as that is known; no digest vouches for it."""
    import json

    try:
        read = json.loads(_stored(store, layout.snapshot_environment(digest)) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(value) for name, value in read.items()} if isinstance(read, dict) else {}


def _bundle(store: ObjectStore, digest: str, manifest: SnapshotManifest, folder: Path) -> Bundle:
    named = {part.name: part for part in manifest.parts}
    specification = SessionSpecification.decode(read_piece(store, digest, named[SPECIFICATION]))
    exchange = record = None
    if EXCHANGE in named:
        exchange = exchange_of(read_piece(store, digest, named[EXCHANGE]), f"part {EXCHANGE} of snapshot {digest}")
        record = assemble(store, digest, pieces_of(manifest, RECORD), folder / RECORD)
    journal = assemble(store, digest, pieces_of(manifest, JOURNAL), folder / JOURNAL)
    described = manifest.session
    number, account = (None, None) if described is None else (described.number, described.account)
    contents = contents_of(specification, journal, exchange, record, number)
    if describe(contents, manifest.previous, account) != manifest:
        raise DataRefused(f"snapshot {digest} does not hold what its manifest says of the session; {_REMEDY}")
    return Bundle(digest, manifest, specification, journal, contents.survey, exchange, record)


def _fault(store: ObjectStore, digest: str, part: Part) -> str | None:
    try:
        read_piece(store, digest, part)
    except DataRefused as error:
        return str(error)
    return None


def _whole(store: ObjectStore, digest: str) -> list[str]:
    """Say where parts that are each what they were do not make the session that the manifest says."""
    try:
        with open_bundle(store, digest):
            return []
    except DataRefused as error:
        return [str(error)]


def _stored(store: ObjectStore, name: str) -> bytes | None:
    try:
        return store.get(name)
    except (NotFound, TooLarge):
        return None
