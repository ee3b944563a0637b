"""From a segment that has ended to a bundle: a snapshot in the store, and what the next segment begins with.

In this order: parts, manifest, the next segment's opening, the index, the pointer to the bundle, the mark that it is
sealed, the removal of what is no longer kept. Whoever is killed between two of these does not matter to who does it all
again: the same bytes give the same snapshot, and what is there already is not written twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_api.capture import CaptureSpecification, SealedBundle
from tradeplane_api.snapshot_manifest import InstrumentKind, SnapshotSource
from tradeplane_api.venue import Market
from tradeplane_store.canonical import sha256_digest
from tradeplane_store.errors import StoreError

from tradeplane_workloads.capture.closing import opening_lines
from tradeplane_workloads.capture.pointers import leave_pointer
from tradeplane_workloads.errors import DataRefused, StoreFailure
from tradeplane_workloads.market.importing.binance_raw import FORMAT, LineRefused, make_tapes, read_messages
from tradeplane_workloads.market.importing.tape_options import TapeOptions
from tradeplane_workloads.market.snapshots import write_tapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_native import RecordedInstrument
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.capture.folder import SpoolFolder
    from tradeplane_workloads.market.snapshot_manifests import WrittenSnapshot

MAX_REFUSED = 64
"""Lines of a segment that may turn out to fit into no tape; with more the whole segment is refused."""
_KINDS = {
    Market.SPOT: InstrumentKind.SPOT,
    Market.USD_MARGINED: InstrumentKind.LINEAR_FUTURE,
    Market.COIN_MARGINED: InstrumentKind.INVERSE_FUTURE,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording holds, the lines that had to be left out of it, and the bytes that were read."""

    found: list[RecordedInstrument]
    data: bytes
    refused: bytes
    refused_lines: int


@dataclass(frozen=True, slots=True)
class Sealing:
    """Where bundles go. ``entered`` is told of each snapshot that was written, before its segment is marked."""

    specification: CaptureSpecification
    store: ObjectStore
    entered: Callable[[WrittenSnapshot], object]


def seal(folder: SpoolFolder, number: int, sealing: Sealing) -> SealedBundle:
    """Make the bundle of a segment that has ended, or return the one made of it already.

    Raises StoreFailure where the spool or the store cannot be written, DataRefused for a segment that is no recording.
    """
    with folder.held("sealing", wait=True):
        done = folder.sealed(number)
        if done is None:
            try:
                done = _seal(folder, number, sealing)
            except StoreError as error:
                raise StoreFailure(str(error)) from error
        folder.retain(sealing.specification.spool.keep)
        return done


def _seal(folder: SpoolFolder, number: int, sealing: Sealing) -> SealedBundle:
    opening, lines = folder.recording(number)
    name, options = _name(sealing.specification, number), TapeOptions(kind=_KINDS[sealing.specification.feed.market])
    recorded = read_recorded(name, opening + lines, options)
    previous = _previous(folder, number)
    counted = {"number": number, "previous": previous, "lines": lines.count(b"\n"), "bytes": len(lines)}
    if recorded.refused_lines:
        folder.write_refused(number, recorded.refused)
    bundle = SealedBundle(snapshot=None, refused=recorded.refused_lines, **counted)
    if any(len(one.columns[0]) for one in recorded.found):
        source = SnapshotSource(name=name, format=FORMAT, digest=sha256_digest(recorded.data))
        tapes = make_tapes(name, recorded.found, options)
        written = write_tapes(sealing.store, tapes, [source], previous)
        sealing.entered(written)
        manifest = written.manifest
        bundle = SealedBundle(
            snapshot=written.id,
            refused=recorded.refused_lines,
            records=manifest.records,
            gaps=sum(tape.recording.gaps for tape in tapes),
            start=manifest.start,
            end=manifest.end,
            **counted,
        )
    folder.write_opening(number + 1, opening_lines(recorded.found, _last_time(recorded.data)))
    if sealing.specification.pointers is not None:
        bundle = leave_pointer(sealing.store, sealing.specification.pointers, bundle)
    folder.mark_sealed(bundle)
    return bundle


def read_recorded(name: str, data: bytes, options: TapeOptions) -> Recorded:
    """Read a recording without the lines for which it would be refused. Raises DataRefused for too many of them.

    The agent looks at each message before it writes it; what is left for here are values that do not fit beside others
    of their instrument, and what a disk that lost power made of lines.
    """
    refused: list[bytes] = []
    while True:
        try:
            found, _ = read_messages(name, data, options)
        except LineRefused as error:
            if len(refused) == MAX_REFUSED:
                raise DataRefused(f"{name}: more than {MAX_REFUSED} lines cannot be read; the next: {error}") from error
            lines = data.split(b"\n")
            refused.append(lines.pop(error.line - 1) + b"\n")
            data = b"\n".join(lines)
        else:
            return Recorded(found, data, b"".join(refused), len(refused))


def _previous(folder: SpoolFolder, number: int) -> str | None:
    """Return the id of the bundle before: of the segment before, or where nothing was in it of the one before that."""
    before = folder.sealed(number - 1)
    return None if before is None else before.snapshot or before.previous


def _last_time(data: bytes) -> int:
    start = data.rstrip(b"\n").rfind(b"\n") + 1
    return int(data[start : data.find(b" ", start)]) if data else 0


def _name(specification: CaptureSpecification, number: int) -> str:
    place = specification.feed.stream.partition("://")[2]
    return f"{specification.capture}, segment {number} of {place}"[-256:]
