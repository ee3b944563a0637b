"""Where two recorded sessions first part, found from the digests of their pieces; nothing is run again."""

from __future__ import annotations

import tempfile
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_api.snapshot_manifest import EXCHANGE, JOURNAL, RECORD, SPECIFICATION

from tradeplane_workloads.replay.divergence import Divergence
from tradeplane_workloads.replay.fields import FieldDifference, differing_fields
from tradeplane_workloads.sessions.bundle import assemble, pieces_of, read_piece
from tradeplane_workloads.sessions.bundle_contents import exchange_of
from tradeplane_workloads.sessions.frames import RECORD_HEADER, frames
from tradeplane_workloads.sessions.replaying import compare
from tradeplane_workloads.sessions.specification import SessionSpecification

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from tradeplane_api.base import Document
    from tradeplane_api.snapshot_manifest import SnapshotManifest
    from tradeplane_store.objects import ObjectStore

Side = tuple["ObjectStore", str, "SnapshotManifest"]
"""A session in a store: the store, the snapshot's id and its manifest."""
_INPUTS = ("account", "market", "begin again", "submit", "cancel", "replace")
_HEADER, _THERE = "header", "there"


def compare_sessions(expected: Side, got: Side) -> tuple[tuple[FieldDifference, ...], tuple[Divergence, ...]]:
    """Return the fields in which two sessions' specifications differ, and the first record of journal and record.

    Raises DataRefused where a part that has to be read is not what its manifest says, and StoreFailure.
    """
    fields = [*_documents(SPECIFICATION, expected, got), *_documents(EXCHANGE, expected, got)]
    with tempfile.TemporaryDirectory(prefix="tradeplane-") as temporary:
        found = [_journals(expected, got, Path(temporary)), _records(expected, got, Path(temporary))]
    return tuple(fields), tuple(one for one in found if one is not None)


def _documents(part: str, expected: Side, got: Side) -> Iterator[FieldDifference]:
    ours, theirs = _document(part, expected), _document(part, got)
    if ours is None or theirs is None:
        if ours is not theirs:
            yield FieldDifference(part, None if ours is None else _THERE, None if theirs is None else _THERE)
        return
    for one in differing_fields(ours, theirs, leave_out=frozenset()):
        yield FieldDifference(f"{part.removesuffix('.json')}.{one.field}", one.expected, one.got)


def _document(part: str, side: Side) -> Document | None:
    store, digest, manifest = side
    found = next((one for one in manifest.parts if one.name == part), None)
    if found is None:
        return None
    data = read_piece(store, digest, found)
    return SessionSpecification.decode(data) if part == SPECIFICATION else exchange_of(data, f"part {part} of {digest}")


def _journals(expected: Side, got: Side, folder: Path) -> Divergence | None:
    sides = _parted(JOURNAL, expected, got, folder)
    found = None if sides is None else compare(*sides)
    if found is None:
        return None
    return Divergence(JOURNAL, found.record, (FieldDifference(found.field, found.expected, found.got),))


def _records(expected: Side, got: Side, folder: Path) -> Divergence | None:
    """Find the first input of an exchange that differs, or that one of the two does not have."""
    if not (pieces_of(expected[2], RECORD) and pieces_of(got[2], RECORD)):
        return None
    sides = _parted(RECORD, expected, got, folder)
    if sides is None:
        return None
    ours, theirs = sides
    if ours[:RECORD_HEADER].tobytes() != theirs[:RECORD_HEADER].tobytes():
        return Divergence(RECORD, 0, (FieldDifference(_HEADER, "of one market", "of another, or of other terms"),))
    for one, other in zip_longest(frames(ours, RECORD_HEADER), frames(theirs, RECORD_HEADER)):
        texts = [
            None if frame is None else f"{_INPUTS[frame.kind]} {side[frame.begin : frame.end].tobytes().hex()}"
            for frame, side in ((one, ours), (other, theirs))
        ]
        if texts[0] != texts[1]:
            number = max(frame.number for frame in (one, other) if frame is not None)
            return Divergence(RECORD, number, (FieldDifference("input", texts[0], texts[1]),))
    return None


def _parted(form: str, expected: Side, got: Side, folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Return two files up to the end of the first pieces that differ; None where none does."""
    ours, theirs = pieces_of(expected[2], form), pieces_of(got[2], form)
    for index, (one, other) in enumerate(zip_longest(ours, theirs)):
        if one is None or other is None or one.digest != other.digest:
            return (
                assemble(expected[0], expected[1], ours[: index + 1], folder / f"{form}-expected"),
                assemble(got[0], got[1], theirs[: index + 1], folder / f"{form}-got"),
            )
    return None
