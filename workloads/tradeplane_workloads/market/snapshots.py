"""Snapshots of bars or of tapes: written once, named by their manifest's digest, read only when they are what it says.

The manifest is written last, so a snapshot that can be found is whole; its bytes are its canonical JSON, so its id is
the digest of the very bytes in the store. Parts are verified by the digest of their logical records before any value is
used. Importing the same data from the same source again gives the same id and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from tradeplane_api.run import Part
from tradeplane_api.snapshot_manifest import TAPE_SCHEMA_VERSION, SnapshotInstrument, SnapshotManifest
from tradeplane_store import layout
from tradeplane_store.canonical import canonical_json, sha256_digest
from tradeplane_store.errors import NotFound, TooLarge
from tradeplane_store.objects import MAX_PART_BYTES
from tradeplane_store.records import arrow_bytes, table_digest

from tradeplane_workloads.errors import DataRefused
from tradeplane_workloads.manifests import read_part
from tradeplane_workloads.market import tapes
from tradeplane_workloads.market.bars import Bars, Instrument, repeat_last_close
from tradeplane_workloads.market.series import PRICE_COLUMNS, SCHEMA, BarSeries, find_fault
from tradeplane_workloads.market.snapshot_manifests import (
    FORMS,
    REMEDY,
    WrittenSnapshot,
    holds_tapes,
    part_name,
    parts_of_each,
    read_manifest,
)
from tradeplane_workloads.market.tape_parts import PartFault, StoredPart, part_bytes
from tradeplane_workloads.market.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    import pyarrow as pa
    from tradeplane_api.snapshot_manifest import SnapshotSource
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.market.tapes import EncodedTape, Tape


def write_snapshot(
    store: ObjectStore, series: Sequence[BarSeries], sources: Sequence[SnapshotSource]
) -> WrittenSnapshot:
    """Write bars as a snapshot: parts, then the manifest that names them. Raises DataRefused for a symbol given twice.

    A snapshot that is there already is verified; parts of it that were lost or damaged are written again.
    """
    return _write(store, _manifest(series, sources), lambda index: arrow_bytes(series[index].table))


def write_tapes(
    store: ObjectStore, recorded: Sequence[Tape], sources: Sequence[SnapshotSource], previous: str | None = None
) -> WrittenSnapshot:
    """Write tapes as a snapshot, as ``write_snapshot`` writes bars. Raises DataRefused for columns that are no tape.

    ``previous``: id of the bundle of the same capture that this one goes on from.
    """
    encoded = [tapes.encode(tape) for tape in recorded]
    tables = [table for one in encoded for table in (one.rows, one.messages)]
    return _write(store, _tapes_manifest(recorded, encoded, sources, previous), lambda index: part_bytes(tables[index]))


def _write(store: ObjectStore, manifest: SnapshotManifest, file_of: Callable[[int], pa.Buffer]) -> WrittenSnapshot:
    data = canonical_json(manifest)
    digest = sha256_digest(data)
    created = not store.exists(layout.snapshot_manifest(digest))
    each = parts_of_each(manifest)
    for index, part in enumerate(manifest.parts):
        if created or _fault(store, digest, manifest, index // each) is not None:
            store.put(layout.snapshot_part(digest, part.name), memoryview(file_of(index)))
    if created or _bytes(store, layout.snapshot_manifest(digest)) != data:
        store.put(layout.snapshot_manifest(digest), data)
    return WrittenSnapshot(digest, manifest, created)


def verify_snapshot(store: ObjectStore, digest: str, after_part: Callable[[], None] | None = None) -> list[str]:
    """Read all of a snapshot and return what is wrong with its parts, each naming part and block; empty when whole.

    ``after_part`` is called after each part, for showing progress. Raises DataRefused as ``read_manifest`` does, since
    without a manifest nothing can be compared.
    """
    faults = []
    manifest = _market_manifest(store, digest)
    for index in range(len(manifest.instruments)):
        faults.append(_fault(store, digest, manifest, index))
        if after_part is not None:
            for _ in range(parts_of_each(manifest)):
                after_part()
    return [fault for fault in faults if fault is not None]


def read_market(store: ObjectStore, digests: Sequence[str], tick: Decimal | None = None) -> Bars | tuple[Tape, ...]:
    """Return what snapshots hold, as ``read_bars`` or ``read_tapes`` does, by the form of the first of them.

    Raises DataRefused as they do, so for snapshots of another form than the first.
    """
    manifests = _manifests(store, digests)
    return _tapes(store, manifests, tick) if holds_tapes(manifests[0][1]) else _bars(store, manifests)


def read_series(store: ObjectStore, digest: str) -> tuple[BarSeries, ...]:
    """Return the bars of a snapshot by instrument, in the manifest's order. Raises DataRefused naming the part."""
    return _series(store, digest, _market_manifest(store, digest))


def read_tapes(store: ObjectStore, digests: str | Sequence[str], tick: Decimal | None = None) -> tuple[Tape, ...]:
    """Return the tapes of one snapshot or of several, verified, in the order of the snapshots and their manifests.

    ``tick``: the tick size that is expected. Raises DataRefused for another, for bytes that do not match their digest
    or cannot be a tape, for a snapshot of bars, and for a symbol that is there twice.
    """
    return _tapes(store, _manifests(store, digests), tick)


def read_bars(store: ObjectStore, digests: str | Sequence[str]) -> Bars:
    """Return the bars of one snapshot or of several, verified and on one clock.

    Times are the union of all instruments'; instruments stand in the order of the snapshots given and of their
    manifests. Raises DataRefused for bytes that do not match their digest, and for a symbol that is there twice.
    """
    return _bars(store, _manifests(store, digests))


def _manifests(store: ObjectStore, digests: str | Sequence[str]) -> list[tuple[str, SnapshotManifest]]:
    listed = [digests] if isinstance(digests, str) else digests
    return [(digest, _market_manifest(store, digest)) for digest in listed]


def _market_manifest(store: ObjectStore, digest: str) -> SnapshotManifest:
    manifest = read_manifest(store, digest)
    if manifest.session is not None:
        raise DataRefused(
            f"snapshot {digest} holds a session, not market data; replay it (tradeplane replay), or give a snapshot of "
            "bars or tapes"
        )
    return manifest


def _series(store: ObjectStore, digest: str, manifest: SnapshotManifest) -> tuple[BarSeries, ...]:
    if holds_tapes(manifest):
        raise DataRefused(f"snapshot {digest} holds tapes, not bars; use a strategy on tapes, or a snapshot of bars")
    series = []
    for instrument, part in zip(manifest.instruments, manifest.parts, strict=True):
        table = _read_part(store, digest, part)
        _refuse_impossible(digest, part, table)
        series.append(BarSeries(_bars_instrument(instrument), table))
    return tuple(series)


def _bars(store: ObjectStore, manifests: Sequence[tuple[str, SnapshotManifest]]) -> Bars:
    return align([one for digest, manifest in manifests for one in _series(store, digest, manifest)])


def _tapes(
    store: ObjectStore, manifests: Sequence[tuple[str, SnapshotManifest]], tick: Decimal | None
) -> tuple[Tape, ...]:
    for digest, manifest in manifests:
        if not holds_tapes(manifest):
            raise DataRefused(f"snapshot {digest} holds bars, not tapes; import a recording, or use a strategy on bars")
        if tick is not None:
            _refuse_another_tick(digest, manifest, tick)
    _refuse_twice([one.symbol for _, manifest in manifests for one in manifest.instruments])
    return tuple(
        _read_tape(store, digest, manifest, index)
        for digest, manifest in manifests
        for index in range(len(manifest.instruments))
    )


def align(series: Sequence[BarSeries]) -> Bars:
    """Return several instruments on the union of their times.

    Where an instrument has no bar, ``present`` is False, its prices repeat its last close (0 before its first bar) and
    its volume is 0. Raises DataRefused for a symbol that is there twice.
    """
    _refuse_twice([one.instrument.symbol for one in series])
    clocks = [one.column("time_ns") for one in series]
    time_ns = clocks[0] if len(clocks) == 1 else np.unique(np.concatenate(clocks))
    shape = (len(time_ns), len(series))
    fields = {name: np.zeros(shape, np.int64) for name in (*PRICE_COLUMNS, "volume")}
    present = np.zeros(shape, np.bool_)
    for index, (one, clock) in enumerate(zip(series, clocks, strict=True)):
        rows = np.searchsorted(time_ns, clock)
        present[rows, index] = True
        for name, values in fields.items():
            values[rows, index] = one.column(name)
    repeat_last_close(fields, present)
    return Bars(tuple(one.instrument for one in series), time_ns, present=present, **fields)


def _manifest(series: Sequence[BarSeries], sources: Sequence[SnapshotSource]) -> SnapshotManifest:
    _refuse_twice([one.instrument.symbol for one in series])
    parts, firsts, lasts = [], [], []
    for index, one in enumerate(series):
        digest, blocks = table_digest(one.table)
        parts.append(Part(name=part_name(index), rows=one.table.num_rows, digest=digest, blocks=blocks))
        times = one.column("time_ns")
        firsts.append(int(times[0]))
        lasts.append(int(times[-1]))
    return SnapshotManifest(
        instruments=tuple(_snapshot_instrument(one.instrument) for one in series),
        start=rfc3339(min(firsts)),
        end=rfc3339(max(lasts)),
        records=sum(part.rows for part in parts),
        sources=tuple(sources),
        parts=tuple(parts),
    )


def _tapes_manifest(
    recorded: Sequence[Tape],
    encoded: Sequence[EncodedTape],
    sources: Sequence[SnapshotSource],
    previous: str | None,
) -> SnapshotManifest:
    _refuse_twice([tape.instrument.symbol for tape in recorded])
    empty = next((tape.instrument.symbol for tape in recorded if not len(tape)), None)
    if empty is not None:
        raise DataRefused(f"the tape of {empty} has no rows; leave the instrument out, or give a recording with it")
    parts = []
    for index, one in enumerate(encoded):
        for form, table in zip(FORMS[True], (one.rows, one.messages), strict=True):
            digest, blocks = table_digest(table)
            parts.append(Part(name=part_name(index, form), rows=table.num_rows, digest=digest, blocks=blocks))
    return SnapshotManifest(
        schema_version=TAPE_SCHEMA_VERSION,
        instruments=tuple(one.instrument for one in encoded),
        start=rfc3339(min(int(tape.local_time.min()) for tape in recorded)),
        end=rfc3339(max(int(tape.local_time.max()) for tape in recorded)),
        records=sum(len(tape) for tape in recorded),
        sources=tuple(sources),
        previous=previous,
        parts=tuple(parts),
    )


def _snapshot_instrument(instrument: Instrument) -> SnapshotInstrument:
    return SnapshotInstrument(
        symbol=instrument.symbol,
        currency=instrument.currency,
        price_exponent=instrument.price_exponent,
        quantity_exponent=instrument.quantity_exponent,
    )


def _bars_instrument(stored: SnapshotInstrument) -> Instrument:
    return Instrument(stored.symbol, stored.currency, stored.price_exponent, stored.quantity_exponent)


def _bytes(store: ObjectStore, name: str) -> bytes | None:
    try:
        return store.get(name)
    except (NotFound, TooLarge):
        return None


def _fault(store: ObjectStore, digest: str, manifest: SnapshotManifest, index: int) -> str | None:
    """Say what is wrong with the first part of an instrument that is not what it should be, or None."""
    try:
        if holds_tapes(manifest):
            _read_tape(store, digest, manifest, index)
        else:
            _read_part(store, digest, manifest.parts[index])
    except DataRefused as error:
        return str(error)
    return None


def _read_tape(store: ObjectStore, digest: str, manifest: SnapshotManifest, index: int) -> Tape:
    """Return a tape whose planes have the digests that the manifest states and are the encoding of what they say."""
    each = parts_of_each(manifest)
    rows, messages = (
        StoredPart(part, _part_bytes(store, digest, part)) for part in manifest.parts[index * each : (index + 1) * each]
    )
    try:
        return tapes.decode(manifest.instruments[index], rows, messages)
    except PartFault as error:
        raise DataRefused(f"part {error.part} of snapshot {digest}: {error}; {REMEDY}") from error


def _part_bytes(store: ObjectStore, digest: str, part: Part) -> bytes:
    try:
        return store.get(layout.snapshot_part(digest, part.name), limit=MAX_PART_BYTES)
    except NotFound as error:
        raise DataRefused(f"part {part.name} of snapshot {digest} is not in the store; {REMEDY}") from error
    except TooLarge as error:
        raise DataRefused(f"part {part.name} of snapshot {digest}: {error}; {REMEDY}") from error


def _refuse_another_tick(digest: str, manifest: SnapshotManifest, expected: Decimal) -> None:
    for instrument in manifest.instruments:
        found = tapes.instrument_of(instrument).tick
        if found != expected:
            raise DataRefused(
                f"the tape of {instrument.symbol} in snapshot {digest} has a tick size of {found}, not of {expected}; "
                f"set execution.tick to {found}, or import the recording with --tick {expected}"
            )


def _read_part(store: ObjectStore, digest: str, part: Part) -> pa.Table:
    """Return a part of bars whose records have the digest that the manifest states."""
    named = f"part {part.name} of snapshot {digest}"
    table = read_part(store, layout.snapshot_part(digest, part.name), part, named, REMEDY)
    if not table.schema.equals(SCHEMA):
        raise DataRefused(f"{named} has the columns {', '.join(table.column_names)}, not those of bars; {REMEDY}")
    return table


def _refuse_impossible(digest: str, part: Part, table: pa.Table) -> None:
    if not table.num_rows:
        raise DataRefused(f"part {part.name} of snapshot {digest} has no bars; import an instrument that has some")
    fault = find_fault(table)
    if fault is not None:
        place = f"part {part.name} of snapshot {digest}, row {fault.row}, column {fault.column}"
        raise DataRefused(f"{place}: {fault.what}; {fault.remedy}")


def _refuse_twice(symbols: Sequence[str]) -> None:
    if not symbols:
        raise DataRefused("a snapshot needs at least one instrument; give a file with bars or a recording")
    twice = sorted(symbol for symbol, count in Counter(symbols).items() if count > 1)
    if twice:
        raise DataRefused(f"the symbol {twice[0]} is there twice; give each instrument a symbol of its own, once")
