"""Whether two snapshots hold the same market data, or the same session, and where they first part.

Compared is what they say, not how it is stored: two imports of one recording whose planes start from other numbers hold
the same rows. Prices in other units are not compared row by row, since no two would be alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from tradeplane_workloads.columns import integers
from tradeplane_workloads.market.snapshot_manifests import holds_tapes, read_manifest
from tradeplane_workloads.market.snapshots import read_series, read_tapes
from tradeplane_workloads.market.tapes import OF_MESSAGES, OF_ROWS
from tradeplane_workloads.replay.divergence import Divergence, first_divergence
from tradeplane_workloads.replay.fields import FieldDifference, differing_fields

if TYPE_CHECKING:
    from tradeplane_api.snapshot_manifest import SnapshotInstrument, SnapshotManifest
    from tradeplane_store.objects import ObjectStore

    from tradeplane_workloads.market.tapes import Tape
    from tradeplane_workloads.replay.session_differences import Side

_TAPE_COLUMNS = (*OF_MESSAGES, "kind", "side", *OF_ROWS)
_ENCODING = frozenset({"tape.columns"})
_UNITS = frozenset({"priceExponent", "quantityExponent", "tape.tick", "tape.lot"})
_OF_MANIFEST = frozenset({"instruments", "parts"})
_OF_SESSION = frozenset({"parts", "sources"})


@dataclass(frozen=True, slots=True)
class SnapshotComparison:
    """How a snapshot differs from another.

    ``fields``: of the manifests, those of instruments under ``instruments.SYMBOL``; an instrument that only one has is
    one field. ``divergences``: the first record that differs of each instrument that both have in the same units.
    """

    expected: SnapshotManifest
    got: SnapshotManifest
    fields: tuple[FieldDifference, ...]
    divergences: tuple[Divergence, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.fields and not self.divergences


def compare_snapshots(expected: tuple[ObjectStore, str], got: tuple[ObjectStore, str]) -> SnapshotComparison:
    """Compare two snapshots, each a store and a digest.

    Raises DataRefused where one is missing, or not what its digest says.
    """
    ours, theirs = read_manifest(*expected), read_manifest(*got)
    if ours.session is not None or theirs.session is not None:
        return _sessions((*expected, ours), (*got, theirs))
    fields = differing_fields(ours, theirs, leave_out=_OF_MANIFEST)
    if expected[1] == got[1]:
        return SnapshotComparison(ours, theirs, fields, ())
    of_instruments, comparable = _instruments(ours, theirs)
    divergences: list[Divergence] = []
    if comparable:
        sides = [_tables(store, digest, manifest) for (store, digest), manifest in ((expected, ours), (got, theirs))]
        found = (first_divergence(symbol, sides[0][symbol], sides[1][symbol]) for symbol in comparable)
        divergences = [one for one in found if one is not None]
    return SnapshotComparison(ours, theirs, (*fields, *of_instruments), tuple(divergences))


def _sessions(expected: Side, got: Side) -> SnapshotComparison:
    """Compare two sessions, or say that one of the two is none."""
    ours, theirs = expected[2], got[2]
    fields = differing_fields(ours, theirs, leave_out=_OF_SESSION)
    if ours.session is None or theirs.session is None or expected[1] == got[1]:
        return SnapshotComparison(ours, theirs, fields, ())

    from tradeplane_workloads.replay.session_differences import compare_sessions

    of_parts, divergences = compare_sessions(expected, got)
    return SnapshotComparison(ours, theirs, (*fields, *of_parts), divergences)


def _instruments(expected: SnapshotManifest, got: SnapshotManifest) -> tuple[list[FieldDifference], list[str]]:
    """Return the fields of instruments that differ, and the symbols whose records can be compared."""
    ours, theirs = ({one.symbol: one for one in manifest.instruments} for manifest in (expected, got))
    differences, comparable = [], []
    if list(ours) != list(theirs) and set(ours) == set(theirs):
        differences.append(FieldDifference("instruments", ", ".join(ours), ", ".join(theirs)))
    for symbol in [*ours, *(one for one in theirs if one not in ours)]:
        path = f"instruments.{symbol}"
        if symbol not in ours or symbol not in theirs:
            differences.append(FieldDifference(path, _form(ours.get(symbol)), _form(theirs.get(symbol))))
            continue
        found = differing_fields(ours[symbol], theirs[symbol], leave_out=_ENCODING)
        differences += [FieldDifference(f"{path}.{one.field}", one.expected, one.got) for one in found]
        if not _UNITS & {one.field for one in found} and holds_tapes(expected) == holds_tapes(got):
            comparable.append(symbol)
    return differences, comparable


def _form(instrument: SnapshotInstrument | None) -> str | None:
    if instrument is None:
        return None
    return "bars" if instrument.tape is None else "tape"


def _tables(store: ObjectStore, digest: str, manifest: SnapshotManifest) -> dict[str, pa.Table]:
    if holds_tapes(manifest):
        return {tape.instrument.symbol: _table(tape) for tape in read_tapes(store, digest)}
    return {one.instrument.symbol: one.table for one in read_series(store, digest)}


def _table(tape: Tape) -> pa.Table:
    named = zip(_TAPE_COLUMNS, tape.columns(), strict=True)
    return pa.table({name: integers(values) for name, values in named if len(values)})
